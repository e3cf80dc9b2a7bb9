import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from parallel_tasks import Confess, Die, Say

from gnnglass.errors import SimulationError
from gnnglass.simulate import run_parallel, usable_cores

LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from parallel_tasks import WriteSlowly
from gnnglass.simulate import run_parallel
if __name__ == "__main__":
    run_parallel([WriteSlowly(Path({folder!r}) / f"{{k}}.txt") for k in range(4)], 2)
"""


def test_each_task_is_done_in_another_process(tmp_path, capfd):
    tasks = [Say(tmp_path / f"{k}.txt") for k in range(3)]
    run_parallel(tasks, 2, "greetings")
    pids = {task.out.read_text() for task in tasks}
    assert str(os.getpid()) not in pids
    assert len(pids) <= 2
    assert "greetings: 100%" in capfd.readouterr().err


def test_what_exists_is_not_done_again(tmp_path):
    done = tmp_path / "done.txt"
    done.write_text("before")
    run_parallel([Say(done), Say(tmp_path / "new.txt")], 1)
    assert done.read_text() == "before"
    assert (tmp_path / "new.txt").exists()
    run_parallel([], 1)


def test_failures_are_named_when_the_others_are_done(tmp_path):
    tasks = [Say(tmp_path / f"{k}.txt", fails=k in (0, 2)) for k in range(4)]
    with pytest.raises(SimulationError) as caught:
        run_parallel(tasks, 1, "greetings")
    assert "2 of 4 greetings failed" in str(caught.value)
    assert "0.txt: the moon is full; 2.txt: the moon is full." in str(caught.value)
    assert [task.out.exists() for task in tasks] == [False, True, False, True]


def test_a_worker_that_dies_is_reported(tmp_path):
    with pytest.raises(SimulationError, match=r"x\.txt: a worker process died"):
        run_parallel([Die(tmp_path / "x.txt")], 1)


def test_workers_are_light_and_have_one_thread(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    run_parallel([Confess(tmp_path / "facts.json")], 1)
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert facts == {"heavy": [], "limits": dict.fromkeys(LIMITS, "1"), "freud": 1}
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


def test_usable_cores():
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)


def processes_of(parent):
    """Ids of the living descendants of a process."""
    found, todo = set(), [parent]
    while todo:
        current = todo.pop()
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                state, ppid = stat.read_text().rpartition(")")[2].split()[:2]
            except OSError:
                continue
            if int(ppid) == current and state != "Z":
                found.add(int(stat.parent.name))
                todo.append(int(stat.parent.name))
    return found


def living(pids):
    alive = set()
    for pid in pids:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                alive.add(pid)
        except OSError:
            continue
    return alive


def until(condition, seconds):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


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
        started = processes_of(parent.pid)
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
