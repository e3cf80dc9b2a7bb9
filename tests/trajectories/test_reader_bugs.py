"""A mistake in a reader is not a damaged file: its exception comes out as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mutations
import pytest

from gnnglass.testing import example_snapshot
from gnnglass.trajectories import (
    FORMATS,
    Trajectory,
    _arrays,
    _objects,
    as_trajectory,
    published,
    read,
    write,
    xyz,
)
from gnnglass.trajectories import gsd as gsd_module
from gnnglass.trajectories import lammps as lammps_files

READERS = [
    ("lammps-dump", lammps_files, "_sorted_by_id"),
    ("lammps-dump", lammps_files, "_dump_snapshot"),
    ("lammps-data", lammps_files, "_types"),
    ("extxyz", xyz, "_key_values"),
    ("extxyz", xyz, "_column_names"),
    ("xyz", xyz, "_cell"),
    ("xyz", xyz, "joined"),
    ("lammps-yaml", lammps_files, "_columns"),
    ("gsd", gsd_module, "_fields"),
    ("gsd", gsd_module, "_names"),
    ("deepmind", published, "_times"),
    ("deepmind", _arrays, "_fill"),
    ("botan", published, "box_of_density"),
    ("botan", _arrays, "_array"),
    ("glassbench", published, "_species"),
]


@pytest.mark.parametrize(("name", "module", "function"), READERS)
def test_a_bug_in_a_reader_is_not_a_damaged_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    bug: Any,
    name: str,
    module: Any,
    function: str,
) -> None:
    path = tmp_path / "sample"
    path.write_bytes(mutations.packed(mutations.samples(tmp_path)[name][0]))
    assert len(read(path)) >= 1
    monkeypatch.setattr(module, function, bug)
    with pytest.raises(type(bug.error)) as caught:
        read(path)
    assert caught.value is bug.error


def test_every_format_is_among_them() -> None:
    assert {name for name, _, _ in READERS} == set(FORMATS)


def test_a_bug_in_the_writer_is_not_a_file_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bug: Any
) -> None:
    monkeypatch.setattr(gsd_module, "frame_from_snapshot", bug)
    with pytest.raises(type(bug.error)) as caught:
        write(tmp_path / "t.gsd", Trajectory([example_snapshot(2)]))
    assert caught.value is bug.error
    assert not list(tmp_path.iterdir())


def test_a_bug_in_the_conversion_is_not_a_bad_argument(
    monkeypatch: pytest.MonkeyPatch, bug: Any
) -> None:
    monkeypatch.setattr(_objects, "edges_of", bug)
    with pytest.raises(type(bug.error)) as caught:
        as_trajectory(([4.0, 4.0], [[0.0, 0.0]]))
    assert caught.value is bug.error
