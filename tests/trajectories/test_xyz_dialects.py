"""XYZ files of atooms, RUMD and LAMMPS, and plain ones whose box is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gnnglass.errors import FileError, GnnglassError, GnnglassWarning, InputError
from gnnglass.trajectories import Trajectory, read

PLAIN = "3\n Atoms. Timestep: 70\nB 1 2 3\nA -1 0.5 2\nA 3 3 1\n"
FLAT = "3\n\nB 1 2\nA -1 0.5\nA 3 3\n"
POSITIONS = np.array([[1, 2, 3], [-1, 0.5, 2], [3, 3, 1.0]])
ATOOMS = (
    "3\nstep:70 columns:species,position,velocity,radius dt:0.002 cell:8.0,9.0,10.0 mass:1.0,2.0\n"
    "B 1 2 3 4 5 6 .4\nA -1 0.5 2 0 0 0 .5\nA 3 3 1 1 1 1 .5\n"
)
RUMD = (
    "3\nioformat=2 timeStepIndex=70 numTypes=2 integrator=IntegratorNVE,0.002 "
    "sim_box=RectangularSimulationBox,8.0,9.0,10.0 mass=1.0,2.0 columns=type,x,y,z,imx,imy,imz,pe\n"
    "1 1 2 3 0 0 1 -5\n0 -1 0.5 2 0 -2 0 -6\n0 3 3 1 0 0 0 -7\n"
)

pytestmark = pytest.mark.filterwarnings("ignore::gnnglass.errors.GnnglassWarning")


def loaded(folder: Path, content: str, **options: Any) -> Trajectory:
    (folder / "t.xyz").write_text(content)
    return read(folder / "t.xyz", **options)


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (PLAIN, {"box": [8, 9, 10]}),
        (PLAIN.replace("A", "1").replace("B", "2"), {"box": (8, 9, 10)}),
        (PLAIN.replace("A ", "0 ").replace("B ", "1 "), {"box": np.array([8, 9, 10])}),
        (ATOOMS, {}),
        (ATOOMS.replace(":", "="), {}),
        (ATOOMS.replace(":", " : ").replace(",", ", "), {}),
        (ATOOMS.replace("species", "id"), {}),
        (ATOOMS.replace("species,position", "particle.species,x,y,z"), {}),
        (ATOOMS.replace("A ", "1 ").replace("B ", "2 "), {}),
        (RUMD, {}),
        (RUMD.replace("sim_box=RectangularSimulationBox,", "boxLengths="), {}),
    ],
)
def test_one_configuration_in_many_dialects(
    tmp_path: Path, content: str, options: dict[str, Any]
) -> None:
    (snapshot,) = loaded(tmp_path, content, **options)
    np.testing.assert_allclose(snapshot.box, [8, 9, 10])
    apart = snapshot.minimum_image(snapshot.positions - POSITIONS)
    np.testing.assert_allclose(apart, 0, atol=1e-12)
    assert snapshot.type_names == ("A", "B")
    assert snapshot.types.tolist() == [1, 0, 0]
    assert snapshot.step == 70


def test_what_atooms_and_rumd_say_besides(tmp_path: Path) -> None:
    atooms, rumd = loaded(tmp_path, ATOOMS), loaded(tmp_path, RUMD)
    for one in (atooms, rumd):
        assert one.metadata == {"dt": 0.002, "masses": {"A": 1.0, "B": 2.0}}
    assert atooms[0].images is None
    assert atooms[0].field("vy").tolist() == [5, 0, 1]
    assert atooms[0].field("radius").tolist() == [0.4, 0.5, 0.5]
    assert rumd[0].field("pe").tolist() == [-5, -6, -7]
    shifted = POSITIONS + np.array([[0, 0, 10], [0, -18, 0], [0, 0, 0]])
    np.testing.assert_allclose(rumd[0].unwrapped, shifted)


def test_unfolded_positions_of_atooms_are_unwrapped(tmp_path: Path) -> None:
    content = ATOOMS.replace("position,velocity", "position,position_unfolded")
    (snapshot,) = loaded(tmp_path, content)
    np.testing.assert_allclose(snapshot.unwrapped, [[4, 5, 6], [0, 0, 0], [1, 1, 1]])
    assert set(snapshot.fields) == {"radius"}


def test_rumd_numbers_species_from_zero_whichever_are_there(tmp_path: Path) -> None:
    only_second = RUMD.replace("\n0 ", "\n1 ")
    with pytest.warns(GnnglassWarning, match="numbered from 0; 0 is called A"):
        (snapshot,) = loaded(tmp_path, only_second)
    assert [snapshot.type_names[k] for k in snapshot.types] == ["B"] * 3


@pytest.mark.parametrize(
    ("content", "options", "d"),
    [
        (PLAIN.replace(" 3\n", " 1\n").replace(" 2\n", " 1\n"), {"box": [8, 9]}, 2),
        (PLAIN.replace(" 3\n", " 1\n").replace(" 2\n", " 1\n"), {"box": [8, 9, 1]}, 2),
        (FLAT, {"box": [8, 9]}, 2),
        (FLAT, {"box": [8, 9, 0]}, 2),
        (FLAT.replace("\n\n", "\ncell:8,9 columns:species,position\n"), {}, 2),
        (FLAT.replace("\n\n", "\ncell:8,9,1 ndim:2 columns:species,pos\n"), {}, 2),
        (PLAIN, {"box": [8, 9, 10]}, 3),
    ],
)
def test_two_dimensions(tmp_path: Path, content: str, options: dict[str, Any], d: int) -> None:
    (snapshot,) = loaded(tmp_path, content, **options)
    assert snapshot.dimension == d
    apart = snapshot.minimum_image(snapshot.positions - POSITIONS[:, :d])
    np.testing.assert_allclose(apart, 0, atol=1e-12)


def test_further_columns_and_words_are_not_dropped(tmp_path: Path) -> None:
    content = "2\nmade by me, T = 0.5 at P: 3\nA 0 0 0 1.5 x\nB 1 1 1 2.5 y\n"
    with pytest.warns(GnnglassWarning, match="place: T, P, the comment made by me, at, column_6"):
        found = loaded(tmp_path, content, box=[4] * 3)
    assert found.metadata == {}  # T is a temperature and no time
    snapshot = found[0]
    assert snapshot.field("column_5").tolist() == [1.5, 2.5]


def test_a_given_box_that_particles_do_not_fill(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lines = [f"A {x} {y} {z}" for x, y, z in rng.uniform(0, 5, (60, 3))]
    content = "60\n\n" + "\n".join(lines) + "\n"
    for box in ([5, 5, 50], [5, 3, 5]):
        with pytest.warns(GnnglassWarning, match="reach over"):
            loaded(tmp_path, content, box=box)


@pytest.mark.parametrize(
    ("content", "options", "error", "message"),
    [
        (PLAIN, {}, InputError, r"states no box \(its second line is 'Atoms\. .*--box"),
        (PLAIN, {"box": [8, 9]}, InputError, "no height, but its particles differ in z"),
        (PLAIN, {"box": [8]}, InputError, "box has shape"),
        (PLAIN, {"box": [8, 9, -1]}, InputError, "expected 2 or 3 positive"),
        (PLAIN, {"box": [8, float("nan")]}, InputError, "expected 2 or 3 positive"),
        (PLAIN, {"box": "ten"}, InputError, "not numeric"),
        (PLAIN, {"box": [8, 9, 10, 1, 0, 0]}, InputError, "tilted"),
        (ATOOMS, {"box": [8, 9, 10]}, InputError, "states its own box"),
        (FLAT, {"box": [8, 9, 10]}, InputError, "no z coordinate, but its box is that of a 3D"),
        ("2\n\n0.5 1 2\n1.5 2 3\n", {"box": [8, 8]}, InputError, "'0.5', which is no species"),
        (PLAIN.replace("3 3 1", "3 3"), {"box": [8] * 3}, FileError, "line 5 has 3"),
        (PLAIN.replace("3 3 1", "3 3 x"), {"box": [8] * 3}, FileError, "holds 'x'"),
        (
            PLAIN.replace("3\n Atoms", "4\n Atoms"),
            {"box": [8] * 3},
            FileError,
            "3 lines .* where 4",
        ),
        (
            PLAIN.replace("3\n Atoms", "99999999999\n Atoms"),
            {"box": [8] * 3},
            FileError,
            "lines of",
        ),
        (ATOOMS.replace("8.0,9.0,10.0", "8.0"), {}, InputError, "cell has 1 numbers"),
        (ATOOMS.replace("8.0,9.0,10.0", "8,9,ten"), {}, FileError, "'ten' is not a number"),
        (ATOOMS.replace("species", "mass"), {}, InputError, "tells species"),
        (ATOOMS.replace("position", "place"), {}, InputError, "lack coordinates"),
        (ATOOMS.replace("mass:1.0,2.0", "mass:1.0,big"), {}, FileError, "masses are not numbers"),
        (RUMD.replace("Rectangular", "LeesEdwards"), {}, InputError, "LeesEdwardsSimulationBox"),
        (RUMD.replace("\n0 3", "\nA 3"), {}, FileError, "holds 'A', but numbers"),
        (RUMD.replace("0 -2 0 -6", "0 .5 0 -6"), {}, InputError, "image flags are not whole"),
    ],
)
def test_what_is_refused_in_a_sentence(
    tmp_path: Path,
    content: str,
    options: dict[str, Any],
    error: type[GnnglassError],
    message: str,
) -> None:
    with pytest.raises(error, match=message) as caught:
        loaded(tmp_path, content, **options)
    assert "\n" not in str(caught.value)


def test_masses_that_fit_no_species_are_named(tmp_path: Path) -> None:
    with pytest.warns(GnnglassWarning, match="place: mass"):
        found = loaded(tmp_path, ATOOMS.replace("mass:1.0,2.0", "mass:1.0,2.0,3.0"))
    assert "masses" not in found.metadata


def test_extended_xyz_without_a_lattice_takes_a_box(tmp_path: Path) -> None:
    content = '2\nProperties=species:S:1:pos:R:3 pbc="F F F"\nA 0 0 0\nB 1 2 3\n'
    with pytest.raises(InputError, match="states no box"):
        loaded(tmp_path, content)
    (snapshot,) = loaded(tmp_path, content, box=[8, 9, 10])
    np.testing.assert_allclose(snapshot.positions, [[0, 0, 0], [1, 2, 3]])


def test_a_box_for_a_file_that_has_one(tmp_path: Path) -> None:
    (tmp_path / "t.data").write_text("title\n\n1 atoms\n")
    with pytest.raises(InputError, match="states its own box"):
        read(tmp_path / "t.data", box=[8, 9])


def test_particles_are_followed_only_if_their_order_stays(tmp_path: Path) -> None:
    swapped = "3\n\nA 3 3 1\nA -1 0.5 2\nB 1 2 3\n"
    stays, changes = PLAIN + PLAIN.replace("70", "80"), PLAIN + swapped
    assert loaded(tmp_path, stays, box=[8, 9, 10])[0].ids is not None
    assert not loaded(tmp_path, stays, box=[8, 9, 10])[1].is_anonymous
    assert loaded(tmp_path, changes, box=[8, 9, 10])[1].is_anonymous


@pytest.mark.parametrize(
    "comment", ["a" * 65000, "a=" * 32000, "a," * 32000, "a:b," * 16000, 'a="' * 20000]
)
def test_a_long_comment_is_soon_read(tmp_path: Path, comment: str) -> None:
    # Where every letter is tried as the beginning of a key, each takes a minute.
    for line in (comment, f"{comment} Properties=species:S:1:pos:R:3"):
        with pytest.raises(GnnglassError):
            loaded(tmp_path, f"1\n{line}\nA 0 0 0\n")


@pytest.mark.parametrize("name", ["xyz", "rumd"])
def test_what_atooms_writes(tmp_path: Path, name: str) -> None:
    pytest.importorskip("atooms")
    from atooms.system import Cell, Particle, System
    from atooms.trajectory import TrajectoryRUMD, TrajectoryXYZ

    rng = np.random.default_rng(0)
    systems = []
    for _ in range(3):
        particles = [
            Particle(species=species, position=rng.uniform(-3, 3, 3), velocity=rng.normal(size=3))
            for species in "ABAAB"
        ]
        systems.append(System(particles, Cell([6.0, 6.5, 7.0])))
    path = str(tmp_path / "t.xyz")
    with (TrajectoryXYZ if name == "xyz" else TrajectoryRUMD)(path, "w") as out:
        if name == "xyz":
            out.variables = ["species", "position", "velocity"]
            out.precision = 14
        for step, system in enumerate(systems):
            out.write(system, 100 * step)
    found = read(path)
    assert [snapshot.step for snapshot in found] == [0, 100, 200]
    for snapshot, system in zip(found, systems, strict=True):
        np.testing.assert_allclose(snapshot.box, system.cell.side)
        np.testing.assert_allclose(snapshot.positions, system.dump("pos"), atol=1e-11)
        assert [snapshot.type_names[k] for k in snapshot.types] == [*"ABAAB"]
        velocities = np.array([p.velocity for p in system.particle])
        np.testing.assert_allclose(snapshot.field("vz"), velocities[:, 2], atol=1e-11)
