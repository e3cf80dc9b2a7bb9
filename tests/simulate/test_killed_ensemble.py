"""Kill -9 at any moment: after a rerun every run is there, made once, as in an undisturbed one."""

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from cluster_processes import Cluster, descendants, kill, until
from mixtures import short_protocol

from gnnglass.simulate import Ensemble

N_RUNS = 6
#: What is killed, and where the runs are carried out.
VICTIMS = ["worker here", "parent here", "scheduler cluster", "worker cluster", "parent cluster"]
SCRIPT = """
import sys
from gnnglass.simulate import Ensemble
if __name__ == "__main__":
    where = {"workers": 2} if sys.argv[2] == "here" else {"scheduler": sys.argv[2]}
    Ensemble(sys.argv[1]).run(**where)
"""
PATIENCE = 120

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def planned(folder):
    protocols = {
        f"run-{k}": short_protocol(
            n_particles=100 + 20 * (k % 3), seed=k, hold_steps=1500, frame_interval=500
        )
        for k in range(N_RUNS)
    }
    ensemble = Ensemble(folder)
    ensemble.plan("kam2d", protocols)
    return ensemble


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The same ensemble without any trouble, and how long its runs take one after the other."""
    ensemble = planned(tmp_path_factory.mktemp("undisturbed"))
    begun = time.perf_counter()
    for name in ensemble:
        ensemble[name]()
    return ensemble, time.perf_counter() - begun


def start(folder, where):
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder), where],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def workers_of(pid):
    """Spawned interpreters below a process: workers here, or those that nannies look after."""
    found = []
    for one in descendants(pid):
        try:
            command = Path(f"/proc/{one}/cmdline").read_text()
        except OSError:
            continue
        if "spawn_main" in command:
            found.append(one)
    return sorted(found)


def products(folder):
    """Which file each product is: a file written anew is another one."""
    found = {}
    for path in folder.rglob("*.gsd"):
        if not path.name.startswith("."):
            stat = path.stat()
            found[path] = (stat.st_ino, stat.st_mtime_ns)
    return found


def check(ensemble, undisturbed, seen):
    for name in ensemble:
        run, other = ensemble[name], undisturbed[name]
        assert run.state() == "done"
        work = Counter(line["product"] for line in run.document.get("work", []))
        assert not {product: times for product, times in work.items() if times > 1}
        for level in ("thermal", "inherent"):
            one, same = ensemble.load(name, level), undisturbed.load(name, level)
            assert one.metadata["run"] == name
            for frame, expected in zip(one, same, strict=True):
                assert frame.step == expected.step
                np.testing.assert_array_equal(frame.unwrapped, expected.unwrapped)
        left = {path.name for path in run.folder.iterdir()}
        expected = {path.name for path in other.folder.iterdir()} | {".lock"}
        assert left == expected
    # What was there once was not made again.
    assert seen.items() <= products(ensemble.folder).items()


def disturb(tmp_path, victim, place, moment, undisturbed):
    """Kill the victim once runs are under way and `moment` seconds have passed; then go on."""
    ensemble = planned(tmp_path / "runs")
    clusters = []
    if place == "cluster":
        pytest.importorskip("distributed", reason="needs gnnglass[cluster]")
        clusters.append(Cluster(tmp_path))
        clusters[0].begin()
    where = clusters[0].address if clusters else place
    driver = start(ensemble.folder, where)
    try:
        under_way = lambda: any(ensemble[name].state() != "planned" for name in ensemble)  # noqa: E731
        assert until(under_way, PATIENCE), "nothing was begun"
        time.sleep(moment)
        if victim == "parent":
            kill(driver.pid)
        elif victim == "scheduler":
            kill(clusters[0].scheduler.pid)
        else:
            parents = [one.pid for one in clusters[0].workers] if clusters else [driver.pid]
            found = [pid for one in parents for pid in workers_of(one)]
            # None is left if everything was done in time.
            for pid in random.Random(moment).sample(found, min(1, len(found))):
                kill(pid)
        seen = products(ensemble.folder)
        states = Counter(ensemble[name].state() for name in ensemble)
        _, error = driver.communicate(timeout=PATIENCE)
        if victim == "worker":
            assert driver.returncode == 0, error
        elif victim == "scheduler" and driver.returncode != 0:
            assert "SimulationError: the scheduler at" in error.splitlines()[-1]
        else:
            assert driver.returncode in (0, -signal.SIGKILL), error
        # Workers of a dead scheduler are left to finish what they are at.
        if victim == "scheduler":
            clusters.append(Cluster(tmp_path))
            clusters[1].begin()
            where = clusters[1].address
        ensemble.run(**({"scheduler": where} if clusters else {"workers": 2}))
        check(ensemble, undisturbed, seen)
    finally:
        kill(driver.pid)
        for cluster in clusters:
            cluster.end()
    return states


@pytest.mark.parametrize("victim", VICTIMS[:3])
def test_killed_in_the_middle(tmp_path, victim, undisturbed):
    ensemble, seconds = undisturbed
    moment = random.Random(victim).uniform(0.1, 0.4) * seconds
    kind, place = victim.split()
    disturb(tmp_path, kind, place, moment, ensemble)


@pytest.mark.validate
@pytest.mark.parametrize("number", range(30))
def test_killed_at_thirty_random_moments(tmp_path, number, undisturbed):
    ensemble, seconds = undisturbed
    victim = VICTIMS[number % len(VICTIMS)]
    moment = random.Random(number).uniform(0, 0.5) * seconds
    kind, place = victim.split()
    states = disturb(tmp_path, kind, place, moment, ensemble)
    print(f"{number}: {victim} killed after {moment:.2f} s: {dict(states)}")
