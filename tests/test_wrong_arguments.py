"""Arguments of a wrong kind, as users give them: each works, or is refused in one sentence."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import gnnglass as gg
from gnnglass.dynamics import DebyeWaller, RunRelaxation, TimeCorrelations, lags_within
from gnnglass.errors import GnnglassError
from gnnglass.stats import auc, mean_over_runs
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot, Trajectory, neighbor_pairs

rng = np.random.default_rng(0)
SNAPSHOT = example_snapshot(2, 64)
RUNS = [
    Trajectory(
        [example_snapshot(2, 64, k).with_fields(energy=rng.normal(size=64), p=rng.random(64))],
        {"run": f"run-{k}"},
    )
    for k in range(4)
]
CLONES = gg.IsoconfigurationalEnsemble(SNAPSHOT, rng.normal(size=(4, 3, 64, 2)), np.arange(1.0, 4))
TABLE = pd.DataFrame({"energy": [1.0, 2.0]})
LABELLED = gg.LabelledSet.from_trajectories({"liquid": RUNS[:2], "glass": RUNS[2:]})


def correlated(**options: Any) -> Any:
    return gg.correlate(**{"snapshots": RUNS, "x": "energy", "y": "p", "species": ["A"]} | options)


def explained(**options: Any) -> Any:
    settled = {"classifier": "ka3d-inherent", "trajectory": SNAPSHOT, "attribution": "random"}
    return gg.annotate_importance(**{**settled, "field": "map", **options})


Call = Callable[[], object]
#: What type checkers would not let through.
NUMBER: Any = 5
COLD: Any = {"kT": "cold", "seed": 0}

REFUSED: dict[str, Call] = {
    "an object that is no trajectory": lambda: gg.as_trajectory(5),
    "a snapshot and something else": lambda: gg.as_trajectory([SNAPSHOT, NUMBER]),
    "an empty list of snapshots": lambda: gg.as_trajectory([]),
    "a folder for a trajectory": lambda: gg.read("."),
    "a trajectory for a path": lambda: gg.read(RUNS[0]),
    "a table for a path": lambda: gg.read(TABLE),
    "a trajectory where the path belongs": lambda: gg.write(RUNS[0], "run.gsd"),
    "letters for types": lambda: Snapshot([3.0, 3.0], [[0.0, 0.0]], ["A"]),
    "a text for the box": lambda: Snapshot("3x3", [[0.0, 0.0]], [0]),
    "ragged positions": lambda: Snapshot([3.0, 3.0], [[0.0, 0.0], [1.0]], [0, 0]),
    "a huge integer for a position": lambda: Snapshot([3.0, 3.0], [[10**400, 0.0]], [0]),
    "a list for fields": lambda: Snapshot([3.0, 3.0], [[0.0, 0.0]], [0], fields=["energy"]),
    "a number for a field": lambda: SNAPSHOT.with_fields(energy=5),
    "None for a field": lambda: SNAPSHOT.with_fields(energy=None),
    "a number for the name of a field": lambda: SNAPSHOT.field(0),
    "a number for a species": lambda: SNAPSHOT.of_type(0),
    "something else for axes": lambda: SNAPSHOT.plot(5),
    "a path for frames": lambda: Trajectory("run.gsd"),
    "a snapshot for frames": lambda: Trajectory(SNAPSHOT),
    "a number for a mixture": lambda: gg.glass_former(5),
    "a snapshot for the name of a mixture": lambda: gg.glass_former(SNAPSHOT),
    "a list for a registered name": lambda: gg.INDICATORS.create(["hexatic-order"]),
    "a number for the predictor": lambda: correlated(x=5),
    "a text for lengths": lambda: correlated(lengths="1.0"),
    "a trajectory for lengths": lambda: correlated(lengths=RUNS[0]),
    "numbers for names of species": lambda: correlated(species=[0, 1]),
    "a bool for a seed": lambda: correlated(seed=True),
    "a negative seed": lambda: correlated(seed=-1),
    "None for a list of names": lambda: gg.compare_fields(RUNS, None, ["p"]),
    "an empty list of names": lambda: gg.compare_fields(RUNS, [], ["p"]),
    "an unknown method": lambda: correlated(method="kendall"),
    "a classifier for an ensemble": lambda: gg.annotate_dynamics(LABELLED),
    "None for a classifier": lambda: explained(classifier=None),
    "a labelled set for a classifier": lambda: explained(classifier=LABELLED),
    "a class for an attribution": lambda: explained(attribution=gg.GraphGradCAM),
    "a number for the name of a new field": lambda: explained(field=1),
    "a number for a file of a classifier": lambda: gg.load(5),
    "a number for indicators": lambda: gg.annotate_structure(SNAPSHOT, 5),
    "a snapshot for clones": lambda: gg.Propensity().compute(SNAPSHOT),
    "a cutoff that is no mapping": lambda: gg.Propensity(True, neighbors=1.5).compute(CLONES),
    "a text for a time": lambda: DebyeWaller("1").compute(CLONES),
    "a trajectory for windows": lambda: TimeCorrelations().compute(RUNS[0]),
    "a path for time origins": lambda: RunRelaxation().compute("run.gsd"),
    "a text for a number of lags": lambda: lags_within(RUNS[0], "ten"),
    "a list for files and their minima": lambda: gg.simulate.minimise_files(["a.gsd"]),
    "a list for all indicators": lambda: gg.structure.annotate_all([5]),
    "a list for training options": lambda: gg.TrainingOptions.from_dict(["epochs"]),
    "a snapshot for a labelled set": lambda: gg.split_by_run(SNAPSHOT),
    "a text for a share": lambda: gg.split_by_run(LABELLED, test="0.25"),
    "bare lists for classes": lambda: gg.LabelledSet.from_trajectories(RUNS),
    "a number for runs of a class": lambda: gg.LabelledSet.from_trajectories(
        {"a": NUMBER, "b": RUNS}
    ),
    "half an epoch": lambda: gg.TrainingOptions(epochs=1.5),
    "letters for probabilities": lambda: gg.evaluate(["a", "b"], [0, 1], ["a", "b"]),
    "scores that are not finite": lambda: auc([np.nan, 1.0], [0, 1]),
    "a table for values": lambda: mean_over_runs(TABLE),
    "a text for a distance": lambda: neighbor_pairs(SNAPSHOT, "1.5"),
    "a distance too large for a float": lambda: neighbor_pairs(SNAPSHOT, 10**400),
    "a number for a layer": lambda: gg.GraphGradCAM(layer=5),
    "a text for a temperature": lambda: gg.Protocol(**COLD),
    "a number for a study": lambda: gg.run_study(5, "folder"),
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_it_is_refused_in_one_sentence(call: Call) -> None:
    with pytest.raises((GnnglassError, TypeError)) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message and 20 < len(message) < 400
    # Python's own are for the number of arguments alone.
    assert isinstance(caught.value, GnnglassError)


def test_the_sentence_names_the_argument_what_came_and_what_is_expected() -> None:
    with pytest.raises(GnnglassError, match=r"^x is 5; expected text\.$"):
        correlated(x=5)
    with pytest.raises(GnnglassError, match=r"lengths is '1.0'; expected a list of numbers or No"):
        correlated(lengths="1.0")
    with pytest.raises(GnnglassError, match=r"predictors is a DataFrame|no field 'energy'"):
        gg.compare_fields([r.map(lambda s: SNAPSHOT) for r in RUNS[:1]], TABLE, ["p"])
    with pytest.raises(GnnglassError, match=r"give an object of it, GraphGradCAM\(\)\.$"):
        explained(attribution=gg.GraphGradCAM)


@pytest.mark.parametrize(
    "names",
    ["A", np.array(["A"]), pd.Series(["A"]), pd.Index(["A"]), {"A"}, iter(["A"]), ("A",)],
    ids=lambda names: type(names).__name__,
)
def test_whatever_holds_names_is_a_list_of_names(names: Any) -> None:
    assert correlated(species=names)["A"].estimate == correlated()["A"].estimate


def test_a_single_name_is_not_taken_for_its_letters() -> None:
    with pytest.raises(GnnglassError, match="no species 'AB'"):
        correlated(species="AB")
    one = gg.compare_fields(RUNS, "energy", "p", species="A")
    assert list(one["predictor"]) == ["energy"]


def test_scalars_of_numpy_are_numbers() -> None:
    assert len(neighbor_pairs(SNAPSHOT, np.float32(1.5))) > 0
    assert gg.TrainingOptions(epochs=np.int64(3)).epochs == 3
    assert type(gg.TrainingOptions(epochs=np.int64(3)).epochs) is int
    assert correlated(seed=np.int64(1), same_species=np.bool_(False))


def test_columns_of_a_table_are_arrays() -> None:
    values = pd.Series(rng.random(64))
    np.testing.assert_array_equal(SNAPSHOT.with_fields(v=values).field("v"), values)
    found = gg.evaluate(pd.Series([0.1, 0.9]), pd.Series([0, 1]), pd.Series(["a", "b"]))
    assert found.auc.estimate == 1


def test_an_array_of_clones_is_still_checked_as_one() -> None:
    with pytest.raises(GnnglassError, match="NaN or infinite"):
        gg.IsoconfigurationalEnsemble(SNAPSHOT, np.full((2, 1, 64, 2), np.nan), np.array([1.0]))


def test_frames_that_are_read_when_asked_are_not_read_for_a_check(tmp_path: Path) -> None:
    gg.write(tmp_path / "run.gsd", RUNS[0])
    frames = gg.read(tmp_path / "run.gsd").frames
    assert not isinstance(frames, list)
    assert Trajectory(frames).frames is frames


def test_every_function_that_is_offered_checks_its_arguments() -> None:
    for name in gg.__all__:
        one = getattr(gg, name)
        if inspect.isfunction(one):
            assert hasattr(one, "__wrapped__"), f"gg.{name} checks nothing"
