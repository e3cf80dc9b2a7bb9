"""Is a map faithful to the network, stable, and better than one that knows nothing?

Nothing here knows where scores came from: a map is one array of scores per configuration. Every
measure gives one value per configuration; `gnnglass.stats.mean_over_runs` makes a mean and an
interval of them.
"""

from gnnglass.explain.faithfulness.controls import (
    ControlCorrelation,
    control_correlation,
    randomised,
    shuffled_labels,
)
from gnnglass.explain.faithfulness.curves import (
    FaithfulnessCurve,
    GivesLogits,
    Perturbation,
    Removal,
    Resampling,
    faithfulness_curve,
)
from gnnglass.explain.faithfulness.maps import (
    gini,
    half_share,
    localisation_auc,
    noise_stability,
    of_species,
    precision_at_k,
    rank_correlation,
    seed_agreement,
)

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
    "noise_stability",
    "of_species",
    "precision_at_k",
    "randomised",
    "rank_correlation",
    "seed_agreement",
    "shuffled_labels",
]
