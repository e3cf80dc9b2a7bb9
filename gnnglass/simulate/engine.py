"""Engines: one interface to the programs that run protocols and minimise energies."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnnglass import __version__
from gnnglass._files import require_replaceable
from gnnglass.registry import Registry
from gnnglass.simulate._state import (
    Checkpoint,
    State,
    Stretch,
    lattice_start,
    maxwell_velocities,
    moved,
    settling,
    stretches,
)
from gnnglass.simulate.equilibration import assess
from gnnglass.simulate.protocol import (
    CooledStatePoint,
    IsoconfigurationalProtocol,
    ThermostattedStatePoint,
)
from gnnglass.systems import GlassFormer, SystemLike, glass_former
from gnnglass.systems.potentials import FloatArray
from gnnglass.trajectories import (
    Snapshot,
    SnapshotLike,
    Trajectory,
    as_snapshot,
    read,
    write,
)
from gnnglass.trajectories.gsd import is_ours

#: Called from time to time with the work done so far and the total work.
Progress = Callable[[int, int], None]


class Engine(ABC):
    """Runs molecular dynamics and minimisations of glass formers, one thread each.

    Subclasses move particles; schedules, seeds, checkpoints, metadata and files are handled here.
    Under ``mpiexec`` every process calls the same methods, and the first writes the files.
    """

    #: The registered name.
    name: str

    @property
    def rank(self) -> int:
        """Rank of this process among those that share every run."""
        return 0

    @abstractmethod
    def advance(self, system: GlassFormer, state: State, stretch: Stretch) -> Iterator[int]:
        """Run a stretch from a state in blocks, yielding the steps of each when it is done.

        The result does not depend on what the engine did before.

        Raises:
            InputError: If the box is too small or `system` lacks a species of the snapshot.
            SimulationError: If the run fails.
        """

    @abstractmethod
    def motion(self) -> tuple[FloatArray, NDArray[np.int32], FloatArray]:
        """Positions, image flags since the start of the stretch, and velocities, [n, d] each."""

    @abstractmethod
    def energies(self) -> FloatArray:
        """Potential energy of each particle at the end of the stretch, shape [n]."""

    def minimize(self, system: SystemLike, snapshot: SnapshotLike) -> Snapshot:
        """The inherent structure: the local minimum of the potential energy below the snapshot.

        Args:
            system: The mixture whose potentials act: its name, a TOML file, a definition, or
                itself.
            snapshot: Configuration of n particles, or the file of one; particles are matched to
                species by name.

        Returns:
            A snapshot with the same box, types and step, positions that are unwrapped like those
            of `snapshot` (images unknown if they were), and one field, ``potential_energy``: the
            energy of each particle from the potentials of `system`, not from the engine.

        Raises:
            InputError: If the box is too small or `system` lacks a species of the snapshot.
            SimulationError: If no minimum is reached.
        """
        return self.descend(glass_former(system), as_snapshot(snapshot))

    def energies_and_forces(
        self, system: SystemLike, snapshot: SnapshotLike
    ) -> tuple[FloatArray, FloatArray]:
        """Potential energy of each particle, shape [n], and force on it, shape [n, d].

        Arguments and errors are those of `minimize`, but nothing is moved.
        """
        return self.evaluate(glass_former(system), as_snapshot(snapshot))

    @abstractmethod
    def descend(self, system: GlassFormer, snapshot: Snapshot) -> Snapshot:
        """What `minimize` asks of a subclass."""

    @abstractmethod
    def evaluate(self, system: GlassFormer, snapshot: Snapshot) -> tuple[FloatArray, FloatArray]:
        """What `energies_and_forces` asks of a subclass."""

    @property
    @abstractmethod
    def version(self) -> str:
        """Version of the simulation program."""

    def run(
        self,
        system: SystemLike,
        protocol: CooledStatePoint,
        out: str | Path,
        *,
        metadata: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
        overwrite: bool = False,
    ) -> Trajectory:
        """Run a protocol and write its frames as one GSD file.

        Frames have the fields ``potential_energy`` and ``kinetic_energy``; the metadata entry
        ``equilibration`` says whether the system was equilibrated when they were stored.

        Args:
            system: The mixture to simulate: its name, a TOML file, a definition, or itself.
            protocol: The state point and schedule. A run that was killed resumes from its last
                checkpoint, and its frames are the same as those of a run that was not.
            out: File to write; its stem is the name of the run.
            metadata: Entries to add to the trajectory's metadata, such as ``phase``.
            progress: Called with the number of steps done and the total number.
            overwrite: Replace `out` even if it is not a GSD file of this package.

        Returns:
            The trajectory as read back from `out`.

        Raises:
            InputError: If the box is too small for the potentials or the engine lacks them.
            SimulationError: If the run fails.
            FileError: If `out` cannot be written.
        """
        system, out = glass_former(system), Path(out)
        # Before the hours of work, not after.
        require_replaceable(out, ours=is_ours, overwrite=overwrite)
        facts = {
            "run": out.stem,
            "level": "thermal",
            "protocol": protocol.model_dump(mode="json"),
            **self._facts(system, protocol),
            **(metadata or {}),
        }
        checkpoint = Checkpoint(out, facts, in_charge=self.rank == 0)
        self._run_from(checkpoint, system, protocol, progress)
        if self.rank == 0:
            kept = Trajectory(checkpoint.frames(), facts)
            verdict = assess(system, kept).to_dict()
            write(out, kept.stating(equilibration=verdict), overwrite=overwrite)
            checkpoint.remove()
        self.synchronize()
        return read(out)

    def isoconfigurational(
        self,
        system: SystemLike,
        snapshot: SnapshotLike,
        protocol: IsoconfigurationalProtocol,
        out: str | Path,
        *,
        metadata: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
    ) -> Path:
        """Run clones of one configuration and write all of them to one GSD file.

        Frame 0 is the initial configuration at step 0 (images zero if they were unknown), followed
        by clone 0 at all lags, clone 1 at all lags, and so on.

        Args:
            system: The mixture to simulate: its name, a TOML file, a definition, or itself.
            snapshot: Configuration that every clone starts from, or the file of one.
            protocol: Number of clones, and the lags at which their frames are stored.
            out: File to write; its stem is the name of the run.
            metadata: Entries to add to the trajectory's metadata.
            progress: Called with the number of steps done and the total number.

        Returns:
            The path `out`.

        Raises:
            InputError: If the box is too small or `system` lacks a species of the snapshot.
            SimulationError: If a run fails.
            FileError: If `out` cannot be written.
        """
        system, snapshot = glass_former(system), as_snapshot(snapshot)
        require_replaceable(out, ours=is_ours)
        images = snapshot.images
        if images is None:
            images = np.zeros(snapshot.positions.shape, dtype=np.int32)
        # From here on the order says who is who, whether the file knew it or not.
        known = None if snapshot.is_anonymous else snapshot.ids
        start = snapshot.replace(fields={}, step=0, images=images, ids=known)
        facts = {
            "run": Path(out).stem,
            "isoconfigurational": protocol.model_dump(mode="json"),
            **self._facts(system, protocol),
            **(metadata or {}),
        }
        frames = [start, *self._clones(system, start, protocol, progress)]
        if self.rank == 0:
            write(out, Trajectory(frames, facts))
        self.synchronize()
        return Path(out)

    def synchronize(self) -> None:  # noqa: B027 - an engine of one process need not wait
        """Wait until all processes that share the run have called this."""

    def _run_from(
        self,
        checkpoint: Checkpoint,
        system: GlassFormer,
        protocol: CooledStatePoint,
        progress: Progress | None,
    ) -> None:
        """Continue a run from its last checkpoint to its end, storing its frames there."""
        lattice = lattice_start(system, protocol)
        n, d = lattice.positions.shape
        melt = maxwell_velocities(protocol.generator("melt velocities"), n, d, protocol.kT_melt)
        state = checkpoint.resume(State(lattice, melt))
        first = state.snapshot.step
        frame_steps = set(protocol.frame_steps)
        if first == 0:
            state = self._after(system, state, settling(protocol), _Clock(0, 0, None))
            if 0 in frame_steps:
                checkpoint.add(self._frame(state))
        clock = _Clock(first, protocol.frame_steps[-1], progress)
        for stretch in stretches(protocol.stages, protocol.frame_steps, protocol, n):
            if stretch.start < first:
                continue
            state = self._after(system, state, stretch, clock)
            if stretch.end in frame_steps:
                checkpoint.add(self._frame(state))
            checkpoint.save(state)

    def _clones(
        self,
        system: GlassFormer,
        start: Snapshot,
        protocol: IsoconfigurationalProtocol,
        progress: Progress | None,
    ) -> Iterator[Snapshot]:
        n, d = start.positions.shape
        clock = _Clock(0, protocol.n_clones * protocol.lag_steps[-1], progress)
        last = protocol.first_clone + protocol.n_clones
        for clone in range(protocol.first_clone, last):
            generator = protocol.generator("clone velocities", clone)
            state = State(start, maxwell_velocities(generator, n, d, protocol.kT))
            for stretch in stretches(protocol.stages, protocol.lag_steps, protocol, n, clone):
                state = self._after(system, state, stretch, clock)
                if stretch.end in protocol.lag_steps:
                    yield state.snapshot

    def _after(self, system: GlassFormer, state: State, stretch: Stretch, clock: _Clock) -> State:
        for steps in self.advance(system, state, stretch):
            clock.count(steps)
        positions, crossed, velocities = self.motion()
        return State(moved(state.snapshot, positions, crossed, stretch.end), velocities)

    def _frame(self, state: State) -> Snapshot:
        """The frame to store for a state just reached: its configuration and energies."""
        return state.snapshot.with_fields(
            potential_energy=self.energies(),
            kinetic_energy=(state.velocities**2).sum(axis=1) / 2,
        )

    def _facts(self, system: GlassFormer, protocol: ThermostattedStatePoint) -> dict[str, Any]:
        return {
            "system": system.identity,
            "dt": protocol.dt,
            "kT": protocol.kT,
            "engine": self.name,
            "versions": {"gnnglass": __version__, self.name: self.version},
        }


ENGINES: Registry[Engine] = Registry("engine", "gnnglass.simulate")


class _Clock:
    """Counts the steps done, and reports them."""

    def __init__(self, done: int, total: int, progress: Progress | None) -> None:
        self._done = done
        self._total = total
        self._progress = progress

    def count(self, steps: int) -> None:
        self._done += steps
        if self._progress is not None:
            self._progress(self._done, self._total)
