"""Objects of other libraries, made into trajectories without importing them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gnnglass.dynamics import TimeOrigins
from gnnglass.errors import InputError
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot, as_snapshot, as_trajectory, read, write

RNG = np.random.default_rng(0)
N = 20
BOX = np.array([6.0, 7.0, 8.0])
POSITIONS = RNG.uniform(0, 1, (3, N, 3)) * BOX
TYPES = np.arange(N) % 3 // 2
NAMES = np.array(["Cu", "Zr"])[TYPES]
DUMP = "".join(
    f"ITEM: TIMESTEP\n{100 * k}\nITEM: NUMBER OF ATOMS\n{N}\nITEM: BOX BOUNDS pp pp pp\n0 6\n0 7\n"
    "0 8\nITEM: ATOMS id type x y z vx vy vz\n"
    + "".join(
        f"{i + 1} {TYPES[i] + 1} {x:.12f} {y:.12f} {z:.12f} {i} 1.5 -2\n"
        for i, (x, y, z) in enumerate(positions)
    )
    for k, positions in enumerate(POSITIONS)
)


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    (tmp_path / "t.dump").write_text(DUMP)
    return tmp_path / "t.dump"


def require_same(found: Any, *, atol: float = 1e-10, names: tuple[str, ...] = ("A", "B")) -> None:
    trajectory = as_trajectory(found)
    assert len(trajectory) == len(POSITIONS)
    for snapshot, positions in zip(trajectory, POSITIONS, strict=True):
        np.testing.assert_allclose(snapshot.box, BOX)
        apart = snapshot.minimum_image(snapshot.positions - positions + BOX / 2)
        np.testing.assert_allclose(apart, 0, atol=atol)
        assert snapshot.type_names == names
        np.testing.assert_array_equal(snapshot.types, TYPES)


def atoms(positions: np.ndarray, **options: Any) -> Any:
    ase = pytest.importorskip("ase")
    return ase.Atoms(NAMES, positions, **{"cell": BOX, "pbc": True, **options})


def test_ase_atoms() -> None:
    frames = [atoms(positions) for positions in POSITIONS]
    for k, frame in enumerate(frames):
        frame.info["Step"] = 100 * k
        frame.arrays.update(charge=np.arange(N) / 2, velo=np.full((N, 3), k), id=np.arange(N) + 7)
    require_same(frames, names=("Cu", "Zr"))
    found = as_trajectory(frames)
    assert [snapshot.step for snapshot in found] == [0, 100, 200]
    assert set(found[0].fields) == {"charge", "vx", "vy", "vz"}
    assert found[2].field("vy").tolist() == [2] * N
    assert found[0].ids is not None and found[0].ids.tolist() == list(range(7, 7 + N))
    assert as_snapshot(frames[0]).type_names == ("Cu", "Zr")


def test_ase_atoms_of_one_symbol_are_told_by_type() -> None:
    for types, names in ((TYPES + 1, ("A", "B")), (NAMES, ("Cu", "Zr"))):
        frames = [atoms(positions) for positions in POSITIONS]
        for frame in frames:
            frame.set_chemical_symbols(["X"] * N)
            frame.arrays["type"] = types
        require_same(frames, names=names)


def test_ase_atoms_in_two_dimensions() -> None:
    flat = POSITIONS[0] * [1, 1, 0]
    for cell, pbc in (([6, 7, 8], True), ([6, 7, 0], [True, True, False])):
        assert as_snapshot(atoms(flat, cell=cell, pbc=pbc)).dimension == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cell": None}, "has no cell"),
        ({"cell": [[6, 0, 0], [1, 7, 0], [0, 0, 8]]}, "tilted"),
        ({"pbc": False}, "not periodic"),
    ],
)
def test_ase_atoms_that_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"frame 0 of the ASE Atoms.*{message}") as caught:
        as_trajectory(atoms(POSITIONS[0], **options))
    assert "\n" not in str(caught.value)


def test_ase_atoms_that_lose_their_order_are_not_followed() -> None:
    first = atoms(POSITIONS[0])
    assert as_trajectory([first, first[::-1]])[1].is_anonymous
    assert not as_trajectory([first, first])[1].is_anonymous


class Timesteps(list[Any]):
    """Frames of a stand-in for MDAnalysis: to step to one changes the positions of the atoms."""

    def __init__(self, of: Any, steps: list[Any]) -> None:
        super().__init__(steps)
        self.of, self.frame = of, 1

    def __getitem__(self, index: Any) -> Any:
        step = super().__getitem__(index)
        self.frame, self.of.positions = step.frame, step.positions
        return step

    def __iter__(self) -> Any:
        return (self[k] for k in range(len(self)))


def stand_in_for_mdanalysis(**options: Any) -> Any:
    """What MDAnalysis 2.11 gives for a data file and a dump."""
    dimensions = np.array([*BOX, 90, 90, 90], dtype=np.float32)
    group = SimpleNamespace(types=(TYPES + 1).astype(str).astype(object), positions=None)
    steps = [
        SimpleNamespace(
            frame=k,
            dimensions=options.get("dimensions", dimensions),
            positions=positions.astype(np.float32),
            data={"step": 100 * k},
            has_velocities=False,
        )
        for k, positions in enumerate(POSITIONS)
    ]
    universe = SimpleNamespace(atoms=group, trajectory=Timesteps(group, steps))
    universe.universe = group.universe = universe
    group.atoms = group
    if options.get("anonymous"):
        del group.types
    return universe


def test_what_mdanalysis_gives() -> None:
    universe = stand_in_for_mdanalysis()
    require_same(universe, atol=1e-5)
    require_same(universe.atoms, atol=1e-5)
    assert universe.trajectory.frame == 1
    assert [snapshot.step for snapshot in as_trajectory(universe)] == [0, 100, 200]
    assert not as_trajectory(universe)[0].is_anonymous


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dimensions": None}, "frame 0 has no box; set universe.dimensions"),
        ({"dimensions": np.array([6, 7, 8, 90, 90, 80.0])}, "tilted"),
        ({"anonymous": True}, "tells no species"),
    ],
)
def test_what_mdanalysis_gives_and_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"MDAnalysis Universe: .*{message}"):
        as_trajectory(stand_in_for_mdanalysis(**options))


@pytest.mark.filterwarnings("ignore")
def test_a_universe(tmp_path: Path, dump: Path) -> None:
    mda = pytest.importorskip("MDAnalysis")
    rows = [f"{i + 1} {TYPES[i] + 1} {x} {y} {z}" for i, (x, y, z) in enumerate(POSITIONS[0])]
    (tmp_path / "t.data").write_text(
        f"title\n\n{N} atoms\n2 atom types\n\n0 6 xlo xhi\n0 7 ylo yhi\n0 8 zlo zhi\n\nMasses\n\n"
        "1 1\n2 1\n\nAtoms # atomic\n\n" + "\n".join(rows) + "\n"
    )
    universe = mda.Universe(
        *(str(tmp_path / "t.data"), str(dump)),
        topology_format="DATA",
        format="LAMMPSDUMP",
        atom_style="id type x y z",
    )
    universe.trajectory[1]
    require_same(universe, atol=1e-5)
    assert universe.trajectory.frame == 1
    assert as_trajectory(universe)[1].step == 100
    assert as_trajectory(universe)[1].field("vz").tolist() == [-2] * N
    write(tmp_path / "t.gsd", universe)
    require_same(read(tmp_path / "t.gsd"), atol=1e-5)
    few = as_trajectory(universe.select_atoms("type 2"))
    assert [len(snapshot) for snapshot in few] == [int(TYPES.sum())] * 3


class Particles(dict[str, Any]):
    """The properties of a stand-in for OVITO's particles."""

    positions = property(lambda self: self.get("Position"))
    particle_types = property(lambda self: self.get("Particle Type"))
    identifiers = property(lambda self: self.get("Particle Identifier"))


class Types(np.ndarray):
    """OVITO's property of types, an array that knows their names."""

    types: list[Any]


def stand_in_for_ovito(k: int, **options: Any) -> Any:
    """What OVITO 3.17 gives for a frame of a dump."""
    numbers = (TYPES + 1).astype(np.int32).view(Types)
    numbers.types = [
        SimpleNamespace(id=n + 1, name=name) for n, name in enumerate(options["names"])
    ]
    matrix = np.column_stack([np.diag(BOX), [1.0, 2.0, 3.0]])
    return SimpleNamespace(
        particles=Particles(
            {
                "Position": POSITIONS[k] + [1, 2, 3],
                "Particle Type": numbers,
                "Particle Identifier": np.arange(N) + 1,
                "Periodic Image": np.full((N, 3), k),
                "Velocity": np.full((N, 3), k + 0.5),
            }
        ),
        cell=type(
            "Cell", (), {"__getitem__": lambda _, __: matrix, "pbc": (True,) * 3, "is2D": False}
        )(),
        attributes={"Timestep": 100 * k},
    )


@pytest.mark.parametrize("names", [("", ""), ("Cu", "Zr")])
def test_what_ovito_gives(names: tuple[str, ...]) -> None:
    frames = [stand_in_for_ovito(k, names=names) for k in range(3)]
    require_same(frames, names=names if all(names) else ("A", "B"))
    found = as_trajectory(frames)
    np.testing.assert_allclose(found[2].unwrapped, POSITIONS[2] - BOX / 2 + 2 * BOX)
    assert [snapshot.step for snapshot in found] == [0, 100, 200]
    assert found[1].field("vx").tolist() == [1.5] * N


def test_data_collections(monkeypatch: pytest.MonkeyPatch, dump: Path) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    pytest.importorskip("ovito")
    from ovito.io import import_file

    pipeline = import_file(str(dump))
    frames = [pipeline.compute(k) for k in range(3)]
    require_same(frames)
    assert as_trajectory(frames)[2].step == 200
    assert as_trajectory(frames)[2].field("vy").tolist() == [1.5] * N
    assert as_snapshot(frames[0]).type_names == ("A", "B")


def tracks(**columns: Any) -> pd.DataFrame:
    """Tracks as trackpy links them, rows and columns in an order of their own."""
    frame, particle = np.divmod(np.arange(3 * N), N)
    table = pd.DataFrame(
        {
            "y": POSITIONS[..., 1].ravel(),
            "x": POSITIONS[..., 0].ravel(),
            "mass": np.arange(3 * N) / 7,
            "note": "bright",
            "frame": frame,
            "particle": particle,
            "z": POSITIONS[..., 2].ravel(),
            "species": NAMES[particle],
        }
    )
    return table.assign(**columns).sample(frac=1, random_state=1)


def centred(positions: np.ndarray) -> np.ndarray:
    return np.asarray((positions + BOX / 2) % BOX - BOX / 2)


def test_tracks() -> None:
    found = as_trajectory((BOX, tracks()))
    for k, snapshot in enumerate(found):
        assert (snapshot.step, snapshot.type_names) == (k, ("Cu", "Zr"))
        np.testing.assert_allclose(snapshot.positions, centred(POSITIONS[k]), atol=1e-12)
        np.testing.assert_allclose(snapshot.unwrapped, POSITIONS[k])
        np.testing.assert_array_equal(snapshot.types, TYPES)
        assert set(snapshot.fields) == {"mass"}
    assert found[1].field("mass")[:2].tolist() == [N / 7, (N + 1) / 7]
    assert found[0].ids is not None and found[0].ids.tolist() == list(range(N))
    flat = as_trajectory((BOX[:2], tracks().drop(columns=["z", "species"])))
    assert (flat[0].dimension, flat[0].type_names) == (2, ("A",))
    numbered = as_trajectory((BOX, tracks(species=1 + TYPES[np.arange(3 * N) % N])))
    np.testing.assert_array_equal(numbered[2].types, TYPES)
    assert numbered[2].type_names == ("A", "B")


def test_tracks_are_followed_by_their_number() -> None:
    gone = tracks().query("not (frame == 2 and particle == 3)")
    with pytest.raises(InputError, match="1 ids are gone"):
        found = as_trajectory((BOX, gone)).stating(dt=1.0)
        list(TimeOrigins(found, [1, 2]).windows())
    anonymous = as_trajectory((BOX, tracks().drop(columns="particle")))
    assert anonymous[0].is_anonymous and anonymous[0].images is None


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (tracks().drop(columns="y"), "it has no column y; expected the columns frame, particle"),
        (tracks().iloc[:0], "it has no rows"),
        (tracks(x="left"), "column x is not of numbers"),
        (tracks(y=np.nan), "column y is not of numbers"),
        (tracks(particle=np.nan), "column particle is not of numbers"),
        (tracks(particle=1), "the id 1 occurs twice"),
        (tracks(particle=0.5), "numbers of particles are not whole"),
        (tracks(frame=0.5), "frames are not whole"),
    ],
)
def test_tracks_that_are_refused(table: pd.DataFrame, message: str) -> None:
    with pytest.raises(InputError, match=f"the table of tracks: .*{message}") as caught:
        as_trajectory((BOX, table))
    assert "\n" not in str(caught.value)


def test_a_table_without_a_box() -> None:
    with pytest.raises(InputError, match=r"does not state a box; give the pair \(box, table\)"):
        as_trajectory(tracks())


def test_points_of_several_frames() -> None:
    found = as_trajectory((BOX, POSITIONS))
    assert [snapshot.step for snapshot in found] == [0, 1, 2]
    for snapshot, positions in zip(found, POSITIONS, strict=True):
        np.testing.assert_allclose(snapshot.positions, centred(positions))
    flat = as_trajectory((BOX[:2], POSITIONS * [1, 1, 0]))
    assert [snapshot.dimension for snapshot in flat] == [2, 2, 2]


def test_mixed_sequences_are_refused() -> None:
    snapshot: Snapshot = example_snapshot(3)
    for mixed in ([atoms(POSITIONS[0]), snapshot], [snapshot, 3, 4]):
        with pytest.raises(InputError, match="a list is not a trajectory"):
            as_trajectory(mixed)


def test_nothing_is_imported_for_it() -> None:
    script = (
        "import sys, numpy as np\n"
        "from gnnglass.trajectories import as_trajectory\n"
        "as_trajectory(([4, 4], np.zeros((1, 2))))\n"
        "print({'ase', 'MDAnalysis', 'ovito', 'pandas', 'freud'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "set()"
