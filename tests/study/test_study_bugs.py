"""A mistake in checking or reporting a study comes out as it is."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tiny_study import TINY

from gnnglass.study import Study, check, report


def test_a_bug_in_a_check_is_not_a_bad_study(monkeypatch: pytest.MonkeyPatch, bug: Any) -> None:
    monkeypatch.setattr(check, "create_model", bug)
    with pytest.raises(type(bug.error)) as caught:
        check.check_study(Study.from_dict(TINY), "cpu")
    assert caught.value is bug.error


def test_a_bug_in_the_report_is_not_an_unfinished_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bug: Any
) -> None:
    (tmp_path / "stages").mkdir()
    (tmp_path / "results.json").write_text('{"study": {}, "split": {}}')
    (tmp_path / "stages" / "report.json").write_text("{}")
    record = SimpleNamespace(products=[])
    monkeypatch.setattr(report, "Record", SimpleNamespace(read=lambda _: record))
    monkeypatch.setattr(report, "Workspace", bug)
    monkeypatch.setattr(report, "Study", SimpleNamespace(from_dict=lambda *_, **__: None))
    with pytest.raises(type(bug.error)) as caught:
        report.rebuild_report(tmp_path)
    assert caught.value is bug.error
