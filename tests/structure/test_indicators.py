from dataclasses import replace

import numpy as np
import pytest
from configurations import crystal, distances_to
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
    annotate_all,
    indicator_for,
    indicators_for,
    needs_system,
)
from gnnglass.systems import GLASS_FORMERS, GlassFormer, glass_former
from gnnglass.testing import check_indicator, example_snapshot
from gnnglass.trajectories import Trajectory


@pytest.mark.parametrize("name", INDICATORS.names())
def test_every_registered_indicator_keeps_the_contract(name):
    check_indicator(name)


@pytest.mark.parametrize(
    ("attribute", "value", "message"),
    [
        ("unit", "", 'no unit; set the class attribute unit, to "1" for a pure number'),
        ("label", "hexatic order", "hexatic-order, local-density are all called 'hexatic order'"),
        ("__doc__", None, "no docstring"),
    ],
)
def test_an_indicator_that_does_not_say_what_it_is_fails_its_check(
    monkeypatch, attribute, value, message
):
    monkeypatch.setattr(LocalDensity, attribute, value)
    with pytest.raises(AssertionError, match=message):
        check_indicator("local-density")


def test_energy_is_half_of_each_pair_by_brute_force():
    former = GLASS_FORMERS.create("kam2d")
    snapshot = example_snapshot(2, seed=3)
    expected = []
    for i in range(len(snapshot)):
        others, r = distances_to(snapshot, i)
        energy = 0.0
        for j, distance in zip(others, r, strict=True):
            a, b = sorted("AB"[snapshot.types[k]] for k in (i, j))
            energy += float(former.potentials[a, b].energy(distance)) / 2
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
    lattice = crystal("hexagonal", 20)
    narrow, wide = (LocalDensity(r).compute(lattice).values for r in (2.0, 8.0))
    assert np.ptp(wide) < 1e-9
    assert abs(wide[0] / lattice.density - 1) < 0.01
    assert narrow[0] == pytest.approx(
        # Itself, six at 1, six at √3; six at exactly 2 have no weight any more.
        (1 + 6 * 0.5 + 6 * (np.cos(np.pi * np.sqrt(3) / 2) + 1) / 2)
        / (np.pi * 4 * (0.5 - 2 / np.pi**2))
    )


@settings(max_examples=20, deadline=None)
@given(angle=st.floats(0, 2 * np.pi), mirror=st.booleans(), seed=st.integers(0, 99))
def test_rotation_and_reflection_of_a_cluster_change_nothing(angle, mirror, seed):
    """A cluster in an empty box, so that its surroundings turn with it."""
    points = example_snapshot(2, 36, seed=seed)
    cluster = points.replace(box=np.array([40.0, 40.0]))
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, -s], [s, c]]) @ np.diag([1, -1 if mirror else 1])
    turned = cluster.replace(positions=cluster.positions @ turn.T)
    # Cells and triangles at its surface reach to the images of the cluster, which do not turn.
    for name in ("coordination-number", "hexatic-order", "local-density", "potential-energy"):
        indicator = indicator_for(name, Trajectory([cluster], {"system": "kam2d"}))
        before = indicator.compute(cluster, accept="density").values
        after = indicator.compute(turned, accept="density").values
        np.testing.assert_allclose(after, before, atol=1e-6 * max(1, np.abs(before).max()))


@pytest.mark.parametrize("system", ["kam2d", "ka3d"])
@settings(max_examples=6, deadline=None)
@given(
    shift=st.lists(st.floats(-30, 30), min_size=3, max_size=3),
    axes=st.permutations(range(3)),
    mirrored=st.lists(st.booleans(), min_size=3, max_size=3),
    seed=st.integers(0, 9),
)
def test_symmetries_of_the_box_change_nothing(system, shift, axes, mirrored, seed):
    """Translation through the box, its rotations and reflections, and relabelling together."""
    d = glass_former(system).dimension
    snapshot = example_snapshot(d, seed=seed)
    order = np.random.default_rng(seed).permutation(len(snapshot))
    signs = np.where(mirrored[:d], -1, 1)
    moved = (snapshot.positions * signs)[:, [k for k in axes if k < d]] + shift[:d]
    other = snapshot.replace(positions=moved[order], types=snapshot.types[order])
    for indicator in indicators_for(Trajectory([snapshot], {"system": system})).values():
        before = indicator.compute(snapshot).values
        scale = max(1, np.abs(before).max())
        # A pair at the very end of the radial counts of S₂ may fall on either side of it.
        after = indicator.compute(other).values
        np.testing.assert_allclose(after, before[order], rtol=0, atol=1e-5 * scale)


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


def test_indicators_for_gives_all_that_apply():
    """What is defined in one dimension only is left out in the other."""
    flat, solid = (
        set(indicators_for(Trajectory([example_snapshot(d)], {"system": system})))
        for d, system in ((2, "kam2d"), (3, "ka3d"))
    )
    assert flat | solid == set(INDICATORS)
    assert "hexatic-order" in flat - solid and "steinhardt-q6" in solid - flat
    assert {"potential-energy", "local-density"} <= flat & solid


@pytest.mark.parametrize(("dimension", "system"), [(2, None), (3, None), (2, "kam2d")])
def test_all_that_apply_are_measured_and_the_others_named(dimension, system):
    snapshot = example_snapshot(dimension)
    facts = {} if system is None else {"system": system}
    annotated, left_out = annotate_all(Trajectory([snapshot], facts))
    unknown = {name for name in INDICATORS if system is None and needs_system(name)}
    undefined = {
        name
        for name in set(INDICATORS) - unknown
        if dimension not in indicator_for(name, Trajectory([snapshot], facts)).dimensions
    }
    assert set(left_out) == unknown | undefined
    assert {left_out[name] for name in unknown} <= {"no glass former is stated"}
    assert {left_out[name] for name in undefined} == {f"not defined in {dimension}D"}
    assert set(annotated[0].fields) == {
        name.replace("-", "_") for name in set(INDICATORS) - set(left_out)
    }
    for name, values in annotated[0].fields.items():
        own = INDICATORS.create(name, **({"system": system} if needs_system(name) else {}))
        np.testing.assert_array_equal(values, own.compute(snapshot).values)


def test_what_does_not_fit_the_box_is_left_out_of_all_frames():
    """A box of 3.7 has no room for neighbours within 2."""
    frames = [example_snapshot(2), example_snapshot(2, 16)]
    annotated, left_out = annotate_all(Trajectory(frames))
    assert "half the shortest edge" in left_out["local-density"]
    assert "local_density" not in {*annotated[0].fields, *annotated[1].fields}
    assert "voronoi_volume" in annotated[1].fields


def test_another_unit_of_length_is_refused_and_not_measured_in_part():
    one = example_snapshot(2)
    wide = Trajectory([one.replace(box=2.5 * one.box, positions=2.5 * one.positions)])
    with pytest.raises(InputError, match=r"counts neighbours within .*--accept distance"):
        annotate_all(wide)
    annotated, _ = annotate_all(wide, accept=["distance"])
    assert "voronoi_volume" in annotated[0].fields


def test_a_mixture_that_is_not_known_is_no_reason_to_fail_and_a_wrong_one_is():
    annotated, left_out = annotate_all(Trajectory([example_snapshot(2)], {"system": "mine"}))
    assert "unknown glass former 'mine'" in left_out["potential-energy"]
    assert "hexatic_order" in annotated[0].fields
    swapped = example_snapshot(2).replace(types=1 - example_snapshot(2).types)
    with pytest.raises(InputError, match="not like 'kam2d', which it states"):
        annotate_all(Trajectory([swapped], {"system": "kam2d"}))
    known, _ = annotate_all(Trajectory([swapped], {"system": "kam2d"}), accept=["composition"])
    assert list(known.metadata["accepted"]) == ["composition"]
    assert "potential_energy" in known[0].fields


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
    with pytest.raises(UnknownNameError, match="unknown structural indicator 'q6'; known: coord"):
        indicator_for("q6", nameless)


@pytest.mark.parametrize(
    ("indicator", "dimension", "message"),
    [
        (HexaticOrder(), 3, "HexaticOrder.* is defined in 2D only; this snapshot is 3D"),
        (PotentialEnergy("kam2d"), 3, "is defined in 2D only; this snapshot is 3D"),
        (LocalDensity(0.0), 2, "cutoff 0 does not fit the box"),
        (LocalDensity(6.0), 2, "cutoff 6 does not fit the box"),
        (HexaticOrder({"num_neighbors": 144}), 2, "num_neighbors is 144; expected .* 1 to 143"),
        (HexaticOrder({"num_neighbors": 1.5}), 2, "num_neighbors is 1.5"),
        (HexaticOrder({"r_max": 6.0}), 2, "cutoff 6 does not fit the box"),
        (HexaticOrder({"r_min": 1.0}), 2, r"neighbors are {'r_min': 1.0}; expected"),
    ],
)
def test_bad_input_is_refused(indicator, dimension, message):
    with pytest.raises(InputError, match=message):
        indicator.compute(example_snapshot(dimension))


def test_unknown_species_system_and_several_frames_are_refused():
    snapshot = example_snapshot(2)
    with pytest.raises(InputError, match=r"the configuration also holds C, .*knows A, B"):
        PotentialEnergy("kam2d").compute(snapshot.replace(type_names=("A", "C")))
    with pytest.raises(UnknownNameError, match="unknown glass former 'kam5d'"):
        PotentialEnergy("kam5d").compute(snapshot)
    with pytest.raises(InputError, match="one configuration, got 2 frames"):
        LocalDensity().compute(Trajectory([snapshot, snapshot]))


def test_energy_of_a_mixture_that_the_trajectory_defines():
    mixture = replace(GLASS_FORMERS.create("kam2d"), name="mine", density=1.1)
    snapshot = example_snapshot(2)
    trajectory = Trajectory([snapshot], {"system": mixture.identity})
    energies = (
        indicator_for("potential-energy", trajectory).compute(snapshot, accept="density").values
    )
    np.testing.assert_array_equal(energies, mixture.energies(snapshot))
