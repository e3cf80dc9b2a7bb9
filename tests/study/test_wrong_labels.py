"""Which wrong labels a study trains on."""

from tiny_study import TINY

from gnnglass.study import Study
from gnnglass.study.null import HALVES, SHUFFLED, wrong_labels
from gnnglass.study.workspace import deal


def labels_of(runs, shuffles, seed=0):
    content = {
        **TINY,
        "simulate": {**TINY["simulate"], "runs": runs},
        "null": {"shuffles": shuffles, "seed": seed},
    }
    study = Study.from_dict(content)
    return wrong_labels(study, deal(study), "gnn"), deal(study)


def test_a_study_trains_twenty_times_on_each_kind_if_it_does_not_say_otherwise():
    study = Study.from_dict({key: value for key, value in TINY.items() if key != "null"})
    assert study.null.shuffles == 20


def test_classes_keep_their_numbers_in_each_part_and_test_runs_keep_out():
    found, parts = labels_of(12, 20)
    assert {kind: len(members) for kind, members in found.items()} == {SHUFFLED: 20, HALVES: 20}
    for targets in found[SHUFFLED]:
        assert set(targets) == {*parts["train"], *parts["validation"]}
        for part in ("train", "validation"):
            assert sum(targets[run] for run in parts[part]) == len(parts[part]) / 2
    for targets in found[HALVES]:
        assert {run.split("-")[0] for run in targets} == {"glass"}
        assert not set(targets) & set(parts["test"])
    assert labels_of(12, 20, seed=1)[0] != found == labels_of(12, 20)[0]


def test_where_a_part_has_one_glass_there_are_no_halves_of_it():
    """Of two runs of each phase that train and one that validates there are five other ways."""
    found, _ = labels_of(4, 20)
    assert {kind: len(members) for kind, members in found.items()} == {SHUFFLED: 5}


def test_a_classifier_may_be_trained_more_often_than_others():
    content = {**TINY, "null": {"shuffles": 2}}
    gnn = {**content["classifiers"]["gnn"], "shuffles": 5}
    study = Study.from_dict({**content, "classifiers": {**content["classifiers"], "gnn": gnn}})
    assert [study.shuffles(name) for name in ("gnn", "cnn")] == [5, 2]
    # How often it is done changes nothing in what is done.
    one, other = study.classifiers["gnn"], Study.from_dict(content).classifiers["gnn"]
    assert one.training_part() == other.training_part()
    assert one.explaining_part() == other.explaining_part()
