"""One place knows which name was meant; every message about an unknown name asks it."""

import numpy as np
import pytest

from gnnglass.compare import compare_fields, correlate, correlate_lags, spatial_correlation
from gnnglass.errors import GnnglassError, UnknownNameError, did_you_mean, unknown
from gnnglass.models import recipe_for
from gnnglass.simulate import ENGINES, Ensemble, Protocol
from gnnglass.structure import INDICATORS, annotate
from gnnglass.study import EnsembleFile, Study
from gnnglass.systems import glass_former
from gnnglass.trajectories import Snapshot, Trajectory
from gnnglass.trajectories.material import restated


@pytest.mark.parametrize(
    ("name", "known", "said"),
    [
        ("lamps", ["hoomd", "lammps"], " (did you mean 'lammps'?)"),
        ("KAM2D", ["ka3d", "kam2d"], " (did you mean 'kam2d'?)"),
        ("message_passing", ["linear", "message-passing"], " (did you mean 'message-passing'?)"),
        ("energy", ["local-density", "potential-energy"], " (did you mean 'potential-energy'?)"),
        ("abacus", ["cpu", "cuda"], ""),
        ("A", ["B", "C"], ""),
        ("", ["a"], ""),
        (7, ["a"], ""),
    ],
)
def test_which_name_was_meant(name, known, said):
    assert did_you_mean(name, known) == said


def test_a_short_name_is_not_taken_for_a_part_of_others():
    assert did_you_mean("ka", ["speckands", "kangaroos"]) == ""


def test_the_sentence_lists_what_is_known():
    assert unknown("engine", "lamps", ["hoomd", "lammps"]) == (
        "unknown engine 'lamps' (did you mean 'lammps'?); known: hoomd, lammps."
    )
    assert unknown("engine", "x", []) == "unknown engine 'x'; known: none."


def lattice(**fields):
    n = 6
    grid = np.stack(np.meshgrid(*[np.arange(n)] * 2), -1).reshape(-1, 2).astype(float)
    rng = np.random.default_rng(3)
    return Snapshot(
        box=[n, n],
        positions=grid + 0.1 * rng.standard_normal(grid.shape),
        types=np.arange(n * n) % 2,
        type_names=("Cu", "Zr"),
        fields={name: rng.standard_normal(n * n) for name in fields},
    )


STUDY = {
    "title": "t",
    "system": {"name": "kam2d", "n_particles": 144},
    "simulate": {"runs": 4},
    "phases": {"liquid": {"kT": 1.0}, "glass": {"kT": 0.3}},
    "classifiers": {"gnn": {"model": "linear", "recipe": {}, "attribution": "random"}},
}


def with_entry(content, *path):
    """The content with one entry more, a table in a table and so on."""
    *tables, key = path
    if not tables:
        return {**content, key: 1}
    return {**content, tables[0]: with_entry(content.get(tables[0], {}), *tables[1:], key)}


@pytest.mark.parametrize(
    ("call", "meant"),
    [
        (lambda: glass_former("kamd2"), "kam2d"),
        (lambda: ENGINES.create("lamps"), "lammps"),
        (lambda: INDICATORS.create("potential-enrgy"), "potential-energy"),
        (lambda: lattice(propensity=1).field("propensty"), "propensity"),
        (lambda: lattice().of_type("cu"), "Cu"),
        (lambda: restated(Trajectory([lattice()]), species={"cu": "A"}), "Cu"),
        (lambda: Study.from_dict({**STUDY, "levels": ["inherant"]}), "inherent"),
        (lambda: Study.from_dict({**STUDY, "explain": "glas"}), "glass"),
        (lambda: Study.from_dict(with_entry(STUDY, "systm")), "system"),
        (lambda: Study.from_dict(with_entry(STUDY, "simulate", "run")), "runs"),
        (lambda: Study.from_dict(with_entry(STUDY, "classifiers", "gnn", "modle")), "model"),
        (lambda: Study.from_dict(with_entry(STUDY, "split", "tests")), "test"),
        (lambda: Protocol(**{"n_particles": 9, "kT": 1, "hold_step": 3}), "hold_steps"),
        (lambda: recipe_for("linear", 2, "AB", r_mx=2), "r_max"),
        (lambda: correlate([lattice(a=1, b=1)], "a", "b", runs="r", method="spearmn"), "spearman"),
        (lambda: compare_fields([lattice(energy=1)], ["energi"], ["energy"], runs="r"), "energy"),
    ],
)  # fmt: skip
def test_every_message_about_an_unknown_name_says_what_was_meant(call, meant):
    with pytest.raises(GnnglassError) as caught:
        call()
    assert f"did you mean {meant!r}" in str(caught.value)
    assert str(caught.value).count("did you mean") == 1


def test_a_misspelt_key_is_told_before_the_one_that_is_missing_for_it():
    content = {**STUDY, "simulate": {"rns": 4}}
    with pytest.raises(GnnglassError, match=r"there is no simulate\.rns .did you mean 'runs'"):
        EnsembleFile.from_dict({k: content[k] for k in ("system", "simulate", "phases")})


def test_runs_and_levels_of_an_ensemble(tmp_path):
    ensemble = Ensemble(tmp_path)
    run = Protocol(n_particles=144, kT=1.0, seed=1, n_frames=1, frame_interval=1, hold_steps=1)
    ensemble.plan("kam2d", {"glass-000": run})
    with pytest.raises(UnknownNameError, match="did you mean 'glass-000'"):
        ensemble.load("glas-000")
    with pytest.raises(UnknownNameError, match=r"level 'inherant' .did you mean 'inherent'"):
        ensemble.load("glass-000", "inherant")


BOTH = ("potential-energy", "potential_energy")


@pytest.mark.parametrize("name", BOTH)
def test_an_indicator_has_one_name_and_two_spellings(name):
    assert type(INDICATORS.create(name, system="kam2d")).__name__ == "PotentialEnergy"
    assert INDICATORS.available(name) and INDICATORS.describe(name).unit == "energy"
    recipe = recipe_for("linear", 2, "AB", indicators=[name], system="kam2d")
    assert recipe.indicators == ("potential-energy",)
    whole = Trajectory([lattice()])
    annotated = annotate(whole, [name.replace("potential", "local").replace("energy", "density")])
    assert list(annotated[0].fields) == ["local_density"]


def test_the_two_spellings_of_one_indicator_are_not_two_inputs():
    with pytest.raises(GnnglassError, match="distinct names"):
        recipe_for("linear", 2, "AB", indicators=BOTH, system="kam2d")


@pytest.mark.parametrize("name", BOTH)
def test_a_field_may_be_spelt_as_its_indicator(name):
    fields = {"potential_energy": 1, "tau_bond": 1, "tau_bond_censored": 1}
    one = lattice(**fields)
    one = one.with_fields(tau_bond_censored=(one.field("tau_bond") > 0.5).astype(float))
    snapshots, runs = [one], ["r"]
    assert one.field(name) is one.fields["potential_energy"]
    marks = {"tau-bond": "tau_bond_censored"}
    table = compare_fields(snapshots, [name], ["tau-bond"], runs=runs, censored=marks)
    # The marks are those of the target, however it is spelt.
    same = compare_fields(
        snapshots, ["potential_energy"], ["tau_bond"], runs=runs,
        censored={"tau_bond": "tau_bond_censored"},
    )  # fmt: skip
    assert table.equals(same) and (same["censored_share"] > 0).any()
    curve = correlate_lags(snapshots, name, {1.0: "tau-bond"}, runs=runs, censored=marks)
    assert curve["Cu"].points[1.0].censored_share == same["censored_share"][0]
    assert correlate(snapshots, name, "tau-bond", runs=runs)["Cu"].x == "potential_energy"
    with pytest.raises(GnnglassError, match="also held fixed"):
        correlate(snapshots, name, "tau_bond", runs=runs, given=["potential-energy"])
    found = spatial_correlation(snapshots, name, runs=runs, bin_width=0.5)
    assert found["Cu"].field == "potential_energy"


def test_a_field_that_is_called_with_a_dash_is_that_field():
    one = lattice(**{"c-pe": 1, "c_pe": 1})
    assert one.field("c-pe") is one.fields["c-pe"] and one.field("c_pe") is one.fields["c_pe"]
