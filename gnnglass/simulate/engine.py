"""Engines: what carries out a protocol. One interface, whatever program is behind it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from gnnglass.errors import InputError
from gnnglass.registry import Registry
from gnnglass.simulate.protocol import IsoconfigurationalProtocol, Protocol
from gnnglass.systems import GlassFormer
from gnnglass.systems.potential import FloatArray
from gnnglass.trajectories import Snapshot, Trajectory, read, write

#: Called now and then with the work done and the work there is.
Progress = Callable[[int, int], None]


class Engine(ABC):
    """Runs molecular dynamics and minimisations of glass formers, one thread each.

    Subclasses give the four abstract methods; seeds, metadata and files are handled here.
    """

    #: Its registered name.
    name: str

    @abstractmethod
    def sample(
        self,
        system: GlassFormer,
        start: Snapshot,
        protocol: Protocol,
        progress: Progress | None = None,
    ) -> Iterator[Snapshot]:
        """Carry out `protocol` from the lattice `start`, yielding its frames with images."""

    @abstractmethod
    def clones(
        self,
        system: GlassFormer,
        start: Snapshot,
        protocol: IsoconfigurationalProtocol,
        progress: Progress | None = None,
    ) -> Iterator[Snapshot]:
        """Yield the frames of the first clone at all lags, of the next at all lags, and so on."""

    @abstractmethod
    def minimize(self, system: GlassFormer, snapshot: Snapshot) -> Snapshot:
        """The inherent structure: the local minimum of the potential energy downhill from here.

        Args:
            system: The mixture whose potentials act.
            snapshot: Configuration of n particles; particles are matched to species by name.

        Returns:
            A snapshot with the same box, types and step, positions that are unwrapped like those
            of `snapshot` (images unknown if they were), and one field, ``potential_energy``: the
            energy of each particle from the potentials of `system`, not from the engine.

        Raises:
            InputError: If the box is too small or `system` lacks a species of the snapshot.
            SimulationError: If no minimum is reached.
        """

    @abstractmethod
    def energies_and_forces(
        self, system: GlassFormer, snapshot: Snapshot
    ) -> tuple[FloatArray, FloatArray]:
        """Potential energy of each particle, shape [n], and force on it, shape [n, d]."""

    @property
    @abstractmethod
    def version(self) -> str:
        """Version of the program that does the work."""

    def run(
        self,
        system: GlassFormer,
        protocol: Protocol,
        out: str | Path,
        *,
        metadata: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
    ) -> Trajectory:
        """Carry out a protocol and write its frames as one GSD file.

        Args:
            system: The mixture to simulate.
            protocol: What to do; the same protocol gives the same frames.
            out: File to write; its stem names the run.
            metadata: Entries to add to the trajectory's metadata, such as ``phase``.
            progress: Called with the steps done and the steps there are.

        Returns:
            The trajectory as read back from `out`.

        Raises:
            InputError: If the box is too small for the potentials or the engine cannot do them.
            SimulationError: If the run fails.
            FileError: If `out` cannot be written.
        """
        start = lattice_start(system, protocol)
        facts = {
            "run": Path(out).stem,
            "level": "thermal",
            "protocol": protocol.model_dump(mode="json"),
            **self._facts(system, protocol),
            **(metadata or {}),
        }
        frames = list(self.sample(system, start, protocol, progress))
        write(out, Trajectory(frames, facts))
        return read(out)

    def isoconfigurational(
        self,
        system: GlassFormer,
        snapshot: Snapshot,
        protocol: IsoconfigurationalProtocol,
        out: str | Path,
        *,
        metadata: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
    ) -> Path:
        """Run clones of one configuration and write them all into one GSD file.

        Frame 0 is the initial configuration at step 0 (images zero if they were unknown); then
        come clone 0 at all lags, clone 1 at all lags, and so on.

        Args:
            system: The mixture to simulate.
            snapshot: Configuration that every clone starts from.
            protocol: How many clones, how long, at which lags to keep them.
            out: File to write; its stem names the run.
            metadata: Entries to add to the trajectory's metadata.
            progress: Called with the steps done and the steps there are.

        Returns:
            The path `out`.

        Raises:
            InputError: If the box is too small or `system` lacks a species of the snapshot.
            SimulationError: If a run fails.
            FileError: If `out` cannot be written.
        """
        images = snapshot.images
        if images is None:
            images = np.zeros(snapshot.positions.shape, dtype=np.int32)
        start = snapshot.replace(fields={}, step=0, images=images)
        facts = {
            "run": Path(out).stem,
            "isoconfigurational": protocol.model_dump(mode="json"),
            **self._facts(system, protocol),
            **(metadata or {}),
        }
        frames = [start, *self.clones(system, start, protocol, progress)]
        write(out, Trajectory(frames, facts))
        return Path(out)

    def _facts(
        self, system: GlassFormer, protocol: Protocol | IsoconfigurationalProtocol
    ) -> dict[str, Any]:
        return {
            "system": system.name,
            "dt": protocol.dt,
            "kT": protocol.kT,
            "engine": self.name,
            "versions": {"gnnglass": version("gnnglass"), self.name: self.version},
        }


ENGINES: Registry[Engine] = Registry("engine", "gnnglass.simulate")


def lattice_start(system: GlassFormer, protocol: Protocol) -> Snapshot:
    """A square or simple cubic lattice with shuffled species, at the mixture's density.

    The lattice is the smallest that has a site for each particle; sites that are left over are
    vacancies at random places.

    Raises:
        InputError: If the box is too small for the potentials.
    """
    n, d = protocol.n_particles, system.dimension
    box = system.box(n)
    require_room(system, box)
    # The cube root of a cube may come out a rounding error above it.
    edge = int(np.ceil(n ** (1 / d) - 1e-9))
    generator = protocol.generator("lattice start")
    sites = np.sort(generator.choice(edge**d, size=n, replace=False))
    cells = np.stack(np.unravel_index(sites, (edge,) * d), axis=1)
    types = np.repeat(np.arange(len(system.species)), system.counts(n))
    return Snapshot(
        box=box,
        positions=(cells + 0.5) * (box / edge) - box / 2,
        types=generator.permutation(types),
        type_names=system.species,
        images=np.zeros((n, d), dtype=np.int32),
    )


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
