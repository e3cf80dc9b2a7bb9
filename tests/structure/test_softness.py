import itertools
import sys

import numpy as np
import pytest
from configurations import distances_to, vectors_from

from gnnglass.errors import InputError, NotComputedError
from gnnglass.structure import Angular, Softness, radial_counts, symmetry_functions
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot

FUNCTIONS = (Angular(0.8, -1, 1), Angular(2.0, 1, 4))


def angular_by_definition(snapshot, i, one, r_max, species):
    others, vectors = vectors_from(snapshot, i)
    near = np.linalg.norm(vectors, axis=1) < r_max
    total = 0.0
    for (j, v), (k, w) in itertools.combinations(zip(others[near], vectors[near], strict=True), 2):
        if sorted((snapshot.types[j], snapshot.types[k])) == list(species):
            cosine = v @ w / np.linalg.norm(v) / np.linalg.norm(w)
            square = v @ v + w @ w + (v - w) @ (v - w)
            total += np.exp(-square / one.xi**2) * (1 + one.sign * cosine) ** one.zeta
    return total


@pytest.mark.parametrize("dimension", [2, 3])
def test_functions_equal_the_definition(dimension, monkeypatch):
    """In blocks of a few particles, too."""
    monkeypatch.setattr(sys.modules["gnnglass.structure.descriptors"], "BLOCK", 500)
    snapshot = example_snapshot(dimension, 100, seed=1)
    centers, r_max = [0.9, 1.3], 1.5
    found = symmetry_functions(snapshot, centers, 0.1, FUNCTIONS, r_max)
    assert found.shape == (100, 2 * 2 + 3 * 2)
    np.testing.assert_array_equal(found[:, :4], radial_counts(snapshot, centers, 0.1))
    for i in (0, 41, 99):
        expected = [
            angular_by_definition(snapshot, i, one, r_max, species)
            for species in ((0, 0), (0, 1), (1, 1))
            for one in FUNCTIONS
        ]
        np.testing.assert_allclose(found[i, 4:], expected, rtol=1e-10, atol=1e-12)


def test_a_right_angle_in_closed_form():
    corner = Snapshot([20, 20], [[0, 0], [1, 0], [0, 1]], [0, 0, 1])
    found = symmetry_functions(corner, [1.0], 0.1, [Angular(2.0, 1, 3)], 1.2)
    # From the corner: both at right angles, r² = 1 + 1 + 2. From the ends: one neighbour only.
    np.testing.assert_allclose(found[:, 2:], [[0, np.exp(-1), 0], [0, 0, 0], [0, 0, 0]])


def test_symmetries_change_nothing_and_relabelling_permutes(snapshot):
    before = symmetry_functions(snapshot, [1.0], 0.1, FUNCTIONS, 1.4)
    order = np.random.default_rng(0).permutation(len(snapshot))
    moved = np.roll(-snapshot.positions, 1, axis=1) + 17.3
    other = snapshot.replace(positions=moved[order], types=snapshot.types[order])
    after = symmetry_functions(other, [1.0], 0.1, FUNCTIONS, 1.4)
    np.testing.assert_allclose(after, before[order], atol=1e-5)


@pytest.mark.parametrize("one", [Angular(0, 1, 1), Angular(1, 2, 1), Angular(1, 1, 0.5)])
def test_bad_functions_are_refused(one):
    with pytest.raises(InputError, match=r"is no angular function; expected xi > 0, sign ±1"):
        symmetry_functions(example_snapshot(2), angular=[one])


def crowded(snapshot):
    """+1 where few particles are near, −1 where many are, 0 between: a rule that can be learnt."""
    counts = np.array([(distances_to(snapshot, i)[1] < 1.1).sum() for i in range(len(snapshot))])
    return np.where(counts <= 3, 1, np.where(counts >= 5, -1, 0))


@pytest.fixture(scope="module")
def fitted():
    snapshots = [example_snapshot(2, seed=seed) for seed in (0, 1, 2)]
    return Softness().fit(snapshots, [crowded(one) for one in snapshots]), snapshots


def test_learns_a_rule_and_tells_it_of_configurations_it_has_not_seen(fitted):
    new = example_snapshot(2, seed=7)
    group, soft = crowded(new), fitted[0].compute(new).values
    assert (np.sign(soft) == group)[group != 0].mean() > 0.9
    assert soft[group == 1].min() > np.median(soft[group == -1])


def test_values_are_distances_from_the_hyperplane_of_each_species(fitted):
    softness, snapshots = fitted
    snapshot = snapshots[0]
    values, features = softness.compute(snapshot).values, symmetry_functions(snapshot)
    labelled = [symmetry_functions(one)[(crowded(one) != 0)] for one in snapshots]
    kinds = [one.types[crowded(one) != 0] for one in snapshots]
    for k, name in enumerate("AB"):
        trained = np.concatenate(labelled)[np.concatenate(kinds) == k]
        scale = np.where(trained.std(axis=0) > 0, trained.std(axis=0), 1)
        scaled = (features[snapshot.types == k] - trained.mean(axis=0)) / scale
        machine = softness.pipelines_[name][-1]
        distance = (scaled @ machine.coef_[0] + machine.intercept_[0]) / np.linalg.norm(
            machine.coef_
        )
        np.testing.assert_allclose(values[snapshot.types == k], distance, rtol=1e-6, atol=1e-9)


def test_the_same_fit_gives_the_same_result(fitted):
    softness, snapshots = fitted
    again = Softness().fit(snapshots, [crowded(one) for one in snapshots])
    np.testing.assert_array_equal(
        again.compute(snapshots[0]).values, softness.compute(snapshots[0]).values
    )


def test_unfitted_and_misfitting_use_is_refused(fitted):
    snapshot = example_snapshot(2)
    with pytest.raises(NotComputedError, match="call fit first"):
        Softness().compute(snapshot)
    with pytest.raises(InputError, match="fitted on the species A, B, the snapshot has A, C"):
        fitted[0].compute(snapshot.replace(type_names=("A", "C")))
    ones = np.ones(144)
    for labels, message in (
        ([], "labels of 0 snapshots for 1"),
        ([ones[1:]], "labels of snapshot 0 are not an array of 144 values"),
        ([2 * ones], "labels of snapshot 0 are not an array of 144 values"),
        ([ones], "no particle of species A has the label -1"),
    ):
        with pytest.raises(InputError, match=message):
            Softness().fit([snapshot], labels)
    with pytest.raises(InputError, match="snapshot 1 has the species B, A, the first A, B"):
        other = snapshot.replace(type_names=("B", "A"))
        Softness().fit([snapshot, other], [crowded(snapshot)] * 2)
