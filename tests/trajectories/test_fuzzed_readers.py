"""Damaged files of every format, read in a process of their own with little memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import mutations
import pytest

from gnnglass.trajectories import FORMATS


def test_every_format_has_a_valid_sample(tmp_path: Path) -> None:
    samples = mutations.samples(tmp_path)
    assert set(samples) == set(FORMATS)
    for name, contents in samples.items():
        for content in contents:
            path = tmp_path / "sample"
            path.write_bytes(mutations.packed(content))
            head = path.read_bytes()[:512]
            known = [other for other in FORMATS if FORMATS.create(other).matches(path, head)]
            assert known == [name]
            assert len(list(mutations.loaded(path))) >= 1


def read_damaged(folder: Path, name: str, count: int, seed: int) -> tuple[int, int]:
    done = subprocess.run(
        [sys.executable, mutations.__file__, str(folder), name, str(count), str(seed)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60 + count,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    refused, accepted, longest = done.stdout.split()
    print(f"{name}: {refused} refused, {accepted} accepted, at most {longest} s")
    return int(refused), int(accepted)


@pytest.mark.parametrize("name", FORMATS.names())
def test_damage_is_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    refused, accepted = read_damaged(tmp_path, name, 300, 1)
    assert refused > 100
    assert refused + accepted == 300


@pytest.mark.validate
@pytest.mark.parametrize("name", FORMATS.names())
def test_much_damage_is_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    refused, accepted = read_damaged(tmp_path, name, 10_000, 2)
    assert refused + accepted == 10_000
