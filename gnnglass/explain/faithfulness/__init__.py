"""Is a map faithful to the network, stable, and better than one that knows nothing?

Nothing here knows where scores came from: a map is one array of scores per configuration. Every
measure gives one value per configuration; `mean_over_runs` makes a mean and an interval of them.
"""

from gnnglass.explain.faithfulness.agreement import seed_agreement
from gnnglass.explain.faithfulness.controls import (
    ControlCorrelation,
    control_correlation,
    randomised,
    shuffled_labels,
)
from gnnglass.explain.faithfulness.curve import FaithfulnessCurve
from gnnglass.explain.faithfulness.localisation import localisation_auc, precision_at_k
from gnnglass.explain.faithfulness.maps import of_species
from gnnglass.explain.faithfulness.noise import noise_stability
from gnnglass.explain.faithfulness.ordered import faithfulness_curve
from gnnglass.explain.faithfulness.over_runs import mean_over_runs
from gnnglass.explain.faithfulness.perturbation import GivesLogits, Perturbation
from gnnglass.explain.faithfulness.rank_correlation import rank_correlation
from gnnglass.explain.faithfulness.removal import Removal
from gnnglass.explain.faithfulness.resampling import Resampling
from gnnglass.explain.faithfulness.sparsity import gini, half_share

__all__ = [
    "ControlCorrelation",
    "FaithfulnessCurve",
    "GivesLogits",
    "Perturbation",
    "Removal",
    "Resampling",
    "control_correlation",
    "faithfulness_curve",
    "gini",
    "half_share",
    "localisation_auc",
    "mean_over_runs",
    "noise_stability",
    "of_species",
    "precision_at_k",
    "randomised",
    "rank_correlation",
    "seed_agreement",
    "shuffled_labels",
]
