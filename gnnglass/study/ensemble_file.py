"""What is simulated, as a TOML file says it: a system, and independent runs of each phase."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from gnnglass.given import checked, load_toml


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
    runs: int = Field(gt=0)
    seed: int = Field(default=0, ge=0)


class EnsembleFile(Section):
    """The part of a study file that says what is simulated; by itself, a file for ensembles.

    Attributes:
        phases: Each with the fields, but `n_particles` and `seed`, of
            `gnnglass.simulate.AgeingProtocol` if it has `waiting_steps`, and of
            `gnnglass.simulate.Protocol` if not.
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
        made = cls.from_dict(load_toml(path), source=str(path))
        if not made.system.name.endswith(".toml"):
            return made
        mixture = str(Path(path).absolute().parent / made.system.name)
        return made.model_copy(update={"system": made.system.model_copy(update={"name": mixture})})

    @classmethod
    def from_dict(cls, content: dict[str, Any], source: str = "the study") -> Self:
        """Check the content of a study file.

        Raises:
            InputError: As `from_file`.
        """
        return checked(cls, content, source)
