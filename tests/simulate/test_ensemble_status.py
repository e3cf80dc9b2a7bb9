import pytest
from mixtures import short_protocol

from gnnglass._files import locked
from gnnglass.simulate import Ensemble
from gnnglass.simulate._project import RUN_LOCK
from gnnglass.simulate.ensemble import counts, summary


@pytest.fixture
def mixed(tmp_path):
    """Runs in every state, as their folders tell it."""
    ensemble = Ensemble(tmp_path)
    phases = {"glass": 0.4, "liquid": 1.0}
    protocols = {
        f"{phase}-{k:02d}": short_protocol(kT=kT, seed=k)
        for phase, kT in phases.items()
        for k in range(20)
    }
    facts = {name: {"phase": name.partition("-")[0]} for name in protocols}
    ensemble.plan("kam2d", protocols, facts=facts)
    for k in range(15):
        ensemble[f"glass-{k:02d}"].fail(f"the moon was full {k} times.")
    for k, verdict in ((0, "equilibrated"), (1, "equilibrated"), (2, "not equilibrated")):
        run = ensemble[f"liquid-{k:02d}"]
        for product in (run.thermal, run.inherent):
            product.touch()
        work = [{"product": product, "seconds": 1.5} for product in ("thermal", "inherent")]
        known = {"done": True, "work": work, "equilibration": {"verdict": verdict}}
        run._write_document(known)
    return ensemble


def test_the_table_tells_every_run(mixed):
    running = mixed["glass-19"]
    with locked(running.folder / RUN_LOCK):
        table = mixed.status()
    assert list(table.index) == list(mixed)
    states = table["state"]
    assert states["glass-03"] == "failed" and states["glass-19"] == "running"
    assert states["liquid-02"] == "done" and states["liquid-03"] == "planned"
    assert states.value_counts().to_dict() == {"done": 3, "running": 1, "failed": 15, "planned": 21}
    assert table.loc["glass-03", "reason"] == "the moon was full 3 times."
    assert (table.loc[states != "failed", "reason"] == "").all()
    assert table.loc["liquid-02", ["equilibration", "seconds"]].to_list() == [
        "not equilibrated",
        3.0,
    ]
    assert table["phase"].value_counts().to_dict() == {"glass": 20, "liquid": 20}
    assert set(table["kT"]) == {0.4, 1.0}
    assert counts(table) == "3 done, 1 running, 15 failed, 21 planned"
    assert mixed.status()["state"]["glass-19"] == "planned"


def test_the_summary_counts_and_shortens(mixed):
    lines = summary(mixed.status(), listed=4).splitlines()
    head, glass, liquid = (line.split() for line in lines[:3])
    assert head[-6:] == ["running", "failed", "planned", "equilibrated", "not", "equilibrated"]
    assert glass == ["Protocol", "kam2d", "glass", "0.4", "0", "0", "15", "5", "0", "0"]
    assert liquid == ["Protocol", "kam2d", "liquid", "1.0", "3", "0", "0", "17", "2", "1"]
    assert lines[3:] == [
        *(f"failed: glass-{k:02d}: the moon was full {k} times." for k in range(4)),
        "failed: and 11 more",
    ]


def test_a_lost_product_is_no_longer_done(mixed):
    mixed["liquid-00"].inherent.unlink()
    assert mixed["liquid-00"].state() == "planned"
