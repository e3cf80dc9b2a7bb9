"""What a study file may say: every parameter of the pipeline, in one TOML file."""

from __future__ import annotations

import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from gnnglass.errors import FileError, InputError

Level = Literal["thermal", "inherent"]
#: What classifiers are judged against, which they may therefore not be called.
TAKEN = ("random", "linear", "energy")


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SystemSection(_Section):
    """`[system]`: what is simulated.

    Attributes:
        name: Registered glass former.
        n_particles: Particles per run.
    """

    name: str
    n_particles: int = Field(gt=0)


class SimulateSection(_Section):
    """`[simulate]`: independent runs of each phase.

    Attributes:
        engine: Registered engine.
        runs: Independent runs per phase.
        seed: Seed from which every run's own is derived.
    """

    engine: str = "lammps"
    runs: int = Field(gt=0)
    seed: int = Field(default=0, ge=0)


class SplitSection(_Section):
    """`[split]`: shares of the runs of each phase; the rest trains."""

    validation: float = Field(default=0.25, gt=0, lt=1)
    test: float = Field(default=0.25, gt=0, lt=1)
    seed: int = Field(default=0, ge=0)


class ClassifierSection(_Section):
    """`[classifiers.<name>]`: one network, trained at every level.

    Attributes:
        model: Registered model.
        recipe: Parameters of its graph or voxel recipe; species and dimension follow from the
            system.
        model_options: Constructor arguments of the model.
        training: Fields of `gnnglass.training.TrainingOptions`.
        attribution: Registered attribution whose scores become ``importance_<name>``.
        attribution_options: Its constructor arguments.
    """

    model: str
    recipe: dict[str, Any]
    model_options: dict[str, Any] = Field(default_factory=dict)
    training: dict[str, Any] = Field(default_factory=dict)
    attribution: str
    attribution_options: dict[str, Any] = Field(default_factory=dict)

    def training_part(self) -> dict[str, Any]:
        """What the trained weights depend on; the attribution is not part of it."""
        return self.model_dump(exclude={"attribution", "attribution_options"})


def _own_name(name: str) -> str:
    if name in TAKEN:
        raise ValueError(f"{name!r} is what the study calls a baseline; choose another name")
    return name


#: Names files, stages and the field ``importance_<name>``.
ClassifierName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$"), AfterValidator(_own_name)]


class DynamicsSection(_Section):
    """`[dynamics]`: isoconfigurational ensembles, started from the last frame of test runs.

    Attributes:
        phase: The phase whose held-out runs are followed.
        kT: Temperature of the clones; that of the phase if not given.
        n_clones: Clones with fresh Maxwell velocities per configuration.
        lag_steps: Steps at which displacements are recorded, increasing.
        propensity_lag: The lag, among `lag_steps`, at which propensities are compared.
    """

    phase: str = "glass"
    kT: float | None = Field(default=None, gt=0)
    n_clones: int = Field(ge=2)
    lag_steps: tuple[int, ...] = Field(min_length=1)
    propensity_lag: int

    @field_validator("lag_steps")
    @classmethod
    def _increasing(cls, lags: tuple[int, ...]) -> tuple[int, ...]:
        if lags[0] <= 0 or any(b <= a for a, b in pairwise(lags)):
            raise ValueError("lag_steps must be positive and increasing")
        return lags

    @model_validator(mode="after")
    def _compared_lag_is_recorded(self) -> Self:
        if self.propensity_lag not in self.lag_steps:
            raise ValueError(f"propensity_lag is {self.propensity_lag}, none of lag_steps")
        return self


class CompareSection(_Section):
    """`[compare]`: how fields are correlated.

    Attributes:
        lengths: Candidate smoothing lengths, each chosen on the runs it is not applied to.
        methods: Correlation coefficients.
        seed: Seed of the bootstrap and of the random baseline.
    """

    lengths: tuple[float, ...] = (0.5, 1.0, 1.5, 2.0, 3.0)
    methods: tuple[Literal["spearman", "pearson"], ...] = ("spearman", "pearson")
    seed: int = Field(default=0, ge=0)


class Study(_Section):
    """A study file: which glass former, which phases, which networks, what is compared.

    Attributes:
        title: Heading of the report.
        phases: The two classes, each with the fields of `gnnglass.simulate.Protocol` but
            `n_particles` and `seed`; the second is the one whose logit is explained.
        levels: Levels at which the classifiers are trained and judged.
        explain_level: The level whose classifiers are explained and compared with dynamics.
    """

    title: str
    system: SystemSection
    simulate: SimulateSection
    phases: dict[str, dict[str, Any]] = Field(min_length=2, max_length=2)
    levels: tuple[Level, ...] = ("thermal", "inherent")
    explain_level: Level = "inherent"
    split: SplitSection = SplitSection()
    classifiers: dict[ClassifierName, ClassifierSection] = Field(min_length=1)
    dynamics: DynamicsSection | None = None
    compare: CompareSection = CompareSection()

    @property
    def phases_in_order(self) -> tuple[str, str]:
        """The two classes, in the order of the labels."""
        first, second = self.phases
        return first, second

    @classmethod
    def from_file(cls, path: str | Path) -> Study:
        """Read a study file.

        Raises:
            FileError: If the file is missing or not TOML.
            InputError: If a key is unknown, missing, or has a value that makes no sense.
        """
        path = Path(path)
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise FileError(f"cannot read the study file {path}: {error.strerror}.") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise FileError(f"{path} is not a TOML file: {error}.") from error
        return cls.from_dict(content, source=str(path))

    @classmethod
    def from_dict(cls, content: dict[str, Any], source: str = "the study") -> Study:
        """Make a study of the content of a study file.

        Raises:
            InputError: As `from_file`.
        """
        try:
            return cls(**content)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"]) or "the file"
            raise InputError(f"in {source}, {key}: {_reason(first)}.") from error


def _reason(error: ErrorDetails) -> str:
    match error["type"]:
        case "missing":
            return "the key is missing"
        case "extra_forbidden":
            return "there is no such key"
        case "value_error":
            return str(error["ctx"]["error"])
        case "too_short":
            return f"too few entries, expected {error['ctx']['min_length']}"
        case "too_long":
            return f"too many entries, expected {error['ctx']['max_length']}"
    expected = error["msg"].removeprefix("Input should be ")
    return f"expected {expected}, got {error['input']!r}"
