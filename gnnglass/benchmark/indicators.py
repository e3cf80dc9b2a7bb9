"""What structural indicators find of what was planted, without any network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gnnglass.benchmark.lengths import LENGTHS, localisation_by_length, smoothed
from gnnglass.benchmark.piece import Piece
from gnnglass.benchmark.planting import Explained, Held
from gnnglass.explain.faithfulness import localisation_auc, precision_at_k
from gnnglass.structure import INDICATORS, Indicator, indicators_for
from gnnglass.training import roc_auc
from gnnglass.trajectories import Trajectory

#: The one that also has to tell classes apart.
ENERGY = "potential-energy"
#: What stands for the network where there is none.
NO_NETWORK = "no network"


@dataclass(frozen=True)
class Indicators(Piece):
    """Every indicator as a map, with the sign that localises best on the validation runs.

    That is more than an attribution is given, which has to know the sign by itself.
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
        rows = []
        for name, indicator in indicators_for(example).items():
            fields = {
                part: [indicator.compute(s).values for s in explained.snapshots]
                for part, explained in parts.items()
            }
            judged = {"class_auc": self._class_auc(indicator)} if name == ENERGY else {}
            areas = localisation_by_length(parts["validation"], fields["validation"])
            # The map turned over points wherever it did not.
            signed = {1: areas, -1: {length: 1 - area for length, area in areas.items()}}
            sign = max(signed, key=lambda one: max(signed[one].values()))
            length = max(signed[sign], key=lambda one: signed[sign][one])
            for part, explained in parts.items():
                bare = [sign * one for one in fields[part]]
                maps = smoothed(explained, bare, length)
                figures = zip(
                    explained.runs,
                    localisation_auc(maps, explained.truth),
                    localisation_auc(bare, explained.truth),
                    precision_at_k(maps, explained.truth),
                    strict=True,
                )
                rows += [
                    {
                        "attribution": name,
                        "part": part,
                        "run": run,
                        "length": length,
                        "localisation": float(area),
                        "bare": float(without),
                        "precision": float(share),
                        **judged,
                    }
                    for run, area, without, share in figures
                ]
        return rows

    def _class_auc(self, indicator: Indicator) -> float:
        """How well its mean over a configuration tells the classes of the test runs apart."""
        labelled, split = self.planting.labelled()
        test = labelled.where(split.test)
        means = [indicator.compute(labelled.snapshots[i]).values.mean() for i in test]
        return roc_auc(np.array(means), labelled.targets[test].astype(np.float64))
