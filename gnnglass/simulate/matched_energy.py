"""Liquids and glasses at the same inherent-structure energy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gnnglass.errors import InputError
from gnnglass.systems.potential import FloatArray
from gnnglass.trajectories import Trajectory


@dataclass(frozen=True, eq=False)
class MatchedEnergies:
    """Inherent structures of two phases, paired so that energy does not tell them apart.

    Attributes:
        trajectories: Phase to its trajectories, one per run that has selected frames, with those
            frames only; `gnnglass.training.LabelledSet.from_trajectories` takes them as they are.
        energies: Phase to the energies per particle of its selected frames, the k-th of one phase
            paired with the k-th of the other; each of shape [n_pairs].
        energy_auc: Probability that a selected frame of the first phase has more energy than one
            of the second: what a classifier by energy alone would reach; 1/2 is none.
        significance: Probability, by the two-sample Kolmogorov–Smirnov test, of so large a
            difference between frames drawn independently from one distribution of energies.
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


def match_energies(
    trajectories: Mapping[str, Sequence[Trajectory]], *, tolerance: float
) -> MatchedEnergies:
    """Select frames of two phases that have the same inherent-structure energies, one to one.

    What a classifier still tells apart in them is structure beyond energy (Swanson, Trivedi,
    Lequieu, Swanson & Kondor, arXiv:1909.04648). Of all one-to-one pairings of frames whose
    energies per particle differ by at most `tolerance` this takes one with the most pairs, and of
    these one with the smallest sum of differences, by linear assignment (Crouse, IEEE Trans.
    Aerosp. Electron. Syst. 52, 1679 (2016)). Frames keep their run and their order, so later
    splits by run hold; runs without a selected frame drop out.

    Args:
        trajectories: Phase to its inherent trajectories, one per independent run, whose frames
            have the field ``potential_energy``. Two phases.
        tolerance: Largest difference of energy per particle within a pair, in units of energy.

    Raises:
        InputError: If there are not two phases, a trajectory is not inherent or lacks energies,
            `tolerance` is not positive, or no two frames are that close.
    """
    if not 0 < tolerance < np.inf:
        raise InputError(f"tolerance is {tolerance:g}; expected a positive difference of energy.")
    if len(trajectories) != 2 or not all(trajectories.values()):
        known = ", ".join(phase for phase, members in trajectories.items() if members)
        raise InputError(
            f"energies are matched between two phases; got {known or 'none'}: give trajectories "
            "of liquids and of glasses."
        )
    energies = {
        phase: [_energies(trajectory) for trajectory in members]
        for phase, members in trajectories.items()
    }
    pooled = [np.concatenate(members) for members in energies.values()]
    first, second = pooled
    picks = _pairing(first, second, tolerance)
    if not len(picks[0]):
        closest = np.abs(first[:, None] - second).min()
        raise InputError(
            f"no {' and '.join(trajectories)} frames have the same energy: the closest are "
            f"{closest:.4g} per particle apart, more than the tolerance {tolerance:g}; raise it, "
            "or simulate temperatures or cooling rates that are closer together."
        )
    matched = [values[pick] for values, pick in zip(pooled, picks, strict=True)]
    from scipy.stats import ks_2samp, mannwhitneyu

    return MatchedEnergies(
        trajectories={
            phase: _selected(members, pick)
            for (phase, members), pick in zip(trajectories.items(), picks, strict=True)
        },
        energies=dict(zip(trajectories, matched, strict=True)),
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
    # A pair too far apart costs more than all that are not together, so it replaces none of them.
    too_far = 1.0 + min(gaps.shape)
    rows, columns = linear_sum_assignment(np.where(gaps <= 1, gaps, too_far))
    close = gaps[rows, columns] <= 1
    return rows[close], columns[close]


def _selected(members: Sequence[Trajectory], pick: NDArray[np.int64]) -> list[Trajectory]:
    """The picked frames, numbered through all members, as trajectories of their runs."""
    ends = np.cumsum([len(trajectory) for trajectory in members])
    selected = []
    for trajectory, end in zip(members, ends, strict=True):
        own = sorted(pick[(pick >= end - len(trajectory)) & (pick < end)] - end)
        if own:
            frames = [trajectory[len(trajectory) + int(k)] for k in own]
            selected.append(Trajectory(frames, trajectory.metadata))
    return selected
