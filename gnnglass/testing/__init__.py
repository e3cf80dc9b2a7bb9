"""Checks that every registered glass former, engine, model and so on must pass.

Run them on your own entries, here or in your package: registering is being tested.
"""

from gnnglass.testing.checks import (
    check_attribution,
    check_engine,
    check_glass_former,
    check_indicator,
    check_model,
    check_motif,
)
from gnnglass.testing.examples import example_of, example_snapshot

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
