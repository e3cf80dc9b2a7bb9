"""The state of a run: its start, the stretches into which it is cut, and its checkpoints."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import time
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from gnnglass._options import require_memory
from gnnglass._records import file_digest, read_sealed, write_sealed
from gnnglass.errors import InputError, SimulationError
from gnnglass.simulate.protocol import CooledStatePoint, Stage, ThermostattedStatePoint
from gnnglass.systems import GlassFormer
from gnnglass.systems.potentials import FloatArray
from gnnglass.trajectories import Snapshot, Trajectory, read, write


def lattice_start(system: GlassFormer, protocol: CooledStatePoint) -> Snapshot:
    """A square or simple cubic lattice with shuffled species, at the mixture's density.

    If no such lattice has exactly as many sites as there are particles, rows (and layers) contain
    nearly equal numbers of evenly spaced particles. Vacancies would instead leave unbalanced
    forces that make dense mixtures blow up.

    Raises:
        InputError: If the box is too small for the potentials.
    """
    n, d = protocol.n_particles, system.dimension
    # Positions, velocities and forces.
    require_memory(24 * n * d, f"a run of {n:.3g} particles")
    box = system.box(n)
    require_room(system, box)
    types = np.repeat(np.arange(len(system.species)), system.counts(n))
    return Snapshot(
        box=box,
        positions=(_even_rows(n, d) - 0.5) * box,
        types=protocol.generator("lattice start").permutation(types),
        type_names=system.species,
        images=np.zeros((n, d), dtype=np.int32),
    )


def _even_rows(n: int, d: int) -> FloatArray:
    """A nearly square or cubic lattice of n points in the unit box, shape [n, d]."""
    if d == 1:
        return ((np.arange(n) + 0.5) / n)[:, None]
    slices = np.array_split(np.arange(n), round(n ** (1 / d)))
    parts = [
        np.column_stack([np.full(len(part), (k + 0.5) / len(slices)), _even_rows(len(part), d - 1)])
        for k, part in enumerate(slices)
    ]
    return np.concatenate(parts)


def maxwell_velocities(
    generator: np.random.Generator, n: int, dimension: int, kT: float
) -> FloatArray:
    """Maxwell–Boltzmann velocities of unit masses without total momentum, shape [n, d]."""
    velocities = generator.normal(scale=np.sqrt(kT), size=(n, dimension))
    return np.asarray(velocities - velocities.mean(axis=0))


def require_room(system: GlassFormer, box: FloatArray) -> None:
    """Refuse a box in which a particle would interact with two images of another.

    Raises:
        InputError: If the longest cutoff reaches half the shortest edge.
    """
    half = float(box.min()) / 2
    if system.r_max >= half:
        raise InputError(
            f"the cutoff {system.r_max:g} of {system.name!r} does not fit the box: it must be less "
            f"than half the shortest edge ({half:.4g}); use more particles."
        )


#: The largest product of steps and particles in a stretch: a minute or two on one core.
LONGEST_STRETCH = 100_000_000
SETTLING_STEPS = 200


@dataclass(frozen=True)
class State:
    """All that a run needs to continue: positions and velocities.

    Attributes:
        snapshot: Configuration of n particles, with images; its step is that of the run.
        velocities: Shape [n, d].
    """

    snapshot: Snapshot
    velocities: FloatArray


@dataclass(frozen=True)
class Stretch:
    """A part of a run that an engine does in one go: Langevin dynamics at constant volume.

    Attributes:
        start: Step of the run at which it begins; at least −`SETTLING_STEPS`.
        steps: How many steps it takes.
        kT: Temperatures at its beginning and at its end, linear in between.
        dt: Time step.
        friction: Langevin friction γ, in units of inverse time.
        noise: Seed of the noise, up to 53 bits, the same for all stretches of a run; together
            with the step it determines the noise of the stretch.
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
    """Cut the stages of a run at every mark, and into stretches short enough to be repeated.

    Every stretch starts from the stored state at the end of the previous one, whether or not the
    run was interrupted there; a resumed run is therefore identical to an uninterrupted one.

    Args:
        stages: Steps and temperatures, one stage after the other from step 0.
        marks: Steps at which a stretch has to end, because a frame is stored there.
        protocol: Gives time step, friction and noise.
        n_particles: Number of particles, which limits the length of a stretch.
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
    """The stretch before step 0: small time steps with high friction.

    On a lattice, large soft particles have far more energy than in the melt. If it were released
    at once, particles would be pushed through each other before an ordinary thermostat could
    remove it. The stretch ends at step 0, where the run proper begins.
    """
    hot, dt, friction = protocol.kT_melt, protocol.dt / 5, 0.1 / protocol.dt
    steps = SETTLING_STEPS
    return Stretch(-steps, steps, (hot, hot), dt, friction, _noise(protocol))


def _noise(protocol: ThermostattedStatePoint, index: int = 0) -> int:
    return int(protocol.generator("noise", index).integers(2**53))


def moved(
    before: Snapshot, positions: FloatArray, crossed: NDArray[np.int32], step: int
) -> Snapshot:
    """The configuration after `before`; its images are continued, if they were known.

    Args:
        before: Configuration of n particles.
        positions: Their new positions, shape [n, d].
        crossed: Number of boxes that they have crossed since, shape [n, d].
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


#: The work that is lost if a run is killed; writing a checkpoint takes less than 1 % of it.
SECONDS_BETWEEN = 30.0


class Checkpoint:
    """The state and the frames of an unfinished run, in a hidden folder beside its file.

    Frames are written in parts and removed from memory. Every file in the folder is written whole
    or not at all, the state last: it holds the digests of the parts that belong to it.

    Args:
        out: The file of the finished run.
        facts: What identifies the run; a checkpoint of another run, or a damaged one, is ignored.
        in_charge: Whether this process, of those that share the run, writes the checkpoint.
    """

    def __init__(self, out: Path, facts: Mapping[str, Any], *, in_charge: bool = True) -> None:
        self.folder = out.with_name(f".{out.stem}.checkpoint")
        text = json.dumps(facts, sort_keys=True, default=str)
        self._key = hashlib.sha256(text.encode()).hexdigest()
        self._in_charge = in_charge
        self._parts: list[str] = []
        self._unsaved: list[Snapshot] = []
        self._saved_at = time.monotonic()

    def resume(self, start: State) -> State:
        """The stored state; `start` if none is stored of exactly this run, or it is damaged."""
        sealed = read_sealed(self._state) if self._state.is_file() else None
        if sealed is None or sealed[0] != self._key:
            return start
        with np.load(io.BytesIO(sealed[1]), allow_pickle=False) as stored:
            parts = stored["parts"].tolist()
            snapshot = start.snapshot.replace(
                positions=stored["positions"], images=stored["images"], step=int(stored["step"])
            )
            state = State(snapshot, stored["velocities"])
        files = map(self._part, range(len(parts)))
        if [file_digest(file) if file.is_file() else "" for file in files] != parts:
            return start
        self._parts = parts
        return state

    def add(self, frame: Snapshot) -> None:
        """Add a frame of the run; it is written with the next state."""
        if self._in_charge:
            self._unsaved.append(frame)

    def save(self, state: State) -> None:
        """Store state and frames, if the last checkpoint is old enough."""
        if not self._in_charge or time.monotonic() - self._saved_at < SECONDS_BETWEEN:
            return
        if self._unsaved:
            part = self._part(len(self._parts))
            write(part, Trajectory(self._unsaved))
            self._parts.append(file_digest(part))
            self._unsaved = []
        content = io.BytesIO()
        np.savez(
            content,
            parts=np.array(self._parts, dtype="U64"),
            step=state.snapshot.step,
            positions=state.snapshot.positions,
            images=np.asarray(state.snapshot.images),
            velocities=state.velocities,
        )
        write_sealed(self._state, self._key, content.getvalue())
        self._saved_at = time.monotonic()

    def frames(self) -> Sequence[Snapshot]:
        """All frames of the run, those of earlier processes first; decoded when accessed."""
        parts = [read(self._part(number)) for number in range(len(self._parts))]
        return _Chain([*parts, self._unsaved] if self._unsaved else parts)

    def remove(self) -> None:
        """Remove the checkpoint, once the file of the run has been written."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _state(self) -> Path:
        return self.folder / "state"

    def _part(self, number: int) -> Path:
        return self.folder / f"frames-{number:05d}.gsd"


class _Chain(Sequence[Snapshot]):
    """Several sequences as one, without copying them."""

    def __init__(self, parts: Sequence[Sequence[Snapshot]]) -> None:
        self._parts = parts
        self._ends = list(accumulate(map(len, parts)))

    def __len__(self) -> int:
        return self._ends[-1]

    @overload
    def __getitem__(self, index: int) -> Snapshot: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Snapshot]: ...
    def __getitem__(self, index: int | slice) -> Snapshot | Sequence[Snapshot]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        number = range(len(self))[index]
        part = bisect_right(self._ends, number)
        return self._parts[part][number - self._ends[part]]

    def __iter__(self) -> Iterator[Snapshot]:
        for part in self._parts:
            yield from part
