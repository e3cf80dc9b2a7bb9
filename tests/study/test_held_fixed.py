"""What a study holds fixed by itself, and what it says where there is nothing to hold."""

import numpy as np
import pytest
from tiny_study import tiny

from gnnglass.structure import LocalComposition
from gnnglass.study import Report, Study
from gnnglass.study.definition import CompareSection
from gnnglass.study.fields import TARGETS, correlated, varying_fields
from gnnglass.testing import example_snapshot

GIVEN = ("potential_energy", "local_composition")


def configurations(n_species):
    """Three runs of a frame whose propensity is the energy and a map, with some noise."""
    made = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        bare = example_snapshot(2, seed=seed)
        if n_species == 1:
            bare = bare.replace(types=np.zeros(len(bare), dtype=int), type_names=("A",))
        energy, importance, noise = rng.normal(size=(3, len(bare)))
        values = energy + importance + 0.1 * noise
        made.append(
            bare.with_fields(
                potential_energy=energy,
                local_composition=LocalComposition().compute(bare).values,
                importance_gnn=importance,
                **dict.fromkeys(TARGETS, values),
                tau_bond_censored=np.zeros(len(bare)),
                tau_overlap_censored=np.zeros(len(bare)),
            )
        )
    return made


def rows_of(snapshots, **options):
    study = Study.from_dict(tiny("compare", value={"lengths": [0.5, 1.0], **options}))
    runs = [f"run-{k}" for k in range(len(snapshots))]
    return correlated(study, runs, snapshots, ["importance_gnn", "local_composition"])


def test_energy_and_composition_are_held_fixed_together_by_default():
    assert CompareSection().given == GIVEN
    given = {row["given"] for row in rows_of(configurations(2))}
    assert given == {"", "potential_energy, local_composition"}


def test_what_is_constant_is_left_out_of_what_is_held_fixed():
    """Composition in a system of one species: the energy is held fixed alone, and nothing fails."""
    snapshots = configurations(1)
    assert varying_fields(snapshots, GIVEN) == ["potential_energy"]
    rows = [row for row in rows_of(snapshots) if row["predictor"] == "importance_gnn"]
    assert {row["given"] for row in rows} == {"", "potential_energy"}
    assert all(row["estimate"] > 0.5 for row in rows if not row["smoothed"])
    # As a predictor it has no coefficient, and the reason is told.
    constant = [row for row in rows_of(snapshots) if row["predictor"] == "local_composition"]
    assert all(row["estimate"] is None and "is constant" in row["note"] for row in constant)
    page = Report({"correlations": rows, "not_given": ["local_composition"]}).html()
    assert "Local composition is the same for all particles" in page
    assert "Beyond potential energy [95" in page.replace("&nbsp;", " ")
    only = [s.with_fields(potential_energy=np.zeros(len(s))) for s in snapshots]
    assert {row["given"] for row in rows_of(only)} == {""}


@pytest.mark.parametrize("same_species", [False, True])
def test_smoothing_within_species_takes_the_offset_of_a_map_away(same_species):
    """A map that is nothing but its offset between species knows the composition, if smoothed."""
    snapshots = [
        s.with_fields(
            importance_gnn=1e-6 * s.field("importance_gnn") + s.of_type("A"),
            **dict.fromkeys(TARGETS, s.field("local_composition")),
        )
        for s in configurations(2)
    ]
    rows = rows_of(snapshots, same_species=same_species, given=())
    found = [r["estimate"] for r in rows if r["predictor"] == "importance_gnn" and r["smoothed"]]
    assert all(abs(r) < 0.3 for r in found) if same_species else all(r > 0.7 for r in found)
