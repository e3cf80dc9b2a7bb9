"""Small files of many kinds that lie beside the repository, and what reading them gives."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gnnglass.dynamics import IsoconfigurationalEnsemble, TimeOrigins
from gnnglass.errors import GnnglassError, GnnglassWarning, InputError
from gnnglass.trajectories import Trajectory, as_trajectory, read

CASES = Path(__file__).parents[3] / "shared" / "cases"

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason=f"there is no folder {CASES}")


def loaded(name: str, **options: Any) -> Trajectory:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GnnglassWarning)
        return read(CASES / name, **options)


READ = {
    "element_swapped.dump": (2, ("A", "B")),
    "l13_type_element.dump": (3, ("Cu", "Zr")),
    "l14_element_only.dump": (3, ("Cu", "Zr")),
    "l15_type_words.dump": (3, ("Cu", "Zr")),
    "c1_typelabel.dump": (2, ("Cu", "Zr")),
    "c1_same_run_labels.data": (2, ("Cu", "Zr")),
    "c1_type_element_displacement.dump": (2, ("Cu", "Zr")),
    "x24_lammps_dump_extxyz.extxyz": (2, ("Cu", "Zr")),
    "x24_same_run.dump": (2, ("A", "B")),
    "other_atoms.dump": (2, ("A", "B")),
    "nbsp_id_good.dump": (2, ("A", "B")),
    "nl_no_final_newline.dump": (2, ("A", "B")),
    "l08_general_triclinic_orthogonal.dump": (3, ("A", "B")),
    "x23_rounded_offdiag.extxyz": (3, ("A", "B")),
    "l25_z_quasi2d.dump": (2, ("A", "B")),
    "l23_f_exponent.dump": (3, ("A", "B")),
    "l24_timestep_float.dump": (3, ("A", "B")),
    "k2_no_id_xu_yu.dump": (2, ("A", "B", "C")),
    "x02_atooms.xyz": (3, ("A", "B")),
    "x03_atooms_new.xyz": (3, ("A", "B")),
    "x04_rumd.xyz": (3, ("A", "B")),
    "p01.dump.bz2": (3, ("A", "B")),
    "p02.dump.xz": (3, ("A", "B")),
    "x12_no_properties.extxyz": (3, ("A", "B")),
    "x15_id_unsorted_map_shift.extxyz": (3, ("A", "B")),
    "x17_type_property.extxyz": (3, ("A", "B")),
    "x18_Z_property.extxyz": (3, ("Cu", "Zr")),
    "g3_wrapped_no_images.gsd": (2, ("A", "B")),
}
REFUSED = {
    "x01_plain.xyz": "states no box .*--box",
    "o01_trackpy.csv": "begins with 'y,x,mass,size,frame,particle'.*gnnglass.as_trajectory",
    "nbsp_id_bad.dump": "line 10: the column 'id'",
    "d02_unlabelled_full.data": "Atoms # full",
    "d03_unlabelled_molecular.data": "Atoms # molecular",
    "d04_unlabelled_charge_images.data": "Atoms # charge",
    "l17_3d_run_dumped_xy.dump": "its box is that of a 3D run",
}


@pytest.mark.parametrize("name", READ)
def test_what_reads(name: str) -> None:
    dimension, names = READ[name]
    for snapshot in loaded(name):
        assert (snapshot.dimension, snapshot.type_names) == (dimension, names)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    with pytest.raises(GnnglassError, match=REFUSED[name]) as caught:
        loaded(name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_one_configuration_in_four_dialects_of_xyz_and_in_packed_dumps() -> None:
    (expected,) = loaded("p01.dump.bz2")
    plain = loaded("x01_plain.xyz", box=[6, 6, 6])
    others = [loaded(f"x0{k}.xyz") for k in ("2_atooms", "3_atooms_new", "4_rumd")]
    for trajectory in (plain, *others, loaded("p02.dump.xz")):
        (found,) = trajectory
        apart = expected.minimum_image(found.positions - expected.positions)
        apart = expected.minimum_image(apart - apart[0])
        np.testing.assert_allclose(apart, 0, atol=1e-9)
        np.testing.assert_array_equal(found.types, expected.types)


def test_tracks_of_colloids() -> None:
    table = pd.read_csv(CASES / "o01_trackpy.csv")
    found = as_trajectory(([60, 60], table))
    assert len(found) == table["frame"].nunique()
    for snapshot, (frame, group) in zip(found, table.groupby("frame"), strict=True):
        rows = group.sort_values("particle")
        assert snapshot.step == frame
        np.testing.assert_allclose(snapshot.unwrapped, rows[["x", "y"]])
        np.testing.assert_array_equal(snapshot.ids, rows["particle"])
        np.testing.assert_array_equal(snapshot.field("mass"), rows["mass"])


def test_one_run_by_two_writers() -> None:
    one, other = loaded("x24_lammps_dump_extxyz.extxyz"), loaded("x24_same_run.dump")
    for found in (one, other):
        assert [frame.step for frame in found] == [0, 100, 200, 300, 400, 500]
        assert found.metadata["dt"] == 0.005
    last, labelled = loaded("c1_typelabel.dump")[-1], loaded("c1_same_run_labels.data")[0]
    np.testing.assert_array_equal(last.types, labelled.types)
    elements = loaded("element_swapped.dump")[0]
    assert [elements.type_names[k] for k in elements.types] == ["B", "A", "A"]


def test_what_cannot_be_followed() -> None:
    with pytest.raises(InputError, match="holds other particles"):
        other = loaded("other_atoms.dump")
        TimeOrigins(Trajectory(list(other), {"dt": 1.0}), [1])
    wrapped = Trajectory(list(loaded("g3_wrapped_no_images.gsd")), {"dt": 1.0})
    with pytest.raises(InputError, match="image flags were lost"):
        list(TimeOrigins(wrapped, [1000]).windows())
    clones = [Trajectory(list(wrapped), {"dt": 1.0})] * 2
    with pytest.raises(InputError, match="image flags were lost"):
        _ = IsoconfigurationalEnsemble.from_clones(clones).displacements
