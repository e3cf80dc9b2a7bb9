"""A study whose truth is known (`golden`): every column has the sign and the size it must have.

Mistakes that were made on purpose, and the tests that fail of each:

1. −E's sign turned: `test_both_phases_are_told_apart`, `test_the_energy_takes_its_sign_...`
2. the other class explained: `test_importance_is_where_the_disc_is`, `test_known_correlations`
3. baselines calibrated on test runs: `test_baselines_are_calibrated_on_validation_runs`,
   `test_the_energy_takes_its_sign_...`; `fit`'s calibration on test runs:
   `test_the_network_is_calibrated_on_validation_runs`
4. inputs standardised with validation runs: `test_inputs_are_standardised_by_training_runs`
5. marks of censoring dropped: `test_what_never_relaxes_is_said`,
   `test_coefficients_are_those_of_the_fields`
6. a smoothing length chosen with the run itself: `test_lengths_are_chosen_on_other_runs`
7. A and B exchanged in a target: `test_known_correlations`
8. one indicator's field named as another's: `test_indicators_are_what_they_are_called`
9. composition missing from what is held fixed:
   `test_partial_coefficients_are_those_of_what_is_left`,
   `test_known_correlations`
10. labels of the null given to the wrong runs: `test_maps_of_the_null_are_those_of_exchanged_runs`
11. maps or indicators exchanged in the table of structure:
   `test_resemblances_are_those_of_the_fields`, `test_the_map_resembles_what_was_planted`
12. a sum with a wrong sign: `test_known_correlations`, `test_the_map_resembles_what_was_planted`
"""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from golden import BLIND, LAGS, LENGTHS, REACH, SPEED, golden_study, golden_workspace
from golden import DT as TIME_STEP
from scipy.stats import pearsonr, rankdata, spearmanr

from gnnglass._records import Record
from gnnglass.explain import GraphGradCAM
from gnnglass.models import create_model
from gnnglass.stats import auc
from gnnglass.structure import (
    EnergyAndOrder,
    EnergyOrderAndEntropy,
    HexaticOrder,
    LocalComposition,
    LocalDensity,
    PotentialEnergy,
    TongTanaka,
    TwoBodyEntropy,
    VoronoiDensity,
    VoronoiVolume,
    indicator_field,
    indicators_for,
)
from gnnglass.study import run_study
from gnnglass.study.check import recipe_of
from gnnglass.study.classification import judge
from gnnglass.study.null import wrong_labels
from gnnglass.study.workspace import split_of
from gnnglass.testing import example_snapshot
from gnnglass.training import Calibration, TrainedClassifier, TrainingOptions, fit
from gnnglass.trajectories import Trajectory, read, write

INDICATORS_IN_2D = indicators_for(Trajectory([example_snapshot(2)], {"system": "kam2d"}))
INDICATORS = {
    "potential_energy": PotentialEnergy("kam2d"),
    "local_density": LocalDensity(),
    "local_composition": LocalComposition(),
    "energy_and_order": EnergyAndOrder("kam2d"),
    "energy_order_and_entropy": EnergyOrderAndEntropy("kam2d"),
    "voronoi_volume": VoronoiVolume(),
    "voronoi_density": VoronoiDensity(),
    "hexatic_order": HexaticOrder(),
    "tong_tanaka": TongTanaka("kam2d"),
    "two_body_entropy": TwoBodyEntropy(),
}
#: What studies hold fixed if they do not say otherwise.
HELD = ("potential_energy", "local_composition")
TARGETS = ("propensity_cage_relative", "tau_bond", "tau_overlap")
NO, SOME = (-0.3, 0.3), (0.3, 0.9)


def less(band):
    return (-band[1], -band[0])


#: Of bare fields, what Spearman's coefficient must lie between, by target and species.
KNOWN = {
    "planted": {
        ("propensity_cage_relative", "A"): (-0.95, -0.6),
        ("tau_overlap", "A"): (0.6, 0.95),
        ("tau_bond", "A"): SOME,
        # What holds a particle of the disc is that its neighbours stay; B by themselves do not.
        ("tau_bond", "B"): SOME,
        ("propensity_cage_relative", "B"): NO,
        ("tau_overlap", "B"): NO,
    },
    "importance_gnn": {
        ("propensity_cage_relative", "A"): less(SOME),
        ("tau_overlap", "A"): SOME,
        ("tau_bond", "A"): SOME,
        ("tau_bond", "B"): SOME,
        ("propensity_cage_relative", "B"): NO,
        ("tau_overlap", "B"): NO,
    },
    "hidden": {
        ("propensity_cage_relative", "A"): NO,
        ("tau_overlap", "A"): NO,
        ("propensity_cage_relative", "B"): (0.2, 0.8),
    },
    "potential_energy": {
        ("propensity_cage_relative", "A"): SOME,
        ("tau_overlap", "A"): less(SOME),
        ("tau_bond", "A"): less((0.25, 0.8)),
        ("propensity_cage_relative", "B"): NO,
        ("tau_overlap", "B"): NO,
    },
    # In the disc the composition is another one, and the packing better.
    **{
        name: {
            ("propensity_cage_relative", "A"): SOME,
            ("tau_overlap", "A"): less(SOME),
            ("propensity_cage_relative", "B"): NO,
            ("tau_overlap", "B"): NO,
        }
        for name in ("local_composition", "energy_and_order", "energy_order_and_entropy")
    },
    **{
        name: {(target, species): NO for target in TARGETS for species in "AB"}
        for name in (*BLIND, "importance_random")
    },
}
#: The same, given the potential energy and the local composition.
BEYOND = {
    "planted": {("propensity_cage_relative", "A"): less(SOME), ("tau_overlap", "A"): SOME},
    "importance_gnn": {
        ("propensity_cage_relative", "A"): (-0.8, -0.2),
        ("tau_overlap", "A"): (0.2, 0.8),
        ("propensity_cage_relative", "B"): NO,
    },
    "importance_random": {("propensity_cage_relative", "A"): NO, ("tau_overlap", "A"): NO},
}


@pytest.fixture(scope="module")
def golden(tmp_path_factory):
    """The study, done but for the simulations; not to be changed."""
    study = golden_study()
    workspace = golden_workspace(study, tmp_path_factory.mktemp("golden"))
    simulated = {path: path.stat().st_mtime_ns for path in workspace.folder.rglob("thermal.gsd")}
    run_study(study, workspace.folder, workers=1, device="cpu")
    assert {path: path.stat().st_mtime_ns for path in simulated} == simulated
    return workspace


@pytest.fixture(scope="module")
def results(golden):
    return json.loads(golden.results.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def labelled(golden):
    """The labelled set, the members of each part, and the energy of every configuration."""
    labelled = golden.labelled("inherent")
    parts = {part: labelled.where(runs) for part, runs in golden.parts.items()}
    energies = np.array([golden.system.energies(s).mean() for s in labelled.snapshots])
    return labelled, parts, energies


@pytest.fixture(scope="module")
def classifier(golden):
    return TrainedClassifier.load(golden.classifier("gnn", "inherent"))


@pytest.fixture(scope="module")
def compared(golden):
    """The followed configurations with all fields, by run."""
    return {run: read(golden.compared(run))[-1] for run in golden.followed("glass")}


def judged(golden):
    return Record.read(golden.folder / "stages" / "judge-inherent.json").result


def test_both_phases_are_told_apart(golden, results, labelled):
    sets, parts, energies = labelled
    assert results["classes"] == list(sets.labels) == ["liquid", "glass"]
    test = parts["test"]
    glass = sets.targets[test] == 1
    assert [run.startswith("glass") for run in np.array(sets.runs)[test]] == glass.tolist()
    # Glasses were made the ones of low energy.
    assert energies[test][glass].mean() < energies[test][~glass].mean() - 0.2
    found = results["levels"]["inherent"]
    assert found["energy"]["sign"] == -1
    for name, least in (("gnn", 0.99), ("linear", 0.99), ("energy", 0.8)):
        assert found[name]["auc"]["estimate"] >= least
        assert (found[name]["n_runs"], found[name]["n_snapshots"]) == (6, 12)
        # Probabilities are those of the glass.
        p = np.array(judged(golden)["probabilities"][name])
        assert p[glass].mean() > p[~glass].mean() + 0.1
    page = golden.report.read_text(encoding="utf-8")
    assert "tells glass from liquid with AUC 1.000" in page and "−E_IS" in page


def test_the_energy_takes_its_sign_and_its_calibration_from_other_runs(golden, tmp_path):
    """Test runs exchanged with those of the other phase change what is found, not what is asked."""
    folder = shutil.copytree(golden.folder, tmp_path / "exchanged")
    exchanged = replace(golden, folder=folder)
    for k in range(3):
        runs = [exchanged.followed(phase)[k] for phase in ("liquid", "glass")]
        for here, there in (runs, runs[::-1]):
            other = golden.load(there, "inherent")
            facts = {**other.metadata, "run": here, "phase": here.split("-")[0]}
            write(exchanged.trajectory(here, "inherent"), Trajectory(list(other), facts))
    found, as_it_was = judge(exchanged, "inherent"), judged(golden)
    assert found["energy_sign"] == as_it_was["energy_sign"] == -1
    for name in ("gnn", "linear", "energy"):
        before, after = (one["figures"][name]["auc"]["estimate"] for one in (as_it_was, found))
        assert after == pytest.approx(1 - before)
        # The same configurations are given the same probabilities as ever.
        assert sorted(found["probabilities"][name]) == pytest.approx(
            sorted(as_it_was["probabilities"][name]), abs=1e-6
        )


def test_baselines_are_calibrated_on_validation_runs(golden, labelled):
    sets, parts, energies = labelled
    test = parts["test"]
    expected = {
        part: Calibration.fit(-energies[parts[part]], sets.targets[parts[part]])
        for part in ("validation", "test")
    }
    said, otherwise = (one.probability(-energies[test]) for one in expected.values())
    assert np.abs(said - otherwise).max() > 0.01
    np.testing.assert_allclose(judged(golden)["probabilities"]["energy"], said, atol=1e-6)


def test_the_network_is_calibrated_on_validation_runs(classifier, labelled):
    sets, parts, _ = labelled
    scores = classifier.scores(sets.snapshots)
    expected = {
        part: Calibration.fit(scores[parts[part]], sets.targets[parts[part]])
        for part in ("train", "validation", "test")
    }
    assert classifier.calibration.scale == pytest.approx(expected["validation"].scale, rel=1e-4)
    assert classifier.calibration.offset == pytest.approx(expected["validation"].offset, rel=1e-4)
    for part in ("train", "test"):
        assert classifier.calibration.scale != pytest.approx(expected[part].scale, rel=1e-2)


def test_inputs_are_standardised_by_training_runs(classifier, labelled):
    sets, parts, _ = labelled

    def buffers(*names):
        net = create_model(classifier.model_name, classifier.recipe, {"hidden": 8, "n_layers": 1})
        members = np.sort(np.concatenate([parts[name] for name in names]))
        net.standardise([classifier.recipe(sets.snapshots[i]) for i in members])
        return {name: value.numpy() for name, value in net.named_buffers()}

    found = {name: value.numpy() for name, value in classifier.model.named_buffers()}
    expected, wrong = buffers("train"), buffers("train", "validation")
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, err_msg=name)
    assert any(not np.allclose(wrong[name], value, rtol=1e-3) for name, value in expected.items())


def test_importance_is_where_the_disc_is(golden):
    n = 0
    for run in golden.parts["test"]:
        for snapshot in read(golden.annotated(run)):
            planted = snapshot.field("planted")
            if run.startswith("glass"):
                n += 1
                assert auc(snapshot.field("importance_gnn"), planted) > 0.85
                assert auc(-snapshot.field("potential_energy"), planted) > 0.75
                for name in (*BLIND, "importance_random"):
                    assert 0.3 < auc(snapshot.field(name), planted) < 0.7
    assert n == 6


def test_indicators_are_what_they_are_called(golden):
    run = golden.followed("glass")[0]
    bare = golden.load(run, "inherent")
    for snapshot, annotated in zip(bare, read(golden.annotated(run)), strict=True):
        seen = []
        for name, indicator in INDICATORS.items():
            values = indicator.compute(snapshot).values
            np.testing.assert_allclose(annotated.field(name), values, atol=1e-4, err_msg=name)
            seen.append(values)
        # Energies once more, and no two fields that could be exchanged unseen.
        energies = golden.system.energies(snapshot)
        np.testing.assert_allclose(annotated.field("potential_energy"), energies, atol=1e-4)
        assert all(not np.allclose(a, b) for k, a in enumerate(seen) for b in seen[:k])


def rows(results, **wanted):
    return [
        row
        for row in results["correlations"]
        if all(row[key] == value for key, value in wanted.items())
    ]


def the_row(results, name, target, species, given="", **wanted):
    how = {"method": "spearman", "smoothed": False, **wanted}
    (row,) = rows(results, predictor=name, target=target, species=species, given=given, **how)
    return row


@pytest.mark.parametrize(
    ("name", "given", "target", "species", "band"),
    [
        (name, given, *place, band)
        for given, table in (("", KNOWN), (", ".join(HELD), BEYOND))
        for name, columns in table.items()
        for place, band in columns.items()
    ],
)
def test_known_correlations(results, name, given, target, species, band):
    row = the_row(results, name, target, species, given)
    assert band[0] < row["estimate"] < band[1]
    assert row["n_runs"] == 3


def test_every_predictor_meets_every_target(results):
    predictors = {"importance_gnn", "importance_random", "planted", "hidden"}
    predictors |= set(map(indicator_field, INDICATORS_IN_2D))
    for target in TARGETS:
        for species in "AB":
            found = {row["predictor"] for row in rows(results, target=target, species=species)}
            assert found == predictors


def test_what_never_relaxes_is_said(golden, results, compared):
    share = {}
    for species in "AB":
        row = the_row(results, "planted", "tau_overlap", species)
        share[species] = row["censored_share"]
        assert the_row(results, "planted", TARGETS[0], species)["censored_share"] is None
    assert 0.08 < share["A"] < 0.3 and share["B"] < 0.2
    assert all(row["censored_share"] is not None for row in rows(results, target="tau_bond"))
    last = LAGS[-1] * TIME_STEP
    for snapshot in compared.values():
        late = snapshot.field("tau_overlap_censored") == 1
        np.testing.assert_allclose(snapshot.field("tau_overlap")[late], last)
        # They are those that have not gone 0.3 by then, and lie in the disc.
        late_a = late & snapshot.of_type("A")
        assert snapshot.field("propensity")[late_a].mean() < 0.3 < SPEED * last
        assert snapshot.field("planted")[late_a].mean() > 0.9
    together = np.mean([s.field("tau_overlap_censored").mean() for s in compared.values()])
    assert results["censored"]["tau_overlap"] == pytest.approx(together)


def values_of(snapshot, name, length=0.0):
    """A field, its censored values tied at the top, smoothed by brute force."""
    values = np.array(snapshot.field(name))
    if f"{name}_censored" in snapshot.fields:
        values[snapshot.field(f"{name}_censored") == 1] = values.max() + 1e-9
    if length == 0:
        return values
    apart = snapshot.positions[:, None] - snapshot.positions
    apart -= snapshot.box * np.round(apart / snapshot.box)
    distance = np.linalg.norm(apart, axis=-1)
    weights = np.exp(-distance / length) * (
        distance < min(4 * length, 0.999 * snapshot.box.min() / 2)
    )
    return weights @ values / weights.sum(axis=1)


COEFFICIENTS = {"spearman": spearmanr, "pearson": pearsonr}


def coefficient(snapshot, x, y, species, method="spearman", length=0.0):
    mine = snapshot.of_type(species)
    pair = values_of(snapshot, x, length)[mine], values_of(snapshot, y)[mine]
    return COEFFICIENTS[method](*pair)[0]


def test_coefficients_are_those_of_the_fields(results, compared):
    n = 0
    for row in rows(results, given="", smoothed=False):
        if row["estimate"] is None:
            continue
        place = row["predictor"], row["target"], row["species"], row["method"]
        expected = np.mean([coefficient(snapshot, *place) for snapshot in compared.values()])
        assert row["estimate"] == pytest.approx(expected, abs=1e-3), place
        n += 1
    assert n > 100


def test_partial_coefficients_are_those_of_what_is_left(results, compared):
    """Of residuals from energy and composition together; each alone would leave something else."""

    def left(values, held):
        columns = np.stack([np.ones(len(values)), *held], axis=1)
        return values - columns @ np.linalg.lstsq(columns, values)[0]

    for name in ("importance_gnn", "planted", "importance_random", "energy_and_order"):
        for target in TARGETS:
            found = {}
            for held in (HELD, *([one] for one in HELD)):
                coefficients = []
                for snapshot in compared.values():
                    mine = snapshot.of_type("A")
                    x, y, *given = (
                        rankdata(values_of(snapshot, field)[mine])
                        for field in (name, target, *held)
                    )
                    coefficients.append(pearsonr(left(x, given), left(y, given))[0])
                found[tuple(held)] = np.mean(coefficients)
            row = the_row(results, name, target, "A", ", ".join(HELD))
            assert row["estimate"] == pytest.approx(found[HELD], abs=1e-3)
            if name in ("planted", "importance_gnn"):
                assert all(abs(found[(one,)] - found[HELD]) > 0.01 for one in HELD)
    assert results["not_given"] == []


def test_lengths_are_chosen_on_other_runs(results, compared):
    """By brute force; there are columns in which a run's own vote would have changed the figure."""
    checked = otherwise = 0
    for row in rows(results, given="", smoothed=True, method="spearman"):
        # Far from its edge the disc's field is constant up to rounding, which has no ranks.
        if row["estimate"] is None or row["predictor"] == "planted":
            continue
        place = row["predictor"], row["target"], row["species"]
        table = np.array(
            [
                [coefficient(snapshot, *place, length=length) for length in LENGTHS]
                for snapshot in compared.values()
            ]
        )
        votes = [np.abs(np.delete(table, r, axis=0).mean(axis=0)) for r in range(3)]
        if any(np.diff(np.sort(vote))[-1] < 0.01 for vote in votes):
            # Single precision of a file decides.
            continue
        picks = [int(vote.argmax()) for vote in votes]
        honest = np.mean([table[r, pick] for r, pick in enumerate(picks)])
        assert row["estimate"] == pytest.approx(honest, abs=1e-3), place
        counted = [picks.count(pick) for pick in range(len(LENGTHS))]
        assert row["length"] == LENGTHS[int(np.argmax(counted))]
        own = np.mean(table[:, np.abs(table.mean(axis=0)).argmax()])
        otherwise += abs(own - honest) > 0.01
        checked += 1
    assert checked >= 20
    assert otherwise >= 3


def test_a_length_that_is_known_is_chosen(results):
    """B particles know of the hidden field over one of the lengths, and each run tells."""
    bare, smoothed = (
        the_row(results, "hidden", "propensity_cage_relative", "B", smoothed=one)
        for one in (False, True)
    )
    assert smoothed["length"] == REACH
    assert smoothed["estimate"] > max(bare["estimate"] + 0.15, 0.6)


def shuffled_sets(golden):
    """The labels of each training of the null, as its files are named."""
    return {
        f"gnn-{kind}-{k:03d}": targets
        for kind, members in wrong_labels(golden.study, golden.parts, "gnn").items()
        for k, targets in enumerate(members)
    }


def test_maps_of_the_null_are_those_of_exchanged_runs(golden):
    """Trained here on those labels, and explained, they are the same; no others are."""
    study, sets = golden.study, shuffled_sets(golden)
    assert len(sets) == 2 * study.null.shuffles
    learning = {*golden.parts["train"], *golden.parts["validation"]}
    for name, targets in sets.items():
        glasses = {run for run in learning if run.startswith("glass")}
        assert set(targets) == (glasses if "halves" in name else learning)
        ones = {run for run in targets if targets[run]}
        assert ones not in (glasses, learning - glasses)
    frames_of = {run: list(golden.load(run, "inherent")) for run in golden.runs}
    for name in ("gnn-shuffled-001", "gnn-halves-002"):
        # Frame by frame and in the study's order, by which batches are made.
        named = [(s, run) for run in golden.runs if run in sets[name] for s in frames_of[run]]
        labelled = replace(
            golden.labelled("inherent"),
            snapshots=tuple(snapshot for snapshot, _ in named),
            targets=np.array([sets[name][run] for _, run in named]),
            runs=tuple(run for _, run in named),
        )
        section = study.classifiers["gnn"]
        classifier = fit(
            labelled,
            split_of(golden.parts),
            model=section.model,
            recipe=recipe_of(section, golden.system),
            model_options=section.model_options,
            options=TrainingOptions.from_dict(section.training),
            system="kam2d",
            device="cpu",
            progress=False,
        )
        stored = np.load(golden.folder / "null" / f"{name}.npy")
        frames = [golden.load(run, "inherent")[-1] for run in golden.followed("glass")]
        found = GraphGradCAM().compute(classifier, frames, "glass")
        others = [np.load(golden.folder / "null" / f"{other}.npy") for other in sets]
        alike = [np.corrcoef(np.ravel(found), other.ravel())[0, 1] for other in others]
        assert alike[list(sets).index(name)] > 0.999, alike
        assert sum(one > 0.999 for one in alike) == 1
        assert stored.shape == (3, 1, 144)


def test_estimates_are_placed_among_those_of_wrong_labels(golden, results, compared):
    """Each column of the null, by brute force, and only for the maps."""
    columns = {"n", "median", "95", "quantile"}
    for row in results["correlations"]:
        has = {name for name in row if name.startswith(("shuffled_", "halves_"))}
        assert len(has) == (8 if row["predictor"] == "importance_gnn" else 0)
    for kind in ("shuffled", "halves"):
        maps = [
            np.load(golden.folder / "null" / f"{name}.npy")
            for name in shuffled_sets(golden)
            if kind in name
        ]
        for target in TARGETS:
            for species in "AB":
                row = the_row(results, "importance_gnn", target, species)
                sizes = [
                    abs(
                        np.mean(
                            [
                                coefficient(frame.with_fields(m=values), "m", target, species)
                                for frame, (values,) in zip(compared.values(), one, strict=True)
                            ]
                        )
                    )
                    for one in maps
                ]
                found = {name: row[f"{kind}_{name}"] for name in columns}
                assert found == {
                    "n": len(maps),
                    "median": pytest.approx(np.median(sizes), abs=1e-3),
                    "95": pytest.approx(np.quantile(sizes, 0.95), abs=1e-3),
                    "quantile": pytest.approx(np.mean(abs(row["estimate"]) > np.array(sizes))),
                }
    page = golden.report.read_text(encoding="utf-8")
    assert "With labels shuffled over runs, maps of the same network correlate at" in page
    assert "With arbitrary labels within the glass it is" in page


@pytest.mark.usefixtures("undrawn")
def test_trainings_of_the_null_are_not_done_twice(golden, tmp_path, monkeypatch):
    """More of them keep those that are there; a damaged one is done again and is the same."""
    folder = shutil.copytree(golden.folder, tmp_path / "more")
    done = []

    def here(tasks, **_):
        for task in tasks:
            done.append(task.name)
            task()

    monkeypatch.setattr("gnnglass.study.null.run_parallel", here)
    damaged = folder / "null" / "gnn-shuffled-002.npy"
    before = np.load(damaged)
    damaged.write_bytes(damaged.read_bytes()[:-8])
    more = golden.study.null.shuffles + 1
    study = golden_study(null={"shuffles": more, "seed": golden.study.null.seed})
    results = run_study(study, folder, workers=1, device="cpu")
    assert done == [
        "gnn-shuffled-002",
        f"gnn-shuffled-{more - 1:03d}",
        f"gnn-halves-{more - 1:03d}",
    ]
    np.testing.assert_allclose(np.load(damaged), before, rtol=1e-3, atol=1e-6)
    row = the_row(results, "importance_gnn", "tau_overlap", "A")
    assert row["shuffled_n"] == row["halves_n"] == more
    # Only what is compared has changed: nothing is trained.
    done.clear()
    study = golden_study(compare={"lengths": [1.0]}, null={"shuffles": more, "seed": 3})
    run_study(study, folder, workers=1, device="cpu")
    assert done == []


def test_resemblances_are_those_of_the_fields(golden, results):
    """Both bare, or both smoothed, by brute force, over all frames of the held-out glasses."""
    frames = {run: list(read(golden.annotated(run))) for run in golden.followed("glass")}
    fields = {"importance_gnn", "importance_random"}
    indicators = {"planted", "hidden", *map(indicator_field, INDICATORS_IN_2D)}
    columns = {(row["predictor"], row["target"]) for row in results["structure"]}
    assert columns == {(x, y) for x in indicators for y in fields}
    n = 0
    for row in results["structure"]:
        assert row["length"] == (LENGTHS[1] if row["smoothed"] else 0)
        if row["estimate"] is None or (row["smoothed"] and row["predictor"] == "planted"):
            continue
        of_run = []
        for members in frames.values():
            of_frame = []
            for snapshot in members:
                mine = snapshot.of_type(row["species"])
                x, y = (
                    values_of(snapshot, row[name], row["length"])[mine]
                    for name in ("predictor", "target")
                )
                of_frame.append(COEFFICIENTS[row["method"]](x, y)[0])
            of_run.append(np.mean(of_frame))
        assert row["estimate"] == pytest.approx(np.mean(of_run), abs=1e-3), row
        assert (row["n_runs"], row["n_configurations"]) == (3, 6)
        n += 1
    assert n > 100


def test_the_map_resembles_what_was_planted(golden, results):
    """Known signs: importance is high in the disc, where energy and Θ are low."""
    found = {
        row["predictor"]: row["estimate"]
        for row in results["structure"]
        if (row["target"], row["species"]) == ("importance_gnn", "A")
        if row["method"] == "spearman" and not row["smoothed"]
    }
    assert 0.5 < found["planted"] < 0.95 and abs(found["hidden"]) < 0.3
    for name in ("potential_energy", "energy_and_order", "local_composition", "two_body_entropy"):
        assert -0.9 < found[name] < -0.3
    assert all(abs(found[name]) < 0.3 for name in BLIND)
    page = golden.report.read_text(encoding="utf-8")
    assert (
        "On held-out glass configurations the GNN importance resembles two-body entropy S₂" in page
    )
    assert "What the maps resemble" in page
