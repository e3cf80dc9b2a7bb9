"""Inherent structures, separating particles that overlap, and matching inherent energies."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnnglass import __version__
from gnnglass._arguments import checks_arguments
from gnnglass._files import locked, require_replaceable, require_writable
from gnnglass._records import Record, code_digest, digest_of, file_digest, record_beside
from gnnglass.errors import GnnglassError, InputError, SimulationError
from gnnglass.parallel import run_parallel
from gnnglass.registry import packages_elsewhere
from gnnglass.simulate.engine import ENGINES, Engine, Progress
from gnnglass.systems import GlassFormer, SystemLike, glass_former, inner_radius
from gnnglass.systems.potentials import FloatArray
from gnnglass.trajectories import (
    Material,
    RunsLike,
    Snapshot,
    Trajectory,
    TrajectoryLike,
    as_runs,
    as_trajectory,
    neighbor_pairs,
    read,
    write,
)
from gnnglass.trajectories.gsd import is_ours

#: Overlapping pairs are moved apart by this factor more than needed, as a minimiser's first step
#: may move them together again.
MARGIN = 1.3
MAX_SWEEPS = 300


def separated(system: GlassFormer, snapshot: Snapshot) -> Snapshot:
    """The configuration, with pairs that are closer than any pair in a liquid moved apart.

    Each sweep moves both particles of a pair along their connecting line until their distance is
    the `gnnglass.systems.inner_radius` of their potential, where the tables of engines begin.
    Configurations without such pairs are returned unchanged.

    Args:
        system: The mixture whose potentials act.
        snapshot: Configuration of n particles; matched to the species of `system` by name.

    Raises:
        InputError: If `system` lacks a species of the snapshot.
        SimulationError: If the particles cannot be separated.
    """
    nearest = np.zeros((len(system.species),) * 2)
    for (a, b), potential in system.potentials.items():
        first, second = system.species.index(a), system.species.index(b)
        nearest[first, second] = nearest[second, first] = inner_radius(potential)
    types = system.types_of(snapshot)
    goal = 1.0
    for _ in range(MAX_SWEEPS):
        pairs = neighbor_pairs(snapshot, MARGIN * float(nearest.max()))
        wanted = goal * nearest[types[pairs.i], types[pairs.j]]
        near = pairs.distances < wanted
        if not near.any():
            return snapshot
        goal = MARGIN
        i, j, r = pairs.i[near], pairs.j[near], pairs.distances[near]
        away = np.where(r[:, None] > 0, -pairs.vectors[near] / np.maximum(r, 1e-300)[:, None], 0.0)
        # Particles at the same point are moved apart along the first axis.
        away[r == 0, 0] = np.where(i < j, 1.0, -1.0)[r == 0]
        moves = np.zeros(snapshot.positions.shape)
        np.add.at(moves, i, away * ((wanted[near] - r) / 2 + 1e-9)[:, None])
        snapshot = snapshot.replace(positions=snapshot.positions + moves)
    raise SimulationError(
        f"particles overlap, and {MAX_SWEEPS} sweeps could not move them apart; start from a "
        "configuration of lower density or from a lattice."
    )


@checks_arguments
def inherent_structures(
    system: SystemLike,
    trajectory: TrajectoryLike,
    engine: str = "lammps",
    *,
    keep: str | Path | None = None,
    accept: Collection[str] = (),
    progress: Progress | None = None,
) -> Trajectory:
    """Minimise the potential energy of each frame.

    Stillinger & Weber, Phys. Rev. A 25, 978 (1982).

    Args:
        system: The mixture whose potentials act: its name, a TOML file, a definition, or itself.
        trajectory: Frames of n particles: a trajectory, a file, or one or more snapshots.
            Returned unchanged if its level is ``"inherent"``.
        engine: Name of the engine that minimises.
        keep: Folder that stores the minima, one file each, and from which those found before are
            read. Positions are always those of the file, in single precision.
        accept: Names of differences from the mixture that are meant, of
            `gnnglass.trajectories.material.DIFFERENCES`: another stated system, composition or
            density. They are stored in the metadata as ``accepted``.
        progress: Called with the number of frames done and the total number.

    Returns:
        Frames with the same steps and boxes and the field ``potential_energy``, one for a single
        snapshot; the metadata of `trajectory` with level ``"inherent"`` and the system whose
        potentials acted.

    Raises:
        InputError: If a frame does not fit the system.
        SimulationError: If no minimum is reached from a frame; names the first.
        UnknownNameError: If there is no such glass former or engine.
        MissingExtraError: If the engine is not installed.
        FileError: If a path cannot be read, a minimum cannot be stored, or a stored one is
            damaged.
    """
    system, trajectory = glass_former(system), as_trajectory(trajectory)
    if trajectory.metadata.get("level") == "inherent":
        return trajectory
    accepted = _require_fit(system, trajectory, "the trajectory", accept)
    minimiser = ENGINES.create(engine)
    frames = []
    for k in range(len(trajectory)):
        frames.append(_minimum(minimiser, system, trajectory, k, keep))
        if progress is not None:
            progress(len(frames), len(trajectory))
    return _of_minima(system, trajectory, frames, accepted)


def _require_fit(
    system: GlassFormer, trajectory: Trajectory, whose: str, accept: Collection[str]
) -> dict[str, str]:
    """What of a trajectory is unlike the mixture and accepted; raises `InputError` of the rest."""
    return Material.of([trajectory]).require_fit(
        system.material,
        whose=whose,
        made_for=f"{system.name!r}, whose potentials act",
        accept=accept,
    )


def _minimum(
    minimiser: Engine, system: GlassFormer, trajectory: Trajectory, k: int, keep: str | Path | None
) -> Snapshot:
    """The minimum below frame `k`, stored in the folder `keep` if there is one."""
    snapshot = trajectory[k]
    try:
        if keep is None:
            return minimiser.minimize(system, snapshot)
        path = _place(minimiser, system, snapshot, Path(keep))
        if not path.is_file():
            require_writable(path)
            facts = _facts(minimiser, system)
            write(path, Trajectory([minimiser.minimize(system, snapshot)], facts))
        return read(path)[0]
    except SimulationError as error:
        raise SimulationError(
            f"frame {k} (step {snapshot.step}) has no inherent structure, because {error} "
            "The other frames can do without it: leave it out."
        ) from error


def _of_minima(
    system: GlassFormer,
    trajectory: Trajectory,
    frames: Sequence[Snapshot],
    accepted: Mapping[str, str],
) -> Trajectory:
    facts = {**trajectory.metadata, "system": system.identity, "level": "inherent"}
    return Trajectory(frames, facts, trajectory.source).accepting(accepted)


def _facts(minimiser: Engine, system: GlassFormer) -> dict[str, Any]:
    return {"system": system.identity, "level": "inherent", "engine": minimiser.name}


def _place(minimiser: Engine, system: GlassFormer, snapshot: Snapshot, folder: Path) -> Path:
    """Where the minimum below a configuration is stored."""
    facts = json.dumps(_facts(minimiser, system), sort_keys=True)
    return folder / f"{_digest(snapshot, facts)}.gsd"


def _digest(snapshot: Snapshot, facts: str) -> str:
    """Digest of everything that a minimum depends on."""
    names = json.dumps([__version__, facts, snapshot.type_names, snapshot.step])
    digest = hashlib.sha256(names.encode())
    for array in (snapshot.box, snapshot.positions, snapshot.types, snapshot.images):
        digest.update(b"" if array is None else array.tobytes())
    return digest.hexdigest()[:16]


@checks_arguments
def inherent_path(path: str | Path) -> Path:
    """File for the inherent structures of a run, beside the file of the run."""
    return Path(path).with_suffix(".inherent.gsd")


def _is_done(out: Path, digest: str) -> bool:
    return Record.find(record_beside(out), digest, [out]) is not None


#: Each file is minimised in at most so many parts, by any of the workers: every part reads it.
MOST_PARTS = 16


@dataclass(frozen=True)
class _Minimisation:
    """A file, and the file that its inherent structures go to.

    Attributes:
        source: The input.
        out: The product; minima are kept in a folder beside it until all are there.
        read: How the input is read.
        system: The mixture whose potentials act.
        engine: Name of the engine.
        accepted: Differences from the mixture that were accepted, in words.
        n_frames: Number of frames.
        digest: Of everything the product depends on.
        facts: What the product states of how it was made.
        overwrite: Whether the product may take the place of any file.
    """

    source: Path
    out: Path
    read: Callable[[Path], Trajectory]
    system: GlassFormer
    engine: str
    accepted: Mapping[str, str]
    n_frames: int
    digest: str
    facts: Mapping[str, Any]
    overwrite: bool

    @property
    def keep(self) -> Path:
        """Folder of the minima that are found."""
        return self.out.with_name(f".{self.out.name}.minima")

    @property
    def parts(self) -> list[_Part]:
        """Tasks that together minimise all frames."""
        size = math.ceil(self.n_frames / MOST_PARTS)
        return [
            _Part(self, range(first, min(first + size, self.n_frames)))
            for first in range(0, self.n_frames, size)
        ]

    def is_done(self) -> bool:
        """Whether the product is there, and is what would be made now."""
        return _is_done(self.out, self.digest)

    def minimise(self, chosen: Sequence[int]) -> None:
        """Find the minima below some frames, and write the product if none is missing then."""
        trajectory, minimiser = self.read(self.source), ENGINES.create(self.engine)
        for k in chosen:
            _minimum(minimiser, self.system, trajectory, k, self.keep)
        with locked(self.keep / ".lock"):
            places = (_place(minimiser, self.system, frame, self.keep) for frame in trajectory)
            if all(path.is_file() for path in places) and not self.is_done():
                self._write(trajectory, minimiser)

    def _write(self, trajectory: Trajectory, minimiser: Engine) -> None:
        def work() -> dict[str, Any]:
            frames = [
                _minimum(minimiser, self.system, trajectory, k, self.keep)
                for k in range(len(trajectory))
            ]
            made = _of_minima(self.system, trajectory, frames, self.accepted)
            write(self.out, made.stating(minimised=dict(self.facts)), overwrite=self.overwrite)
            return {"frames": len(frames)}

        Record.make(record_beside(self.out), self.digest, work, [self.out])


@dataclass(frozen=True)
class _Part:
    """Some frames of a file, for a worker to minimise."""

    whole: _Minimisation
    chosen: range

    @property
    def name(self) -> str:
        return str(self.whole.facts["source"])

    def __call__(self) -> None:
        self.whole.minimise(self.chosen)

    def fail(self, reason: str, traceback: str = "") -> None:
        """What failed is tried again the next time, so nothing is stored."""


def _code(engine: str) -> str:
    """Digest of the code that inherent structures depend on."""
    return code_digest(
        *("gnnglass.simulate", "gnnglass.systems", "gnnglass.trajectories"),
        *packages_elsewhere("gnnglass.simulate", [engine]),
        *packages_elsewhere("gnnglass.systems"),
        *packages_elsewhere("gnnglass.potentials"),
    )


def _mixture_of(trajectory: Trajectory, source: Path, system: SystemLike | None) -> GlassFormer:
    """The mixture whose potentials act.

    Raises:
        InputError: If nobody says, or there is nothing to minimise.
    """
    if trajectory.metadata.get("level") == "inherent":
        raise InputError(
            f"{source} holds inherent structures already; use it as it is, or give the trajectory "
            "they were made from."
        )
    stated = trajectory.metadata.get("system") if system is None else system
    if stated is None:
        raise InputError(f"{source} does not name its glass former; give the system (--system).")
    return glass_former(stated)


@checks_arguments
def minimise_files(
    files: Mapping[str, str | Path] | Mapping[Path, str | Path],
    system: SystemLike | None = None,
    engine: str = "lammps",
    *,
    read: Callable[[Path], Trajectory] = read,
    options: Mapping[str, Any] | None = None,
    accept: Collection[str] = (),
    workers: int | None = None,
    scheduler: str | None = None,
    overwrite: bool = False,
    refused: Callable[[Path, GnnglassError], object] | None = None,
) -> list[Path]:
    """Write the inherent structures of many files, on all cores; see `inherent_structures`.

    A record beside each product (hidden, ending in .record) says what it was made of, so that what
    is finished is not done again, unless the input, an option, the code or the product itself has
    changed. The minima of unfinished files are kept beside them, frame by frame: killed work goes
    on where it was. A product appears whole, when the last of its minima is found.

    Worker processes are fresh interpreters; see `gnnglass.parallel.run_parallel`.

    Args:
        files: Trajectory -> file for its inherent structures (GSD).
        system: The mixture whose potentials act; by default the one that each file names.
        engine: Name of the engine that minimises.
        read: How a file is read; it is sent to the workers, so it has to be a function of a module,
            or a `functools.partial` of one.
        options: JSON-like values that `read` depends on; they are stored with each product, in the
            metadata entry ``minimised``.
        accept: As `inherent_structures` takes it.
        workers: Number of processes; the number of usable cores if None.
        scheduler: Address of a dask.distributed scheduler whose workers minimise instead; they must
            see the files under the same paths.
        overwrite: Replace files whatever they are.
        refused: Called with each file that cannot be minimised, and why, before the others are;
            without, the first ends it all.

    Returns:
        The products that are there at the end, in the order of the files.

    Raises:
        InputError: If a file holds inherent structures already, names no mixture or does not fit
            it.
        FileError: If a file cannot be read, or its product cannot be written.
        SimulationError: If no minimum is reached from a frame, after all others are done; or as
            `gnnglass.parallel.run_parallel`.
        UnknownNameError: If there is no such glass former or engine.
        MissingExtraError: If the engine, or dask for a scheduler, is not installed.
    """
    ENGINES.factory(engine)
    outs, begun = [Path(out) for out in files.values()], []
    stated = None if system is None else glass_former(system).identity
    depends_on = [stated, engine, dict(options or {}), sorted(accept), _code(engine)]
    digests: dict[Path, str] = {}
    for source, out in zip(map(Path, files), outs, strict=True):
        try:
            require_replaceable(out, ours=is_ours, overwrite=overwrite, inputs=files)
            require_writable(out)
            # Of what is no file, reading tells.
            content = file_digest(source) if source.is_file() else None
            digests[out] = digest = digest_of(content, *depends_on)
            if _is_done(out, digest):
                continue
            trajectory = read(source)
            former = _mixture_of(trajectory, source, system)
            accepted = _require_fit(former, trajectory, str(source), accept)
        except GnnglassError as error:
            if refused is None:
                raise
            refused(source, error)
            continue
        facts = {"source": str(source), "engine": engine, **(options or {})}
        begun.append(
            _Minimisation(
                source=source.absolute(),
                out=out.absolute(),
                read=read,
                system=former,
                engine=engine,
                accepted=accepted,
                n_frames=len(trajectory),
                digest=digest,
                facts=facts,
                overwrite=overwrite,
            )
        )
    parts = [part for one in begun for part in one.parts]
    try:
        run_parallel(parts, workers=workers, scheduler=scheduler, description="inherent structures")
    finally:
        for one in begun:
            if one.is_done():
                shutil.rmtree(one.keep, ignore_errors=True)
    return [out for out, digest in digests.items() if _is_done(out, digest)]


@dataclass(frozen=True, eq=False, repr=False)
class MatchedEnergies:
    """Inherent structures of two phases, paired so that their energies are equal.

    Attributes:
        trajectories: Phase to its trajectories, one per run that has selected frames, with those
            frames only; `gnnglass.training.LabelledSet.from_trajectories` takes them as they are.
        energies: Phase to the energies per particle of its selected frames, the k-th of one phase
            paired with the k-th of the other; each of shape [n_pairs].
        energy_auc: Probability that a selected frame of the first phase has more energy than one
            of the second: the AUC of a classifier that uses energy alone; 1/2 is chance.
        significance: p-value of the two-sample Kolmogorov–Smirnov test: the probability of so
            large a difference between frames drawn independently from the same distribution.
    """

    trajectories: Mapping[str, list[Trajectory]]
    energies: Mapping[str, FloatArray]
    energy_auc: float
    significance: float

    @property
    def n_pairs(self) -> int:
        """Number of pairs, which is the number of frames of either phase."""
        return len(next(iter(self.energies.values())))

    @property
    def mean_gap(self) -> float:
        """Mean of ``|ΔE| / N`` over the pairs."""
        first, second = self.energies.values()
        return float(np.abs(first - second).mean())

    def __str__(self) -> str:
        runs = " and ".join(f"{len(kept)} {phase}" for phase, kept in self.trajectories.items())
        return (
            f"{self.n_pairs} pairs of frames of {runs} runs, {self.mean_gap:.2g} apart in energy "
            f"per particle on average; AUC of energy {self.energy_auc:.3f}, "
            f"Kolmogorov–Smirnov p = {self.significance:.2g}."
        )

    def __repr__(self) -> str:
        return f"<MatchedEnergies: {self}>"


@checks_arguments
def match_energies(trajectories: Mapping[str, RunsLike], *, tolerance: float) -> MatchedEnergies:
    """Select frames of two phases that have the same inherent-structure energies, one to one.

    What a classifier can still distinguish in them is structure beyond energy (Swanson, Trivedi,
    Lequieu, Swanson & Kondor, arXiv:1909.04648). Of all one-to-one pairings of frames whose
    energies per particle differ by at most `tolerance` this takes one with the most pairs, and of
    these one with the smallest sum of differences, by linear assignment (Crouse, IEEE Trans.
    Aerosp. Electron. Syst. 52, 1679 (2016)). Frames keep their run and their order, so later
    splits by run hold; runs without a selected frame drop out.

    Args:
        trajectories: Phase to its inherent trajectories or their files, one per independent run,
            whose frames have the field ``potential_energy``. Two phases.
        tolerance: Largest difference of energy per particle within a pair, in units of energy.

    Raises:
        InputError: If there are not two phases, a trajectory is not inherent or lacks energies,
            `tolerance` is not positive, or no two frames are that close.
    """
    if not 0 < tolerance < np.inf:
        raise InputError(f"tolerance is {tolerance:g}; expected a positive difference of energy.")
    given = {phase: as_runs(members) for phase, members in trajectories.items()}
    if len(given) != 2 or not all(given.values()):
        known = ", ".join(phase for phase, members in given.items() if members)
        raise InputError(
            f"energies are matched between two phases; got {known or 'none'}: give trajectories "
            "of liquids and of glasses."
        )
    energies = {
        phase: [_energies(trajectory) for trajectory in members] for phase, members in given.items()
    }
    pooled = [np.concatenate(members) for members in energies.values()]
    first, second = pooled
    picks = _pairing(first, second, tolerance)
    if not len(picks[0]):
        closest = np.abs(first[:, None] - second).min()
        raise InputError(
            f"no {' and '.join(given)} frames have the same energy: the closest are "
            f"{closest:.4g} per particle apart, more than the tolerance {tolerance:g}; raise it, "
            "or simulate temperatures or cooling rates that are closer together."
        )
    matched = [values[pick] for values, pick in zip(pooled, picks, strict=True)]
    from scipy.stats import ks_2samp, mannwhitneyu

    return MatchedEnergies(
        trajectories={
            phase: _selected(members, pick)
            for (phase, members), pick in zip(given.items(), picks, strict=True)
        },
        energies=dict(zip(given, matched, strict=True)),
        energy_auc=float(mannwhitneyu(*matched).statistic) / len(picks[0]) ** 2,
        significance=float(ks_2samp(*matched).pvalue),
    )


def _energies(trajectory: Trajectory) -> FloatArray:
    """Inherent energy per particle of each frame, shape [n_frames]."""
    name = trajectory.metadata.get("run", "without a name")
    if trajectory.metadata.get("level", "thermal") != "inherent":
        raise InputError(
            f"run {name!r} is not inherent; find its inherent structures first, since vibrations "
            "make thermal energies of two temperatures differ."
        )
    return np.array([frame.field("potential_energy").mean() for frame in trajectory])


def _pairing(
    first: FloatArray, second: FloatArray, tolerance: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices into either array of the frames that are paired, each of shape [n_pairs]."""
    from scipy.optimize import linear_sum_assignment

    gaps = np.abs(first[:, None] - second) / tolerance
    # A pair beyond the tolerance costs more than all allowed pairs together, so that an assignment
    # with more allowed pairs is always cheaper.
    too_far = 1.0 + min(gaps.shape)
    rows, columns = linear_sum_assignment(np.where(gaps <= 1, gaps, too_far))
    close = gaps[rows, columns] <= 1
    return rows[close], columns[close]


def _selected(members: Sequence[Trajectory], pick: NDArray[np.int64]) -> list[Trajectory]:
    """The picked frames, numbered consecutively over all members, as trajectories of their runs."""
    ends = np.cumsum([len(trajectory) for trajectory in members])
    selected = []
    for trajectory, end in zip(members, ends, strict=True):
        own = sorted(pick[(pick >= end - len(trajectory)) & (pick < end)] - end)
        if own:
            frames = [trajectory[len(trajectory) + int(k)] for k in own]
            selected.append(Trajectory(frames, trajectory.metadata))
    return selected
