"""Checks that every registered glass former, engine, model and so on must pass.

Run them on your own entries, here or in your package: registering is being tested.
"""

from gnnglass.testing.attributions import check_attribution
from gnnglass.testing.engines import check_engine
from gnnglass.testing.examples import example_of, example_snapshot
from gnnglass.testing.glass_formers import check_glass_former
from gnnglass.testing.indicators import check_indicator
from gnnglass.testing.models import check_model
from gnnglass.testing.motifs import check_motif

__all__ = [
    "check_attribution",
    "check_engine",
    "check_glass_former",
    "check_indicator",
    "check_model",
    "check_motif",
    "example_of",
    "example_snapshot",
]
