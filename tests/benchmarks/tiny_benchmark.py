"""The smallest benchmark with two networks: everything happens, nothing is learnt."""

import tomllib
from pathlib import Path

from planted_truth import AttributionBenchmark

TINY = Path(__file__).with_name("tiny.toml")
CONTENT = tomllib.loads(TINY.read_text(encoding="utf-8"))


def tiny(**changes):
    """The tiny benchmark with some of its parts replaced."""
    return AttributionBenchmark.from_dict({**CONTENT, **changes})
