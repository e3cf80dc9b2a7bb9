from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import gsd.hoomd
import pytest

from gnnglass._files import (
    require_own_folder,
    require_replaceable,
    require_writable,
    written_whole,
)
from gnnglass.errors import FileError
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import read, write

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


def everything(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Inode and content of all regular files in a folder."""
    return {
        str(path): (path.stat().st_ino, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def ours(path: Path) -> bool:
    return path.read_bytes().startswith(b"ours")


def test_only_what_is_ours_is_replaced_unless_told(tmp_path: Path) -> None:
    for content, replaced in ((b"ours, old", True), (b"", True), (b"theirs", False)):
        target = tmp_path / "out.txt"
        target.write_bytes(content)
        for overwrite in (False, True):
            if replaced or overwrite:
                with written_whole(target, ours=ours, overwrite=overwrite) as aside:
                    aside.write_bytes(content)
            else:
                with (
                    pytest.raises(FileError, match="say overwrite"),
                    written_whole(target, ours=ours),
                ):
                    pytest.fail("nothing should be written")
        assert target.read_bytes() == content
    assert list(tmp_path.iterdir()) == [target]


def test_inputs_are_not_replaced_by_whatever_name(tmp_path: Path) -> None:
    source = tmp_path / "in.txt"
    source.write_bytes(b"ours")
    (tmp_path / "folder").mkdir()
    (tmp_path / "soft").symlink_to(source)
    os.link(source, tmp_path / "hard")
    for name in ("in.txt", "soft", "hard", "folder/../in.txt"):
        with pytest.raises(FileError, match="is read here") as caught:
            require_replaceable(tmp_path / name, ours=ours, inputs=[source])
        assert "\n" not in str(caught.value)
        require_replaceable(tmp_path / name, ours=ours, inputs=[source], overwrite=True)
    require_replaceable(tmp_path / "other", ours=ours, inputs=[source, tmp_path / "missing"])


@pytest.mark.parametrize("kind", ["fifo", "device", "link to a device"])
def test_special_files_are_never_replaced(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "out.gsd"
    if kind == "fifo":
        os.mkfifo(target)
    elif kind == "link to a device":
        target.symlink_to("/dev/null")
    else:
        target = Path("/dev/null")
    before = target.stat()
    for overwrite in (False, True):
        with (
            pytest.raises(FileError, match="a device, a pipe"),
            written_whole(target, overwrite=overwrite),
        ):
            pytest.fail("nothing should be written")
    with pytest.raises(FileError, match="a device, a pipe"):
        require_writable(target)
    assert (target.stat().st_ino, target.stat().st_mode) == (before.st_ino, before.st_mode)
    assert not list(tmp_path.glob(".*"))


def test_links_are_kept_and_what_they_point_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    link = tmp_path / "link.txt"
    link.symlink_to(tmp_path / "far" / "file.txt")
    for content in ("first", "second"):
        with written_whole(link) as aside:
            aside.write_text(content)
        assert link.is_symlink()
        assert (tmp_path / "far" / "file.txt").read_text() == content
    assert everything(tmp_path).keys() == {str(link), str(tmp_path / "far" / "file.txt")}


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_the_mode_is_that_of_the_umask_whatever_the_writer_chooses(
    tmp_path: Path, mask: int
) -> None:
    before = os.umask(mask)
    try:
        with written_whole(tmp_path / "out.txt") as aside:
            aside.unlink()
            aside.write_text("done")
            aside.chmod(0o600)
    finally:
        os.umask(before)
    assert (tmp_path / "out.txt").stat().st_mode & 0o777 == 0o666 & ~mask


def test_content_is_on_the_disk_before_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def flushed(descriptor: int) -> None:
        done.append("folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file")  # noqa: PTH112
        fsync(descriptor)

    def renamed(source: Path, target: Path) -> None:
        done.append("name")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(os, "replace", renamed)
    with written_whole(tmp_path / "out.txt") as aside:
        aside.write_text("done")
    assert done == ["file", "name", "folder"]


def test_a_disk_that_is_full_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "out.txt").write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with (
        pytest.raises(FileError, match=r"cannot write .*out\.txt: No space left"),
        written_whole(tmp_path / "out.txt") as aside,
    ):
        aside.write_text("new")
    assert everything(tmp_path).keys() == {str(tmp_path / "out.txt")}
    assert (tmp_path / "out.txt").read_text() == "old"


def test_folders_with_other_things_are_not_worked_in(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    require_own_folder(folder, ".lock")
    folder.mkdir()
    require_own_folder(folder, ".lock")
    (folder / "study.toml").touch()
    require_own_folder(
        folder, ".lock", besides=[tmp_path / "study" / ".." / "study" / "study.toml"]
    )
    (folder / "thesis.tex").touch()
    with pytest.raises(FileError, match=r"such as thesis\.tex"):
        require_own_folder(folder, ".lock", besides=[folder / "study.toml"])
    require_own_folder(folder, ".lock", overwrite=True)
    (folder / ".lock").touch()
    require_own_folder(folder, ".lock")


def test_gsd_files_of_others_and_those_being_read_stay(tmp_path: Path) -> None:
    snapshot = example_snapshot(2, 16)
    theirs = tmp_path / "theirs.gsd"
    with gsd.hoomd.open(theirs, "w") as file:
        frame = gsd.hoomd.Frame()
        frame.configuration.box = [4, 4, 4, 0, 0, 0]
        file.append(frame)
    (tmp_path / "notes.txt").write_text("about gnnglass")
    mine = tmp_path / "mine.gsd"
    write(mine, [snapshot] * 2)
    write(mine, snapshot.replace(step=3))
    before = everything(tmp_path)
    for target in (theirs, tmp_path / "notes.txt"):
        with pytest.raises(FileError, match="is not what would be written in its place"):
            write(target, snapshot)
    with pytest.raises(FileError, match="is read here"):
        write(mine, read(mine))
    with pytest.raises(FileError, match="is read here"):
        write(mine, mine)
    assert everything(tmp_path) == before
    write(theirs, snapshot, overwrite=True)
    write(mine, read(mine), overwrite=True)
    assert len(read(theirs)) == len(read(mine)) == 1
