"""A study killed at any moment and run again ends with the figures of an undisturbed one."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny_study import TINY, as_toml

#: What must be there before the kill, and how long at most it may then take; seconds.
MOMENTS = [
    ("runs/workspace/*/thermal.gsd", 0.4),
    ("checkpoints/gnn-inherent-*.ckpt", 0.1),
    ("annotated/*.gsd", 0.3),
]
PATIENCE = 120

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for orphans in /proc")


@pytest.fixture
def start(tmp_path):
    """Start the study in a session of its own, in one folder."""
    study = tmp_path / "tiny.toml"
    study.write_text(as_toml(TINY), encoding="utf-8")
    command = [sys.executable, "-m", "gnnglass", "run", str(study), "-o", str(tmp_path / "study")]

    def begin():
        return subprocess.Popen(
            [*command, "--workers", "2", "--device", "cpu"],
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    return begin


def members(session):
    """Processes that still run in a session."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, its_session = stat.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(its_session) == session and state != "Z":
            found.append(stat.parent.name)
    return found


def wait_until(condition):
    """Whether it came true before patience ran out."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_killed_at_any_moment(start, finished, tmp_path):
    folder = tmp_path / "study"
    moments = random.Random(20)
    killed = 0
    for pattern, longest in MOMENTS:
        process = start()
        came = wait_until(lambda p=process, g=pattern: list(folder.glob(g)) or p.poll() is not None)
        assert came, f"{pattern} did not appear"
        time.sleep(moments.uniform(0, longest))
        process.kill()
        _, errors = process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), errors
        killed += process.returncode == -signal.SIGKILL
        gone = wait_until(lambda p=process: not members(p.pid))
        assert gone, f"orphans of a study killed after {pattern}: {members(process.pid)}"
    assert killed >= 2

    last = start()
    _, errors = last.communicate(timeout=PATIENCE)
    assert last.returncode == 0, errors
    assert not members(last.pid)
    assert not list(folder.rglob("*.partial*"))
    assert not list((folder / "checkpoints").iterdir())
    results, undisturbed = (
        json.loads((place / "results.json").read_text(encoding="utf-8"))
        for place in (folder, finished)
    )
    assert results.pop("timings").keys() == undisturbed.pop("timings").keys()
    # A developer may commit between the two.
    assert results.pop("provenance").keys() == undisturbed.pop("provenance").keys()
    assert results == undisturbed
    # The networks themselves, and the maps, to the last bit.
    for kind in ("classifiers/*.safetensors", "annotated/*.gsd", "compared/*.gsd"):
        files = sorted(folder.glob(kind))
        assert files
        for path in files:
            assert path.read_bytes() == (finished / path.relative_to(folder)).read_bytes()
