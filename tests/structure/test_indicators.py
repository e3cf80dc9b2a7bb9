import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnnglass.errors import InputError, NotComputedError, UnknownNameError
from gnnglass.structure import (
    INDICATORS,
    HexaticOrder,
    Indicator,
    LocalDensity,
    PotentialEnergy,
    annotate,
    indicator_for,
)
from gnnglass.systems import GLASS_FORMERS, GlassFormer
from gnnglass.testing import check_indicator, example_snapshot
from gnnglass.trajectories import Snapshot, Trajectory


def distances_to(snapshot, i):
    """Distance of every other particle's nearest image to i, over the explicit images."""
    shifts = np.array(list(itertools.product((-1, 0, 1), repeat=snapshot.dimension)))
    others = np.delete(np.arange(len(snapshot)), i)
    vectors = snapshot.positions[others, None] + shifts * snapshot.box - snapshot.positions[i]
    return others, np.linalg.norm(vectors, axis=-1).min(axis=1)


def hexagonal(n_cells=(8, 6), spacing=1.1):
    """A perfect triangular lattice that fits its box, with two particles in each cell."""
    cell = spacing * np.array([1.0, np.sqrt(3.0)])
    corners = np.array(list(itertools.product(*map(range, n_cells))), dtype=float)
    positions = np.concatenate([corners, corners + 0.5]) * cell
    return Snapshot(cell * n_cells, positions, np.zeros(len(positions)), type_names=("A",))


@pytest.mark.parametrize("name", INDICATORS.names())
def test_every_registered_indicator_keeps_the_contract(name):
    check_indicator(name)


def test_energy_is_half_of_each_pair_by_brute_force():
    former = GLASS_FORMERS.create("kam2d")
    snapshot = example_snapshot(2, seed=3)
    expected = []
    for i in range(len(snapshot)):
        others, r = distances_to(snapshot, i)
        energy = 0.0
        for j, distance in zip(others, r, strict=True):
            pair = tuple(sorted("AB"[snapshot.types[k]] for k in (i, j)))
            energy += float(former.potentials[pair].energy(distance)) / 2
        expected.append(energy)
    computed = PotentialEnergy("kam2d").compute(snapshot).values
    np.testing.assert_allclose(computed, expected, rtol=1e-10)
    assert computed.sum() == pytest.approx(former.energies(snapshot).sum())


def test_energy_takes_a_glass_former_itself_in_3d():
    flat = GLASS_FORMERS.create("kam2d")
    former = GlassFormer("ka", 3, {"A": 0.8, "B": 0.2}, 1.2, flat.potentials, "Kob & Andersen")
    snapshot = example_snapshot(3)
    np.testing.assert_array_equal(
        PotentialEnergy(former).compute(snapshot).values, former.energies(snapshot)
    )


@pytest.mark.parametrize("dimension", [2, 3])
def test_density_is_the_weighted_count_over_the_integral_of_the_weight(dimension):
    snapshot = example_snapshot(dimension, seed=1)
    r_max = 1.7
    grid = (np.arange(100_000) + 0.5) * r_max / 100_000
    shell = {2: 2 * np.pi * grid, 3: 4 * np.pi * grid**2}[dimension]
    volume = np.sum((np.cos(np.pi * grid / r_max) + 1) / 2 * shell) * grid[0] * 2
    expected = []
    for i in range(len(snapshot)):
        _, r = distances_to(snapshot, i)
        near = r[r < r_max]
        expected.append((1 + np.sum((np.cos(np.pi * near / r_max) + 1) / 2)) / volume)
    computed = LocalDensity(r_max).compute(snapshot).values
    np.testing.assert_allclose(computed, expected, rtol=1e-8)


def test_density_of_a_lattice_is_the_same_everywhere_and_tends_to_the_number_density():
    lattice = hexagonal((20, 12), spacing=1.0)
    narrow, wide = (LocalDensity(r).compute(lattice).values for r in (2.0, 8.0))
    assert np.ptp(wide) < 1e-9
    assert abs(wide[0] / lattice.density - 1) < 0.01
    assert narrow[0] == pytest.approx(
        # Itself, six at 1, six at √3; six at exactly 2 have no weight any more.
        (1 + 6 * 0.5 + 6 * (np.cos(np.pi * np.sqrt(3) / 2) + 1) / 2)
        / (np.pi * 4 * (0.5 - 2 / np.pi**2))
    )


def test_hexatic_order_is_one_on_a_hexagonal_lattice_and_zero_on_a_square_one():
    np.testing.assert_allclose(HexaticOrder().compute(hexagonal()).values, 1, atol=1e-4)
    sites = np.array(list(itertools.product(range(8), repeat=2)), dtype=float)
    square = Snapshot([8, 8], sites, np.zeros(64))
    four = HexaticOrder({"r_max": 1.2}).compute(square).values
    np.testing.assert_allclose(four, 0, atol=1e-5)
    assert np.array_equal(HexaticOrder({"r_max": 0.5}).compute(square).values, np.zeros(64))


def test_hexatic_order_equals_the_definition():
    snapshot = example_snapshot(2, seed=5)
    expected = []
    for i in range(len(snapshot)):
        others, r = distances_to(snapshot, i)
        nearest = others[np.argsort(r)[:6]]
        v = snapshot.minimum_image(snapshot.positions[nearest] - snapshot.positions[i])
        expected.append(abs(np.mean(np.exp(6j * np.arctan2(v[:, 1], v[:, 0])))))
    np.testing.assert_allclose(HexaticOrder().compute(snapshot).values, expected, atol=1e-4)


@settings(max_examples=20, deadline=None)
@given(angle=st.floats(0, 2 * np.pi), mirror=st.booleans(), seed=st.integers(0, 99))
def test_rotation_and_reflection_of_a_cluster_change_nothing(angle, mirror, seed):
    """A cluster in an empty box, so that its surroundings turn with it."""
    points = example_snapshot(2, 36, seed=seed)
    cluster = points.replace(box=np.array([40.0, 40.0]))
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, -s], [s, c]]) @ np.diag([1, -1 if mirror else 1])
    turned = cluster.replace(positions=cluster.positions @ turn.T)
    for indicator in (HexaticOrder({"r_max": 1.62}), LocalDensity(), PotentialEnergy("kam2d")):
        before = indicator.compute(cluster).values
        # Single precision puts a neighbour at the edge of the cutoff on either side of it.
        if isinstance(indicator, HexaticOrder) and edge_case(cluster, 1.62):
            continue
        np.testing.assert_allclose(
            indicator.compute(turned).values, before, atol=1e-4 * max(1, np.abs(before).max())
        )


def edge_case(snapshot, r_max):
    r = np.concatenate([distances_to(snapshot, i)[1] for i in range(len(snapshot))])
    return np.abs(r - r_max).min() < 1e-4


def test_compute_takes_what_freud_takes():
    snapshot = example_snapshot(2)
    pair = (snapshot.box, snapshot.positions)
    np.testing.assert_allclose(
        LocalDensity().compute(pair).values, LocalDensity().compute(snapshot).values
    )


def test_result_before_compute_is_refused_and_compute_returns_itself():
    density = LocalDensity(r_max=1.5)
    with pytest.raises(NotComputedError, match="call compute first"):
        _ = density.values
    with pytest.raises(NotComputedError, match="call compute first"):
        density.plot()
    assert density.compute(example_snapshot(2)) is density
    assert repr(density) == "LocalDensity(r_max=1.5)"
    assert repr(HexaticOrder()) == "HexaticOrder(neighbors={'num_neighbors': 6})"


def test_plot_draws_the_values_on_the_given_axes():
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, ax = pyplot.subplots()
    density = LocalDensity().compute(example_snapshot(2))
    assert density.plot(ax) is ax
    np.testing.assert_allclose(np.sort(ax.collections[-1].get_array()), np.sort(density.values))
    pyplot.close(figure)


def test_annotate_adds_fields_and_keeps_the_metadata():
    trajectory = Trajectory(
        [example_snapshot(2, seed=s) for s in (0, 1)], {"run": "r", "system": "kam2d"}
    )
    energy = indicator_for("potential-energy", trajectory)
    annotated = annotate(trajectory, {"potential_energy": energy, "rho": LocalDensity(1.5)})
    assert annotated.metadata == trajectory.metadata
    for before, after in zip(trajectory, annotated, strict=True):
        assert set(after.fields) == {"potential_energy", "rho"}
        expected = PotentialEnergy("kam2d").compute(before).values
        np.testing.assert_array_equal(after.field("potential_energy"), expected)


def test_indicator_for_gives_the_glass_former_only_where_it_is_needed():
    nameless = Trajectory([example_snapshot(2)])
    assert isinstance(indicator_for("local-density", nameless), Indicator)
    with pytest.raises(InputError, match="hold no 'system'"):
        indicator_for("potential-energy", nameless)
    with pytest.raises(UnknownNameError, match="unknown structural indicator 'q6'; known: hexatic"):
        indicator_for("q6", nameless)


@pytest.mark.parametrize(
    ("indicator", "dimension", "message"),
    [
        (HexaticOrder(), 3, "HexaticOrder.* is defined in 2D only; this snapshot is 3D"),
        (PotentialEnergy("kam2d"), 3, "is defined in 2D only; this snapshot is 3D"),
        (LocalDensity(0.0), 2, "cutoff 0 does not fit the box"),
        (LocalDensity(9.0), 2, "cutoff 9 does not fit the box"),
        (HexaticOrder({"num_neighbors": 144}), 2, "num_neighbors is 144; expected .* 1 to 143"),
        (HexaticOrder({"num_neighbors": 1.5}), 2, "num_neighbors is 1.5"),
        (HexaticOrder({"r_max": 6.0}), 2, "r_max is 6; expected a positive cutoff below half"),
        (HexaticOrder({"r_min": 1.0}), 2, r"neighbors are {'r_min': 1.0}; expected"),
    ],
)
def test_bad_input_is_refused(indicator, dimension, message):
    with pytest.raises(InputError, match=message):
        indicator.compute(example_snapshot(dimension))


def test_unknown_species_system_and_several_frames_are_refused():
    snapshot = example_snapshot(2)
    with pytest.raises(InputError, match="the snapshot also holds C"):
        PotentialEnergy("kam2d").compute(snapshot.replace(type_names=("A", "C")))
    with pytest.raises(UnknownNameError, match="unknown glass former 'kam5d'"):
        PotentialEnergy("kam5d").compute(snapshot)
    with pytest.raises(InputError, match="one configuration, got 2 frames"):
        LocalDensity().compute(Trajectory([snapshot, snapshot]))


def test_energy_of_a_mixture_that_the_trajectory_defines():
    mixture = replace(GLASS_FORMERS.create("kam2d"), name="mine", density=1.1)
    snapshot = example_snapshot(2)
    trajectory = Trajectory([snapshot], {"system": mixture.identity})
    energies = indicator_for("potential-energy", trajectory).compute(snapshot).values
    np.testing.assert_array_equal(energies, mixture.energies(snapshot))
