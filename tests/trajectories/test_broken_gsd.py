"""Damaged GSD files, read in a process of their own: gsd is C code and might take it down."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gnnglass.errors import FileError
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Trajectory, read, write
from gnnglass.trajectories.gsd import count_frames

N_FRAMES = 12

READ_DAMAGED = """
import resource, sys
from pathlib import Path
import numpy as np
from gnnglass.errors import GnnglassError, FileError
from gnnglass.trajectories import read

resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
whole, how = Path(sys.argv[1]).read_bytes(), sys.argv[2]
damaged = Path(sys.argv[1]).with_name("damaged.gsd")
rng = np.random.default_rng(1)
refused = 0
for trial in range(400):
    content = bytearray(whole)
    if how == "cut":
        kept = trial if trial < 100 else int(rng.integers(1, len(whole)))
        del content[max(kept, 1):]
    else:
        # Header, index and names are the places where a wrong number can do harm.
        end = len(whole) if trial % 4 == 0 else 256 + 128 * 32 + 1024
        for at in rng.integers(8, end, rng.integers(1, 4)):
            content[at] ^= 1 << int(rng.integers(8))
    damaged.write_bytes(content)
    print(how, trial, flush=True)
    try:
        list(read(damaged))
    except GnnglassError as error:
        refused += 1
        assert "\\n" not in str(error), error
        assert how != "cut" or isinstance(error, FileError), error
    else:
        assert how != "cut", f"{len(content)} of {len(whole)} bytes were read as whole"
print("refused", refused)
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gsd") / "whole.gsd"
    snapshot = example_snapshot(2, 30).with_fields(u=np.arange(30.0))
    frames = [snapshot.replace(step=k, positions=snapshot.positions + k) for k in range(N_FRAMES)]
    write(path, Trajectory(frames, {"run": "r"}))
    return path


@pytest.mark.parametrize("how", ["cut", "flip"])
def test_damage_is_a_sentence_and_never_a_crash(whole: Path, how: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", READ_DAMAGED, str(whole), how],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"{done.stdout[-30:]}\n{done.stderr[-2000:]}"
    assert int(done.stdout.split()[-1]) > (399 if how == "cut" else 100)


def test_the_number_of_whole_frames_is_told(whole: Path, tmp_path: Path) -> None:
    content = whole.read_bytes()
    assert count_frames(whole) == N_FRAMES
    told = []
    for kept in range(len(content) - 1, 256, -97):
        (tmp_path / "cut.gsd").write_bytes(content[:kept])
        with pytest.raises(FileError, match="cut off or damaged") as caught:
            count_frames(tmp_path / "cut.gsd")
        words = str(caught.value).split(": ", 1)[1].split()
        told.append(0 if words[0] == "no" else int(words[0]))
    assert told[0] == N_FRAMES - 1
    assert told == sorted(told, reverse=True)
    assert told[-1] == 0


def test_a_longer_file_has_its_index_at_the_end(tmp_path: Path) -> None:
    snapshot = example_snapshot(3, 16)
    path = tmp_path / "long.gsd"
    write(path, Trajectory([snapshot.replace(step=k) for k in range(300)]))
    assert count_frames(path) == len(read(path)) == 300
    content = path.read_bytes()
    path.write_bytes(content[:-10])
    with pytest.raises(FileError, match="whole frame"):
        read(path)
