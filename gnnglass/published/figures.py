"""Published figures for the 3D Kob–Andersen mixture at kT = 0.44, and ours beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gnnglass.published.names import is_propensity

if TYPE_CHECKING:
    import pandas as pd

SYSTEM, TEMPERATURE, RELAXATION_TIME, SPECIES = "ka3d", 0.44, 4120.0, "A"
#: What the figures are; ours must be the same to stand beside them.
QUANTITY = (
    f"Pearson's r with the propensity at t = {RELAXATION_TIME:g}, the relaxation time, "
    f"{SPECIES} particles"
)
#: Where the figures themselves are read off, row t = 4120, on the test set of GlassBench
#: (doi:10.5281/zenodo.10118191): pcc_mean_044.csv (mean over configurations) and pcc_all_044.csv
#: (pooled).
SOURCE = (
    "results/pcc_mean_044.csv and pcc_all_044.csv of github.com/xjiang-hnu/EIGNN, published with "
    "Jiang et al., J. Phys. Chem. B 129, 3053 (2025)"
)
JIANG = "Jiang et al., J. Phys. Chem. B 129, 3053 (2025)"


@dataclass(frozen=True)
class PublishedFigure:
    """How well one published predictor does.

    Attributes:
        predictor: Name of the model or of the structural indicator.
        supervised: Whether it was trained on dynamics.
        mean: Coefficient per configuration, averaged over these; NaN if not published.
        pooled: Coefficient over all particles of all configurations together.
        citation: The paper of the model, or the one that gives the figure of the indicator.
    """

    predictor: str
    supervised: bool
    mean: float
    pooled: float
    citation: str


FIGURES = (
    PublishedFigure("EIGNN-cage", True, 0.817, 0.818, JIANG),
    PublishedFigure("SE(3)", True, 0.791, 0.815, "Pezzicoli, Charpiat & Landes, arXiv:2211.03226"),
    PublishedFigure(
        "CAGE",
        True,
        0.782,
        0.779,
        "Alkemade, Smallenburg & Filion, J. Chem. Phys. 158, 134512 (2023)",
    ),
    PublishedFigure(
        "GlassMLP",
        True,
        0.756,
        0.768,
        "Jung, Biroli & Berthier, Phys. Rev. Lett. 130, 238202 (2023)",
    ),
    PublishedFigure("BOTAN", True, 0.752, 0.755, "Shiba et al., J. Chem. Phys. 158, 084503 (2023)"),
    PublishedFigure("potential energy", False, np.nan, 0.507, JIANG),
    PublishedFigure("density", False, np.nan, -0.246, JIANG),
    PublishedFigure("hexatic order", False, np.nan, -0.145, JIANG),
)


def beside(table: pd.DataFrame, metadata: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The published figures and ours in one table, the highest first.

    Ours are those rows of `table` that are the same `QUANTITY`.

    Args:
        table: As from `gnnglass.published.compare_by_name`.
        metadata: Of each trajectory that was compared.

    Returns:
        Columns predictor, supervised, mean, pooled and source. There are no rows if nothing was
        compared with a propensity, or the mixture or the temperature is another.
    """
    import pandas as pd

    columns = ["predictor", "supervised", "mean", "pooled", "source"]
    if not (any(map(is_propensity, table["target"])) and all(map(_is_theirs, metadata))):
        return pd.DataFrame(columns=columns)
    rows = [(one.predictor, one.supervised, one.mean, one.pooled, one.citation) for one in FIGURES]
    if all(np.isclose(one.get("propensity_time", 0.0), RELAXATION_TIME) for one in metadata):
        same = table[
            (table["target"] == "propensity")
            & (table["species"] == SPECIES)
            & (table["method"] == "pearson")
        ]
        rows += [
            (
                row["predictor"]
                + (f", smoothed over {row['length']:g}" if row["smoothed"] else ""),
                False,
                row["estimate"],
                row["pooled"],
                "here",
            )
            for row in same.to_dict("records")
        ]
    joined = pd.DataFrame(rows, columns=columns)
    size = joined["mean"].fillna(joined["pooled"]).abs()
    return joined.loc[size.sort_values(ascending=False).index].reset_index(drop=True)


def _is_theirs(metadata: Mapping[str, Any]) -> bool:
    kT = metadata.get("kT")
    return metadata.get("system") == SYSTEM and kT is not None and bool(np.isclose(kT, TEMPERATURE))
