"""Maps smoothed over the length that suits the validation runs.

Maps differ in how smooth they are by themselves: a CNN has large cells, and messages carry features
along. So each is compared at its own best length, as predictors of dynamics are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gnnglass.benchmark.planting import Explained
from gnnglass.compare import smooth
from gnnglass.compare.smoothing import smooth_at_lengths
from gnnglass.explain.faithfulness import localisation_auc
from gnnglass.trajectories.snapshot import FloatArray

#: Lengths that maps may be smoothed over; 0 leaves them as they are.
LENGTHS = (0.0, 0.5, 1.0, 1.5)


def smoothed(explained: Explained, maps: Sequence[FloatArray], length: float) -> list[FloatArray]:
    """Each map, smoothed with the weight exp(−r / length)."""
    return [
        np.asarray(smooth(snapshot, scores, length))
        for snapshot, scores in zip(explained.snapshots, maps, strict=True)
    ]


def localisation_by_length(explained: Explained, maps: Sequence[FloatArray]) -> dict[float, float]:
    """Mean localisation at each of the `LENGTHS`."""
    versions = [
        smooth_at_lengths(snapshot, scores, LENGTHS)
        for snapshot, scores in zip(explained.snapshots, maps, strict=True)
    ]
    return {
        length: float(localisation_auc(at_length, explained.truth).mean())
        for length, at_length in zip(LENGTHS, zip(*versions, strict=True), strict=True)
    }
