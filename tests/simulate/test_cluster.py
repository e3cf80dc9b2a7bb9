"""The same tasks on a dask.distributed cluster of separate worker processes."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from cluster_processes import Cluster, descendants, kill, until
from mixtures import short_protocol
from parallel_tasks import Confess, Die, Say

from gnnglass.errors import MissingExtraError, SimulationError
from gnnglass.parallel import run_parallel
from gnnglass.simulate import Ensemble

distributed = pytest.importorskip("distributed", reason="needs gnnglass[cluster]")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)
    with Cluster(tmp_path_factory.mktemp("cluster")) as made:
        yield made
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


def test_runs_on_a_cluster_are_those_made_here(cluster, tmp_path):
    protocols = {f"run-{k}": short_protocol(seed=k) for k in range(3)}
    protocols["bad"] = short_protocol(dt=2.0)
    ensembles = []
    for place, where in (("there", {"scheduler": cluster.address}), ("here", {"workers": 1})):
        ensemble = Ensemble(tmp_path / place)
        ensemble.plan("kam2d", protocols)
        with pytest.raises(SimulationError, match="1 of 4 simulations failed: bad: "):
            ensemble.run(**where)
        ensembles.append(ensemble)
    there, here = ensembles
    assert there.status()["reason"].to_dict() == here.status()["reason"].to_dict()
    for name in ("run-0", "run-1", "run-2"):
        for level in ("thermal", "inherent"):
            for one, other in zip(there.load(name, level), here.load(name, level), strict=True):
                np.testing.assert_array_equal(one.unwrapped, other.unwrapped)


def test_workers_of_a_cluster_have_one_thread(cluster, tmp_path, capfd):
    tasks = [Confess(tmp_path / "facts.json")]
    run_parallel(tasks, scheduler=cluster.address, description="confessions")
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert set(facts["limits"].values()) == {"1"}
    assert facts["freud"] == 1
    assert "torch" not in facts["heavy"]
    assert "confessions: 100%" in capfd.readouterr().err


def test_a_killed_worker_of_a_cluster_costs_only_its_own_task_another_try(cluster, tmp_path):
    unlucky, others = Die(tmp_path / "unlucky.txt"), [Say(tmp_path / f"{k}.txt") for k in range(3)]
    run_parallel([unlucky, *others], scheduler=cluster.address)
    assert len(unlucky.out.read_text().splitlines()) == 2
    assert all(len(task.out.read_text().splitlines()) == 1 for task in others)


def test_a_task_that_kills_workers_of_a_cluster_is_given_up(cluster, tmp_path):
    deadly = Die(tmp_path / "deadly.txt", times=99)
    with pytest.raises(SimulationError, match="1 of 1 tasks failed: deadly: its worker process"):
        run_parallel([deadly], scheduler=cluster.address)
    assert "its worker process died" in deadly.out.with_suffix(".failed").read_text()


def test_a_scheduler_that_goes_away_is_said_in_a_sentence(tmp_path, capfd):
    ensemble = Ensemble(tmp_path / "runs")
    ensemble.plan("kam2d", {"long": short_protocol(hold_steps=10_000_000)})
    with Cluster(tmp_path, n_workers=1) as cluster:
        import threading

        def kill_it():
            until(lambda: ensemble["long"].state() == "running", 60)
            kill(cluster.scheduler.pid)

        killer = threading.Thread(target=kill_it)
        killer.start()
        with pytest.raises(SimulationError, match="went away with 1 of 1 tasks to do"):
            ensemble.run(scheduler=cluster.address)
        killer.join()
    assert "Traceback" not in capfd.readouterr().err
    assert until(lambda: ensemble["long"].state() == "planned", 10)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "abacus", "carrier://pigeon"])
def test_a_scheduler_that_does_not_answer(tmp_path, address, capfd):
    begun = time.monotonic()
    with pytest.raises(SimulationError, match=f"no scheduler answers at {address}"):
        run_parallel([Say(tmp_path / "x.txt")], scheduler=address)
    assert time.monotonic() - begun < 30
    assert capfd.readouterr().err == ""


def test_without_dask_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'gnnglass\[cluster\]'"):
        run_parallel([Say(tmp_path / "x.txt")], scheduler="tcp://127.0.0.1:1")


def test_what_a_vanished_client_asked_for_does_not_go_on(cluster, tmp_path):
    """Its waiting tasks are dropped; the one at work is brought to its end."""
    import subprocess

    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\n"
        "from parallel_tasks import Wait\n"
        "from gnnglass.parallel import run_parallel\n"
        f"tasks = [Wait(Path({str(tmp_path)!r}) / f'{{k}}.txt', seconds=1.0) for k in range(40)]\n"
        f"run_parallel(tasks, scheduler={cluster.address!r})\n"
    )
    client = subprocess.Popen([sys.executable, str(script)], stderr=subprocess.DEVNULL)
    assert until(lambda: list(tmp_path.glob("*.txt")), 60)
    for pid in (*descendants(client.pid), client.pid):
        kill(pid)
    client.wait()
    time.sleep(3)
    done = len(list(tmp_path.glob("*.txt")))
    time.sleep(3)
    assert len(list(tmp_path.glob("*.txt"))) == done < 20


def certificate(folder, name):
    """A certificate that is its own authority, and its key."""
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", f"/CN={name}", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


def configured(cert, key):
    """What dask's configuration says of certificates."""
    import dask

    tls = {"ca-file": cert, "client.cert": cert, "client.key": key}
    return dask.config.set({f"distributed.comm.tls.{one}": str(path) for one, path in tls.items()})


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make certificates")
def test_a_cluster_that_asks_for_certificates(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    ours, theirs = (certificate(tmp_path, name) for name in ("ours", "theirs"))
    task = Say(tmp_path / "x.txt")
    with Cluster(tmp_path, n_workers=1, certificate=ours) as cluster:
        with configured(*ours):
            run_parallel([task], scheduler=cluster.address)
        assert len(task.out.read_text().splitlines()) == 1
        with pytest.raises(SimulationError, match=r"asks for certificates; name them in dask's"):
            run_parallel([task], scheduler=cluster.address)
        refused = f"no scheduler answers at {cluster.address}; .* that accepts the certificates"
        with configured(*theirs), pytest.raises(SimulationError, match=refused):
            run_parallel([task], scheduler=cluster.address)
        missing = tmp_path / "missing.pem"
        with configured(missing, missing), pytest.raises(SimulationError, match=refused):
            run_parallel([task], scheduler=cluster.address)
        # Nor is it spoken to in the clear.
        clear = cluster.address.replace("tls", "tcp")
        with pytest.raises(SimulationError, match=f"no scheduler answers at {clear}"):
            run_parallel([task], scheduler=clear)
    assert len(task.out.read_text().splitlines()) == 1
