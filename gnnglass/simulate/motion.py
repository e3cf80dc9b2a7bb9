"""Langevin dynamics cut into stretches, each of which begins from a state that can be stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gnnglass.errors import InputError, SimulationError
from gnnglass.simulate.protocol import CooledStatePoint, Stage, ThermostattedStatePoint
from gnnglass.systems.potential import FloatArray
from gnnglass.trajectories import Snapshot

#: A stretch is at most so many steps times particles: a minute or two on one core.
LONGEST_STRETCH = 100_000_000
SETTLING_STEPS = 200


@dataclass(frozen=True)
class State:
    """All that a run needs to go on: where the particles are and how they move.

    Attributes:
        snapshot: Configuration of n particles, with images; its step is that of the run.
        velocities: Shape [n, d].
    """

    snapshot: Snapshot
    velocities: FloatArray


@dataclass(frozen=True)
class Stretch:
    """Langevin dynamics at constant volume that an engine does in one go.

    Attributes:
        start: Step of the run at which it begins; at least −`SETTLING_STEPS`.
        steps: How many steps it takes.
        kT: Temperatures at its beginning and at its end, linear in between.
        dt: Time step.
        friction: Langevin friction γ, in units of inverse time.
        noise: Up to 53 bits that decide the noise of the whole run; with the steps they decide
            that of the stretch.
    """

    start: int
    steps: int
    kT: tuple[float, float]
    dt: float
    friction: float
    noise: int

    @property
    def end(self) -> int:
        """Step of the run at which it ends."""
        return self.start + self.steps


def stretches(
    stages: Sequence[Stage],
    marks: Sequence[int],
    protocol: ThermostattedStatePoint,
    n_particles: int,
    index: int = 0,
) -> list[Stretch]:
    """Cut the stages of a run at every mark and into pieces short enough to lose.

    Every stretch begins from the stored state that the one before left, whether or not the run
    was interrupted in between; a run taken up again is therefore the same run.

    Args:
        stages: Steps and temperatures, one stage after the other from step 0.
        marks: Steps at which a stretch has to end, because a frame is kept there.
        protocol: Gives time step, friction and noise.
        n_particles: Number of particles, which decides how long a stretch may be.
        index: Number of the run among those of the same protocol.
    """
    noise = _noise(protocol, index)
    longest = max(LONGEST_STRETCH // n_particles, 1)
    cut = []
    first = 0
    for steps, kT in stages:
        last = first + steps
        for start, end in pairwise(_bounds(first, last, marks, longest)):
            ends = tuple(kT[0] + (kT[1] - kT[0]) * (s - first) / steps for s in (start, end))
            cut.append(
                Stretch(
                    start, end - start, (ends[0], ends[1]), protocol.dt, protocol.friction, noise
                )
            )
        first = last
    return cut


def _bounds(first: int, last: int, marks: Sequence[int], longest: int) -> Iterator[int]:
    between = sorted({first, last, *(mark for mark in marks if first < mark < last)})
    yield first
    for start, end in pairwise(between):
        pieces = -(-(end - start) // longest)
        yield from np.linspace(start, end, pieces + 1).astype(int)[1:].tolist()


def settling(protocol: CooledStatePoint) -> Stretch:
    """What comes before the first step that counts: short steps in a thick bath.

    On a lattice, soft and big particles have far more energy than in the melt. Released at once
    it throws them through each other before an ordinary bath has taken it up. It ends at step 0,
    so that an engine can go on from there.
    """
    hot, dt, friction = protocol.kT_melt, protocol.dt / 5, 0.1 / protocol.dt
    steps = SETTLING_STEPS
    return Stretch(-steps, steps, (hot, hot), dt, friction, _noise(protocol))


def _noise(protocol: ThermostattedStatePoint, index: int = 0) -> int:
    return int(protocol.generator("noise", index).integers(2**53))


def moved(
    before: Snapshot, positions: FloatArray, crossed: NDArray[np.int32], step: int
) -> Snapshot:
    """The configuration that `before` has become; its images go on, if they were known.

    Args:
        before: Configuration of n particles.
        positions: Where they are now, shape [n, d].
        crossed: Boxes that they have crossed since, shape [n, d].
        step: The new step.

    Raises:
        SimulationError: If positions are not finite.
    """
    images = None if before.images is None else before.images + crossed
    try:
        return before.replace(positions=positions, images=images, fields={}, step=step)
    except InputError as error:
        raise SimulationError(
            f"the run has blown up at step {step}: {error.args[0].rstrip('.')}; try a smaller dt."
        ) from error
