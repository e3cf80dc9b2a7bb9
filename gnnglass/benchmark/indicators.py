"""What structural indicators find of what was planted, without any network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gnnglass.benchmark.piece import Piece
from gnnglass.benchmark.planting import Explained, Held
from gnnglass.compare import smooth
from gnnglass.explain.faithfulness import localisation_auc, precision_at_k
from gnnglass.structure import INDICATORS, indicators_for
from gnnglass.training import roc_auc
from gnnglass.trajectories import Snapshot, Trajectory
from gnnglass.trajectories.snapshot import FloatArray

#: Lengths that indicators may be smoothed over; 0 leaves them as they are.
LENGTHS = (0.0, 0.5, 1.0, 1.5)
#: What stands for the network where there is none.
NO_NETWORK = "no network"


@dataclass(frozen=True)
class Indicators(Piece):
    """Every indicator as a map, with the smoothing length and the sign that the truth suggests.

    Both are chosen by the localisation on the validation runs, which is more than an attribution
    is given: it has to know the sign by itself.
    """

    @property
    def depends_on(self) -> Any:
        """The lengths, and which indicators there are."""
        return [LENGTHS, INDICATORS.names()]

    def work(self) -> list[dict[str, Any]]:
        """Measure, choose and judge; the rows are those of `Measuring`."""
        metadata = self.planting.base_runs()[0].metadata
        parts: dict[Held, Explained] = {
            part: self.planting.explained(part) for part in ("validation", "test")
        }
        example = Trajectory([parts["test"].snapshots[0]], metadata)
        labelled, split = self.planting.labelled()
        test = labelled.where(split.test)
        rows = []
        for name, indicator in indicators_for(example).items():
            fields = {
                part: [indicator.compute(s).values for s in explained.snapshots]
                for part, explained in parts.items()
            }
            means = [indicator.compute(labelled.snapshots[i]).values.mean() for i in test]
            class_auc = roc_auc(np.array(means), labelled.targets[test].astype(np.float64))
            length, sign = _chosen(parts["validation"], fields["validation"])
            for part, explained in parts.items():
                maps = _maps(explained.snapshots, fields[part], length, sign)
                figures = zip(
                    explained.runs,
                    localisation_auc(maps, explained.truth),
                    precision_at_k(maps, explained.truth),
                    strict=True,
                )
                rows += [
                    {
                        "attribution": name,
                        "part": part,
                        "run": run,
                        "localisation": float(area),
                        "precision": float(share),
                        "length": length,
                        # Strain raises some means and lowers others.
                        "class_auc": max(class_auc, 1 - class_auc),
                    }
                    for run, area, share in figures
                ]
        return rows


def _chosen(explained: Explained, fields: Sequence[FloatArray]) -> tuple[float, int]:
    areas = {
        (length, sign): localisation_auc(
            _maps(explained.snapshots, fields, length, sign), explained.truth
        ).mean()
        for length in LENGTHS
        for sign in (1, -1)
    }
    return max(areas, key=lambda key: areas[key])


def _maps(
    snapshots: Sequence[Snapshot], fields: Sequence[FloatArray], length: float, sign: int
) -> list[FloatArray]:
    return [
        np.asarray(sign * smooth(snapshot, values, length))
        for snapshot, values in zip(snapshots, fields, strict=True)
    ]
