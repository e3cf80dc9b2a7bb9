"""A benchmark from end to end: every file is there, nothing is done twice, parts do not mix."""

import numpy as np
import pytest
from planted_truth import classes, margins, run_benchmark, table
from planted_truth.measuring import NO_NETWORK, Indicators, Measuring
from planted_truth.page import write_results
from planted_truth.planting import Planting
from planted_truth.tasks import candidate_trainings
from tiny_benchmark import tiny

from gnnglass import _records


def test_every_attribution_is_measured_with_every_seed(done):
    _, results = done
    found = table(results)
    rows = set(zip(found["network"], found["attribution"], strict=True))
    assert {
        ("gnn", "Grad-CAM"),
        ("gnn", "saliency"),
        ("cnn", "Grad-CAM"),
        ("cnn", "random"),
    } <= rows
    assert ("no network", "potential-energy") in rows
    # Two of eight runs test, one of them is planted, and one frame of it explained; two seeds.
    tested = [row for row in results.measured if row["part"] == "test"]
    assert sum(row["network"] == "gnn" and row["attribution"] == "saliency" for row in tested) == 2
    networks = found[found["network"] != "no network"]
    measured = networks[["localisation", "bare", "precision", "length", "deletion", "cost"]]
    assert measured.notna().all(axis=None)
    # Chance, with one seed, is the same for all networks.
    assert (networks["agreement"].isna() == (networks["attribution"] == "random")).all()
    assert found[found["network"] == "gnn"]["resampling"].notna().all()
    assert found[found["network"] == "cnn"]["resampling"].isna().all()
    assert found.groupby("network")["best_on_validation"].sum().eq(1).all()


def test_candidates_are_tried_with_the_first_seed(done):
    _, results = done
    tried = [row for row in results.tried if row["network"] == "gnn"]
    assert [row["seed"] for row in tried] == [0, 0]
    best = max(tried, key=lambda row: row["validation_localisation"])
    first, second = (row for row in results.trained if row["network"] == "gnn")
    assert (first["seed"], second["seed"]) == (0, 1)
    assert first["candidate"] == second["candidate"] == best["candidate"]
    judged = classes(results).set_index("network")
    assert judged.loc["gnn", "n_candidates"] == 2 and judged.loc["cnn", "n_candidates"] == 1
    assert judged.loc["gnn", "candidate"].startswith("r_max 1.5, n_layers")
    assert 0.5 <= judged.loc["no network", "auc"] <= 1


def test_what_is_done_is_not_done_again(done):
    folder, results = done
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.json")}
    again = run_benchmark(tiny(), folder, workers=1, device="cpu")
    assert again == results
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.json")} == before


@pytest.mark.parametrize(
    ("edited", "stale"),
    [
        ("linear.py", {"Training", "Measuring"}),
        ("class_activation.py", {"Training", "Measuring", "Indicators"}),
        ("smoothing.py", {"Measuring", "Indicators"}),
        ("bond_order.py", {"Indicators"}),
        ("measuring.py", {"Measuring", "Indicators"}),
        ("pipeline.py", set()),
    ],
)
def test_changed_code_makes_what_it_made_stale(done, monkeypatch, edited, stale):
    folder, _ = done
    planting = Planting(tiny(), folder, "swapped", 0)
    tasks = [
        *candidate_trainings(planting, "gnn", "cpu"),
        Measuring(planting, "gnn", "cpu"),
        Indicators(planting, NO_NETWORK, "cpu"),
    ]
    assert all(task.done for task in tasks)
    # The best candidate is looked up by the records of all, which are stale now.
    monkeypatch.setattr(Measuring, "trainings", [tasks[0]])
    before = [task.digest for task in tasks]
    real = _records._digest_of_file

    def as_edited(path, *rest):
        return b"edited" if path.name == edited else real(path, *rest)

    monkeypatch.setattr(_records, "_digest_of_file", as_edited)
    changed = {
        type(task).__name__
        for task, digest in zip(tasks, before, strict=True)
        if task.digest != digest
    }
    assert changed == stale
    assert all(task.done != (type(task).__name__ in stale) for task in tasks[:2])


def test_more_attributions_leave_the_networks_alone(done, tmp_path):
    folder, _ = done
    content = tiny().model_dump()
    content["networks"]["gnn"]["attributions"]["random"] = {"method": "random"}
    trained = sorted((folder / "training").iterdir())
    more = tiny(networks=content["networks"])
    results = run_benchmark(more, folder, workers=1, device="cpu")
    assert "random" in set(table(results).query("network == 'gnn'")["attribution"])
    assert sorted((folder / "training").iterdir()) == trained


def test_the_same_runs_test_with_every_seed_and_none_of_them_trains(done):
    folder, _ = done
    splits = []
    for seed in range(2):
        labelled, split = Planting(tiny(), folder, "swapped", seed).labelled()
        parts = [set(split.train), set(split.validation), set(split.test)]
        assert [len(part) for part in parts] == [4, 2, 2]
        assert len(set.union(*parts)) == 8
        for part in parts:
            targets = labelled.targets[labelled.where(sorted(part))]
            assert targets.mean() == 0.5
        splits.append(split)
    assert splits[0] == splits[1]


def test_seeds_plant_elsewhere(done):
    folder, _ = done
    first, second = (
        Planting(tiny(), folder, "swapped", seed).explained("test") for seed in range(2)
    )
    assert first.runs != second.runs or not np.array_equal(first.truth, second.truth)


def test_files_to_look_at(done):
    folder, results = done
    text = write_results(results, folder)
    assert "localises at" in text and "Without a network" in text
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count("<img") == 2 and "http" not in page.replace("http://www.w3.org", "")
    for name in ("table", "classes", "margins", "measured"):
        assert (folder / f"{name}.csv").stat().st_size > 0
    assert len(margins(results)) == 1


def test_a_second_process_is_refused(done, tmp_path):
    from gnnglass._files import locked
    from gnnglass.errors import InputError

    with locked(tmp_path / ".lock", wait=False), pytest.raises(InputError, match="another process"):
        run_benchmark(tiny(), tmp_path)
