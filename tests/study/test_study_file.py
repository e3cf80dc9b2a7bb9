from types import SimpleNamespace

import pytest
from tiny_study import TINY, as_toml, tiny

from gnnglass import _options
from gnnglass.errors import FileError, GnnglassError, InputError, UnknownNameError
from gnnglass.simulate import AgeingProtocol, Protocol
from gnnglass.study import EnsembleFile, Study, read_ensemble_file, run_study
from gnnglass.study.check import check_study
from gnnglass.study.workspace import deal, derived_seed, protocols

GNN = TINY["classifiers"]["gnn"]


@pytest.fixture
def study_file(tmp_path):
    def write(text):
        path = tmp_path / "study.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_study_file_says_what_its_dictionary_says(study_file):
    assert Study.from_file(study_file(as_toml(TINY))) == Study.from_dict(TINY)


def test_what_is_simulated_may_stand_in_a_file_of_its_own(study_file):
    """In the words of a study file, which will do as well."""
    alone = {key: TINY[key] for key in ("system", "simulate", "phases")}
    read = read_ensemble_file(study_file(as_toml(alone)))
    assert type(read) is EnsembleFile
    whole = read_ensemble_file(study_file(as_toml(TINY)))
    assert isinstance(whole, Study)
    for phase in TINY["phases"]:
        assert protocols(read, phase) == protocols(whole, phase)
    with pytest.raises(InputError, match="there is no split"):
        read_ensemble_file(study_file(as_toml({**alone, "split": {}})))


def test_phases_that_wait_are_ageing_series():
    phases = {
        "aged": {"kT": 0.4, "waiting_steps": [1, 10, 100]},
        "held": TINY["phases"]["glass"],
        "liquid": TINY["phases"]["liquid"],
    }
    file = EnsembleFile.from_dict(
        {**{k: TINY[k] for k in ("system", "simulate")}, "phases": phases}
    )
    made = {phase: list(protocols(file, phase).values()) for phase in phases}
    assert [type(one) for one in made["aged"]] == [AgeingProtocol] * 4
    assert made["aged"][0].waiting_steps == (1, 10, 100)
    assert [type(one) for one in made["held"]] == [Protocol] * 4
    seeds = {one.seed for members in made.values() for one in members}
    assert len(seeds) == 12
    both = {"mixed": {**TINY["phases"]["glass"], "waiting_steps": [1]}}
    odd = file.model_copy(update={"phases": both})
    with pytest.raises(InputError, match=r"phases\.mixed: AgeingProtocol: there is no"):
        protocols(odd, "mixed")


def test_parts_hold_runs_of_both_phases():
    parts = check_study(Study.from_dict(TINY), "cpu")
    assert {part: len(runs) for part, runs in parts.items()} == {
        "train": 4,
        "validation": 2,
        "test": 2,
    }
    for runs in parts.values():
        assert {run.split("-")[0] for run in runs} == {"liquid", "glass"}


def renamed(**names):
    """The tiny study with its phases called otherwise, in the order of the arguments."""
    phases = {name: TINY["phases"][old] for name, old in names.items()}
    return {**TINY, "phases": phases, "dynamics": {**TINY["dynamics"]}}


def test_the_order_of_the_tables_changes_nothing():
    swapped = Study.from_dict(renamed(glass="glass", liquid="liquid"))
    study = Study.from_dict(TINY)
    # The file's order cannot be told from what all stages are given.
    assert swapped.model_dump_json() == study.model_dump_json()
    assert swapped.labels == ("liquid", "glass")
    assert swapped.dynamics.phase == "glass"
    for phase in study.phases:
        assert protocols(swapped, phase) == protocols(study, phase)
    alone = {key: TINY[key] for key in ("system", "simulate")}
    for phases in (TINY["phases"], swapped.phases):
        file = EnsembleFile.from_dict({**alone, "phases": phases})
        for phase in phases:
            assert protocols(file, phase) == protocols(study, phase)


def test_seeds_are_those_of_the_phase_and_not_of_its_place():
    """Liquids and glasses keep the seeds they had when their place in the file numbered them."""
    study = Study.from_dict(TINY)
    for place, phase in enumerate(("liquid", "glass")):
        seeds = [one.seed for one in protocols(study, phase).values()]
        assert seeds == [derived_seed(TINY["simulate"]["seed"], place, k) for k in range(4)]
    other = renamed(young="liquid", old="glass")
    first, second = (
        [
            one.seed
            for phase in ("young", "old")
            for one in protocols(Study.from_dict({**other, "explain": explain}), phase).values()
        ]
        for explain in ("young", "old")
    )
    assert first == second and len(set(first)) == 8


def test_explaining_the_other_phase_turns_the_labels_and_deals_the_same_runs():
    glass = Study.from_dict(TINY)
    liquid = Study.from_dict(tiny("explain", value="liquid"))
    assert (glass.explain, liquid.explain) == ("glass", "liquid")
    assert liquid.labels == glass.labels[::-1]
    assert liquid.dynamics.phase == "liquid"
    assert deal(liquid) == deal(glass)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            {},
            "in the study, no phase is called 'glass', so explain has to name the one that is "
            "explained: old or young.",
        ),
        ({"explain": "glass"}, "in the study, explain is 'glass', but the phases are old, young."),
    ],
)
def test_the_explained_phase_is_not_guessed(said, message):
    with pytest.raises(InputError) as caught:
        Study.from_dict({**renamed(young="liquid", old="glass"), **said})
    assert str(caught.value) == message
    content = {**renamed(young="liquid", old="glass"), "explain": "old"}
    assert Study.from_dict(content).labels == ("young", "old")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileError, match=r"cannot read .*none\.toml"):
        Study.from_file(tmp_path / "none.toml")


@pytest.mark.parametrize("text", ["title = ", "[system\nname = 1", 'title = "a"\ntitle = "b"'])
def test_a_file_that_is_not_toml_is_refused(study_file, text):
    with pytest.raises(FileError, match="is not a TOML file"):
        Study.from_file(study_file(text))


def test_a_binary_file_is_refused(tmp_path):
    path = tmp_path / "study.toml"
    path.write_bytes(b"\xdf\x65" * 20)
    with pytest.raises(FileError, match="is not a TOML file"):
        Study.from_file(path)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (["title"], None, "title is missing"),
        (["system", "n_particles"], None, r"system\.n_particles is missing"),
        (["simulate", "rnus"], 3, r"there is no simulate\.rnus"),
        (["colour"], "red", "there is no colour"),
        (["system", "n_particles"], "many", r"system\.n_particles is 'many', expected .*integer"),
        (["simulate", "runs"], -1, r"simulate\.runs is -1, expected greater than 0"),
        (["phases", "liquid"], None, "phases has too few entries, expected 2"),
        (["phases", "gel"], {}, "phases has too many entries, expected 2"),
        (
            ["explain_level"],
            "frozen",
            "explain_level is 'frozen', expected 'thermal' or 'inherent'",
        ),
        (["dynamics", "propensity_lag"], 7, "propensity_lag is 7, none of lag_steps"),
        (["dynamics", "lag_steps"], [30, 20], "lag_steps: .*increasing positive numbers of steps"),
        (["compare", "methods"], ["kendall"], "expected 'spearman' or 'pearson'"),
        (["classifiers"], {}, "classifiers has too few entries, expected 1"),
        (["classifiers", "energy"], GNN, "'energy' is what the study calls a baseline"),
        (["classifiers", "../gnn"], GNN, "classifiers.*match pattern"),
    ],
)
def test_what_a_study_file_may_not_say(study_file, path, value, said):
    with pytest.raises(InputError, match=said) as caught:
        Study.from_file(study_file(as_toml(tiny(*path, value=value)).replace("../gnn", '"../gnn"')))
    message = str(caught.value)
    assert "study.toml" in message
    assert "\n" not in message and message.endswith(".")


@pytest.mark.parametrize(
    ("path", "value", "kind", "said"),
    [
        (["system", "name"], "lj", UnknownNameError, "unknown glass former 'lj'; known: .*kam2d"),
        (["system", "n_particles"], 30, InputError, "cutoff 2.5 .* half the shortest edge"),
        (["simulate", "engine"], "gromacs", UnknownNameError, "unknown engine 'gromacs'"),
        (["simulate", "runs"], 2, InputError, "2 independent runs"),
        (["split", "test"], 0.9, InputError, "add runs, or lower the shares"),
        (["phases", "liquid", "kTT"], 2, InputError, "phases.liquid: .*no kTT"),
        (["phases", "liquid", "kT"], -2.0, InputError, "phases.liquid: .*kT is -2"),
        (["phases", "liquid", "seed"], 1, InputError, "use .*simulate.seed"),
        (["classifiers", "gnn", "model"], "gcn", UnknownNameError, "unknown model 'gcn'"),
        (["classifiers", "gnn", "attribution"], "lime", UnknownNameError, "attribution 'lime'"),
        (
            ["classifiers", "gnn", "attribution"],
            "voxel-gradcam",
            InputError,
            "classifiers.gnn: .*explains voxel models, but 'message-passing' reads a graph",
        ),
        (
            ["classifiers", "gnn", "attribution"],
            "attention-rollout",
            InputError,
            "no attention_weights",
        ),
        (["classifiers", "gnn", "attribution_options"], {"laier": 1}, InputError, "laier"),
        (["classifiers", "gnn", "recipe"], {"r_max": 20.0}, InputError, "classifiers.gnn: .*half"),
        (["classifiers", "gnn", "recipe"], {"r_max": "two"}, InputError, "classifiers.gnn: .*two"),
        (["classifiers", "gnn", "recipe"], {"r_min": 2.0}, InputError, "classifiers.gnn: .*r_min"),
        (["classifiers", "cnn", "recipe", "width"], 0.01, InputError, "classifiers.cnn: .*narrow"),
        (["classifiers", "gnn", "model_options"], {"hiden": 1}, InputError, "hiden"),
        (["classifiers", "gnn", "model_options"], {"hidden": -1}, InputError, "classifiers.gnn"),
        (["classifiers", "gnn", "training"], {"epoch": 1}, InputError, "known are .*epochs"),
        (["classifiers", "gnn", "training"], {"epochs": "x"}, InputError, "training: epochs"),
        (["classifiers", "gnn", "training"], {"epochs": 0}, InputError, "epochs is 0"),
        (["dynamics", "phase"], "gel", InputError, "the phases are liquid, glass"),
        (["levels"], ["thermal"], InputError, "the levels trained are thermal"),
        (["compare", "lengths"], [5.0], InputError, "compare.lengths: .*does not fit the box"),
        (
            ["compare", "given"],
            ["energy"],
            InputError,
            "no indicator is called energy .did",
        ),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_simulated(
    tmp_path, path, value, kind, said
):
    study = Study.from_dict(tiny(*path, value=value))
    with pytest.raises(GnnglassError, match=said) as caught:
        run_study(study, tmp_path / "study", device="cpu")
    assert isinstance(caught.value, kind)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "study").exists()


def test_an_unknown_device_is_refused_before_anything_is_simulated(tmp_path):
    with pytest.raises(InputError, match="unknown device 'abacus'"):
        run_study(Study.from_dict(TINY), tmp_path / "study", device="abacus")
    assert not (tmp_path / "study").exists()


def test_a_study_that_the_disk_or_the_memory_cannot_hold_is_refused_at_once(tmp_path, monkeypatch):
    study = Study.from_dict(TINY)
    full = SimpleNamespace(free=1000)
    monkeypatch.setattr(_options.shutil, "disk_usage", lambda _: full)
    with pytest.raises(FileError, match=r"would take at least .* GiB, and the disk has 9\.31e-07"):
        run_study(study, tmp_path / "study", device="cpu")
    assert not list((tmp_path / "study").glob("runs/workspace/*"))
    monkeypatch.undo()
    monkeypatch.setattr(_options.os, "sysconf", lambda _: 200)
    with pytest.raises(InputError, match=r"configurations as input of .* GiB of memory"):
        check_study(study, "cpu")
