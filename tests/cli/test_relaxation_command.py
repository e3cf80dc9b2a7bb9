"""``gnnglass relaxation``: what it writes is what the interface in Python gives."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from command import gnnglass

from gnnglass.dynamics import (
    BondBreaking,
    RunRelaxation,
    SelfOverlap,
    TimeCorrelations,
    TimeOrigins,
)
from gnnglass.testing import example_of
from gnnglass.trajectories import Snapshot, Trajectory, read, write


def shaken(n_frames=12, **facts):
    """A run of the 2D Kob–Andersen mixture whose particles walk at random."""
    rng = np.random.default_rng(0)
    start = example_of("kam2d")
    paths = start.positions + np.cumsum(rng.normal(0, 0.07, (n_frames, len(start), 2)), axis=0)
    frames = [
        Snapshot(start.box, path, start.types, images=np.zeros_like(path), step=10 * k)
        for k, path in enumerate(paths)
    ]
    return Trajectory(frames, facts)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.gsd"
    write(path, shaken())
    return path


def refused(said, *arguments):
    done = gnnglass("relaxation", *arguments)
    assert done.code == 1 and done.err.count("\n") == 1 and said in done.err, done.err


def test_everything_is_written_with_the_options_that_were_used(file, tmp_path):
    out = tmp_path / "found"
    done = gnnglass(
        *("relaxation", file, "-o", out, "--system=kam2d", "--dt=0.02", "--n-lags=3"),
        *("--wave-number=5", "--overlap-distance=0.25", "--n-origins=4", "--last-lag=40"),
        *("--cage=1.4", "--r-bond=1.3", "--r-break=1.5"),
    )
    assert done.code == 0, done.err
    assert sorted(path.name for path in out.iterdir()) == [
        f"mine-relaxation{end}" for end in (".csv", ".gsd", ".json", ".png")
    ]
    whole = read(file).stating(system="kam2d", dt=0.02)
    origins = TimeOrigins(whole, (10, 20, 40)).thinned(4)
    cage = {"r_max": 1.4}
    expected = RunRelaxation(
        TimeCorrelations(5.0, 0.25, neighbors=cage),
        BondBreaking(1.3, 1.5),
        SelfOverlap(0.25, neighbors=cage),
    ).compute(origins)
    curves = pd.read_csv(out / "mine-relaxation.csv")
    pd.testing.assert_frame_equal(curves, expected.to_frame(), check_exact=False)
    made = read(out / "mine-relaxation.gsd")
    for frame, own in zip(made, expected.annotated, strict=True):
        assert frame.step == own.step
        for name in ("tau_bond", "tau_bond_censored", "tau_overlap", "tau_overlap_censored"):
            np.testing.assert_array_equal(frame.field(name), own.field(name))
    told = json.loads((out / "mine-relaxation.json").read_text())
    assert told["options"] == made.metadata["relaxation"]
    assert {key: told["options"][key] for key in ("dt", "wave_number", "lag_steps", "system")} == {
        "dt": 0.02, "wave_number": 5.0, "lag_steps": [10, 20, 40], "system": "kam2d",
    }  # fmt: skip
    assert told["options"]["n_origins"] == origins.n_origins == len(made)
    assert pd.DataFrame(told["curves"]).shape == curves.shape
    assert len(told["relaxation_times"]) == 4 and len(told["local_relaxation_times"]) == 4
    assert "F_s(q = 5, t) falls to 1/e" in done.out and "left out" not in done.out
    assert done.err.splitlines()[-1].startswith("next: gnnglass structure ")
    shown = gnnglass("show", out / "mine-relaxation.gsd")
    assert shown.err.startswith("next: gnnglass structure ")
    again = gnnglass("relaxation", file, "-o", out, "--system=kam2d", "--dt=0.02")
    assert again.code == 0, again.err


@pytest.mark.parametrize("end", [".csv", ".json", ".png", ".gsd"])
def test_one_file_is_written_where_one_is_asked_for_and_never_over_another(file, tmp_path, end):
    out = tmp_path / f"one{end}"
    assert gnnglass("relaxation", file, "-o", out, "--dt=1", "--n-origins=1").code == 0
    first = out.read_bytes()
    assert gnnglass("relaxation", file, "-o", out, "--dt=1", "--n-origins=1").code == 0
    assert out.read_bytes() == first
    assert sorted(tmp_path.iterdir()) == sorted([file, out])
    out.write_text("a,b\n1,2\n")
    refused("--overwrite", file, "-o", out, "--dt=1")
    assert out.read_text() == "a,b\n1,2\n"


def test_times_are_stated_by_the_file_or_by_the_user(file, tmp_path):
    refused("does not state its time step; give --dt", file, "-o", tmp_path / "a.csv")
    refused("dt is 0", file, "-o", tmp_path / "a.csv", "--dt=0")
    stated = tmp_path / "stated.gsd"
    write(stated, shaken(dt=0.5))
    refused("states a time step of 0.5; leave --dt out", stated, "-o", tmp_path / "a.csv", "--dt=1")
    assert gnnglass("relaxation", stated, "-o", tmp_path / "a.csv").code == 0
    assert pd.read_csv(tmp_path / "a.csv")["time"].min() == 5.0


def test_bonds_need_a_mixture_or_lengths(file, tmp_path):
    out = tmp_path / "a.gsd"
    done = gnnglass("relaxation", file, "-o", out, "--dt=1")
    assert done.code == 0, done.err
    assert "left out: bond breaking (no glass former is stated" in done.out
    assert {"tau_overlap", "tau_overlap_censored"} == set(read(out)[0].fields)
    unknown = tmp_path / "unknown.gsd"
    write(unknown, shaken(system="mine", dt=1.0))
    done = gnnglass("relaxation", unknown, "-o", out, "--r-bond=1.3", "--r-break=1.7")
    assert done.code == 0, done.err
    expected = RunRelaxation(bonds=BondBreaking(1.3, 1.7)).compute(
        TimeOrigins(read(unknown), (10, 20, 30, 40, 50))
    )
    np.testing.assert_array_equal(
        read(out)[0].field("tau_bond"), expected.annotated[0].field("tau_bond")
    )
    refused("r_break follows from the diameters", file, "-o", out, "--dt=1", "--r-bond=1.3")
    refused("bond cutoffs are 'wide'", file, "-o", out, "--dt=1", "--r-bond=wide")


def test_other_units_and_other_things_are_refused(file, tmp_path):
    out = tmp_path / "a.csv"
    refused("--cage counts neighbours within 1.5", file, "-o", out, "--dt=1", "--length-unit=0.1")
    refused("number density", file, "-o", out, "--dt=1", "--system=kam2d", "--length-unit=1.1")
    for facts, said in (
        ({"level": "inherent"}, "holds inherent structures"),
        ({"isoconfigurational": {"n_clones": 2, "lag_steps": [10]}}, "holds clones"),
    ):
        write(tmp_path / "other.gsd", shaken(dt=1.0, **facts))
        refused(said, tmp_path / "other.gsd", "-o", out)
    refused("wrapped", lost(tmp_path), "-o", out)
    refused("the last lag is 7", file, "-o", out, "--dt=1", "--last-lag=7")
    refused("q is -1", file, "-o", out, "--dt=1", "--wave-number=-1")
    refused("n_origins is 0", file, "-o", out, "--dt=1", "--n-origins=0")
    (tmp_path / "notes.txt").write_text("milk")
    refused("which is no folder", file, "-o", tmp_path / "notes.txt", "--dt=1")
    refused("which is no folder", file, "-o", tmp_path / "new.pdf", "--dt=1")
    assert not out.exists()


def lost(folder):
    """Wrapped positions whose image flags are all zero, though particles leave the box."""
    zeros = np.zeros((len(shaken()[0]), 2))
    drift = [one.replace(positions=one.positions + 0.3 * k) for k, one in enumerate(shaken())]
    write(folder / "lost.gsd", Trajectory([f.replace(images=zeros) for f in drift], {"dt": 1.0}))
    return folder / "lost.gsd"
