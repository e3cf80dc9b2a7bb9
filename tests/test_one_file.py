"""An indicator and an attribution are one new file each, and everything else knows of them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

INDICATOR = r'''
"""The distance to the nearest particle."""

from dataclasses import dataclass

import numpy as np

from gnnglass.structure.indicator import INDICATORS, Indicator
from gnnglass.trajectories import Snapshot, neighbor_pairs
from gnnglass.trajectories.snapshot import FloatArray


@INDICATORS.register("nearest-distance")
@dataclass(eq=False)
class NearestDistance(Indicator):
    """How far the nearest particle is (Nobody, J. Irr. Res. 1, 1 (2026))."""

    label = "distance to the nearest"
    unit = "length"
    formula = r"\min_j |\mathbf r_{ij}|"
    low_is_glassy = True

    r_max: float = 2.0

    def measure(self, snapshot: Snapshot) -> FloatArray:
        """Distance of each particle, shape [n]; `r_max` if there is none."""
        pairs, nearest = neighbor_pairs(snapshot, self.r_max), np.full(len(snapshot), self.r_max)
        np.minimum.at(nearest, pairs.i, pairs.distances)
        return nearest
'''

ATTRIBUTION = r'''
"""Attributions that look at the input alone."""

from torch import Tensor

from gnnglass.explain.attribution import ATTRIBUTIONS, GraphAttribution
from gnnglass.explain.explained_logit import ExplainedLogit


@ATTRIBUTIONS.register("neighbor-count")
class NeighborCount(GraphAttribution):
    """How many edges arrive at a particle, whatever the network says of it."""

    label = "count of neighbours"
    signed = False
    formula = r"s_i = |\mathcal N(i)|"

    def node_scores(self, explained: ExplainedLogit) -> Tensor:
        """Scores of all nodes of a batch of graphs, shape [n]."""
        target = explained.edge_index[1]
        return explained.x.new_zeros(len(explained.x)).index_add(
            0, target, explained.x.new_ones(len(target))
        )
'''

USE = """
import runpy
import sys
from contextlib import redirect_stdout
from pathlib import Path

from gnnglass.cli import main
from gnnglass.structure import indicators_for
from gnnglass.study import Report
from gnnglass.testing import check_attribution, check_indicator, example_snapshot
from gnnglass.trajectories import Trajectory

script, *sys.argv = sys.argv[1:]
runpy.run_path(script)["write_tables"](Path("tables"))
check_indicator("nearest-distance")
check_attribution("neighbor-count")
for dimension, system in ((2, "kam2d"), (3, "ka3d")):
    found = indicators_for(Trajectory([example_snapshot(dimension)], {"system": system}))
    assert "nearest-distance" in found
row = {"predictor": "nearest_distance", "target": "tau_bond", "species": "A", "method": "spearman",
       "estimate": 0.3, "low": 0.1, "high": 0.5, "n_runs": 6}
Report({"correlations": [row]}).write("report.html")
with open("list.txt", "w", encoding="utf-8") as out, redirect_stdout(out):
    main()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A copy of the package with two more files, and what it says of itself, in one process."""
    folder = tmp_path_factory.mktemp("package")
    shutil.copytree(ROOT / "gnnglass", folder / "gnnglass")
    (folder / "gnnglass/structure/nearest_distance.py").write_text(INDICATOR.lstrip(), "utf-8")
    (folder / "gnnglass/explain/neighbor_count.py").write_text(ATTRIBUTION.lstrip(), "utf-8")
    arguments = [
        sys.executable,
        "-c",
        USE,
        ROOT / "docs" / "registry_tables.py",
        "gnnglass",
        "list",
    ]
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONUTF8": "1"}
    done = subprocess.run(
        list(map(str, arguments)),
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_the_list_shows_label_and_unit(folder):
    out = (folder / "list.txt").read_text(encoding="utf-8")
    assert re.search(r"^  nearest-distance +distance to the nearest \[length\]$", out, re.MULTILINE)
    assert re.search(r"^  neighbor-count +count of neighbours$", out, re.MULTILINE)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (
            "indicators",
            [
                "`nearest-distance`",
                "distance to the nearest",
                "2, 3",
                "length",
                r"$\min_j \|\mathbf r_{ij}\|$",
                "How far the nearest particle is (Nobody, J. Irr. Res. 1, 1 (2026)).",
                "`r_max=2.0`",
                "Nobody, J. Irr. Res. 1, 1 (2026)",
            ],
        ),
        (
            "attributions",
            [
                "`neighbor-count`",
                "count of neighbours",
                "graph",
                "never negative",
                r"$s_i = \|\mathcal N(i)\|$",
                "How many edges arrive at a particle, whatever the network says of it.",
                "–",
            ],
        ),
    ],
)
def test_the_tables_of_the_book_hold_them(folder, table, expected):
    lines = (folder / "tables" / f"{table}.md").read_text(encoding="utf-8").splitlines()
    [line] = [one for one in lines if one.startswith(f"| {expected[0]} |")]
    # A bar that ends no cell is escaped.
    assert [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] == expected


def test_the_report_names_the_field_and_its_unit(folder):
    page = (folder / "report.html").read_text(encoding="utf-8")
    text = re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", page))
    assert "distance to the nearest +0.300" in text
    assert "distance to the nearest length How far the nearest particle" in text


def test_every_table_is_on_a_page(folder):
    """And no page asks for one that is not made."""
    made = {path.name for path in (folder / "tables").iterdir()}
    pages = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md"))
    assert set(re.findall(r"\{include\} _generated/(\w+\.md)", pages)) == made
