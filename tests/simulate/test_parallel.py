import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cluster_processes import descendants, until
from parallel_tasks import Confess, Die, Say, Stumble, Wait

from gnnglass._workers import DIED
from gnnglass.errors import REPORT_BUG, SimulationError
from gnnglass.parallel import run_parallel, usable_cores

LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from parallel_tasks import WriteSlowly
from gnnglass.parallel import run_parallel
if __name__ == "__main__":
    run_parallel([WriteSlowly(Path({folder!r}) / f"{{k}}.txt") for k in range(4)], workers=2)
"""
UNGUARDED = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from parallel_tasks import Say
from gnnglass.parallel import run_parallel
run_parallel([Say(Path({folder!r}) / f"{{k}}.txt") for k in range(4)], workers=2)
"""


def test_each_task_is_done_in_another_process(tmp_path, capfd):
    tasks = [Say(tmp_path / f"{k}.txt") for k in range(3)]
    run_parallel(tasks, workers=2, description="greetings", n_done=1)
    pids = {task.out.read_text() for task in tasks}
    assert f"{os.getpid()}\n" not in pids
    assert len(pids) <= 2
    error = capfd.readouterr().err
    assert "greetings: 100%" in error and "4/4" in error
    run_parallel([])


def test_failures_are_named_when_the_others_are_done(tmp_path):
    tasks = [Say(tmp_path / f"{k}.txt", fails=k in (0, 2)) for k in range(4)]
    with pytest.raises(SimulationError) as caught:
        run_parallel(tasks, workers=1, description="greetings")
    assert str(caught.value) == "2 of 4 greetings failed: 0: the moon is full; 2: the moon is full."
    assert [task.out.exists() for task in tasks] == [False, True, False, True]
    assert (tmp_path / "0.failed").read_text() == "the moon is full."


def test_of_many_failures_the_first_are_spelt_out(tmp_path):
    tasks = [Stumble(tmp_path / f"{k}.txt") for k in range(5)]
    with pytest.raises(SimulationError) as caught:
        run_parallel(tasks, workers=1)
    assert str(caught.value).count("ZeroDivisionError: division by zero") == 3
    assert str(caught.value).endswith(f"; and 2 more; {REPORT_BUG}.")


def test_a_killed_worker_costs_only_its_own_task_a_second_try(tmp_path):
    """Those at work meanwhile are not begun again."""
    unlucky = Die(tmp_path / "unlucky.txt")
    others = [Wait(tmp_path / f"{k}.txt", seconds=0.7) for k in range(3)]
    run_parallel([others[0], unlucky, *others[1:]], workers=2)
    assert [len(task.out.read_text().splitlines()) for task in (unlucky, *others)] == [2, 1, 1, 1]


def test_a_task_that_kills_its_workers_is_given_up(tmp_path):
    deadly = Die(tmp_path / "deadly.txt", times=9)
    others = [Say(tmp_path / f"{k}.txt") for k in range(3)]
    with pytest.raises(SimulationError, match="1 of 4 tasks failed: deadly: its worker process"):
        run_parallel([deadly, *others], workers=2)
    assert len(deadly.out.read_text().splitlines()) == 2
    assert deadly.out.with_suffix(".failed").read_text() == DIED
    assert all(task.out.exists() for task in others)


def test_a_script_without_a_guard_is_told_so(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED.format(tests=str(Path(__file__).parent), folder=str(tmp_path)))
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert "put its work under `if __name__ == '__main__':`" in done.stderr.splitlines()[-1]


def test_workers_are_light_and_have_one_thread(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    run_parallel([Confess(tmp_path / "facts.json")], workers=1)
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert facts == {"heavy": [], "limits": dict.fromkeys(LIMITS, "1"), "freud": 1}
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


def test_usable_cores():
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)


def living(pids):
    alive = set()
    for pid in pids:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                alive.add(pid)
        except OSError:
            continue
    return alive


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl-C"])
def test_workers_die_with_their_parent_and_clean_up(tmp_path, how):
    script, folder = tmp_path / "script.py", tmp_path / "out"
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parent), folder=str(folder)))
    parent = subprocess.Popen(
        [sys.executable, str(script)], stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        writing = lambda: len(list(folder.glob(".*.partial.txt"))) == 2  # noqa: E731
        assert until(writing, 30), "the workers did not start"
        started = descendants(parent.pid)
        assert len(started) >= 2
        if how is signal.SIGINT:
            os.killpg(parent.pid, how)  # As a terminal does it: to parent and workers alike.
        else:
            parent.send_signal(how)
        parent.wait(timeout=15)
        assert parent.returncode != 0
        assert until(lambda: not living(started), 10), "orphans live on"
        assert list(folder.iterdir()) == []
    finally:
        parent.kill()
        parent.communicate()
