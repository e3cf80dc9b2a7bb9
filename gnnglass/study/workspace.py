"""Where a study keeps its files, and which runs it consists of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gnnglass.errors import InputError
from gnnglass.study.definition import Level, Study
from gnnglass.systems import GLASS_FORMERS, GlassFormer
from gnnglass.trajectories import Trajectory, read

if TYPE_CHECKING:
    from gnnglass.simulate import Protocol
    from gnnglass.training import LabelledSet, Split


@dataclass(frozen=True)
class Workspace:
    """A study in a folder.

    Attributes:
        study: What is to be done.
        folder: Where everything the study makes is kept.
        workers: Processes that simulate at the same time; None for one per usable core.
        device: Where networks are trained and run: ``"cpu"``, ``"cuda"`` or ``"auto"``.
    """

    study: Study
    folder: Path
    workers: int | None = None
    device: str = "auto"

    @cached_property
    def system(self) -> GlassFormer:
        """The glass former of the study."""
        return GLASS_FORMERS.create(self.study.system.name)

    def runs(self, phase: str) -> tuple[str, ...]:
        """Names of the independent runs of one phase."""
        return tuple(f"{phase}-{k:03d}" for k in range(self.study.simulate.runs))

    def protocols(self, phase: str) -> dict[str, Protocol]:
        """The protocol of each run of one phase, each with a seed of its own.

        Raises:
            InputError: If the study's parameters do not make a protocol.
        """
        from gnnglass.simulate import Protocol

        place = self.study.phases_in_order.index(phase)
        parameters = self.study.phases[phase]
        settled = {"n_particles", "seed"} & set(parameters)
        if settled:
            raise InputError(
                f"phases.{phase} sets {', '.join(sorted(settled))}, which the study settles: use "
                "system.n_particles and simulate.seed."
            )
        return {
            run: Protocol(
                **parameters,
                n_particles=self.study.system.n_particles,
                seed=derived_seed(self.study.simulate.seed, place, k),
            )
            for k, run in enumerate(self.runs(phase))
        }

    def trajectory(self, run: str, level: Level) -> Path:
        """File of one run at one level."""
        return self.folder / "runs" / f"{run}{'.inherent' if level == 'inherent' else ''}.gsd"

    def classifier(self, name: str, level: Level) -> Path:
        """File of a trained classifier."""
        return self.folder / "classifiers" / f"{name}-{level}.safetensors"

    def ensemble(self, run: str) -> Path:
        """File of the isoconfigurational ensemble that starts at the last frame of a run."""
        return self.folder / "dynamics" / f"{run}.gsd"

    def annotated(self, run: str) -> Path:
        """File of a held-out run with importance and structure on every frame."""
        return self.folder / "annotated" / f"{run}.gsd"

    def compared(self, run: str) -> Path:
        """File of the one configuration that also carries dynamics."""
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
        return read(self.trajectory(run, level))

    def labelled(self, level: Level) -> LabelledSet:
        """All runs at one level as a labelled set."""
        from gnnglass.training import LabelledSet

        return LabelledSet.from_trajectories(
            {
                phase: [self.load(run, level) for run in self.runs(phase)]
                for phase in self.study.phases_in_order
            }
        )

    def split(self) -> Split:
        """Which runs train, validate and test: the same at every level, for every classifier.

        Raises:
            InputError: If there are too few runs to have some of each phase in every part.
        """
        from gnnglass.training import deal_runs

        section = self.study.split
        return deal_runs(
            {phase: self.runs(phase) for phase in self.study.phases_in_order},
            validation=section.validation,
            test=section.test,
            seed=section.seed,
        )

    def followed(self, phase: str) -> tuple[str, ...]:
        """The held-out runs of one phase: those whose dynamics is measured."""
        test = set(self.split().test)
        return tuple(run for run in self.runs(phase) if run in test)


def derived_seed(*parts: int) -> int:
    """A seed below 2³¹ that depends on all parts."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0] >> 1)
