import numpy as np
import pytest
from configurations import crystal, distances_to

from gnnglass.errors import InputError
from gnnglass.structure import TwoBodyEntropy
from gnnglass.structure.descriptors import CUT
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot


def gaussian(r, width):
    return np.exp(-(r**2) / (2 * width**2))


def shell(r, dimension):
    return 2 * np.pi * r if dimension == 2 else 4 * np.pi * r**2


def smoothed_shell(r, width, dimension, power=1):
    """∫₀^∞ G(r − s)^power dV(s) by the midpoint rule."""
    s = (np.arange(4000) + 0.5) * (r.max() + 8 * width) / 4000
    return gaussian(r[:, None] - s, width) ** power @ shell(s, dimension) * 2 * s[0]


def test_equals_the_definition_integrated_on_a_fine_grid(snapshot):
    r_max, width, d = 2.0, 0.12, snapshot.dimension
    r = (np.arange(3000) + 0.5) * r_max / 3000
    volume = smoothed_shell(r, width, d)
    computed = TwoBodyEntropy(r_max, width).compute(snapshot).values
    for i in (0, 17, 100):
        others, distances = distances_to(snapshot, i)
        expected = 0.0
        for species in (0, 1):
            density = (snapshot.types == species).sum() / snapshot.box.prod()
            near = distances[
                (snapshot.types[others] == species) & (distances < r_max + CUT * width)
            ]
            g = gaussian(r[:, None] - near, width).sum(axis=1) / (density * volume)
            logarithm = np.log(g, out=np.zeros_like(g), where=g > 0)
            expected -= density / 2 * ((g * logarithm - g + 1) @ shell(r, d)) * 2 * r[0]
        assert computed[i] == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize(("name", "volume"), [("square", np.pi), ("sc", 4 * np.pi / 3)])
def test_without_neighbours_it_is_minus_half_the_particles_that_should_be_there(name, volume):
    """g = 0 up to r_max: S₂ = −ρ V(r_max)/2."""
    lattice = crystal(name, 6, spacing=2.0)
    computed = TwoBodyEntropy(r_max=1.0, width=0.02).compute(lattice, accept="distance").values
    np.testing.assert_allclose(computed, -lattice.density * volume / 2, rtol=1e-9)


def ideal_gas(n, edge, seed=0, species=1):
    rng = np.random.default_rng(seed)
    return Snapshot(
        [edge, edge], rng.uniform(0, edge, (n, 2)), np.arange(n) % species, ("A", "B")[:species]
    )


@pytest.mark.parametrize("species", [1, 2])
def test_an_ideal_gas_has_the_entropy_of_its_shot_noise_alone(species):
    """−¼ ∫ ∫G² dV(s) / [∫G dV(s)]² dV(r), the same again for every species, within 6 %.

    To second order in the fluctuations of g, whose variance is ∫G² dV / ρ[∫G dV]² (Campbell's
    theorem). The density fluctuates between gases; the mean of these two is within 2 %.
    """
    r_max, width = 1.5, 0.25
    r = (np.arange(500) + 0.5) * r_max / 500
    variance = smoothed_shell(r, width, 2, power=2) / smoothed_shell(r, width, 2) ** 2
    expected = -np.sum(variance * shell(r, 2)) * 2 * r[0] / 4
    # What the docstring says, where the particle itself is far away.
    assert expected == pytest.approx(-r_max / (8 * np.sqrt(np.pi) * width), rel=0.1)
    gases = [ideal_gas(2250 * species, 15, seed, species) for seed in range(2)]
    mean = np.mean(
        [
            TwoBodyEntropy(r_max, width).compute(gas, accept="distance").values.mean()
            for gas in gases
        ]
    )
    assert mean == pytest.approx(species * expected, rel=0.06)


def test_the_entropy_of_an_ideal_gas_vanishes_as_the_smoothing_widens():
    gas = ideal_gas(1000, 10)
    means = [
        TwoBodyEntropy(1.5, width).compute(gas, accept="distance").values.mean()
        for width in (0.1, 0.3, 0.6)
    ]
    assert means[0] < means[1] < means[2] < 0
    assert means[2] > -0.2


@pytest.mark.parametrize(
    ("indicator", "message"),
    [
        (TwoBodyEntropy(r_max=0.0), "r_max is 0; expected a positive length"),
        (TwoBodyEntropy(width=np.nan), "width is nan; expected a positive length"),
        (TwoBodyEntropy(r_max=5.2), "cutoff 5.* does not fit the box"),
    ],
)
def test_bad_lengths_are_refused(indicator, message):
    with pytest.raises(InputError, match=message):
        indicator.compute(example_snapshot(2))
