import numpy as np
import pytest

from gnnglass.errors import InputError
from gnnglass.planted import (
    CompressedRegion,
    HexagonalPatch,
    base_configurations,
    planted_set,
    sets,
)
from gnnglass.systems import GLASS_FORMERS
from gnnglass.testing import example_snapshot
from gnnglass.training import LabelledSet
from gnnglass.trajectories import Trajectory


def runs(n, level="inherent", **metadata):
    return [
        Trajectory(
            [
                example_snapshot(2, 400, seed=10 * k + f).with_fields(potential_energy=np.ones(400))
                for f in range(2)
            ],
            {"run": f"base-{k}", "level": level, "system": "kam2d", **metadata},
        )
        for k in range(n)
    ]


def test_half_of_the_runs_are_planted_and_can_be_learnt_from():
    given = runs(5)
    motif = HexagonalPatch()
    found = planted_set(given, motif, seed=1)
    assert {label: len(members) for label, members in found.items()} == {"plain": 3, "planted": 2}
    names = {label: {t.metadata["run"] for t in members} for label, members in found.items()}
    assert not names["plain"] & names["planted"]
    assert names["plain"] | names["planted"] == {f"base-{k}" for k in range(5)}
    originals = {t.metadata["run"]: t for t in given}
    for label, members in found.items():
        for trajectory in members:
            assert trajectory.metadata["phase"] == label
            assert trajectory.metadata["level"] == "inherent"
            assert trajectory.metadata["system"] == "kam2d"
            assert trajectory.metadata["motif"] == {
                "kind": "HexagonalPatch",
                "radius": motif.radius,
                "contrast": motif.contrast,
            }
            original = originals[trajectory.metadata["run"]]
            for before, after in zip(original, trajectory, strict=True):
                assert set(after.fields) == {"planted"}
                unchanged = np.array_equal(after.positions, before.positions)
                assert unchanged == (label == "plain")
                assert after.field("planted").any() == (label == "planted")
    labelled = LabelledSet.from_trajectories(found)
    assert labelled.labels == ("plain", "planted")
    assert labelled.level == "inherent"
    assert labelled.targets.tolist() == [0] * 6 + [1] * 4


def test_every_frame_has_a_place_of_its_own_and_the_seed_settles_all():
    given = runs(6)
    first, again, other = (planted_set(given, CompressedRegion(), seed=s) for s in (3, 3, 4))

    def places(found):
        return [
            (t.metadata["run"], tuple(np.flatnonzero(s.field("planted"))))
            for t in found["planted"]
            for s in t
        ]

    assert places(first) == places(again)
    assert places(first) != places(other)
    assert len({place for _, place in places(first)}) == 6
    for one, two in zip(first["planted"], again["planted"], strict=True):
        for a, b in zip(one, two, strict=True):
            assert np.array_equal(a.positions, b.positions)


@pytest.mark.parametrize(
    ("given", "motif", "message"),
    [
        (runs(1), HexagonalPatch(), "1 runs were given; expected at least two"),
        (runs(2, level="thermal"), HexagonalPatch(), "run 'base-0' is not inherent; find its"),
        (runs(2), HexagonalPatch(radius=9.5), "a ball of radius 9.5 is too large"),
    ],
)
def test_bad_input_is_refused(given, motif, message):
    with pytest.raises(InputError, match=message):
        planted_set(given, motif, seed=0)


def test_base_configurations_are_minima_of_independent_runs_and_made_once(tmp_path, monkeypatch):
    monkeypatch.setitem(sets.LIQUIDS, 2, ("kam2d", 0.7, 40))
    options = {"frames_per_run": 2, "n_particles": 64, "seed": 5, "workers": 1}
    made = base_configurations(tmp_path, 2, n_runs=1, **options)
    [file] = tmp_path.rglob("inherent.gsd")
    written = file.stat().st_mtime_ns
    more = base_configurations(tmp_path, 2, n_runs=2, **options)
    assert file.stat().st_mtime_ns == written
    assert len(list(tmp_path.rglob("inherent.gsd"))) == 2
    assert [len(t) for t in more] == [2, 2]
    assert [t.metadata["level"] for t in more] == ["inherent"] * 2
    assert len({t.metadata["run"] for t in more}) == 2
    np.testing.assert_array_equal(made[0][1].positions, more[0][1].positions)
    assert np.abs(more[0][0].positions - more[1][0].positions).max() > 0.5
    former = GLASS_FORMERS.create("kam2d")
    assert np.abs(former.forces(more[1][0])).max() < 0.01
    with pytest.raises(InputError, match="dimension is 4; expected 2 or 3"):
        base_configurations(tmp_path, 4, n_runs=1, **options)


def test_copies_and_pieces_of_a_run_are_not_planted_into():
    base = runs(3)
    copy = Trajectory(list(base[0]), {**base[0].metadata, "run": "copy"})
    with pytest.raises(InputError, match=r"'base-0' and .* 'copy' are the same configuration"):
        planted_set([*base, copy], HexagonalPatch(), seed=1)
