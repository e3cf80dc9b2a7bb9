import json
import shutil
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import signac
from mixtures import short_protocol

from gnnglass._files import is_locked, locked
from gnnglass.errors import FileError, InputError, SimulationError, UnknownNameError
from gnnglass.simulate import (
    ENGINES,
    AgeingProtocol,
    Ensemble,
    IsoconfigurationalProtocol,
    inherent_structures,
)
from gnnglass.simulate._project import RUN_LOCK, Run, start_digest
from gnnglass.systems import GLASS_FORMERS
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import read

PROTOCOLS = {"glass-0": short_protocol(seed=1), "liquid-0": short_protocol(seed=2, kT=1.0)}
PHASES = {"glass-0": {"phase": "glass"}, "liquid-0": {"phase": "liquid"}}


def planned(folder, protocols=PROTOCOLS, facts=PHASES, system="kam2d"):
    ensemble = Ensemble(folder)
    ensemble.plan(system, protocols, facts=facts)
    return ensemble


def carry_out(ensemble, names=None):
    """As `Ensemble.run`, in this process: starting workers takes longer than these runs."""
    for name in ensemble if names is None else names:
        ensemble[name]()


def stamps(folder):
    """When each trajectory of an ensemble was written."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.gsd")}


def works(ensemble):
    """Which products were made, in order, per run."""
    return {
        name: [line["product"] for line in ensemble[name].document.get("work", [])]
        for name in ensemble
    }


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """An ensemble that is done; not to be changed."""
    ensemble = planned(tmp_path_factory.mktemp("ensemble"))
    ensemble.run(workers=2)
    return ensemble


def test_runs_and_their_inherent_structures(finished):
    assert list(finished) == ["glass-0", "liquid-0"]
    for name in finished:
        thermal, inherent = finished.load(name), finished.load(name, "inherent")
        assert thermal.metadata["run"] == inherent.metadata["run"] == name
        assert thermal.metadata["phase"] == PHASES[name]["phase"]
        assert inherent.metadata["level"] == "inherent"
        assert "potential_energy" in inherent[0].fields
    assert works(finished) == {name: ["thermal", "inherent"] for name in PROTOCOLS}


def test_a_run_is_the_one_that_the_engine_makes_without_workers(finished, tmp_path):
    system = GLASS_FORMERS.create("kam2d")
    alone = ENGINES.create("lammps").run(system, PROTOCOLS["glass-0"], tmp_path / "x.gsd")
    there = finished.load("glass-0")
    np.testing.assert_array_equal(alone[-1].unwrapped, there[-1].unwrapped)
    quenched = inherent_structures(system, alone)[-1].field("potential_energy")
    kept = finished.load("glass-0", "inherent")[-1].field("potential_energy")
    np.testing.assert_array_equal(quenched, kept)


def test_it_is_a_signac_project(finished):
    """Read by signac itself: parameters find runs, and a job tells what became of it."""
    project = signac.get_project(str(finished.folder), search=False)
    assert len(project) == 2
    (job,) = project.find_jobs({"protocol.kT": 0.5})
    assert (job.sp.run, job.sp.system, job.sp.engine) == ("glass-0", "kam2d", "lammps")
    assert job.sp.protocol.kind == "Protocol"
    assert job.sp.phase == "glass"
    assert job.doc.done is True and set(job.doc.sha256) == {"thermal", "inherent"}
    assert job.isfile("thermal.gsd") and job.isfile("inherent.gsd")
    assert Run(finished["glass-0"].folder) == finished["glass-0"]
    assert finished["glass-0"].folder.name == job.id
    assert finished["glass-0"].protocol == PROTOCOLS["glass-0"]
    project.check()


def test_what_is_done_is_not_done_again(tmp_path):
    ensemble = planned(tmp_path)
    ensemble.run(["glass-0"], workers=1)
    before = stamps(tmp_path)
    assert len(before) == 2
    planned(tmp_path).run(workers=1)
    after = stamps(tmp_path)
    assert len(after) == 4
    assert {path: after[path] for path in before} == before
    planned(tmp_path).run(workers=1)
    assert stamps(tmp_path) == after
    assert works(ensemble) == {name: ["thermal", "inherent"] for name in PROTOCOLS}


def test_a_name_that_means_something_else_is_another_run_and_the_old_one_stays(tmp_path):
    ensemble = planned(tmp_path)
    carry_out(ensemble)
    before = stamps(tmp_path)
    old = ensemble["liquid-0"].folder
    changed = {**PROTOCOLS, "liquid-0": short_protocol(seed=3, kT=1.0)}
    ensemble = planned(tmp_path, changed)
    assert ensemble["liquid-0"].folder != old
    assert ensemble.status()["state"].to_dict() == {"glass-0": "done", "liquid-0": "planned"}
    carry_out(ensemble)
    assert ensemble.load("liquid-0").metadata["protocol"]["seed"] == 3
    ensemble = planned(tmp_path)
    assert set(ensemble.status()["state"]) == {"done"}
    assert {path: stamps(tmp_path)[path] for path in before} == before


def test_lost_and_broken_files_are_made_again_and_nothing_else(tmp_path):
    ensemble = planned(tmp_path)
    carry_out(ensemble)
    whole = {name: ensemble.load(name) for name in ensemble}
    glass, liquid = ensemble["glass-0"], ensemble["liquid-0"]
    kept = glass.thermal.stat().st_mtime_ns
    glass.inherent.unlink()
    liquid.inherent.unlink()
    liquid.thermal.write_bytes(b"broken")
    carry_out(ensemble)
    assert glass.thermal.stat().st_mtime_ns == kept
    assert works(ensemble)["glass-0"] == ["thermal", "inherent", "inherent"]
    for name in ensemble:
        assert ensemble.load(name, "inherent").metadata["level"] == "inherent"
        np.testing.assert_array_equal(ensemble.load(name)[-1].unwrapped, whole[name][-1].unwrapped)


def test_more_runs_may_be_planned_later(finished, tmp_path):
    ensemble = planned(tmp_path, {"a": short_protocol()}, {})
    ensemble.plan("kam2d", {"b": short_protocol(seed=8)})
    assert list(ensemble) == list(Ensemble(tmp_path)) == ["a", "b"]
    assert "a" in ensemble and "c" not in ensemble
    with pytest.raises(UnknownNameError, match="no run 'c' is planned in"):
        ensemble["c"]


def test_a_failed_run_tells_why_and_the_others_are_there(tmp_path):
    ensemble = planned(tmp_path, {**PROTOCOLS, "liquid-0": short_protocol(dt=2.0)})
    with pytest.raises(SimulationError, match="1 of 2 simulations failed: liquid-0: "):
        ensemble.run(workers=2)
    table = ensemble.status()
    assert table["state"].to_dict() == {"glass-0": "done", "liquid-0": "failed"}
    reason = ensemble["liquid-0"].document["failure"]
    assert table.loc["liquid-0", "reason"] == reason
    assert reason.endswith(".") and "\n" not in reason


def test_a_failed_run_is_tried_again_and_its_failure_forgotten(tmp_path):
    ensemble = planned(tmp_path, {"a": short_protocol()}, {})
    ensemble["a"].fail("the moon was full.")
    assert ensemble.status()["state"].to_dict() == {"a": "failed"}
    carry_out(ensemble)
    assert ensemble.status().loc["a", ["state", "reason"]].to_list() == ["done", ""]
    ensemble["a"].fail("too late.")
    assert "failure" not in ensemble["a"].document


def test_a_frame_without_a_minimum_costs_no_thermal_frame(tmp_path, monkeypatch):
    ensemble = planned(tmp_path, {"a": short_protocol(seed=1)}, {})
    engine = type(ENGINES.create("lammps"))
    minimize = engine.minimize

    def failing(self, system, snapshot):
        raise SimulationError("no minimum was reached.")

    monkeypatch.setattr(engine, "minimize", failing)
    with pytest.raises(SimulationError, match=r"frame 0 \(step .*thermal\.gsd") as caught:
        carry_out(ensemble)
    ensemble["a"].fail(str(caught.value))
    assert ensemble.status()["state"].to_dict() == {"a": "failed"}
    before = stamps(tmp_path)
    monkeypatch.setattr(engine, "minimize", minimize)
    carry_out(ensemble)
    assert works(ensemble) == {"a": ["thermal", "inherent"]}
    assert before.items() < stamps(tmp_path).items()


def test_who_comes_second_waits_and_sees_what_the_first_made(finished, tmp_path):
    """As when a worker of a killed scheduler is still at a run that is begun again."""
    ensemble = planned(tmp_path, {"a": short_protocol()}, {})
    run = ensemble["a"]
    with locked(run.folder / RUN_LOCK):
        assert is_locked(run.folder / RUN_LOCK)
        assert ensemble.status()["state"].to_dict() == {"a": "running"}
        second = threading.Thread(target=run)
        second.start()
        run.fail("not mine to say.")
        time.sleep(0.3)
        assert second.is_alive() and not run.thermal.exists()
        # The first finishes under the lock.
        for name in ("thermal.gsd", "inherent.gsd"):
            (run.folder / name).write_bytes((finished["glass-0"].folder / name).read_bytes())
        (run.folder / "signac_job_document.json").write_text('{"done": true}')
    second.join(10)
    assert not second.is_alive()
    assert run.document["done"] and "work" not in run.document
    assert not is_locked(run.folder / RUN_LOCK)


def test_leftovers_of_a_killed_worker_are_removed(tmp_path):
    ensemble = planned(tmp_path, {"a": short_protocol()}, {})
    left = ensemble["a"].folder / ".thermal.123.partial.gsd"
    left.touch()
    (tmp_path / "workspace" / ".123").mkdir()
    (tmp_path / ".runs.123.partial.json").touch()
    ensemble = planned(tmp_path, {"a": short_protocol()}, {})
    carry_out(ensemble)
    assert not left.exists()
    assert [path.name for path in (tmp_path / "workspace").iterdir()] == [ensemble["a"].folder.name]
    assert not (tmp_path / ".runs.123.partial.json").exists()


def test_an_ageing_series_is_a_run_like_others(tmp_path):
    ageing = AgeingProtocol(
        n_particles=144, kT=0.4, seed=1, kT_melt=1.0, melt_steps=50, waiting_steps=(1, 10, 100)
    )
    ensemble = planned(tmp_path, {"old": ageing}, {})
    assert ensemble["old"].protocol == ageing
    carry_out(ensemble)
    assert [frame.step for frame in ensemble.load("old", "inherent")] == [51, 60, 150]
    assert ensemble.status().loc["old", "protocol"] == "AgeingProtocol"


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden", "a.b"])
def test_refuses_names_that_are_no_file_names(tmp_path, name):
    with pytest.raises(InputError, match="cannot be a file name"):
        planned(tmp_path / "out", {name: short_protocol()})
    assert not (tmp_path / "out").exists()


def test_refuses_facts_that_are_settled(tmp_path):
    with pytest.raises(InputError, match="run 'a' has the fact engine"):
        planned(tmp_path / "out", {"a": short_protocol()}, {"a": {"engine": "mine"}})


def test_unknown_names_fail_before_anything_is_planned(tmp_path):
    ensemble = Ensemble(tmp_path / "out")
    with pytest.raises(UnknownNameError, match="glass former"):
        ensemble.plan("kam9d", PROTOCOLS)
    with pytest.raises(UnknownNameError, match="engine"):
        ensemble.plan("kam2d", PROTOCOLS, engine="namd")
    assert not (tmp_path / "out").exists()


def test_refuses_folders_it_cannot_use(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FileError, match="cannot write"):
        planned(tmp_path / "file")
    broken = tmp_path / "broken"
    planned(broken)
    (broken / "runs.json").write_text("{")
    with pytest.raises(FileError, match=r"runs\.json cannot be read"):
        Ensemble(broken)
    foreign = tmp_path / "foreign"
    (foreign / ".signac").mkdir(parents=True)
    (foreign / ".signac" / "config").write_text("schema_version = 99\n")
    with pytest.raises(InputError, match="signac project that cannot be opened"):
        planned(foreign)


def test_a_mixture_of_ones_own_is_kept_with_the_runs(tmp_path):
    own = replace(GLASS_FORMERS.create("kam2d"), name="mine", density=1.1)
    ensemble = planned(tmp_path, {"a": short_protocol()}, {}, system=own)
    carry_out(ensemble)
    assert ensemble["a"].state_point["system"]["density"] == 1.1
    frame = ensemble.load("a")[0]
    assert len(frame) / frame.box.prod() == pytest.approx(1.1)
    assert ensemble.status().loc["a", "system"] == "mine"


def clones_of(starts, folder, n_clones=2, **changes):
    protocols = {
        name: IsoconfigurationalProtocol(
            **{"kT": 0.5, "n_clones": n_clones, "lag_steps": (5, 20), "seed": seed, **changes}
        )
        for seed, name in enumerate(starts)
    }
    ensemble = Ensemble(folder)
    return ensemble, ensemble.plan_clones("kam2d", starts, protocols)


def test_clones_are_those_that_are_made_at_once(finished, tmp_path):
    engine, system = ENGINES.create("lammps"), GLASS_FORMERS.create("kam2d")
    start = finished.load("glass-0")[-1]
    ensemble, names = clones_of({"first": finished.load("glass-0")[0], "last": start}, tmp_path)
    ensemble.run(workers=2)
    protocol = IsoconfigurationalProtocol(kT=0.5, n_clones=2, lag_steps=(5, 20), seed=1)
    at_once = read(engine.isoconfigurational(system, start, protocol, tmp_path / "x.gsd"))
    parts = [ensemble.load(name) for name in names["last"]]
    assert [part.metadata["run"] for part in parts] == ["last-clone-00000", "last-clone-00001"]
    joined = [parts[0][0], *parts[0][1:], *parts[1][1:]]
    assert [frame.step for frame in joined] == [frame.step for frame in at_once]
    for one, other in zip(joined, at_once, strict=True):
        np.testing.assert_array_equal(one.unwrapped, other.unwrapped)
    assert works(ensemble)["first-clone-00001"] == ["thermal"]
    assert set(ensemble.status()["state"]) == {"done"}


def test_another_start_is_another_ensemble_and_more_clones_are_more_of_the_same(finished, tmp_path):
    first, last = finished.load("glass-0")[0], finished.load("glass-0")[-1]
    ensemble, _ = clones_of({"a": first}, tmp_path)
    carry_out(ensemble)
    before = stamps(tmp_path / "workspace")
    ensemble, names = clones_of({"a": first}, tmp_path, n_clones=3)
    assert ensemble.status()["state"].to_list() == ["done", "done", "planned"]
    ensemble, names = clones_of({"a": last}, tmp_path)
    assert ensemble.status().loc[list(names["a"]), "state"].to_list() == ["planned"] * 2
    carry_out(ensemble, names["a"])
    np.testing.assert_array_equal(ensemble.load(names["a"][0])[0].positions, last.positions)
    after = stamps(tmp_path / "workspace")
    assert {path: after[path] for path in before} == before


def test_a_start_needs_a_protocol(tmp_path):
    with pytest.raises(InputError, match="last has only a start or only a protocol"):
        Ensemble(tmp_path).plan_clones("kam2d", {"last": example_snapshot(2)}, {})


@pytest.mark.parametrize("dimension", [2, 3])
def test_the_digest_tells_configurations_apart(dimension):
    start = example_snapshot(dimension)
    digest = start_digest(start)
    moved = start.positions.copy()
    moved[3, 0] += 1e-3
    others = [
        start.replace(positions=moved),
        start.replace(types=1 - start.types),
        start.replace(type_names=("X", "Y")),
        start.replace(images=np.ones(moved.shape, dtype=np.int32)),
    ]
    assert len({digest, *map(start_digest, others)}) == 5
    again = start.replace(positions=moved - [1e-3 * (k == 0) for k in range(dimension)])
    assert start_digest(again.replace(positions=start.positions)) == digest
    assert start_digest(start.replace(step=9, fields={})) == digest


def test_ten_thousand_runs_are_planned_and_listed(tmp_path):
    """What it takes is measured by ``benchmarks/ensemble_listing.py``."""
    some = short_protocol()
    protocols = {f"run-{k:05d}": some.replace(seed=k) for k in range(10_000)}
    planned(tmp_path, protocols, {name: {"phase": "glass"} for name in protocols})
    ensemble = Ensemble(tmp_path)
    table = ensemble.status()
    assert (len(table), set(table["state"])) == (10_000, {"planned"})
    names = json.loads((tmp_path / "runs.json").read_text())
    assert len(set(names.values())) == len(ensemble) == 10_000


@pytest.mark.parametrize("product", ["thermal", "inherent"])
def test_a_run_whose_file_has_changed_is_done_again(finished, tmp_path, product):
    folder = shutil.copytree(finished.folder, tmp_path / "copy")
    ensemble = Ensemble(folder)
    path = getattr(ensemble["glass-0"], product)
    whole = path.read_bytes()
    path.write_bytes(whole[:-200] + bytes([whole[-200] ^ 1]) + whole[-199:])
    assert not ensemble["glass-0"].is_intact() and ensemble["liquid-0"].is_intact()
    ensemble.run(workers=1)
    assert path.read_bytes() == whole
    made = {"thermal": ["thermal", "inherent"], "inherent": ["inherent"]}[product]
    assert works(ensemble)["glass-0"] == ["thermal", "inherent", *made]
    assert works(ensemble)["liquid-0"] == ["thermal", "inherent"]


def test_finished_runs_of_which_no_digest_is_known_are_kept(finished, tmp_path):
    """Those of an earlier version, or whose document was lost: they cost hours."""
    ensemble = Ensemble(shutil.copytree(finished.folder, tmp_path / "copy"))
    run = ensemble["glass-0"]
    before = run.thermal.stat().st_mtime_ns
    (run.folder / "signac_job_document.json").write_text('{"done": true}')
    ensemble.run(workers=1)
    assert run.is_intact() and "work" not in run.document
    assert run.thermal.stat().st_mtime_ns == before


def test_parameters_that_are_not_those_of_the_job_are_one_sentence(finished, tmp_path):
    ensemble = Ensemble(shutil.copytree(finished.folder, tmp_path / "copy"))
    path = ensemble["glass-0"].folder / "signac_statepoint.json"
    path.write_text(path.read_text().replace('"kT": 0.5', '"kT": 0.6'))
    with pytest.raises(FileError, match="is missing or damaged; plan the runs again"):
        ensemble.status()


@pytest.mark.parametrize("content", [b"", b"sche", b"schema_version = r\n", b"sch\xe5ma\n"])
def test_a_project_that_signac_cannot_open_is_one_sentence(tmp_path, content):
    planned(tmp_path)
    (tmp_path / ".signac" / "config").write_bytes(content)
    with pytest.raises(InputError, match=r"cannot be opened \(.*remove .*\.signac") as caught:
        planned(tmp_path)
    assert "\n" not in str(caught.value)
