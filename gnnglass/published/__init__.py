"""Published data from file to table: configurations with dynamics and structure, and figures.

What a published file holds, isoconfigurational runs or propensities, becomes fields of one
configuration; `compare` does the rest.
"""

from gnnglass.published.annotated import annotated
from gnnglass.published.dynamics import tells_dynamics, with_dynamics
from gnnglass.published.figures import FIGURES, QUANTITY, SOURCE, PublishedFigure, beside
from gnnglass.published.structure import with_structure
from gnnglass.published.table import censoring_marks, compare_by_name

__all__ = [
    "FIGURES",
    "QUANTITY",
    "SOURCE",
    "PublishedFigure",
    "annotated",
    "beside",
    "censoring_marks",
    "compare_by_name",
    "tells_dynamics",
    "with_dynamics",
    "with_structure",
]
