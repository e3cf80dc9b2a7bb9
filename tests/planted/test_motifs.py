import itertools
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnnglass.errors import InputError, UnknownNameError
from gnnglass.planted import (
    MOTIFS,
    Ball,
    CompressedRegion,
    HexagonalPatch,
    IcosahedralPatch,
    SwappedSpecies,
    motif,
)
from gnnglass.planted.motif import nearest_match
from gnnglass.structure import HexaticOrder
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot

RADIUS = 3.0
KNOWN = [(name, d) for name in MOTIFS for d in MOTIFS.create(name).dimensions]
#: Those that draw no orientation, so that they turn with the configuration.
TURNING = [(name, d) for name, d in KNOWN if name in ("compressed-region", "swapped-species")]


def plant(motif, snapshot, seed=0, center=0):
    return motif.plant(snapshot, np.random.default_rng(seed), center=center)


def away_from(snapshot, center):
    """Distance of every particle from where the centre is, by explicit images, shape [n]."""
    shifts = np.array(list(itertools.product((-1, 0, 1), repeat=snapshot.dimension)))
    vectors = snapshot.positions[:, None] - snapshot.positions[center] + shifts * snapshot.box
    return np.linalg.norm(vectors, axis=-1).min(axis=1)


def smallest_distances(snapshot):
    """Of each two species, from all pairs."""
    apart = snapshot.minimum_image(snapshot.positions[:, None] - snapshot.positions)
    r = np.linalg.norm(apart, axis=-1)
    np.fill_diagonal(r, np.inf)
    masks = [snapshot.of_type(name) for name in "AB"]
    return np.array([r[np.ix_(masks[a], masks[b])].min() for a, b in ((0, 0), (0, 1), (1, 1))])


@cache
def liquid(dimension):
    """The example with its particles pushed apart, to distances as in a dense liquid."""
    snapshot = example_snapshot(dimension, {2: 400, 3: 343}[dimension])
    wanted = np.array([[0.95, 0.8], [0.8, 0.85]])[snapshot.types[:, None], snapshot.types]
    for _ in range(80):
        apart = snapshot.minimum_image(snapshot.positions - snapshot.positions[:, None])
        r = np.linalg.norm(apart, axis=-1)
        np.fill_diagonal(r, np.inf)
        push = np.clip(wanted - r, 0, None) / r
        moves = -0.5 * (push[..., None] * apart).sum(axis=1)
        snapshot = snapshot.replace(positions=snapshot.positions + moves)
    return snapshot


def fine_lattice(dimension, per_edge):
    """A simple lattice with spacing 1, as a ruler for displacements."""
    sites = np.stack(np.meshgrid(*[np.arange(per_edge) + 0.5] * dimension, indexing="ij"), axis=-1)
    positions = sites.reshape(-1, dimension) - per_edge / 2
    return Snapshot(np.full(dimension, per_edge), positions, np.arange(len(positions)) % 2)


@pytest.mark.parametrize("seed", range(4))
def test_a_full_hexagonal_patch_is_a_lattice_of_the_density_that_was_there(seed):
    before = example_snapshot(2, 400, seed=seed)
    after = plant(HexagonalPatch(radius=4.0, contrast=1.0), before, seed)
    planted = after.field("planted") == 1
    away = away_from(before, 0)
    assert np.array_equal(planted, away < 4.0)
    # The centre itself has moved to a site; distances are from where it was.
    now = np.linalg.norm(after.minimum_image(after.positions - before.positions[0]), axis=1)
    assert np.sum((now < 4.0) & planted) == planted.sum()
    inner = planted & (now < 4.0 - 1.5)
    assert inner.sum() > 10
    assert HexaticOrder().compute(after).values[inner].min() > 0.999
    assert HexaticOrder().compute(before).values[inner].mean() < 0.6
    vectors = after.minimum_image(after.positions[planted][:, None] - after.positions[planted])
    r = np.sort(np.linalg.norm(vectors, axis=-1)[inner[planted]], axis=1)[:, 1:7]
    np.testing.assert_allclose(r, r[0, 0], rtol=1e-9)
    density = 2 / (np.sqrt(3) * r[0, 0] ** 2)
    assert density == pytest.approx(planted.sum() / (np.pi * 4.0**2), rel=0.1)


def test_contrast_is_the_way_made_to_the_lattice():
    before = example_snapshot(2, 400)
    steps = [
        before.minimum_image(
            plant(HexagonalPatch(contrast=c), before).positions - before.positions
        )[away_from(before, 0) < RADIUS]
        for c in (0.25, 0.5, 1.0)
    ]
    assert np.abs(steps[2]).max() > 0.3
    np.testing.assert_allclose(steps[0], steps[2] / 4, atol=1e-12)
    np.testing.assert_allclose(steps[1], steps[2] / 2, atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(m=st.integers(1, 5), k=st.integers(1, 5), seed=st.integers(0, 999))
def test_no_match_is_shorter(m, k, seed):
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(m, 2)), rng.normal(size=(k, 2))
    rows, columns = nearest_match(first, second)
    assert len(set(rows)) == len(set(columns)) == len(rows) == min(m, k)
    found = ((first[rows] - second[columns]) ** 2).sum()
    short, long = (first, second) if m <= k else (second, first)
    best = min(
        ((short - long[list(choice)]) ** 2).sum()
        for choice in itertools.permutations(range(len(long)), len(short))
    )
    assert found == pytest.approx(best)


def bond_angles(bonds):
    """How many of the angles between bonds are 63.4°, 116.6° and 180°."""
    unit = bonds / np.linalg.norm(bonds, axis=1)[:, None]
    cosines = (unit @ unit.T)[np.triu_indices(len(unit), 1)]
    angles = np.degrees(np.arccos(np.clip(cosines, -1, 1)))
    return [int(np.sum(np.abs(angles - angle) < 0.01)) for angle in (63.4349, 116.5651, 180.0)]


@pytest.mark.parametrize("center", range(3))
def test_a_full_icosahedron_is_what_the_twelve_nearest_neighbours_make(center):
    before = liquid(3)
    after = plant(IcosahedralPatch(2.0, 1.0), before, center=center)
    vectors = after.minimum_image(after.positions - after.positions[center])
    nearest = np.argsort(np.linalg.norm(vectors, axis=1))[:13]
    assert set(nearest) == set(np.flatnonzero(after.field("planted")))
    assert bond_angles(vectors[nearest[1:]]) == [30, 30, 6]
    np.testing.assert_allclose(
        np.linalg.norm(vectors[nearest[1:]], axis=1),
        np.sort(away_from(before, center))[1:13].mean(),
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_patch_is_several_icosahedra_that_share_no_particle(seed):
    before, rng = example_snapshot(3, 1000, seed), np.random.default_rng(seed)
    after = IcosahedralPatch(3.5, 1.0).alter(before, Ball.around(before, 0, 3.5), rng)
    planted = np.flatnonzero(after.field("planted"))
    shells = []
    for i in planted:
        vectors = after.minimum_image(after.positions[planted] - after.positions[i])
        r = np.linalg.norm(vectors, axis=1)
        alike = np.abs(r[:, None] - r) < 1e-9
        shell = alike[np.argmax(alike.sum(axis=1))]
        if shell.sum() == 12 and bond_angles(vectors[shell]) == [30, 30, 6]:
            shells.append({i, *planted[shell]})
    assert len(shells) >= 2
    assert sum(map(len, shells)) == len(planted) == len(set.union(*shells))


@pytest.mark.parametrize(("dimension", "n"), [(2, 400), (3, 1000)])
@pytest.mark.parametrize("contrast", [0.1, 0.5, 1.0])
def test_as_many_pairs_as_the_contrast_says_exchange_their_species(dimension, n, contrast):
    before = example_snapshot(dimension, n)
    after = plant(SwappedSpecies(contrast=contrast), before)
    planted = after.field("planted") == 1
    assert np.array_equal(planted, after.types != before.types)
    inside = away_from(before, 0) < SwappedSpecies().radius
    possible = min(np.sum(inside & before.of_type(name)) for name in "AB")
    expected = int(np.ceil(contrast * possible - 1e-9))
    for name in "AB":
        assert np.sum(planted & before.of_type(name)) == expected
        assert after.of_type(name).sum() == before.of_type(name).sum()


def test_those_that_exchange_are_near_each_other():
    """One A and one B in each of distant places: the match must be within places."""
    spots = np.array([[0, 0], [2, 0], [0, 2], [-2, 0], [0, -2.0]])
    far = np.stack(np.meshgrid(*[np.arange(5, 15, 1.0)] * 2), axis=-1).reshape(-1, 2)
    positions = np.concatenate([spots, spots + 0.4, far])
    types = np.repeat([0, 1, 0], [5, 5, len(far)])
    before = Snapshot([30, 30], positions, types)
    for seed in range(5):
        planted = plant(SwappedSpecies(RADIUS, 0.3), before, seed).field("planted")
        assert planted.sum() == 4
        assert np.array_equal(planted[:5], planted[5:10])


@pytest.mark.parametrize(("dimension", "per_edge"), [(2, 100), (3, 40)])
def test_compression_by_finite_differences(dimension, per_edge):
    """Density, its Jacobian and the truth, from the displacements of a fine lattice alone."""
    radius, contrast = 0.38 * per_edge, 0.2
    lattice = fine_lattice(dimension, per_edge)
    center = int(np.argmin(np.linalg.norm(lattice.positions - 0.5, axis=1)))
    motif = CompressedRegion(radius, contrast)
    after = motif.alter(lattice, Ball.around(lattice, center, radius), np.random.default_rng(0))
    u = lattice.minimum_image(after.positions - lattice.positions)
    grid = u.reshape(*[per_edge] * dimension, dimension)
    slopes = np.stack([np.gradient(grid[..., k]) for k in range(dimension)], axis=0)
    slopes = np.moveaxis(slopes, (0, 1), (-2, -1)).reshape(-1, dimension, dimension)
    squeeze = -np.trace(slopes, axis1=1, axis2=2)
    assert squeeze[center] == pytest.approx(dimension * contrast, rel=0.02)
    assert np.argmax(squeeze) == center
    planted = after.field("planted") == 1
    threshold = dimension * contrast / 2
    assert squeeze[planted].min() > 0.97 * threshold
    assert squeeze[~planted].max() < 1.03 * threshold

    r = np.linalg.norm(lattice.positions - lattice.positions[center], axis=1)
    raised = 1 / np.linalg.det(np.eye(dimension) + slopes)
    along = -contrast * (1 - (r / radius) ** 2) ** 2
    slope = -contrast * (1 - (r / radius) ** 2) * (1 - 5 * (r / radius) ** 2)
    formula = np.where(r < radius, 1 / ((1 + along) ** (dimension - 1) * (1 + slope)), 1.0)
    np.testing.assert_allclose(raised, formula, rtol=0.03)
    assert formula[center] == pytest.approx((1 - contrast) ** -dimension)
    assert not u[r >= radius].any()
    edge = (r < radius) & (r > 0.95 * radius)
    assert np.abs(u[edge]).max() < 0.01 * contrast * radius


@pytest.mark.parametrize("dimension", [2, 3])
def test_the_density_of_random_points_rises_as_the_jacobian_says(dimension):
    n, radius, contrast = 20_000, 0.38, 0.2
    rng = np.random.default_rng(dimension)
    points = rng.uniform(-0.5, 0.5, (n, dimension))
    before = Snapshot(np.ones(dimension), points, np.arange(n) % 2)
    after = plant(CompressedRegion(radius, contrast), before)
    now = np.linalg.norm(after.minimum_image(after.positions - before.positions[0]), axis=1)
    # What was within r is now within r (1 + u/r), because the order along a ray is kept.
    inner = 0.35 * radius
    shrunk = inner * (1 - contrast * (1 - 0.35**2) ** 2)
    volume = {2: np.pi, 3: 4 / 3 * np.pi}[dimension] * shrunk**dimension
    expected = n * volume * (inner / shrunk) ** dimension
    count = np.sum(now < shrunk)
    assert abs(count - expected) < 4 * np.sqrt(expected)
    # Without compression the count would be lower by more than that allows for.
    assert count - n * volume > 4 * np.sqrt(expected)


@pytest.mark.parametrize(("name", "dimension"), KNOWN)
def test_no_distance_is_impossible(name, dimension):
    before, motif = liquid(dimension), MOTIFS.create(name, radius=RADIUS)
    nearest = smallest_distances(before)
    assert (nearest > [0.93, 0.78, 0.83]).all()
    raw = motif.alter(before, Ball.around(before, 0, RADIUS), np.random.default_rng(0))
    assert (smallest_distances(raw) < 0.999 * nearest).any()
    assert (smallest_distances(plant(motif, before)) > 0.999 * nearest).all()
    whole = replace(motif, contrast=1.0)  # type: ignore[type-var]
    full = smallest_distances(plant(whole, before))
    assert (full > 0.9 * nearest - 1e-9).all()


@settings(max_examples=25, deadline=None)
@given(
    known=st.sampled_from(KNOWN),
    shift=st.lists(st.floats(-30, 30), min_size=3, max_size=3),
    seed=st.integers(0, 999),
    contrast=st.floats(0, 0.5),
    center=st.integers(0, 143),
)
def test_translation_and_relabelling_commute(known, shift, seed, contrast, center):
    name, dimension = known
    motif = MOTIFS.create(name, radius=RADIUS, contrast=contrast)
    before = example_snapshot(dimension, seed=seed)
    after = plant(motif, before, seed, center)
    order = np.random.default_rng(seed).permutation(len(before))
    shift = np.array(shift[:dimension])
    moved = before.replace(positions=before.positions[order] + shift, types=before.types[order])
    again = plant(motif, moved, seed, int(np.flatnonzero(order == center)[0]))
    assert np.array_equal(again.field("planted"), after.field("planted")[order])
    assert np.array_equal(again.types, after.types[order])
    change = again.minimum_image(again.positions - shift - after.positions[order])
    assert np.abs(change).max() < 1e-6


@settings(max_examples=20, deadline=None)
@given(
    known=st.sampled_from(TURNING),
    axes=st.permutations(range(3)),
    signs=st.lists(st.sampled_from([-1, 1]), min_size=3, max_size=3),
    seed=st.integers(0, 999),
)
def test_rotation_and_reflection_commute_where_no_orientation_is_drawn(known, axes, signs, seed):
    name, dimension = known
    motif = MOTIFS.create(name, radius=RADIUS, contrast=0.2)
    before = example_snapshot(dimension, seed=seed)
    turn = np.eye(3)[list(axes)] * signs
    if dimension == 2:
        turn = np.eye(2)[[axis for axis in axes if axis < 2]] * signs[:2]
    after = plant(motif, before, seed)
    again = plant(motif, before.replace(positions=before.positions @ turn.T), seed)
    assert np.array_equal(again.field("planted"), after.field("planted"))
    assert np.array_equal(again.types, after.types)
    change = again.minimum_image(again.positions - after.positions @ turn.T)
    assert np.abs(change).max() < 1e-6


def test_places_and_orientations_are_left_to_chance():
    before = example_snapshot(2, 400)
    motif = HexagonalPatch(contrast=1.0)
    places = {
        tuple(np.flatnonzero(motif.plant(before, np.random.default_rng(s)).field("planted")))
        for s in range(8)
    }
    assert len(places) == 8
    fixed = [plant(motif, before, s).positions for s in (0, 1)]
    assert np.abs(fixed[0] - fixed[1]).max() > 0.1


def test_unknown_images_stay_unknown():
    assert plant(HexagonalPatch(), example_snapshot(2, 400)).images is None


@pytest.mark.parametrize(
    ("make", "snapshot", "message"),
    [
        (lambda: HexagonalPatch(radius=0.0), None, "radius is 0; expected a positive length"),
        (lambda: CompressedRegion(radius=np.inf), None, "radius is inf"),
        (lambda: SwappedSpecies(contrast=1.5), None, "contrast is 1.5; expected a number from 0"),
        (lambda: IcosahedralPatch(contrast=np.nan), None, "contrast is nan"),
        (HexagonalPatch, example_snapshot(3, 1000), r"HexagonalPatch\(.* in 2D only; .* is 3D"),
        (IcosahedralPatch, example_snapshot(2, 400), r"IcosahedralPatch\(.* in 3D only"),
        (
            lambda: HexagonalPatch(radius=5.0),
            example_snapshot(2, 100),
            "a ball of radius 5 is too large for this snapshot, of whose 100 particles",
        ),
        (
            lambda: IcosahedralPatch(radius=1.0),
            example_snapshot(3, 1000),
            "a ball of radius 1 holds no particle together with its 12 nearest neighbours",
        ),
        (
            SwappedSpecies,
            example_snapshot(2, 400).replace(types=np.zeros(400)),
            r"a ball of radius 2 holds \d+ A and 0 B; expected some of each",
        ),
        (
            SwappedSpecies,
            example_snapshot(2, 400).replace(type_names=("A", "C")),
            "no species 'B' in this snapshot; it has A, C",
        ),
    ],
)
def test_bad_input_is_refused(make, snapshot, message):
    with pytest.raises(InputError, match=message):
        plant(make(), snapshot)


def test_where_there_is_no_room_it_says_so(monkeypatch):
    """A triangular lattice of A with B on six neighbours each: an A among A has no place."""
    corners = np.array(list(itertools.product(range(6), range(10)))) * [3, np.sqrt(3)]
    big = np.concatenate([corners, corners + np.array([1.5, np.sqrt(3) / 2])])
    sites = np.concatenate([big + np.array([shift, 0]) for shift in range(3)])
    packed = Snapshot([18, 10 * np.sqrt(3)], sites, np.repeat([0, 1, 1], len(big)))
    monkeypatch.setattr(motif, "MAX_SWEEPS", 150)
    with pytest.raises(
        InputError, match="150 sweeps could not move them apart; use a lower contrast"
    ):
        plant(SwappedSpecies(RADIUS, 0.5), packed)


def test_an_unknown_motif_lists_the_known_ones():
    with pytest.raises(UnknownNameError, match="unknown motif 'helix'; known: compressed-region"):
        MOTIFS.create("helix")
