"""Where a study keeps its files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from gnnglass.ensembles import Ensemble, clone_name
from gnnglass.study.definition import Level, Study
from gnnglass.study.runs import Parts, run_names
from gnnglass.systems import GlassFormer, glass_former
from gnnglass.trajectories import Trajectory

if TYPE_CHECKING:
    from gnnglass.training import LabelledSet


@dataclass(frozen=True)
class Workspace:
    """A study in a folder.

    Attributes:
        study: What is to be done.
        folder: Where everything the study makes is kept.
        parts: Which runs train, validate and test.
        workers: Processes that simulate at the same time; None for one per usable core.
        scheduler: Address of a dask.distributed scheduler whose workers simulate instead.
        device: Where networks are trained and run: ``"cpu"``, ``"cuda"`` or ``"auto"``.
    """

    study: Study
    folder: Path
    parts: Parts
    workers: int | None = None
    scheduler: str | None = None
    device: str = "auto"

    @cached_property
    def system(self) -> GlassFormer:
        """The glass former of the study."""
        return glass_former(self.study.system.name)

    @cached_property
    def runs(self) -> Ensemble:
        """The independent runs of all phases."""
        return Ensemble(self.folder / "runs")

    @cached_property
    def clones(self) -> Ensemble:
        """The clones of the last frames of the followed runs."""
        return Ensemble(self.folder / "dynamics")

    def trajectory(self, run: str, level: Level) -> Path:
        """File of one run at one level."""
        return self.runs[run].inherent if level == "inherent" else self.runs[run].thermal

    def classifier(self, name: str, level: Level) -> Path:
        """File of a trained classifier."""
        return self.folder / "classifiers" / f"{name}-{level}.safetensors"

    def annotated(self, run: str) -> Path:
        """File of a held-out run with importance and structure on every frame."""
        return self.folder / "annotated" / f"{run}.gsd"

    def compared(self, run: str) -> Path:
        """File of the configurations that also carry dynamics; the last is the last frame."""
        return self.folder / "compared" / f"{run}.gsd"

    @property
    def results(self) -> Path:
        """All figures, as JSON."""
        return self.folder / "results.json"

    @property
    def report(self) -> Path:
        """The report to look at."""
        return self.folder / "report.html"

    def load(self, run: str, level: Level) -> Trajectory:
        """One run at one level, read from disk."""
        return self.runs.load(run, level)

    def labelled(self, level: Level) -> LabelledSet:
        """All runs at one level as a labelled set."""
        from gnnglass.training import LabelledSet

        return LabelledSet.from_trajectories(
            {
                phase: [self.load(run, level) for run in run_names(self.study, phase)]
                for phase in self.study.phases_in_order
            }
        )

    def load_clones(self, start: str) -> list[Trajectory]:
        """The clones of the frame called `start`, read from disk."""
        section = self.study.dynamics
        n_clones = 0 if section is None else section.n_clones
        return [self.clones.load(clone_name(start, clone)) for clone in range(n_clones)]

    def followed(self, phase: str) -> tuple[str, ...]:
        """The held-out runs of one phase: those whose dynamics is measured."""
        return tuple(run for run in run_names(self.study, phase) if run in self.parts["test"])
