"""A mistake in checking a benchmark comes out as it is."""

from __future__ import annotations

from typing import Any

import pytest
from planted_truth import definition
from tiny_benchmark import tiny


def test_a_bug_in_a_check_is_not_a_bad_benchmark(monkeypatch: pytest.MonkeyPatch, bug: Any) -> None:
    monkeypatch.setattr(definition, "create_model", bug)
    with pytest.raises(type(bug.error)) as caught:
        definition.check_benchmark(tiny(), "cpu")
    assert caught.value is bug.error
