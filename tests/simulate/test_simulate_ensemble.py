import numpy as np
import pytest
from mixtures import short_protocol

from gnnglass.errors import InputError, SimulationError, UnknownNameError
from gnnglass.simulate import (
    ENGINES,
    IsoconfigurationalProtocol,
    inherent_path,
    inherent_structures,
    isoconfigurational_ensembles,
    simulate_ensemble,
)
from gnnglass.systems import GLASS_FORMERS
from gnnglass.trajectories import read

PROTOCOLS = {"glass-0": short_protocol(seed=1), "liquid-0": short_protocol(seed=2, kT=1.0)}
PHASES = {"glass-0": {"phase": "glass"}, "liquid-0": {"phase": "liquid"}}


def stamps(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def ensemble(folder, protocols=PROTOCOLS, metadata=PHASES):
    return simulate_ensemble("kam2d", protocols, folder, metadata=metadata, workers=2)


def test_runs_and_their_inherent_structures(tmp_path):
    paths = ensemble(tmp_path)
    assert [path.name for path in paths] == ["glass-0.gsd", "liquid-0.gsd"]
    assert sorted(stamps(tmp_path)) == [
        "glass-0.gsd",
        "glass-0.inherent.gsd",
        "liquid-0.gsd",
        "liquid-0.inherent.gsd",
    ]
    for path, name in zip(paths, PROTOCOLS, strict=True):
        thermal, inherent = read(path), read(inherent_path(path))
        assert thermal.metadata["run"] == inherent.metadata["run"] == name
        assert thermal.metadata["phase"] == PHASES[name]["phase"]
        assert inherent.metadata["level"] == "inherent"
        assert "potential_energy" in inherent[0].fields

    # The same as without workers.
    system = GLASS_FORMERS.create("kam2d")
    alone = ENGINES.create("lammps").run(system, PROTOCOLS["glass-0"], tmp_path / "x.gsd")
    np.testing.assert_array_equal(alone[-1].unwrapped, read(paths[0])[-1].unwrapped)
    quenched = inherent_structures(system, alone)[-1]
    np.testing.assert_array_equal(
        quenched.field("potential_energy"),
        read(inherent_path(paths[0]))[-1].field("potential_energy"),
    )


def test_what_is_done_is_not_done_again_unless_it_is_something_else(tmp_path):
    ensemble(tmp_path)
    before = stamps(tmp_path)
    ensemble(tmp_path)
    assert stamps(tmp_path) == before

    changed = {**PROTOCOLS, "liquid-0": short_protocol(seed=3, kT=1.0)}
    ensemble(tmp_path, changed)
    after = stamps(tmp_path)
    redone = {name for name in after if after[name] != before[name]}
    assert redone == {"liquid-0.gsd", "liquid-0.inherent.gsd"}
    for name in redone:
        assert read(tmp_path / name).metadata["protocol"]["seed"] == 3

    # A run whose inherent structures are lost or broken keeps its thermal frames.
    (tmp_path / "glass-0.inherent.gsd").write_bytes(b"broken")
    ensemble(tmp_path, changed)
    assert stamps(tmp_path)["glass-0.gsd"] == before["glass-0.gsd"]
    assert read(tmp_path / "glass-0.inherent.gsd").metadata["level"] == "inherent"


def test_a_failed_run_is_named_and_the_others_are_there(tmp_path):
    protocols = {**PROTOCOLS, "liquid-0": short_protocol(dt=2.0)}
    with pytest.raises(SimulationError, match="1 of 2 simulations failed: liquid-0"):
        ensemble(tmp_path, protocols)
    assert sorted(stamps(tmp_path)) == ["glass-0.gsd", "glass-0.inherent.gsd"]


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden", "a.b"])
def test_refuses_names_that_are_no_file_names(tmp_path, name):
    with pytest.raises(InputError, match="cannot be a file name"):
        ensemble(tmp_path, {name: short_protocol()})


def test_unknown_names_fail_before_anything_runs(tmp_path):
    with pytest.raises(UnknownNameError, match="glass former"):
        simulate_ensemble("kam9d", PROTOCOLS, tmp_path / "out")
    with pytest.raises(UnknownNameError, match="engine"):
        simulate_ensemble("kam2d", PROTOCOLS, tmp_path / "out", engine="namd")
    assert not (tmp_path / "out").exists()


def test_isoconfigurational_ensembles(tmp_path):
    engine, system = ENGINES.create("lammps"), GLASS_FORMERS.create("kam2d")
    run = engine.run(system, short_protocol(), tmp_path / "run.gsd")
    starts = {"first": run[0], "last": run[-1]}
    protocols = {
        name: IsoconfigurationalProtocol(kT=0.5, n_clones=2, lag_steps=(5, 20), seed=seed)
        for seed, name in enumerate(starts)
    }
    folder = tmp_path / "iso"
    paths = isoconfigurational_ensembles("kam2d", starts, protocols, folder, workers=1)
    assert [path.name for path in paths] == ["first.gsd", "last.gsd"]
    assert [len(read(path)) for path in paths] == [5, 5]
    before = stamps(folder)
    isoconfigurational_ensembles("kam2d", starts, protocols, folder, workers=1)
    assert stamps(folder) == before
    isoconfigurational_ensembles("kam2d", {**starts, "last": run[1]}, protocols, folder, workers=1)
    after = stamps(folder)
    assert after["first.gsd"] == before["first.gsd"]
    assert after["last.gsd"] != before["last.gsd"]
    np.testing.assert_array_equal(read(paths[1])[0].positions, run[1].positions)
    with pytest.raises(InputError, match="last came with a start or a protocol"):
        isoconfigurational_ensembles("kam2d", {"first": run[0]}, protocols, folder)


def test_an_ensemble_joined_from_clones_is_the_one_made_at_once(tmp_path):
    """Also when a killed run had left one of the clones."""
    engine, system = ENGINES.create("lammps"), GLASS_FORMERS.create("kam2d")
    start = engine.run(system, short_protocol(), tmp_path / "run.gsd")[-1]
    protocol = IsoconfigurationalProtocol(kT=0.5, n_clones=3, lag_steps=(5, 20), seed=4)
    at_once = read(engine.isoconfigurational(system, start, protocol, tmp_path / "at_once.gsd"))
    kept = tmp_path / "iso" / "whole.clones" / "00001.gsd"
    engine.isoconfigurational(system, start, protocol.replace(first_clone=1, n_clones=1), kept)
    (path,) = isoconfigurational_ensembles(
        "kam2d", {"whole": start}, {"whole": protocol}, tmp_path / "iso", workers=2
    )
    joined = read(path)
    assert not kept.parent.exists()
    assert joined.metadata["isoconfigurational"] == at_once.metadata["isoconfigurational"]
    assert joined.metadata["run"] == "whole"
    assert [frame.step for frame in joined] == [frame.step for frame in at_once]
    for one, other in zip(joined, at_once, strict=True):
        np.testing.assert_array_equal(one.unwrapped, other.unwrapped)
