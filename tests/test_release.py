"""What is said in several places about a release is the same in all of them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import gnnglass

ROOT = Path(__file__).parents[1]
#: What conda-forge calls the packages that have another name there.
ON_CONDA = {
    "freud-analysis": "freud",
    "matplotlib": "matplotlib-base",
    "torch": "pytorch",
    "torch-geometric": "pytorch_geometric",
}


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)["project"]


def bounds(requirements: list[str]) -> dict[str, str]:
    """The bounds of each requirement, such as ``">=2.4,!=2.6.2"``."""
    parts = (re.fullmatch(r"([\w.-]+) *(.*)", line) for line in requirements)
    return {part[1]: part[2] for part in parts if part}


def lines_of(path: str, pattern: str) -> list[str]:
    return re.findall(pattern, (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)


def test_one_version_everywhere():
    assert lines_of("CITATION.cff", r"^version: (.+)$") == [gnnglass.__version__]
    assert lines_of("conda/recipe.yaml", r'^  version: "(.+)"$') == [gnnglass.__version__]


def test_the_latest_release_has_a_dated_section():
    versions = lines_of("CHANGELOG.md", r"^## (\d\S+) \(")
    dates = lines_of("CHANGELOG.md", r"^## \d\S+ \((.+)\)$")
    assert versions[0] == gnnglass.__version__
    assert lines_of("CITATION.cff", r"^date-released: (.+)$") == dates[:1]


def test_oldest_pins_every_lower_bound(project):
    needed = project["dependencies"] + project["optional-dependencies"]["cluster"]
    lowest = {name: bound.split(",")[0] for name, bound in bounds(needed).items()}
    oldest = bounds(lines_of(".github/oldest.txt", r"^[^#\s].*$"))
    assert oldest == {name: bound.replace(">=", "==") for name, bound in lowest.items()}


def test_conda_has_the_same_bounds(project):
    needed = {ON_CONDA.get(k, k): v for k, v in bounds(project["dependencies"]).items()}
    needed["python"] = project["requires-python"]
    run = (ROOT / "conda/recipe.yaml").read_text(encoding="utf-8").split("  run:\n")[1]
    said = re.findall(r"^    - (.+)$", run.split("  run_constraints:")[0], re.MULTILINE)
    assert bounds(said) == needed
    environment = bounds(lines_of("environment.yml", r"^  - ([\w-]+ .+)$"))
    hoomd = environment.pop("hoomd")
    assert environment.items() <= needed.items()
    assert f"hoomd {hoomd}" in run


def test_the_linter_of_commits_is_the_linter_of_tests():
    pinned = lines_of("constraints.txt", r"^ruff==.+$")
    assert set(lines_of(".pre-commit-config.yaml", r"\[(ruff==.+)\]")) == set(pinned)
