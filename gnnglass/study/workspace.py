"""Which runs a study consists of, how they are split, and where its files are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gnnglass._arguments import checks_arguments
from gnnglass.errors import InputError
from gnnglass.simulate import Ensemble, IsoconfigurationalProtocol, clone_name
from gnnglass.study.definition import DynamicsSection, EnsembleFile, Level, Study
from gnnglass.systems import GlassFormer, glass_former
from gnnglass.trajectories import Snapshot, Trajectory, read
from gnnglass.trajectories.runs import names_of_files

if TYPE_CHECKING:
    from gnnglass._records import Record
    from gnnglass.simulate import AgeingProtocol, Protocol
    from gnnglass.training import LabelledSet, Split

#: Part of the split (train, validation, test) to the names of its runs.
Parts = dict[str, list[str]]


def run_names(study: EnsembleFile, phase: str) -> tuple[str, ...]:
    """Names of the independent runs of one phase."""
    if study.of_files(phase) is not None:
        return tuple(files_of(study, phase))
    return tuple(f"{phase}-{k:03d}" for k in range(study.simulate.runs))


def files_of(study: EnsembleFile, phase: str) -> dict[str, Path]:
    """The runs of a phase that come from files, with their files; none of one to simulate."""
    section = study.of_files(phase)
    if section is None:
        return {}
    files = [Path(file) for file in section.every]
    # They name files of the study, so none is a path.
    return {
        f"{phase}-{name.replace('/', '-')}": file
        for name, file in zip(names_of_files(files), files, strict=True)
    }


def protocols(study: EnsembleFile, phase: str) -> dict[str, Protocol | AgeingProtocol]:
    """The protocol of each run of one simulated phase, each with a seed of its own.

    A run's seed depends on the study's seed, the name of its phase and its own number; neither the
    other phases, nor their order in the file, nor which one is explained changes it.

    Raises:
        InputError: If the study's parameters do not make a protocol.
    """
    from gnnglass.simulate import AgeingProtocol, Protocol

    parameters = study.phases[phase]
    kind = AgeingProtocol if "waiting_steps" in parameters else Protocol
    settled = {"n_particles", "seed"} & set(parameters)
    if settled:
        raise InputError(
            f"phases.{phase} sets {', '.join(sorted(settled))}, which the study settles: use "
            "system.n_particles and simulate.seed."
        )
    try:
        return {
            run: kind(
                **parameters,
                n_particles=study.system.n_particles,
                seed=derived_seed(study.simulate.seed, phase_number(phase), k),
            )
            for k, run in enumerate(run_names(study, phase))
        }
    except InputError as error:
        raise InputError(f"phases.{phase}: {error}") from error


def every_protocol(study: EnsembleFile) -> list[Protocol | AgeingProtocol]:
    """The protocols of all runs that are simulated; raises as `protocols`."""
    return [one for phase in study.simulated for one in protocols(study, phase).values()]


@checks_arguments
def plan_runs(study: EnsembleFile, ensemble: Ensemble) -> tuple[str, ...]:
    """Plan the runs of all phases that are simulated.

    Returns:
        Their names.

    Raises:
        InputError: If the study's parameters do not make protocols.
        UnknownNameError: If the study names an engine or glass former that is not registered.
        MissingExtraError: If the engine is not installed.
        FileError: If the ensemble's folder cannot be written to.
    """
    made = {phase: protocols(study, phase) for phase in study.simulated}
    ensemble.plan(
        study.system.name,
        {run: protocol for members in made.values() for run, protocol in members.items()},
        facts={run: {"phase": phase} for phase, members in made.items() for run in members},
        engine=study.simulate.engine,
    )
    return tuple(run for members in made.values() for run in members)


def deal(study: Study) -> Parts:
    """Which runs train, validate and test: the same at every level, for every classifier.

    Raises:
        InputError: If there are too few runs to have some of each phase in every part.
    """
    from gnnglass.training import deal_runs

    section = study.split
    # In an order that does not change with what is explained.
    phases = sorted(study.phases, key=phase_number)
    dealt = deal_runs(
        {phase: run_names(study, phase) for phase in phases},
        validation=section.validation,
        test=section.test,
        seed=section.seed,
        held_out=[run for phase in phases for run in _test_runs(study, phase)],
    )
    return {part: list(runs) for part, runs in vars(dealt).items()}


def _test_runs(study: Study, phase: str) -> list[str]:
    """The runs of a phase that the study file itself holds out for the test."""
    section = study.of_files(phase)
    held_out = () if section is None else section.test
    return [run for run, file in files_of(study, phase).items() if str(file) in held_out]


def split_of(parts: Parts) -> Split:
    """The parts of a study's split as training takes them."""
    from gnnglass.training import Split

    return Split(**{part: tuple(runs) for part, runs in parts.items()})


#: What seeds are derived from for the names that phases usually have.
USUAL_NUMBERS = {"liquid": 0, "glass": 1}


def phase_number(phase: str) -> int:
    """A number that stands for the name of a phase when seeds are derived from it."""
    digest = hashlib.sha256(phase.encode()).digest()
    return USUAL_NUMBERS.get(phase, int.from_bytes(digest[:8], "big"))


def derived_seed(*parts: int) -> int:
    """A seed below 2³¹ that depends on all parts."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0] >> 1)


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
    def radii(self) -> dict[str, float]:
        """Half the diameter σ_aa of every species whose potential has one."""
        diameters = {
            name: getattr(self.system.potentials[name, name], "sigma", None)
            for name in self.system.species
        }
        return {name: sigma / 2 for name, sigma in diameters.items() if sigma is not None}

    @cached_property
    def runs(self) -> Ensemble:
        """The independent runs of all phases."""
        return Ensemble(self.folder / "runs")

    @cached_property
    def given(self) -> dict[str, Path]:
        """The runs that come from files, with these files."""
        study = self.study
        return {run: f for phase in study.phases for run, f in files_of(study, phase).items()}

    @cached_property
    def clones(self) -> Ensemble:
        """The clones of the last frames of the followed runs."""
        return Ensemble(self.folder / "dynamics")

    def runs_in(self, phase: str) -> tuple[str, ...]:
        """The independent runs of one phase."""
        return run_names(self.study, phase)

    def trajectory(self, run: str, level: Level) -> Path:
        """File of one run at one level."""
        if run in self.given:
            end = ".inherent.gsd" if level == "inherent" else ".gsd"
            return self.folder / "given" / f"{run}{end}"
        return self.runs[run].inherent if level == "inherent" else self.runs[run].thermal

    def classifier(self, name: str, level: Level) -> Path:
        """File of a trained classifier."""
        return self.folder / "classifiers" / f"{name}-{level}.safetensors"

    def annotated(self, run: str) -> Path:
        """File of a held-out run with importance and structure on every frame."""
        return self.folder / "annotated" / f"{run}.gsd"

    @property
    def ovito_recipe(self) -> Path:
        """A script beside the annotated runs that colours them in OVITO."""
        return self.folder / "annotated" / "view_in_ovito.py"

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
        return (
            read(self.trajectory(run, level)) if run in self.given else self.runs.load(run, level)
        )

    def labelled(self, level: Level) -> LabelledSet:
        """All runs at one level as a labelled set."""
        from gnnglass.training import LabelledSet

        return LabelledSet.from_trajectories(
            {
                phase: [self.load(run, level) for run in self.runs_in(phase)]
                for phase in self.study.labels
            }
        )

    def load_clones(self, start: str) -> list[Trajectory]:
        """The clones of the frame called `start`, read from disk."""
        section = self.study.dynamics
        n_clones = 0 if section is None else section.n_clones
        return [self.clones.load(clone_name(start, clone)) for clone in range(n_clones)]

    def followed(self, phase: str) -> tuple[str, ...]:
        """The held-out runs of one phase: those whose dynamics is measured."""
        return tuple(run for run in self.runs_in(phase) if run in self.parts["test"])

    def with_dynamics(self, outcomes: Mapping[str, Record]) -> tuple[str, ...]:
        """The held-out runs whose dynamics is known: those with clones, or else whose files tell.

        Args:
            outcomes: The finished stages, by name.
        """
        if self.study.dynamics is not None:
            return self.followed(self.study.dynamics.phase)
        told = outcomes["read"].result if "read" in outcomes else ()
        return tuple(run for run in self.parts["test"] if run in told)


def followed_frames(study: Study, section: DynamicsSection) -> list[int]:
    """Frames of each followed run that clones start from, counted from its end."""
    if not section.ageing:
        return [-1]
    waiting = study.phases[section.phase]["waiting_steps"]
    return list(range(-len(waiting), 0))


def start_name(run: str, frame: int) -> str:
    """What the ensemble of clones of a frame is called; the last one like its run."""
    return run if frame == -1 else f"{run}-frame-{-frame:02d}-from-last"


def temperature_of_clones(section: DynamicsSection, facts: Mapping[str, Any]) -> float | None:
    """At which kT clones of a run are simulated; None if nothing says it.

    Args:
        section: What the study says of them.
        facts: Metadata of the run.
    """
    return section.kT or facts.get("protocol", {}).get("kT", facts.get("kT"))


def plan_clones(workspace: Workspace, section: DynamicsSection) -> tuple[str, ...]:
    """Plan clones of the followed frames of every followed run.

    Returns:
        Their names.
    """
    starts: dict[str, Snapshot] = {}
    protocols: dict[str, IsoconfigurationalProtocol] = {}
    every = workspace.runs_in(section.phase)
    for run in workspace.followed(section.phase):
        trajectory = workspace.load(run, "thermal")
        made = trajectory.metadata.get("protocol", {})
        kT = temperature_of_clones(section, trajectory.metadata)
        if kT is None:
            raise InputError(
                f"{workspace.given[run]} does not state its temperature; set kT in [dynamics]."
            )
        for frame in followed_frames(workspace.study, section):
            name = start_name(run, frame)
            # Those of the last frame have the seed they have without ageing.
            parts = (2, every.index(run), *([] if frame == -1 else [-frame]))
            starts[name] = trajectory[frame]
            protocols[name] = IsoconfigurationalProtocol(
                kT=kT,
                seed=derived_seed(workspace.study.simulate.seed, *parts),
                **{key: made[key] for key in ("dt", "friction") if key in made},
                n_clones=section.n_clones,
                lag_steps=section.lag_steps,
            )
    planned = workspace.clones.plan_clones(
        workspace.system,
        starts,
        protocols,
        facts={name: {"phase": section.phase} for name in starts},
        engine=workspace.study.simulate.engine,
    )
    return tuple(name for members in planned.values() for name in members)
