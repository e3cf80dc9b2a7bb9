from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gnnglass._files import written_whole
from gnnglass.errors import FileError

AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def test_the_file_appears_at_the_end_in_a_new_folder(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "out.gsd"
    with written_whole(target) as aside:
        aside.write_text("done")
        assert aside.parent == target.parent
        assert aside.suffix == ".gsd"
        assert not target.exists()
    assert target.read_text() == "done"
    assert list(target.parent.iterdir()) == [target]


def test_a_failure_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    target = tmp_path / "out.gsd"
    target.write_text("old")

    def fail() -> None:
        with written_whole(target) as aside:
            aside.write_text("half")
            raise RuntimeError("the machine is on fire")

    with pytest.raises(RuntimeError, match="on fire"):
        fail()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_killed_writer_leaves_no_file_under_the_final_name(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    script = (
        "import os\nfrom gnnglass.trajectories import written_whole\n"
        f"with written_whole({str(target)!r}) as aside:\n"
        "    aside.write_text('half')\n    os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, timeout=60)
    assert done.returncode != 0
    assert not target.exists()


@pytest.mark.parametrize("kind", ["file in the way", "folder of that name"])
def test_an_impossible_place_is_one_sentence(tmp_path: Path, kind: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.gsd").mkdir()
    target = tmp_path / ("file/out.gsd" if kind == "file in the way" else "folder.gsd")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(FileError, match="cannot write") as caught, written_whole(target):
        pytest.fail("nothing should be written")
    assert "\n" not in str(caught.value)
    # The place is left as it was found.
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(AS_ROOT, reason="root may write anywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(FileError, match="Permission denied"), written_whole(tmp_path / "x.gsd"):
            pytest.fail("nothing should be written")
    finally:
        tmp_path.chmod(0o700)
