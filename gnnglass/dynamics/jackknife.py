"""Errors of what is computed from an average: leave out one group of clones after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gnnglass.trajectories.snapshot import FloatArray


@dataclass(frozen=True, eq=False)
class GroupSums:
    """Sums over groups of independent samples, in memory that does not grow with the samples.

    Attributes:
        sums: Sum over each group of samples of any one shape, shape [n_groups, ...].
        sizes: Samples in each group, shape [n_groups]; a group may have none.
    """

    sums: FloatArray
    sizes: NDArray[np.int64]

    @property
    def mean(self) -> FloatArray:
        """Mean over all samples, shape [...]."""
        return np.asarray(self.sums.sum(axis=0) / self.sizes.sum())

    def jackknife_error(self, statistic: Callable[[FloatArray], FloatArray]) -> FloatArray:
        """Standard error of a function of the mean, by the delete-a-group jackknife.

        With θ from all M samples, θ₍ⱼ₎ from all but the mⱼ of group j, and hⱼ = M / mⱼ,
        var θ = (1/g) Σⱼ (hⱼθ − (hⱼ − 1)θ₍ⱼ₎ − θ_J)² / (hⱼ − 1) over the g groups, where
        θ_J = gθ − Σⱼ (1 − 1/hⱼ) θ₍ⱼ₎ (Busing, Meijer & van der Leeden, Stat. Comput. 9, 3 (1999)).
        With one sample per group this is the usual delete-one jackknife.

        Args:
            statistic: From a mean, shape [...], to what is wanted of it.

        Returns:
            Standard errors, of the shape of what `statistic` returns.
        """
        total, n_samples = self.sums.sum(axis=0), self.sizes.sum()
        used = np.flatnonzero(self.sizes)
        whole = statistic(total / n_samples)
        left_out = np.stack(
            [statistic((total - self.sums[j]) / (n_samples - self.sizes[j])) for j in used]
        )
        h = (n_samples / self.sizes[used]).reshape(-1, *(1,) * whole.ndim)
        centre = (whole - (1 - 1 / h) * left_out).sum(axis=0)
        pseudovalues = h * whole - (h - 1) * left_out
        return np.asarray(np.sqrt(((pseudovalues - centre) ** 2 / (h - 1)).mean(axis=0)))
