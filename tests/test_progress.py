"""Bars move where somebody looks, and are a line now and then in a log file."""

from __future__ import annotations

import io
import sys
from types import ModuleType

import pytest

from gnnglass import _progress
from gnnglass._progress import progress_bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown_on(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, n: int = 50) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    for _ in progress_bar(range(n), desc="runs", mininterval=0, miniters=1):
        pass
    return stream.getvalue()


def test_a_terminal_sees_every_step(monkeypatch):
    text = shown_on(Terminal(), monkeypatch)
    assert text.count("\r") >= 50 and text.count("\n") == 1


def test_a_log_file_gets_the_beginning_and_the_end(monkeypatch):
    text = shown_on(io.StringIO(), monkeypatch)
    first, last = text.splitlines()
    assert "\r" not in text and "0/50" in first and "50/50" in last


def test_a_log_file_gets_a_line_in_each_pause(monkeypatch):
    monkeypatch.setattr(_progress, "PAUSE_OF_LOGS", 0.0)
    assert len(shown_on(io.StringIO(), monkeypatch).splitlines()) > 25


def test_a_notebook_sees_every_step_though_it_is_no_terminal(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    for _ in progress_bar(range(50), mininterval=0, miniters=1):
        pass
    assert stream.getvalue().count("\r") >= 50
