"""Published files go through ``gnnglass compare`` as they are."""

import numpy as np
import pandas as pd
import published_files
import pytest
from command import gnnglass

from gnnglass.published import FIGURES
from gnnglass.simulate import ENGINES
from gnnglass.structure import indicators_for
from gnnglass.trajectories import Trajectory, read, write

PROPENSITIES = {"propensity", "propensity_cage_relative"}


def compared(*arguments):
    """The CSV file and the printed text of one comparison."""
    *files, out = arguments[0]
    done = gnnglass("compare", *files, *arguments[1:], "-o", out)
    assert done.code == 0, done.err
    return pd.read_csv(out), done.out


def fields_of(path, **metadata):
    trajectory = read(path)
    indicators = indicators_for(trajectory[:1].map(lambda s: s, **metadata))
    return {name.replace("-", "_") for name in indicators}


def refused(said, *arguments):
    done = gnnglass("compare", *arguments)
    # The last line: a bar may have shown the structures that were done.
    *_, sentence = done.err.strip().splitlines()
    assert done.code == 1 and sentence.startswith("gnnglass: ") and said in sentence


def test_botan_files_with_all_indicators_ceilings_and_published_figures(tmp_path):
    files = [published_files.botan(tmp_path, k) for k in (1, 2, 3)]
    options = ("--method=pearson", "--species=A", "--length=0.5", "--length=0.9")
    table, text = compared([*files, tmp_path / "t.csv"], *options)
    assert set(table["predictor"]) == fields_of(files[0])
    assert set(table["target"]) == PROPENSITIES and set(table["smoothed"]) == {False, True}
    assert set(table["n_runs"]) == {3} and table["ceiling"].between(0, 1).all()
    assert "ceiling" in text and "3 runs only: " in text
    assert text.index("Published: Pearson's r") > text.index("3 runs only")
    assert all(one.citation in text for one in FIGURES)
    assert "potential_energy, smoothed over 0." in text and "here" in text


def test_one_file_says_what_it_cannot(tmp_path):
    path = published_files.botan(tmp_path, kT="0.50")
    options = ("--length=0.5", "--length=0.9")
    table, text = compared([path, tmp_path / "t.csv"], *options)
    assert not table["smoothed"].any() and table["low"].isna().all()
    assert "1 run only: " in text and "chosen on other runs" in text
    assert "Published" not in text


def test_inherent_structures_are_kept_for_the_next_time(tmp_path, monkeypatch):
    path = published_files.botan(tmp_path)
    options = ("--inherent", "--keep", tmp_path / "kept", "--species=A")
    first, _ = compared([path, tmp_path / "t.csv"], *options)
    thermal, _ = compared([path, tmp_path / "t.csv"], "--species=A")
    assert np.abs(first["estimate"] - thermal["estimate"]).max() > 1e-3
    monkeypatch.setattr(ENGINES.factory("lammps"), "minimize", None)
    again, _ = compared([path, tmp_path / "t.csv"], *options)
    pd.testing.assert_frame_equal(first, again)


def test_deepmind_files_are_told_their_system(tmp_path):
    path = published_files.deepmind(tmp_path)
    refused("does not name its glass former", path)
    refused("no lag t = 9", path, "--system=ka3d", "--time=9")
    options = ("--system=ka3d", "--time=2", "--target=propensity", "--species=B")
    table, _ = compared([path, tmp_path / "t.csv"], *options)
    assert set(table["predictor"]) == fields_of(path, system="ka3d")
    table, _ = compared([path, tmp_path / "t.csv"], "--system=ka3d")
    assert set(table["target"]) == PROPENSITIES | {"tau_bond", "tau_overlap"}
    shares = table.groupby("target")["censored_share"].first()
    assert shares[["tau_bond", "tau_overlap"]].between(0, 1).all()


@pytest.mark.parametrize("d", [2, 3])
def test_glassbench_files_with_predictions_beside_indicators(tmp_path, d):
    files = [published_files.glassbench(tmp_path, d, k) for k in (1, 2)]
    table, text = compared([*files, tmp_path / "t.csv"], "--method=pearson")
    assert set(table["species"]) == {2: {"A", "B", "C"}, 3: {"A", "B"}}[d]
    indicators = fields_of(files[0])
    for lag in (0, 1):
        rows = table[table["target"] == f"md_prop_{lag}"].set_index("predictor")
        assert set(rows.index) == indicators | {f"BOTAN_{lag}", f"CAGE_{lag}"}
        # Made to be exact.
        np.testing.assert_allclose(rows.loc[f"BOTAN_{lag}", "estimate"], 1)
        assert rows.loc[f"CAGE_{lag}", "estimate"].abs().max() < 0.5
    assert ("Published" in text) == (d == 3)
    assert " here" not in text


def test_chosen_fields_are_computed_or_taken(tmp_path):
    path, out = published_files.glassbench(tmp_path, 2), tmp_path / "t.csv"
    options = ("--predictor=local_density", "--target=bb_prop_1", "--species=A")
    table, _ = compared([path, out], *options)
    assert table[["predictor", "target"]].to_numpy().tolist() == [["local_density", "bb_prop_1"]]
    refused("no field 'softness'", path, "--predictor=softness", "--target=md_prop_1")
    # Of fields that are there, all frames count.
    twice = Trajectory([read(path)[0].replace(step=k) for k in (0, 1)], read(path).metadata)
    write(tmp_path / "twice.gsd", twice)
    options = ("--predictor=BOTAN_0", "--target=md_prop_1", "--species=A")
    table, _ = compared([tmp_path / "twice.gsd", out], *options)
    assert table["n_configurations"].tolist() == [2] and abs(table["estimate"][0]) < 0.5


def test_clones_of_our_own_engines_are_published_as_well(runs, tmp_path):
    out = tmp_path / "dynamics.gsd"
    options = ("--n-clones=4", "--last-lag=50", "--n-lags=2")
    done = gnnglass("dynamics", runs / "glass-0.gsd", "-o", out, *options)
    assert done.code == 0, done.err
    table, text = compared([out, tmp_path / "t.csv"], "--species=A")
    assert set(table["target"]) >= PROPENSITIES
    assert {"hexatic_order", "potential_energy"} <= set(table["predictor"])
    assert "Published" not in text


def test_files_that_tell_nothing_of_dynamics_are_refused(runs, tmp_path):
    refused("neither isoconfigurational runs nor", runs / "glass-0.gsd")
    refused("neither isoconfigurational", runs / "glass-0.gsd", "--target=potential_energy")
    path = published_files.glassbench(tmp_path, 3)
    refused("no lag to choose", path, "--time=1")
    refused("unknown engine 'x'", path, "--inherent", "--engine=x")
    (tmp_path / "file").touch()
    refused("cannot write", path, "--inherent", "--keep", tmp_path / "file")
    path.write_bytes(path.read_bytes()[:-100])
    refused("seems damaged", path)


def test_a_published_configuration_gives_its_known_figures(real_data, tmp_path):
    path = real_data / "botan_ka3d_T0.44" / "isoconfig_N4096T0.44_1_tc07.npz"
    keep = ("--inherent", "--keep", tmp_path / "kept", "--method=pearson", "--species=A")
    chosen = ("--predictor=potential_energy", "--target=propensity", "--length=1")
    table, text = compared([path, tmp_path / "t.csv"], *keep, *chosen)
    np.testing.assert_allclose(table["estimate"], [0.226, 0.465], atol=0.01)
    assert 0.8 < table["ceiling"][0] < 0.9
    assert "EIGNN-cage" in text and "potential_energy, smoothed over 1" in text
