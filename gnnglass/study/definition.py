"""What a study file may say: every parameter of the pipeline, in one TOML file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from gnnglass._arguments import checks_arguments
from gnnglass._toml import checked, fault, load_toml
from gnnglass.errors import InputError, did_you_mean, shown
from gnnglass.simulate.protocol import MOST_RUNS, IncreasingSteps


class Section(BaseModel):
    """A table of a study file: fixed once read, and no key without a meaning."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SystemSection(Section):
    """`[system]`: what is simulated.

    Attributes:
        name: Registered glass former, or a TOML file that defines one, relative to this file.
        n_particles: Particles per run.
    """

    name: str
    n_particles: int = Field(gt=0)


class SimulateSection(Section):
    """`[simulate]`: independent runs of each phase.

    Attributes:
        engine: Registered engine.
        runs: Independent runs per phase.
        seed: Seed from which every run's own is derived.
    """

    engine: str = "lammps"
    runs: int = Field(gt=0, le=MOST_RUNS)
    seed: int = Field(default=0, ge=0)


class FilePhase(Section):
    """`[phases.<name>]` with `files`: configurations that exist, one independent run a file.

    Attributes:
        files: Files, or patterns such as ``"T0.44/*_[1-7]_*.npz"``, relative to the study file.
        test: Those that are held out for the test, likewise; whether or not they are among
            `files`, they neither train nor validate. Without, a share is held out as `[split]`
            says.
        time: Lag of the propensities, if the files hold isoconfigurational runs with several; the
            last by default.
    """

    files: tuple[str, ...] = Field(min_length=1)
    test: tuple[str, ...] = ()
    time: float | None = Field(default=None, gt=0)

    @property
    def every(self) -> tuple[str, ...]:
        """All files, each once: those that train and validate, and then those of the test."""
        return tuple(dict.fromkeys([*(f for f in self.files if f not in self.test), *self.test]))


class EnsembleFile(Section):
    """The part of a study file that says what is simulated; by itself, a file for ensembles.

    Attributes:
        phases: Each with the fields of a `FilePhase` if it has `files`, and otherwise with those,
            but `n_particles` and `seed`, of `gnnglass.simulate.AgeingProtocol` if it has
            `waiting_steps`, and of `gnnglass.simulate.Protocol` if not.
    """

    system: SystemSection
    simulate: SimulateSection
    phases: dict[str, dict[str, Any]] = Field(min_length=1)

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Read a study file.

        Raises:
            FileError: If the file is missing or not TOML.
            InputError: If a key is unknown, missing, or has a value that makes no sense.
        """
        folder = Path(path).absolute().parent
        made = cls.from_dict(_with_files_found(load_toml(path), folder), source=str(path))
        if not made.system.name.endswith(".toml"):
            return made
        mixture = str(folder / made.system.name)
        return made.model_copy(update={"system": made.system.model_copy(update={"name": mixture})})

    @classmethod
    def from_dict(cls, content: dict[str, Any], source: str = "the study") -> Self:
        """Check the content of a study file.

        Raises:
            InputError: As `from_file`.
        """
        return checked(cls, content, source)

    @model_validator(mode="after")
    def _files_make_sense(self) -> Self:
        for phase, content in self.phases.items():
            if "files" in content:
                try:
                    FilePhase(**content)
                except ValidationError as error:
                    raise ValueError(fault(error, FilePhase, "phases", phase)) from None
        return self

    def of_files(self, phase: str) -> FilePhase | None:
        """What the file says of a phase whose configurations exist; None of one to simulate."""
        content = self.phases[phase]
        return FilePhase(**content) if "files" in content else None

    @property
    def simulated(self) -> tuple[str, ...]:
        """The phases that are simulated."""
        return tuple(phase for phase, content in self.phases.items() if "files" not in content)


def _with_files_found(content: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The content of a study file, with the files that the patterns of its phases match.

    Raises:
        InputError: If a pattern matches nothing.
    """
    phases = content.get("phases")
    # Whatever else is wrong with the phases has a message of its own.
    if not isinstance(phases, dict):
        return content
    found = {
        phase: {
            key: _found(phase, patterns, folder)
            if key in ("files", "test") and _are_texts(patterns)
            else patterns
            for key, patterns in members.items()
        }
        if isinstance(members, dict) and "files" in members
        else members
        for phase, members in phases.items()
    }
    return {**content, "phases": found}


def _are_texts(patterns: Any) -> bool:
    return isinstance(patterns, list) and all(isinstance(one, str) for one in patterns)


def _found(phase: str, patterns: Iterable[str], folder: Path) -> list[str]:
    files: list[str] = []
    for pattern in patterns:
        path = folder / pattern
        matched = map(str, Path(path.anchor).glob(str(path.relative_to(path.anchor))))
        in_order = sorted(matched, key=_as_numbered)
        if not in_order:
            raise InputError(
                f"phases.{phase}: no file is called {shown(pattern)} in {folder}; paths and "
                "patterns are relative to the study file."
            )
        files += in_order
    return list(dict.fromkeys(files))


def _as_numbered(path: str) -> list[tuple[int, str]]:
    """Sorts names by the numbers in them: 2 before 10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", path)]


Level = Literal["thermal", "inherent"]
LEVELS: tuple[Level, ...] = get_args(Level)
#: What classifiers are judged against, which they may therefore not be called.
TAKEN = ("random", "linear", "energy")


class SplitSection(Section):
    """`[split]`: shares of the runs of each phase; the rest trains."""

    validation: float = Field(default=0.25, gt=0, lt=1)
    test: float = Field(default=0.25, gt=0, lt=1)
    seed: int = Field(default=0, ge=0)


class ClassifierSection(Section):
    """`[classifiers.<name>]`: one network, trained at every level.

    Attributes:
        model: Registered model.
        recipe: Parameters of its graph or voxel recipe; species and dimension follow from the
            system.
        model_options: Constructor arguments of the model.
        training: Fields of `gnnglass.training.TrainingOptions`.
        attribution: Registered attribution whose scores become ``importance_<name>``.
        attribution_options: Its constructor arguments.
        shuffles: How often it is trained on wrong labels of each kind, if not as often as `[null]`
            says: what is trained in seconds can be trained more often.
    """

    model: str
    recipe: dict[str, Any]
    model_options: dict[str, Any] = Field(default_factory=dict)
    training: dict[str, Any] = Field(default_factory=dict)
    attribution: str
    attribution_options: dict[str, Any] = Field(default_factory=dict)
    shuffles: int | None = Field(default=None, ge=0, le=MOST_RUNS)

    def training_part(self) -> dict[str, Any]:
        """What the trained weights depend on; the attribution is not part of it."""
        return self.model_dump(exclude={"attribution", "attribution_options", "shuffles"})

    def explaining_part(self) -> dict[str, Any]:
        """What its maps depend on."""
        return self.model_dump(exclude={"shuffles"})


def _own_name(name: str) -> str:
    if name in TAKEN:
        raise ValueError(f"{name!r} is what the study calls a baseline; choose another name")
    return name


#: Names files, stages and the field ``importance_<name>``.
ClassifierName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$"), AfterValidator(_own_name)]


class DynamicsSection(Section):
    """`[dynamics]`: isoconfigurational ensembles, started from frames of test runs.

    Attributes:
        phase: The phase whose held-out runs are followed; in a study file, the explained one by
            default.
        kT: Temperature of the clones; that of the phase if not given.
        n_clones: Clones with fresh Maxwell velocities per configuration.
        lag_steps: Steps at which displacements are recorded, increasing.
        propensity_lag: The lag, among `lag_steps`, at which propensities are compared.
        r_bond: Where bonds are at the start, one length for all pairs of species or one for each,
            such as ``{"A-A" = 1.4, …}``; by default 1.4 σ_ab of the mixture.
        r_break: Where they are broken, likewise; by default 1.8 σ_ab.
        ageing: Start ensembles from every frame, not only from the last: one at each of the
            phase's ``waiting_steps``.
    """

    phase: str
    kT: float | None = Field(default=None, gt=0)
    n_clones: int = Field(ge=2, le=MOST_RUNS)
    lag_steps: IncreasingSteps
    propensity_lag: int
    r_bond: float | dict[str, float] | None = None
    r_break: float | dict[str, float] | None = None
    ageing: bool = False

    @model_validator(mode="after")
    def _compared_lag_is_recorded(self) -> Self:
        if self.propensity_lag not in self.lag_steps:
            raise ValueError(f"propensity_lag is {self.propensity_lag}, none of lag_steps")
        return self


class CompareSection(Section):
    """`[compare]`: how fields are correlated.

    Attributes:
        lengths: Candidate smoothing lengths, each chosen on the runs it is not applied to.
        methods: Correlation coefficients.
        given: Structural indicators that are held fixed, all together, in further, partial
            correlations: what a map knows beyond them. One that is constant, as composition is in
            a system of one species, is left out.
        same_species: Smooth over particles of the same species only. Otherwise a smoothed map
            depends on its offset between species, which is a free parameter of a network.
        seed: Seed of the intervals and of the random baseline.
    """

    lengths: tuple[float, ...] = (0.5, 1.0, 1.5, 2.0, 3.0)
    methods: tuple[Literal["spearman", "pearson"], ...] = ("spearman", "pearson")
    given: tuple[str, ...] = ("potential_energy", "local_composition")
    same_species: bool = False
    seed: int = Field(default=0, ge=0)


class NullSection(Section):
    """`[null]`: trainings on wrong labels, which a map's correlation with dynamics must exceed.

    Attributes:
        shuffles: How often each classifier is trained anew, at the explained level, on labels
            exchanged between runs, and as often on arbitrary labels within the explained phase; 0
            for no null. If there are fewer ways to deal labels, all of them are taken. Without
            dynamics there is nothing to compare, and nothing is trained.
        seed: Seed of the labels.
    """

    shuffles: int = Field(default=20, ge=0, le=MOST_RUNS)
    seed: int = Field(default=0, ge=0)


#: Whose logit is explained if nobody says so and there is a phase of that name.
USUALLY_EXPLAINED = "glass"


def explained_phase(phases: Iterable[str], said: str | None = None) -> str:
    """The phase whose logit is explained.

    Args:
        phases: Names of the phases, in any order.
        said: The one that the user names, if any.

    Raises:
        InputError: If `said` is none of the phases, or nothing is said and no phase is called
            "glass".
    """
    known = sorted(phases)
    if said is None and USUALLY_EXPLAINED not in known:
        raise InputError(
            f"no phase is called {USUALLY_EXPLAINED!r}, so explain has to name "
            f"the one that is explained: {' or '.join(known)}."
        )
    if said is not None and said not in known:
        raise InputError(
            f"explain is {shown(said)}{did_you_mean(said, known)}, but the phases are "
            f"{', '.join(known)}."
        )
    return said or USUALLY_EXPLAINED


class Study(EnsembleFile):
    """A study file: which glass former, which phases, which networks, what is compared.

    Attributes:
        title: Heading of the report.
        phases: The two classes, as in `EnsembleFile`. The explained one is put last, wherever it
            stands in the file; this is the order of the labels.
        explain: The phase whose logit is explained and whose probability is reported; the one
            called "glass" if the file does not say.
        levels: Levels at which the classifiers are trained and judged.
        explain_level: The level whose classifiers are explained and compared with dynamics.
    """

    title: str
    phases: dict[str, dict[str, Any]] = Field(min_length=2, max_length=2)
    explain: str
    levels: tuple[Level, ...] = LEVELS
    explain_level: Level = "inherent"
    split: SplitSection = SplitSection()
    classifiers: dict[ClassifierName, ClassifierSection] = Field(min_length=1)
    dynamics: DynamicsSection | None = None
    compare: CompareSection = CompareSection()
    null: NullSection = NullSection()

    @model_validator(mode="before")
    @classmethod
    def _settle_what_is_explained(cls, content: Any) -> Any:
        phases = content.get("phases") if isinstance(content, dict) else None
        # Whatever else is wrong with the phases has a message of its own.
        if not isinstance(phases, dict) or len(phases) != 2:
            return content
        try:
            explain = explained_phase(phases, content.get("explain"))
        except InputError as error:
            raise ValueError(str(error).rstrip(".")) from error
        (other,) = set(phases) - {explain}
        settled = {
            **content,
            "phases": {phase: phases[phase] for phase in (other, explain)},
            "explain": explain,
        }
        if isinstance(content.get("dynamics"), dict):
            settled["dynamics"] = {"phase": explain, **content["dynamics"]}
        return settled

    def shuffles(self, name: str) -> int:
        """How often a classifier is trained on wrong labels of each kind."""
        own = self.classifiers[name].shuffles
        return self.null.shuffles if own is None else own

    @property
    def maps(self) -> list[str]:
        """The fields with the maps of the classifiers."""
        return [f"importance_{name}" for name in self.classifiers]

    @property
    def labels(self) -> tuple[str, str]:
        """The two classes, in the order of the logits: the explained one is the last."""
        other, explained = self.phases
        return other, explained


@checks_arguments
def read_ensemble_file(path: str | Path) -> EnsembleFile:
    """What a study file says about simulations, whether or not it says anything else.

    Raises:
        FileError: If the file is missing or not TOML.
        InputError: If a key is unknown, missing, or has a value that makes no sense.
    """
    kind = Study if "classifiers" in load_toml(path) else EnsembleFile
    return kind.from_file(path)
