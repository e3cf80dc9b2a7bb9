import importlib
import json
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import gsd.hoomd
import numpy as np
import pytest
from scipy.stats import spearmanr
from tiny_study import TINY, as_toml, tiny

import gnnglass
from gnnglass import _records
from gnnglass.cli import main
from gnnglass.errors import FileError, InputError
from gnnglass.simulate import Ensemble, clone_name
from gnnglass.structure import INDICATORS, indicator_field, indicators_for
from gnnglass.study import Study, plan_runs, run_study
from gnnglass.study.check import check_study
from gnnglass.study.report import rebuild_report
from gnnglass.study.stages import Stages
from gnnglass.systems import GLASS_FORMERS
from gnnglass.testing import example_snapshot
from gnnglass.training import TrainedClassifier
from gnnglass.trajectories import Trajectory, read

IMPORTANCE = ("importance_gnn", "importance_cnn", "importance_random")
#: Whatever is registered for two dimensions.
STRUCTURE = tuple(
    map(indicator_field, indicators_for(Trajectory([example_snapshot(2)], {"system": "kam2d"})))
)
DYNAMICS = (
    "propensity",
    "propensity_cage_relative",
    "tau_bond",
    "tau_bond_censored",
    "tau_overlap",
    "tau_overlap_censored",
)


pytestmark = pytest.mark.usefixtures("undrawn")


def again(content, folder, capsys):
    """Run a study in a folder; names of the stages that were executed."""
    capsys.readouterr()
    run_study(Study.from_dict(content), folder, workers=2, device="cpu")
    return set(re.findall(r"^(\S+) …$", capsys.readouterr().out, re.MULTILINE))


def written_at(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def results_of(folder):
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    text = (folder / "results.json").read_text(encoding="utf-8")
    return json.loads(text, parse_constant=refuse)


def ageing_study():
    """The tiny study with glasses of two ages, one network, and little of everything."""
    content = tiny("dynamics", "ageing", value=True)
    del content["classifiers"]["cnn"]
    content["levels"] = ["inherent"]
    # Some particles have no neighbour as close as that, and no bonds that could break.
    content["dynamics"]["r_bond"] = 0.95
    glass = content["phases"]["glass"]
    for name in ("hold_steps", "n_frames", "frame_interval"):
        del glass[name]
    glass["waiting_steps"] = [50, 400]
    # So hot that it has another inherent structure at each waiting time.
    glass["kT"] = 1.0
    content["dynamics"]["kT"] = 0.7
    return content


def test_a_study_of_ageing_follows_every_waiting_time(tmp_path, capsys):
    content = {**ageing_study(), "null": {"shuffles": 2}}
    run_study(Study.from_dict(content), tmp_path, workers=2, device="cpu")
    clones = len(Ensemble(tmp_path / "dynamics"))
    assert f"; {clones} clones, " in capsys.readouterr().out
    results = results_of(tmp_path)
    ageing = results["ageing"]
    dt = 0.005
    waited = [50 * dt, 400 * dt]
    for part in ("rows", "summary", "curves"):
        assert sorted({row["waiting_time"] for row in ageing[part]}) == pytest.approx(waited)
    last = [row for row in ageing["rows"] if row["waiting_time"] == pytest.approx(waited[1])]
    told = {key: value for key, value in last[0].items() if key != "waiting_time"}
    assert told == results["correlations"][0] and len(last) == len(results["correlations"])
    (run,) = (run for run in results["split"]["test"] if run.startswith("glass"))
    compared = read(tmp_path / "compared" / f"{run}.gsd")
    thermal = Ensemble(tmp_path / "runs").load(run)
    assert [s.step for s in compared] == [s.step for s in thermal]
    for snapshot, start in zip(compared, ("-frame-02-from-last", ""), strict=True):
        clone = Ensemble(tmp_path / "dynamics").load(clone_name(f"{run}{start}", 0))
        original = thermal[-1 if start == "" else 0]
        assert np.allclose(clone[0].positions, original.positions, atol=1e-5)
        assert clone.metadata["kT"] == 0.7
        assert np.isfinite(snapshot.field("propensity")).all()
    without = np.isnan(compared[-1].field("tau_bond")) & compared[-1].of_type("A")
    share = without.sum() / compared[-1].of_type("A").sum()
    assert 0 < share < 1
    for row in results["correlations"]:
        if row["species"] == "A":
            of_bonds = row["target"] == "tau_bond"
            assert row["undefined_share"] == pytest.approx(share if of_bonds else 0)
    means = [s.field("propensity")[s.of_type("A")].mean() for s in compared]
    summary = [row["propensity"] for row in ageing["summary"] if row["species"] == "A"]
    assert summary == pytest.approx(means, rel=1e-5)
    wrong = [np.load(file) for file in sorted((tmp_path / "null").glob("gnn-shuffled-*.npy"))]
    assert all(np.ptp(maps, axis=1).max() > 1e-5 for maps in wrong)
    for frame, (waiting, snapshot) in enumerate(zip(waited, compared, strict=True)):
        mine = snapshot.of_type("A")
        propensity = snapshot.field("propensity_cage_relative")[mine]
        sizes = [abs(spearmanr(maps[0, frame][mine], propensity).statistic) for maps in wrong]
        (row,) = (
            row
            for row in ageing["rows"]
            if row["waiting_time"] == pytest.approx(waiting)
            and (row["predictor"], row["target"]) == ("importance_gnn", "propensity_cage_relative")
            and (row["species"], row["method"], row["given"]) == ("A", "spearman", "")
        )
        assert row["shuffled_n"] == len(sizes) > 0
        assert row["shuffled_median"] == pytest.approx(np.median(sizes), rel=1e-4)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "As the glass ages" in page
    assert "Dynamics was measured at kT = 0.7, but the glass was made at kT = 1" in page
    assert f"{100 * share:.1f} % without a value, left out" in page
    assert rebuild_report(tmp_path).read_text(encoding="utf-8") == page


def test_ageing_needs_waiting_times():
    with pytest.raises(InputError, match=r"phases\.glass has no waiting_steps"):
        check_study(Study.from_dict(tiny("dynamics", "ageing", value=True)), "cpu")


def test_results_hold_all_figures(finished):
    results = results_of(finished)
    assert results["title"] == TINY["title"]
    for level in ("thermal", "inherent"):
        assert set(results["levels"][level]) == {"gnn", "cnn", "linear", "energy"}
        first = results["levels"][level]["gnn"]["auc"]["estimate"]
        for name, figures in results["levels"][level].items():
            auc = figures["auc"]
            lead = figures.get("lead", {"estimate": 0.0})
            assert ("lead" in figures) == (name != "gnn")
            assert lead["estimate"] == pytest.approx(first - auc["estimate"])
            assert 0 <= auc["low"] <= auc["estimate"] <= auc["high"] <= 1
            assert (figures["n_runs"], figures["n_snapshots"]) == (2, 4)
    assert set(results["matched_energy"]["auc"]) == {"gnn", "cnn", "linear", "energy"}
    predictors = {row["predictor"] for row in results["correlations"]}
    assert predictors == {*IMPORTANCE, *STRUCTURE}
    beyond = {row["predictor"] for row in results["correlations"] if row["given"]}
    assert beyond == predictors - {"potential_energy", "local_composition"}
    assert results["split"] == {
        part: sorted(results["split"][part]) for part in ("train", "validation", "test")
    }
    assert len({run for part in results["split"].values() for run in part}) == 8
    assert results["provenance"]["versions"]["torch"]
    assert set(results["timings"]["stages"]) >= {"simulate", "train-gnn-inherent", "annotate"}


def test_hot_liquid_and_cold_glass_are_told_apart(finished):
    assert results_of(finished)["levels"]["thermal"]["gnn"]["auc"]["estimate"] == 1


def test_report_opens_offline(finished):
    page = (finished / "report.html").read_text(encoding="utf-8")
    assert TINY["title"] in page
    assert not re.search(r"""(src|href|url)\s*[=(]\s*["']?(https?:)?//""", page)
    assert "<script src" not in page
    assert page.count("data:image/png;base64,") >= 4


@pytest.mark.parametrize("level", ["thermal", "inherent"])
@pytest.mark.parametrize("name", ["gnn", "cnn"])
def test_classifiers_load_and_decide(finished, name, level):
    classifier = TrainedClassifier.load(finished / "classifiers" / f"{name}-{level}.safetensors")
    assert (classifier.labels, classifier.level) == (("liquid", "glass"), level)
    assert classifier.system == "kam2d"
    held_out = results_of(finished)["split"]["test"][0]
    probability = classifier.predict_proba(Ensemble(finished / "runs").load(held_out, level))
    assert probability.shape == (2, 2)
    np.testing.assert_allclose(probability.sum(axis=1), 1)


def test_annotated_files_are_plain_gsd(finished):
    test_runs = results_of(finished)["split"]["test"]
    files = sorted((finished / "annotated").glob("*.gsd"))
    assert [path.stem for path in files] == test_runs
    for path in files:
        with gsd.hoomd.open(path) as trajectory:
            assert len(trajectory) == 2
            for frame in trajectory:
                for field in (*IMPORTANCE, *STRUCTURE):
                    values = frame.log[f"particles/gnnglass/{field}"]
                    assert values.shape == (144,) and np.isfinite(values).all()


def test_a_recipe_for_ovito_names_a_field_of_the_annotated_files(finished):
    """OVITO reads ``particles/gnnglass/<field>`` as the property ``gnnglass_<field>``."""
    script = (finished / "annotated" / "view_in_ovito.py").read_text(encoding="utf-8")
    compile(script, "view_in_ovito.py", "exec")
    assert '\nFIELD = "importance_gnn"\n' in script
    assert '\nRADII = {"A": 0.5, "B": 0.44}\n' in script
    assert 'f"gnnglass_{field}"' in script


def test_compared_files_carry_everything(finished):
    (path,) = (finished / "compared").iterdir()
    (snapshot,) = read(path)
    assert {*IMPORTANCE, *STRUCTURE, *DYNAMICS} <= set(snapshot.fields)
    # The clones start from the configuration whose importance stands beside their dynamics.
    thermal = Ensemble(finished / "runs").load(path.stem)[-1]
    clones = Ensemble(finished / "dynamics")
    assert list(clones) == [clone_name(path.stem, k) for k in range(4)]
    for name in clones:
        np.testing.assert_array_equal(clones.load(name)[0].positions, thermal.positions)


def test_run_again_does_nothing(copied, capsys):
    before = written_at(copied)
    assert again(TINY, copied, capsys) == set()
    after = written_at(copied)
    before.pop(copied / ".lock"), after.pop(copied / ".lock")
    assert after == before


def test_a_new_title_asks_for_a_new_report_only(copied, capsys):
    done = again(tiny("title", value="Another title"), copied, capsys)
    assert done == {"check", "report"}
    assert "Another title" in (copied / "report.html").read_text(encoding="utf-8")


def test_a_changed_classifier_is_trained_again_alone(copied, capsys):
    gnn = copied / "classifiers" / "gnn-inherent.safetensors"
    before = gnn.stat().st_mtime_ns
    changed = tiny("classifiers", "cnn", "training", "epochs", value=2)
    done = again(changed, copied, capsys)
    assert done == {
        "check",
        "train-cnn-thermal",
        "train-cnn-inherent",
        "judge-thermal",
        "judge-inherent",
        "annotate",
        "structure",
        "compare",
        "report",
    }
    assert gnn.stat().st_mtime_ns == before


def test_a_changed_attribution_trains_nothing(copied, capsys):
    done = again(tiny("classifiers", "cnn", "attribution", value="random"), copied, capsys)
    assert done == {"check", "annotate", "structure", "compare", "report"}


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A copy of the package whose code is taken for that of the package."""
    package = Path(gnnglass.__file__).parent
    copy = tmp_path / "gnnglass"
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
    real = _records._files_of

    def copied_files(module):
        return [copy / path.relative_to(package) for path in real(module)]

    monkeypatch.setattr(_records, "_files_of", copied_files)
    return copy


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_changed_code_is_a_changed_study(copied, source, capsys):
    """What the code of an indicator says is measured and compared anew, and nothing is trained."""
    assert again(TINY, copied, capsys) == set()
    density = source / "structure" / "density.py"
    edit(density, '"""', '"""Words that change nothing. ')
    assert again(TINY, copied, capsys) == set()
    edit(density, "return", "return 1.0 *")
    redone = {"check", "annotate", "structure", "compare", "report"}
    assert again(TINY, copied, capsys) == redone
    edit(source / "compare" / "smoothing.py", "CUT = 4.0", "CUT = 5.0")
    assert again(TINY, copied, capsys) == redone - {"annotate"}
    edit(source / "study" / "report.html.jinja", "As the", "While the")
    assert again(TINY, copied, capsys) == {"check", "report"}
    assert again(TINY, copied, capsys) == set()


def test_an_indicator_of_another_package_is_part_of_the_study(
    copied, tmp_path, capsys, monkeypatch
):
    """It is measured once it is there, and again when its formula changes."""
    (tmp_path / "theirs.py").write_text(THEIRS, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(INDICATORS, "_entries", {**INDICATORS._entries})
    importlib.import_module("theirs")
    redone = {"check", "annotate", "structure", "compare", "report"}
    assert again(TINY, copied, capsys) == redone
    assert again(TINY, copied, capsys) == set()
    edit(tmp_path / "theirs.py", "positions[:, 0]", "positions[:, 1]")
    assert again(TINY, copied, capsys) == redone


THEIRS = """
from dataclasses import dataclass

from gnnglass.structure import INDICATORS, Indicator


@INDICATORS.register("place")
@dataclass(eq=False)
class Place(Indicator):
    def measure(self, snapshot):
        return snapshot.positions[:, 0]
"""


def test_a_lost_file_is_made_again_and_is_the_same(copied, capsys):
    path = copied / "classifiers" / "gnn-thermal.safetensors"
    before = path.read_bytes()
    path.unlink()
    assert again(TINY, copied, capsys) == {"train-gnn-thermal"}
    assert path.read_bytes() == before


def test_a_study_without_dynamics_compares_nothing(copied, capsys):
    assert again(tiny("dynamics"), copied, capsys) == {"check", "report"}
    assert results_of(copied)["correlations"] == []


def test_the_report_can_be_drawn_again(copied, capsys):
    report = copied / "report.html"
    before = report.read_text(encoding="utf-8")
    report.unlink()
    with (
        patch.object(sys, "argv", ["gnnglass", "report", str(copied)]),
        pytest.raises(SystemExit) as ending,
    ):
        main()
    assert (ending.value.code, capsys.readouterr().out.strip()) == (0, str(report))
    assert len(report.read_text(encoding="utf-8")) == pytest.approx(len(before), rel=0.01)


@pytest.mark.parametrize("broken", ["nothing", "results.json", "stages/report.json"])
def test_no_report_of_an_unfinished_study(copied, tmp_path, broken):
    folder = copied
    if broken == "nothing":
        folder = tmp_path / "nowhere"
    else:
        (copied / broken).write_text("{", encoding="utf-8")
    with pytest.raises(FileError, match="holds no finished study"):
        rebuild_report(folder)


def test_a_lost_run_and_a_lost_clone_are_made_again_alone(copied, capsys):
    for folder, stage in (("runs", "simulate"), ("dynamics", "dynamics")):
        ensemble = Ensemble(copied / folder)
        lost = ensemble[next(iter(ensemble))].thermal
        positions = read(lost)[-1].unwrapped
        others = {path: at for path, at in written_at(ensemble.folder).items() if path != lost}
        lost.unlink()
        assert again(TINY, copied, capsys) == {stage}
        np.testing.assert_array_equal(read(lost)[-1].unwrapped, positions)
        made = {path for path, at in others.items() if path.stat().st_mtime_ns != at}
        # Its inherent structures are found anew with it, and are the same.
        assert {path.name for path in made} <= {"signac_job_document.json", "inherent.gsd"}
        assert {path.parent for path in made} == {lost.parent}


def test_a_study_of_a_mixture_in_a_file(tmp_path):
    """Its path counts from the study file; what it says is kept with the runs."""
    (tmp_path / "mixtures").mkdir()
    mixture = tmp_path / "mixtures" / "mine.toml"
    definition = GLASS_FORMERS.create("kam2d")
    stored = replace(definition, name="mine", density=1.15).identity
    mixture.write_text(as_toml(stored), encoding="utf-8")
    file = tmp_path / "study.toml"
    file.write_text(as_toml(tiny("system", "name", value="mixtures/mine.toml")), encoding="utf-8")
    study = Study.from_file(file)
    assert study.system.name == str(mixture)
    ensemble = Ensemble(tmp_path / "runs")
    names = plan_runs(study, ensemble)
    assert len(names) == 8
    assert ensemble[names[0]].state_point["system"] == stored
    check_study(study, "cpu")


def test_two_processes_do_not_share_a_folder(copied):
    with (
        Stages(copied).alone(),
        pytest.raises(InputError, match="another process is running a study in"),
    ):
        run_study(Study.from_dict(TINY), copied)


def test_an_unwritable_folder_is_refused_at_once(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FileError, match="cannot write"):
        run_study(Study.from_dict(TINY), tmp_path / "file" / "study")
