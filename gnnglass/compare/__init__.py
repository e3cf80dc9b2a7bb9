"""How two per-particle fields of the same configurations go together, said honestly.

Per species, per configuration first, then per run, with intervals over runs; smoothing lengths
chosen on other runs; noise ceilings. Nothing here knows where a field came from.
"""

from gnnglass.compare.bootstrap import Interval, bootstrap_interval
from gnnglass.compare.ceiling import NoiseCeiling, noise_ceiling, spearman_brown, split_half
from gnnglass.compare.comparison import Comparison
from gnnglass.compare.correlation import correlate
from gnnglass.compare.scores import UndefinedCorrelationError
from gnnglass.compare.smoothing import smooth
from gnnglass.compare.table import compare_fields

__all__ = [
    "Comparison",
    "Interval",
    "NoiseCeiling",
    "UndefinedCorrelationError",
    "bootstrap_interval",
    "compare_fields",
    "correlate",
    "noise_ceiling",
    "smooth",
    "spearman_brown",
    "split_half",
]
