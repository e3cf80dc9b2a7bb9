"""Correlations between two per-particle fields of the same configurations.

Coefficients are per species and configuration, averaged per run and then over runs, with intervals
over runs; smoothing lengths are chosen on other runs. There are also partial correlations, gains,
noise ceilings and correlation lengths. Nothing here knows where a field came from.
"""

from gnnglass.compare.ceiling import NoiseCeiling, noise_ceiling, spearman_brown, split_half
from gnnglass.compare.correlation import Comparison, correlate
from gnnglass.compare.curves import Curve, correlate_lags
from gnnglass.compare.fields import UndefinedCorrelationError
from gnnglass.compare.gain import Gain, gain
from gnnglass.compare.smoothing import smooth
from gnnglass.compare.spatial import (
    CorrelationLength,
    SpatialCorrelation,
    correlation_length,
    spatial_correlation,
)
from gnnglass.compare.table import compare_fields

__all__ = [
    "Comparison",
    "CorrelationLength",
    "Curve",
    "Gain",
    "NoiseCeiling",
    "SpatialCorrelation",
    "UndefinedCorrelationError",
    "compare_fields",
    "correlate",
    "correlate_lags",
    "correlation_length",
    "gain",
    "noise_ceiling",
    "smooth",
    "spatial_correlation",
    "spearman_brown",
    "split_half",
]
