"""Protocols: all parameters of a run except the system and the engine."""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from itertools import pairwise
from typing import Annotated, Any, Self

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from gnnglass._arguments import checks_arguments
from gnnglass._options import require_memory, require_whole
from gnnglass._toml import fault
from gnnglass.errors import InputError, shown

#: More steps than any run will ever take, frames than any file will hold, and particles than are
#: numbered.
MOST_STEPS, MOST_FRAMES, MOST_PARTICLES = 10**15, 10**7, 2**31 - 1

#: More independent runs, or clones, than anybody makes; each is planned by name before it begins.
MOST_RUNS = 100_000

#: Number of steps of Langevin dynamics, and the temperatures at the first and the last of them.
Stage = tuple[int, tuple[float, float]]


@checks_arguments
def log_spaced_steps(first: int, last: int, n: int) -> tuple[int, ...]:
    """At most `n` numbers of steps from `first` to `last`, spaced logarithmically, increasing.

    If the spacing would be smaller than 1, repeated integers are dropped, so there are fewer.

    Raises:
        InputError: If such a series does not exist.
    """
    require_whole(0, first=first, last=last, n=n)
    require_memory(24 * n, f"{n:.3g} steps spaced logarithmically")
    if not 1 <= first <= last or n < 1 or (n == 1 and first != last):
        raise InputError(
            f"{n} steps from {first} to {last} cannot be spaced logarithmically; expected "
            "1 ≤ first ≤ last and at least two steps."
        )
    return tuple(np.unique(np.geomspace(first, last, n).round().astype(int)).tolist())


def _increasing(steps: tuple[int, ...]) -> tuple[int, ...]:
    if steps[0] < 1 or steps[-1] > MOST_STEPS or any(b <= a for a, b in pairwise(steps)):
        raise ValueError(
            f"got {shown(list(steps))}, expected increasing positive numbers of steps up to "
            f"{MOST_STEPS:.0e}"
        )
    return steps


#: Numbers of steps, each larger than the one before, such as lags or waiting times.
IncreasingSteps = Annotated[tuple[int, ...], Field(min_length=1), AfterValidator(_increasing)]


class StatePoint(BaseModel):
    """A frozen set of validated parameters that identifies a simulation.

    Raises:
        InputError: If a parameter is missing, unknown or not acceptable.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __init__(self, **parameters: Any) -> None:
        try:
            super().__init__(**parameters)
        except ValidationError as error:
            known = ", ".join(type(self).model_fields)
            raise InputError(
                f"{type(self).__name__}: {fault(error, type(self))}; it has {known}."
            ) from None

    def replace(self, **changes: Any) -> Self:
        """A validated copy with some parameters changed."""
        return type(self)(**{**self.model_dump(), **changes})

    @property
    def digest(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of the canonical JSON."""
        content = {"kind": type(self).__name__, **self.model_dump(mode="json")}
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class ThermostattedStatePoint(StatePoint):
    """Parameters of every run with a Langevin thermostat.

    Attributes:
        kT: Temperature at which the system is sampled, in units of energy.
        seed: Seed of all random numbers of the run.
        dt: Time step, in units of time.
        friction: Langevin friction γ, in units of inverse time.
    """

    kT: float = Field(gt=0)
    seed: int = Field(ge=0)
    dt: float = Field(default=0.005, gt=0)
    friction: float = Field(default=1.0, gt=0)

    def generator(self, purpose: str, index: int = 0) -> np.random.Generator:
        """A random number generator for one purpose, independent of those for other purposes."""
        entropy = [self.seed, index, *purpose.encode()]
        return np.random.default_rng(np.random.SeedSequence(entropy))


class CooledStatePoint(ThermostattedStatePoint):
    """Parameters of every run that starts from a lattice, is cooled linearly and then held at `kT`.

    A lattice with shuffled species is melted at `kT_melt` and cooled to `kT` at a constant rate,
    with Langevin dynamics at constant volume throughout. Steps are counted from the lattice.

    Attributes:
        n_particles: Number of particles.
        kT_melt: Temperature of the melt, in units of energy; at least `kT`.
        melt_steps: Steps at `kT_melt`.
        cooling_rate: −dkT/dt while cooling, in units of energy per time; None for an
            instantaneous quench.
    """

    n_particles: int = Field(ge=2, le=MOST_PARTICLES)
    kT_melt: float = Field(default=4.0, gt=0)
    melt_steps: int = Field(default=4000, ge=0, le=MOST_STEPS)
    cooling_rate: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _cools(self) -> Self:
        if self.kT_melt < self.kT:
            raise ValueError(
                f"kT_melt is {self.kT_melt:g}, below kT = {self.kT:g}; a run cools from kT_melt to "
                "kT, so expected kT_melt ≥ kT"
            )
        rate = self.cooling_rate
        if rate is not None and self.kT_melt - self.kT > MOST_STEPS * self.dt * rate:
            raise ValueError(
                f"cooling_rate is {rate:g}, so cooling takes more than {MOST_STEPS:.0e} steps; "
                "expected a higher rate"
            )
        return self

    @property
    def cooling_steps(self) -> int:
        """Number of steps for cooling from `kT_melt` to `kT`."""
        if self.cooling_rate is None:
            return 0
        return round((self.kT_melt - self.kT) / (self.cooling_rate * self.dt))

    @property
    @abstractmethod
    def frame_steps(self) -> tuple[int, ...]:
        """Step of each frame, counted from the lattice."""

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Steps and temperatures of melting, cooling and holding, up to the last frame."""
        hot, cold = self.kT_melt, self.kT
        prepared = self.melt_steps + self.cooling_steps
        return (
            (self.melt_steps, (hot, hot)),
            (self.cooling_steps, (hot, cold)),
            (self.frame_steps[-1] - prepared, (cold, cold)),
        )


class Protocol(CooledStatePoint):
    """One run: melt a lattice, cool it linearly, hold it at `kT` and sample it.

    The first frame is stored after `hold_steps` at `kT`, the others `frame_interval` steps apart.

    Attributes:
        n_frames: Number of frames to store.
        frame_interval: Steps between two frames.
        hold_steps: Steps at `kT` before the first frame.

    Raises:
        InputError: If a parameter is missing, unknown or not acceptable.
    """

    n_frames: int = Field(ge=1, le=MOST_FRAMES)
    frame_interval: int = Field(ge=1, le=MOST_STEPS)
    hold_steps: int = Field(ge=0, le=MOST_STEPS)

    @property
    def frame_steps(self) -> tuple[int, ...]:
        """Step of each frame, counted from the lattice."""
        first = self.melt_steps + self.cooling_steps + self.hold_steps
        return tuple(first + k * self.frame_interval for k in range(self.n_frames))


class AgeingProtocol(CooledStatePoint):
    """One ageing run: melt a lattice, cool it and store a frame at each waiting time.

    Kob & Barrat, Phys. Rev. Lett. 78, 4581 (1997). Waiting times are usually spaced
    logarithmically, see `log_spaced_steps`; without a cooling rate the quench is instantaneous.

    Attributes:
        waiting_steps: Steps after the quench at which frames are stored, increasing.

    Raises:
        InputError: If a parameter is missing, unknown or not acceptable.
    """

    waiting_steps: IncreasingSteps

    @property
    def frame_steps(self) -> tuple[int, ...]:
        """Step of each frame, counted from the lattice."""
        quenched = self.melt_steps + self.cooling_steps
        return tuple(quenched + waiting for waiting in self.waiting_steps)


class IsoconfigurationalProtocol(ThermostattedStatePoint):
    """Many runs from one configuration, each with fresh Maxwell velocities and noise.

    Widmer-Cooper, Harrowell & Fynewever, Phys. Rev. Lett. 93, 135701 (2004).

    Attributes:
        n_clones: Number of runs.
        first_clone: Index of the first run. Clone k does not depend on the others, so an ensemble
            can be simulated in parts, or extended.
        lag_steps: Steps after the start at which frames of each run are stored, increasing.

    Raises:
        InputError: If a parameter is missing, unknown or not acceptable.
    """

    n_clones: int = Field(ge=1, le=MOST_RUNS)
    first_clone: int = Field(default=0, ge=0)
    lag_steps: IncreasingSteps

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Steps and temperatures of one clone."""
        return ((self.lag_steps[-1], (self.kT, self.kT)),)

    @property
    def lag_times(self) -> tuple[float, ...]:
        """Lags in units of time."""
        return tuple(step * self.dt for step in self.lag_steps)
