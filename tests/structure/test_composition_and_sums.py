"""Local composition, and sums of standardised indicators."""

import numpy as np
import pytest
from configurations import crystal, distances_to
from scipy.stats import zscore

from gnnglass.structure import (
    EnergyAndOrder,
    EnergyOrderAndEntropy,
    HexaticOrder,
    LocalComposition,
    LocalDensity,
    PotentialEnergy,
    TongTanaka,
    TwoBodyEntropy,
    annotate,
    standardised_sum,
)
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Trajectory


@pytest.mark.parametrize("dimension", [2, 3])
def test_composition_is_the_weighted_share_of_the_first_species(dimension):
    snapshot = example_snapshot(dimension, seed=1)
    r_max, is_a, expected = 1.7, snapshot.of_type("A"), []
    for i in range(len(snapshot)):
        others, r = distances_to(snapshot, i)
        near = r < r_max
        w = np.append((np.cos(np.pi * r[near] / r_max) + 1) / 2, 1.0)
        expected.append(w @ is_a[np.append(np.array(others)[near], i)] / w.sum())
    found = LocalComposition(r_max).compute(snapshot).values
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_composition_of_a_chequerboard_in_closed_form():
    """On a square lattice of alternating species, with itself, four unlike and four like ones."""
    lattice = crystal("square", 8)
    unlike = np.rint(lattice.positions - lattice.positions[0]).astype(int).sum(axis=1) % 2
    snapshot = lattice.replace(types=unlike, type_names=("A", "B"))
    near, diagonal = ((np.cos(np.pi * r / 2) + 1) / 2 for r in (1, np.sqrt(2)))
    of_a = (1 + 4 * diagonal) / (1 + 4 * near + 4 * diagonal)
    found = LocalComposition(2.0).compute(snapshot).values
    np.testing.assert_allclose(found, np.where(unlike, 1 - of_a, of_a), rtol=1e-10)


def test_composition_is_that_of_the_first_name_whoever_is_in_the_majority():
    snapshot = example_snapshot(2)
    found = LocalComposition().compute(snapshot).values
    turned = snapshot.replace(types=1 - snapshot.types)
    np.testing.assert_allclose(LocalComposition().compute(turned).values, 1 - found, rtol=1e-12)
    # The other two of three species are not told apart.
    third = np.where(np.arange(len(snapshot)) % 3 == 0, 2, 1)
    three = snapshot.replace(
        types=np.where(snapshot.types == 0, 0, third), type_names=("A", "B", "C")
    )
    np.testing.assert_array_equal(LocalComposition().compute(three).values, found)


def test_composition_of_one_species_is_constant():
    snapshot = example_snapshot(2)
    alone = snapshot.replace(types=np.zeros(len(snapshot), dtype=int))
    assert (LocalComposition().compute(alone).values == 1).all()


def by_species(values, snapshot):
    found = np.empty(len(snapshot))
    for species in np.unique(snapshot.types):
        mine = snapshot.types == species
        found[mine] = zscore(values[mine])
    return found


@pytest.mark.parametrize(("dimension", "system"), [(2, "kam2d"), (3, "ka3d")])
def test_sums_are_those_of_standard_scores_by_species(dimension, system):
    snapshot = example_snapshot(dimension, seed=2)
    energy, order, entropy = (
        by_species(indicator.compute(snapshot).values, snapshot)
        for indicator in (PotentialEnergy(system), TongTanaka(system), TwoBodyEntropy())
    )
    # Low is glassy in all three, and so it is in the sums.
    assert EnergyAndOrder.low_is_glassy and EnergyOrderAndEntropy.low_is_glassy
    annotated = annotate(
        Trajectory([snapshot], {"system": system}), ["energy-and-order", "energy-order-and-entropy"]
    )[0]
    np.testing.assert_allclose(annotated.field("energy_and_order"), energy + order, atol=1e-10)
    np.testing.assert_allclose(
        annotated.field("energy_order_and_entropy"), energy + order + entropy, atol=1e-10
    )


def test_an_indicator_whose_high_values_are_glassy_is_subtracted():
    snapshot = example_snapshot(2)
    order, energy = HexaticOrder(), PotentialEnergy("kam2d")
    expected = by_species(energy.compute(snapshot).values, snapshot) - by_species(
        order.compute(snapshot).values, snapshot
    )
    found = standardised_sum(snapshot, [energy, order])
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_what_is_constant_over_a_species_adds_nothing():
    lattice = crystal("hexagonal", 8)
    assert np.ptp(LocalDensity().compute(lattice).values) > 0  # by rounding alone
    assert (standardised_sum(lattice, [LocalDensity()]) == 0).all()
    # A species of a single particle has no spread.
    snapshot = example_snapshot(2)
    types = np.append(1, np.zeros(len(snapshot) - 1, dtype=int))
    found = standardised_sum(snapshot.replace(types=types), [LocalDensity()])
    assert found[0] == 0 and found[1:].std() == pytest.approx(1)
