"""Inherent structures, separating particles that overlap, and matching inherent energies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gnnglass import __version__
from gnnglass._arguments import checks_arguments
from gnnglass._files import require_writable
from gnnglass.errors import InputError, SimulationError
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
    accepted = Material.of([trajectory]).require_fit(
        system.material,
        whose="the trajectory",
        made_for=f"{system.name!r}, whose potentials act",
        accept=accept,
    )
    minimiser = ENGINES.create(engine)
    frames = []
    for k, snapshot in enumerate(trajectory):
        try:
            if keep is None:
                frames.append(minimiser.minimize(system, snapshot))
            else:
                frames.append(_stored_minimum(minimiser, system, snapshot, Path(keep)))
        except SimulationError as error:
            raise SimulationError(
                f"frame {k} (step {snapshot.step}) has no inherent structure, because {error} "
                "The other frames can do without it: leave it out."
            ) from error
        if progress is not None:
            progress(len(frames), len(trajectory))
    facts = {**trajectory.metadata, "system": system.identity, "level": "inherent"}
    return Trajectory(frames, facts, trajectory.source).accepting(accepted)


def _stored_minimum(
    minimiser: Engine, system: GlassFormer, snapshot: Snapshot, folder: Path
) -> Snapshot:
    """The minimum as it is stored in a folder; it is found and stored first, if need be."""
    facts = {"system": system.identity, "level": "inherent", "engine": minimiser.name}
    path = folder / f"{_digest(snapshot, json.dumps(facts, sort_keys=True))}.gsd"
    if not path.is_file():
        require_writable(path)
        write(path, Trajectory([minimiser.minimize(system, snapshot)], facts))
    return read(path)[0]


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
