"""Shared configurations: cheap, disordered, and with both species."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# Before anything imports torch or BLAS: tests run side by side, and threads that wait for each
# other on shared cores are many times slower than one.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot

# A shell that starts this in the background has Ctrl-C ignored, here and in whatever tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples every time: a run that fails can be repeated, one that passes means the same.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")

REAL_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(params=[2, 3], ids=["2D", "3D"])
def snapshot(request: pytest.FixtureRequest) -> Snapshot:
    """A disordered configuration in two and in three dimensions."""
    return example_snapshot(request.param)


@pytest.fixture
def real_data() -> Path:
    """Folder of published data by others, where it lies beside the repository."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"the published data sets are not at {REAL_DATA}")
    return REAL_DATA


#: Files that take a minute; begun last, one of them would leave all cores but one idle. A file is
#: done by one worker, so that what its tests share is made once.
LONGEST = (
    "test_notebooks.py",
    "test_attributions_script.py",
    "test_killed_study.py",
    "test_golden_study.py",
    "test_run_study.py",
    "test_architecture.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest; the others stay in order, so that fixtures are shared as before."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


class Bug:
    """Raises one exception, whatever it is called with."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __call__(self, *_: Any, **__: Any) -> Any:
        raise self.error


@pytest.fixture(
    params=[AttributeError, KeyError, TypeError, IndexError, ValueError, AssertionError],
    ids=lambda kind: kind.__name__,
)
def bug(request: pytest.FixtureRequest) -> Bug:
    """A mistake to be put in the place of a function of the package."""
    return Bug(request.param("a mistake of ours"))
