"""What a network should be fed with: which choice gives the map that knows most of the dynamics?

Run a study with dynamics first, such as ``gnnglass run gnnglass/studies/kam2d.toml``, then
``python benchmarks/which_inputs.py gnnglass-kam2d``. Linear networks on radial counts, angles and
indicators, with labels of particles and of balls, are trained on the labels of the study's runs and
judged by what knows no dynamics: the log loss and the AUC on validation runs, and how alike two
maps are whose networks were trained on either half of the runs. Beside these stands what each
choice would have been worth: the correlation of its map with the propensity in held-out runs. What
is finished is kept in ``<folder>/benchmark`` and not done again.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from _common import (
    finished_study,
    machine,
    markdown_table,
    number,
    rewrite_part,
    run_script,
    save_table,
    table_file,
    with_interval,
)
from tqdm import tqdm

from gnnglass import explain
from gnnglass._records import Record, code_digest, digest_of
from gnnglass.compare import compare_fields, smooth
from gnnglass.explain import GraphGradCAM
from gnnglass.stats import auc
from gnnglass.study.check import recipe_of
from gnnglass.study.definition import ClassifierSection
from gnnglass.study.fields import targets_of
from gnnglass.study.workspace import Workspace, split_of
from gnnglass.training import (
    LabelledSet,
    Split,
    TrainedClassifier,
    TrainingOptions,
    fit,
    validation_loss,
)
from gnnglass.trajectories import Snapshot, Trajectory, read

E, THETA = "potential-energy", "tong-tanaka"
BALL = {"supervision": "ball", "ball_radius": 3.0}
NO_COUNTS = {"n_radial": 0}
#: What is tried: beyond the defaults of the recipe, of the model, and of the training.
CANDIDATES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "counts": ({}, {}, {}),
    "counts, strained": ({}, {}, {"strain": 0.01}),
    "counts, balls": ({}, {}, BALL),
    "counts, strained, balls": ({}, {}, {"strain": 0.01, **BALL}),
    "angles": ({"n_angular": 6}, NO_COUNTS, {}),
    "angles, balls": ({"n_angular": 6}, NO_COUNTS, BALL),
    "counts and angles, strained": ({"n_angular": 6}, {}, {"strain": 0.01}),
    "E": ({"indicators": [E]}, NO_COUNTS, {}),
    "E, balls": ({"indicators": [E]}, NO_COUNTS, BALL),
    "Θ": ({"indicators": [THETA]}, NO_COUNTS, {}),
    "Θ, balls": ({"indicators": [THETA]}, NO_COUNTS, BALL),
    "E and Θ": ({"indicators": [E, THETA]}, NO_COUNTS, {}),
    "E and Θ, balls": ({"indicators": [E, THETA]}, NO_COUNTS, BALL),
    "E, Θ and counts, balls": ({"indicators": [E, THETA]}, {}, BALL),
}
TRAINING = {
    "epochs": 30,
    "patience": 30,
    "batch_size": 4,
    "learning_rate": 0.01,
    "weight_decay": 0.0,
}
#: What the figures of a candidate depend on.
CODE = ("gnnglass.models", "gnnglass.training", "gnnglass.structure", "gnnglass.explain")
#: Whose map is compared, how, and smoothed over which length.
SPECIES, LENGTH = "A", 1.0
METHOD: Literal["pearson"] = "pearson"


def main() -> None:
    """Print the table, and write it where it is wanted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of a finished study with dynamics")
    parser.add_argument("--out", type=table_file, help="also write all figures: .csv or .json")
    parser.add_argument(
        "--write-docs", type=Path, metavar="PAGE", help="also write the table there"
    )
    options = parser.parse_args()
    workspace = finished_study(options.folder)
    study, table = workspace.study, judged(workspace)
    text = f"{chosen(table)}\n\n{markdown_table(shown(table))}"
    print(f"{study.title}\n{machine()}\n\n{text}")
    if options.out is not None:
        save_table(table, options.out)
    if options.write_docs is not None:
        rewrite_part(options.write_docs, f"inputs {study.system.name}", text)


def judged(workspace: Workspace) -> pd.DataFrame:
    """One row for each candidate, as `measure` makes it."""
    study, level = workspace.study, workspace.study.explain_level
    labelled = workspace.labelled(level)
    # With dynamics; their files hold the fields that maps are compared with.
    compared = {
        run: read(workspace.compared(run))[-1]
        for run in workspace.parts["test"]
        if workspace.compared(run).exists()
    }
    code = code_digest(
        "gnnglass.models", "gnnglass.training", "gnnglass.structure", "gnnglass.explain"
    )
    rows = []
    for k, (name, candidate) in enumerate(tqdm(CANDIDATES.items(), desc="candidates")):
        digest = digest_of(
            study.model_dump(mode="json"), workspace.parts, TRAINING, candidate, code
        )
        path = workspace.folder / "benchmark" / f"inputs-{k:02d}.json"
        found = Record.find(path, digest)
        if found is None:
            work = partial(measure, workspace, labelled, compared, *candidate)
            found = Record.make(path, digest, work)
        rows.append({"input": name, **found.result})
    return pd.DataFrame(rows)


def measure(
    workspace: Workspace,
    labelled: LabelledSet,
    compared: dict[str, Snapshot],
    recipe: dict[str, Any],
    model_options: dict[str, Any],
    training: dict[str, Any],
) -> dict[str, Any]:
    """What one candidate is worth.

    Returns:
        ``loss`` and ``auc`` on the validation runs; ``halves``, the correlation of maps of two
        networks trained on halves of the runs; ``estimate``, ``low`` and ``high`` of the
        correlation of the map with propensity, over held-out runs, and ``given``, the same with
        energy and composition held fixed.
    """
    study, split = workspace.study, split_of(workspace.parts)
    section = ClassifierSection(
        model="linear",
        recipe=recipe,
        model_options=model_options,
        training={**TRAINING, **training},
        attribution="graph-gradcam",
    )

    def trained(members: Split) -> TrainedClassifier:
        return fit(
            labelled,
            members,
            model=section.model,
            recipe=recipe_of(section, workspace.system),
            model_options=section.model_options,
            options=TrainingOptions.from_dict(section.training),
            system=workspace.system,
            progress=False,
        )

    def maps(classifier: TrainedClassifier) -> list[Snapshot]:
        made = []
        for run, snapshot in compared.items():
            whole = workspace.load(run, study.explain_level)
            last = Trajectory([whole[-1]], whole.metadata)
            (mapped,) = explain.annotate(
                classifier, last, GraphGradCAM(), "map", target=study.explain
            )
            made.append(snapshot.with_fields(map=mapped.field("map")))
        return made

    classifier = trained(split)
    validation = labelled.where(split.validation)
    scores = classifier.scores([labelled.snapshots[i] for i in validation])
    found = maps(classifier)
    first, second = (maps(trained(half)) for half in halves(study.labels, split, workspace))
    target = targets_of(study, found[0])[0]
    table = compare_fields(
        found,
        ["map"],
        [target],
        runs=list(compared),
        species=[SPECIES],
        methods=[METHOD],
        given=study.compare.given,
        lengths=[LENGTH],
    )
    whole, beyond = table[table["smoothed"]].to_dict("records")
    return {
        "loss": validation_loss(classifier, labelled),
        "auc": auc(scores, labelled.targets[validation]),
        "halves": float(np.mean([alike(*pair) for pair in zip(first, second, strict=True)])),
        "target": target,
        **{end: whole[end] for end in ("estimate", "low", "high")},
        "given": beyond["estimate"],
    }


def halves(labels: Sequence[str], split: Split, workspace: Workspace) -> list[Split]:
    """Two splits whose runs, of either phase, are every other one of those of a split."""
    of_phase = [set(workspace.runs_in(phase)) for phase in labels]

    def every_other(runs: Sequence[str], first: int) -> tuple[str, ...]:
        return tuple(
            run for members in of_phase for run in [one for one in runs if one in members][first::2]
        )

    return [
        Split(every_other(split.train, k), every_other(split.validation, k), split.test)
        for k in range(2)
    ]


def alike(first: Snapshot, second: Snapshot) -> float:
    """Correlation of two maps of the same particles."""
    mine = first.of_type(SPECIES)
    maps = np.stack([first.field("map"), second.field("map")], axis=1)
    one, other = smooth(first, maps, LENGTH)[mine].T
    return float(np.corrcoef(one, other)[0, 1])


def chosen(table: pd.DataFrame) -> str:
    """What each criterion would have chosen, in words."""
    best = table.loc[table["estimate"].abs().idxmax()]
    by_loss, by_halves = table.loc[table["loss"].idxmin()], table.loc[table["halves"].idxmax()]
    told = [
        f"by {criterion} one takes {row['input']} ({number(row['estimate'], 2, sign=True)})"
        for criterion, row in (("log loss", by_loss), ("likeness of halves", by_halves))
    ]
    return (
        f"The map of {best['input']} correlates best with the propensity "
        f"({number(best['estimate'], 2, sign=True)}); {' and '.join(told)}."
    )


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """The table as it is printed."""
    return pd.DataFrame(
        {
            "input": table["input"],
            "validation log loss": [number(value) for value in table["loss"]],
            "AUC": [number(value) for value in table["auc"]],
            "maps of halves": [number(value, 2, sign=True) for value in table["halves"]],
            "map with propensity": [
                with_interval(row, digits=2, sign=True) for row in table.to_dict("records")
            ],
            "given energy and composition": [
                number(value, 2, sign=True) for value in table["given"]
            ],
        }
    )


if __name__ == "__main__":
    run_script(main, resumes=True)
