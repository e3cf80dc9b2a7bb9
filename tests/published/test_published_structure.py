"""Configurations get every structural indicator there is, at the level that is wanted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import published_files
import pytest

from gnnglass.errors import FileError, InputError
from gnnglass.published import annotated, with_dynamics, with_structure
from gnnglass.simulate import ENGINES
from gnnglass.structure import indicators_for
from gnnglass.systems import glass_former
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Trajectory, read


@pytest.fixture
def configuration(tmp_path: Path) -> Trajectory:
    return with_dynamics(read(published_files.botan(tmp_path)))


def test_all_indicators_join_the_fields_that_are_there(configuration: Trajectory) -> None:
    found = with_structure(configuration)
    indicators = indicators_for(configuration)
    assert len(indicators) > 1
    for name, indicator in indicators.items():
        expected = indicator.compute(configuration[0]).values
        np.testing.assert_array_equal(found[0].field(name.replace("-", "_")), expected)
    for name, values in configuration[0].fields.items():
        np.testing.assert_array_equal(found[0].field(name), values)


@pytest.mark.parametrize("d", [2, 3])
def test_files_that_hold_propensities_know_their_system(tmp_path: Path, d: int) -> None:
    found = with_structure(read(published_files.glassbench(tmp_path, d)))
    system = glass_former(found.metadata["system"])
    energies = found[0].field("potential_energy")
    np.testing.assert_array_equal(energies, system.energies(found[0]))
    assert {"md_prop_1", "BOTAN_0", "local_density"} <= set(found[0].fields)


def test_a_system_that_the_file_does_not_name_has_to_be_given(tmp_path: Path) -> None:
    unnamed = with_dynamics(read(published_files.deepmind(tmp_path)), system="ka3d")
    with pytest.raises(InputError, match="does not name its glass former"):
        with_structure(unnamed)
    found = with_structure(unnamed, system="ka3d")
    assert found.metadata["system"] == "ka3d"
    expected = glass_former("ka3d").energies(unnamed[0])
    np.testing.assert_array_equal(found[0].field("potential_energy"), expected)


def test_an_inherent_structure_is_sought_once(
    configuration: Trajectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"inherent": True, "keep": tmp_path / "kept"}
    first = with_structure(configuration, **options)
    assert first.metadata["level"] == "inherent"
    system = glass_former("ka3d")
    thermal = system.energies(configuration[0])
    assert first[0].field("potential_energy").mean() < thermal.mean() - 1
    # Single precision leaves forces of the order of 1e-7 times the curvature.
    assert np.abs(system.forces(first[0])).max() < 1e-3
    propensity = configuration[0].field("propensity")
    np.testing.assert_array_equal(first[0].field("propensity"), propensity)

    monkeypatch.setattr(ENGINES.factory("lammps"), "minimize", None)
    again = with_structure(configuration, **options)
    assert set(again[0].fields) == set(first[0].fields)
    for name, values in first[0].fields.items():
        np.testing.assert_array_equal(again[0].field(name), values)
    same = with_structure(first, inherent=True)
    np.testing.assert_array_equal(same[0].positions, first[0].positions)

    (kept,) = (tmp_path / "kept").iterdir()
    kept.write_bytes(kept.read_bytes()[:-500])
    with pytest.raises(FileError, match=kept.name):
        with_structure(configuration, **options)


def test_fields_that_are_asked_for_and_there_cost_nothing(configuration: Trajectory) -> None:
    plain = Trajectory([example_snapshot(3)] * 2)
    named = annotated([configuration, plain], ["propensity"])
    assert named[0] is configuration and named[1] is plain
    told: list[tuple[int, int]] = []
    fields = ["potential_energy", "propensity"]
    found = annotated(
        iter([configuration, plain]), fields, progress=lambda *done: told.append(done)
    )
    assert set(fields) <= set(found[0][0].fields) and found[1] is plain
    assert told == [(1, 1)]
