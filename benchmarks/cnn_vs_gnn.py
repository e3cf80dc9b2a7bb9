"""The classifiers of a study side by side: how good, how fast, how large, how telling.

Run ``gnnglass demo`` first, then ``python benchmarks/cnn_vs_gnn.py gnnglass-demo``. Every
classifier of the study is trained anew and judged on the runs held out, at each of several learning
rates, of which the validation runs choose one: as many for each network. With ``--training-runs 2 4
8`` it is trained on so many runs of each phase, for a learning curve; with ``--repeats N`` each
training is repeated with other runs, drawn from those that train, and other initial weights. With
``--splits N`` the runs are dealt N times, and dynamics is simulated for the glasses newly held out.
What is finished is kept in ``<folder>/benchmark`` and not done again.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from _common import (
    finished_study,
    fresh_folder,
    in_own_process,
    interval,
    machine,
    markdown_table,
    median,
    peak_memory,
    rewrite_part,
    run_script,
    save_table,
    table_file,
    timed,
)

from gnnglass import _records
from gnnglass.simulate import Ensemble
from gnnglass.study import Study
from gnnglass.study.definition import Level
from gnnglass.study.workspace import Parts, Workspace, deal

if TYPE_CHECKING:
    import pandas as pd

    from gnnglass.training import TrainedClassifier

#: The species whose importance is compared with its dynamics, and how.
SPECIES, METHOD = "A", "spearman"
INFERENCE_REPEATS = 3
#: Every network is trained at its own learning rate and at these multiples of it.
RATES = (1 / 3, 1.0, 3.0)
#: What the figures depend on.
CODE = (
    "gnnglass.models",
    "gnnglass.training",
    "gnnglass.explain",
    "gnnglass.structure",
    "gnnglass.dynamics",
    "gnnglass.compare",
    "gnnglass.study.classification",
    "gnnglass.study.fields",
)
Record = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Bench(Workspace):
    """One deal of a finished study's runs; what is made from them goes to a folder of its own.

    Attributes:
        runs_of: Folder of the study that simulated, or read, the runs.
        clones_of: Folder of the clones of the runs held out in this deal.
    """

    runs_of: Path
    clones_of: Path

    @cached_property
    def runs(self) -> Ensemble:
        """The runs, where the study left them."""
        return Ensemble(self.runs_of / "runs")

    @cached_property
    def clones(self) -> Ensemble:
        """The clones of the held-out runs."""
        return Ensemble(self.clones_of)

    def trajectory(self, run: str, level: Level) -> Path:
        """File of one run, where the study left it."""
        return Workspace(self.study, self.runs_of, self.parts).trajectory(run, level)


def main() -> None:
    """Print the table, and write it where it is wanted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of a finished study")
    parser.add_argument("--splits", type=int, default=1, help="how often the runs are dealt")
    parser.add_argument("--repeats", type=int, default=1, help="how often each training is done")
    parser.add_argument(
        "--training-runs",
        type=int,
        nargs="+",
        metavar="N",
        help="runs of each phase that train, such as 2 4 8; all of the study's by default",
    )
    parser.add_argument("--level", choices=("thermal", "inherent"), help="default: the study's")
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto")
    parser.add_argument("--out", type=table_file, help="also write all figures: .csv or .json")
    parser.add_argument("--write-docs", type=Path, metavar="PAGE", help="also write it there")
    options = parser.parse_args()
    if min(options.splits, options.repeats, *(options.training_runs or [1])) < 1:
        parser.error("--splits, --repeats and --training-runs must be at least 1")
    study = finished_study(options.folder).study
    most = trained_on(study, deal(study))
    sizes = sorted(set(options.training_runs or [most]))
    if sizes[-1] > most:
        parser.error(f"--training-runs: {most} runs of each phase train, not {sizes[-1]}")
    level = options.level or study.explain_level
    print(
        f"{study.title}\n{level} level, {options.splits} split(s), {options.repeats} repeat(s); "
        f"{machine()}, device {options.device}"
    )
    table = benchmark(
        study, options.folder, level, options.splits, options.repeats, sizes, options.device
    )
    show(table)
    if options.out is not None:
        save_table(table, options.out)
    if options.write_docs is not None:
        curve = markdown_table(learning_curve(table).reset_index())
        rewrite_part(options.write_docs, f"learning curve {study.system.name} {level}", curve)


def trained_on(study: Study, parts: Parts) -> int:
    """How many runs of each phase train at most."""
    from gnnglass.study.workspace import run_names

    return min(len(set(run_names(study, phase)) & {*parts["train"]}) for phase in study.labels)


def benchmark(
    study: Study,
    folder: Path,
    level: Level,
    splits: int,
    repeats: int,
    sizes: Sequence[int],
    device: str,
) -> pd.DataFrame:
    """Figures of every classifier for every deal, and of what they are judged against.

    Returns:
        The long table: split, training runs, repeat, model, figure, estimate, low, high.
    """
    import pandas as pd

    records: list[Record] = []
    for number in range(splits):
        seed = study.split.seed + number
        dealt = study.model_copy(
            update={
                "split": study.split.model_copy(update={"seed": seed}),
                "levels": (level,),
                "explain_level": level,
            }
        )
        clones = folder / "dynamics"
        if number:
            clones = folder / "benchmark" / f"split-{seed}" / "dynamics"
            follow(dealt, folder, clones)
        for size in sizes:
            for repeat in range(repeats):
                parts = drawn(dealt, size, repeat)
                for name in study.classifiers:
                    one = dealt.model_copy(
                        update={"classifiers": {name: with_seed(study, name, repeat)}}
                    )
                    work = partial(in_own_process, measure, one, parts, folder, clones, device)
                    place = f"{level}-{seed}-{size}-{repeat}-{name}"
                    facts = {"split": seed, "training runs": size, "repeat": repeat}
                    found = _kept(folder / "benchmark" / f"{place}.json", one, parts, device, work)
                    records += [{**facts, **record} for record in found]
    # Every classifier's process judged the same baselines.
    keys = ["split", "training runs", "repeat", "model", "figure"]
    return pd.DataFrame(records).drop_duplicates(keys)


def _kept(
    path: Path, study: Study, parts: Parts, device: str, work: Callable[[], list[Record]]
) -> list[Record]:
    """What was measured before, of the same and by the same code, or is now."""
    code = _records.code_digest(*CODE)
    digest = _records.digest_of(study.model_dump(mode="json"), parts, device, machine(), code)
    found = _records.Record.find(path, digest) or _records.Record.make(path, digest, work)
    return list(found.result)


def drawn(study: Study, size: int, repeat: int) -> Parts:
    """The parts of the split, with so many training runs of each phase, drawn at random."""
    from gnnglass.study.workspace import run_names

    parts = deal(study)
    rng = np.random.default_rng([study.split.seed, repeat])
    chosen: set[str] = set()
    for phase in study.labels:
        training = [run for run in parts["train"] if run in run_names(study, phase)]
        # The first of one order, so that a longer curve holds the shorter ones.
        chosen.update(rng.permutation(training)[:size])
    return {**parts, "train": [run for run in parts["train"] if run in chosen]}


def with_seed(study: Study, name: str, repeat: int) -> Any:
    """A classifier of the study with other initial weights."""
    section = study.classifiers[name]
    seed = section.training.get("seed", 0) + repeat
    return section.model_copy(update={"training": {**section.training, "seed": seed}})


def follow(study: Study, folder: Path, clones: Path) -> None:
    """Simulate clones of the held-out runs of a deal that the study itself did not follow."""
    if study.dynamics is None:
        return
    from gnnglass.study.workspace import plan_clones

    bench = Bench(study, clones.parent, deal(study), runs_of=folder, clones_of=clones)
    bench.clones.run(plan_clones(bench, study.dynamics), description="clones")


def measure(study: Study, parts: Parts, folder: Path, clones: Path, device: str) -> list[Record]:
    """Train, judge, time and explain one classifier; runs in a process of its own."""
    with fresh_folder() as own:
        bench = Bench(study, own, parts, device=device, runs_of=folder, clones_of=clones)
        (name,) = study.classifiers
        return [*_network(bench, name), *_judged(bench), *_correlations(bench)]


def _network(bench: Bench, name: str) -> list[Record]:
    """Time and memory of training, inference and explanation."""
    import torch

    from gnnglass.explain import ATTRIBUTIONS

    level = bench.study.explain_level
    labelled, section = bench.labelled(level), bench.study.classifiers[name]
    held_out = [labelled.snapshots[i] for i in labelled.where(bench.parts["test"])]
    idle = peak_memory()
    classifier, training = _best(bench, name)
    classifier.save(bench.classifier(name, level))
    inference = _median_seconds(lambda: classifier.scores(held_out))
    peak = peak_memory()
    attribution = ATTRIBUTIONS.create(section.attribution, **section.attribution_options)
    target = bench.study.explain
    explaining = _median_seconds(lambda: attribution.compute(classifier, held_out, target))
    figures = {
        "parameters": sum(p.numel() for p in classifier.model.parameters()),
        "epochs": len(classifier.record["history"]),
        "training, s": training,
        "inference, ms per snapshot": 1e3 * inference / len(held_out),
        "explanation, ms per snapshot": 1e3 * explaining / len(held_out),
        "peak memory, MB": peak / 1e6,
        "of which before training, MB": idle / 1e6,
    }
    if classifier.device.type == "cuda":
        figures["peak GPU memory, MB"] = torch.cuda.max_memory_allocated(classifier.device) / 1e6
    return [{"model": name, "figure": k, "estimate": float(v)} for k, v in figures.items()]


def _best(bench: Bench, name: str) -> tuple[TrainedClassifier, float]:
    """The classifier at the learning rate that does best on validation runs, and its seconds."""
    from gnnglass.study.classification import fitted
    from gnnglass.training import TrainingOptions, validation_loss

    level, section = bench.study.explain_level, bench.study.classifiers[name]
    labelled = bench.labelled(level)
    own = section.training.get("learning_rate", TrainingOptions().learning_rate)
    tried = []
    for rate in RATES:
        training = {**section.training, "learning_rate": own * rate}
        changed = section.model_copy(update={"training": training})
        study = bench.study.model_copy(update={"classifiers": {name: changed}})
        start = time.perf_counter()
        classifier = fitted(replace(bench, study=study), name, labelled, progress=False)
        seconds = time.perf_counter() - start
        tried.append((validation_loss(classifier, labelled), classifier, seconds))
    _, classifier, seconds = min(tried, key=lambda one: one[0])
    return classifier, seconds


def _median_seconds(work: Callable[[], object]) -> float:
    work()  # the first call also pays for what is made once
    return median([timed(work) for _ in range(INFERENCE_REPEATS)]).wall


def _judged(bench: Bench) -> list[Record]:
    """AUC and accuracy of the classifier and of the simple baselines on held-out runs."""
    from gnnglass.study.classification import judge

    judged = judge(bench, bench.study.explain_level)["figures"]
    return [
        {"model": model, "figure": label, **figures[key]}
        for model, figures in judged.items()
        for key, label in (("auc", "AUC"), ("accuracy", "accuracy"))
    ]


def _correlations(bench: Bench) -> list[Record]:
    """Correlation of importance, energy and noise with the dynamics of held-out runs."""
    from gnnglass.published import targets_in
    from gnnglass.study.fields import annotate_held_out, compare_with_dynamics

    study = bench.study
    if study.dynamics is not None:
        runs = bench.followed(study.dynamics.phase)
    else:
        level = study.explain_level
        runs = tuple(r for r in bench.parts["test"] if targets_in(bench.load(r, level)[-1]))
    if not runs:
        return []
    annotate_held_out(bench)
    rows = compare_with_dynamics(bench, study.dynamics, runs)["rows"]
    models = {f"importance_{name}": name for name in (*study.classifiers, "random")}
    models["potential_energy"] = "energy"
    return [
        {
            "model": models[row["predictor"]],
            "figure": f"ρ with {row['target']}, {'smoothed' if row['smoothed'] else 'bare'}"
            + (f", given {row['given']}" if row["given"] else ""),
            **{key: row[key] for key in ("estimate", "low", "high")},
        }
        for row in rows
        if row["predictor"] in models and row["species"] == SPECIES and row["method"] == METHOD
    ]


def learning_curve(table: pd.DataFrame) -> pd.DataFrame:
    """Each figure at each number of training runs, a column per model: means and extremes."""
    groups = table.groupby(["figure", "training runs", "model"], sort=False)["estimate"]
    shown = groups.agg(_spread).rename("shown").reset_index()
    wide = shown.pivot(index=["figure", "training runs"], columns="model", values="shown")
    # Classifiers first; each of them, and nothing else, has parameters.
    trained = table.loc[table["figure"] == "parameters", "model"].tolist()
    columns = dict.fromkeys([*trained, *table["model"]])
    rows = (
        table[["figure", "training runs"]]
        .drop_duplicates()
        .sort_values(
            "figure",
            key=lambda names: names.map(list(dict.fromkeys(table["figure"])).index),
            kind="stable",
        )
    )
    return wide.loc[list(map(tuple, rows.to_numpy())), list(columns)].fillna("")


def show(table: pd.DataFrame) -> None:
    """Print one column per model, one row per figure and number of training runs."""
    repeated = len(table[["split", "repeat"]].drop_duplicates()) > 1
    if repeated or table["training runs"].nunique() > 1:
        wide = learning_curve(table)
    else:
        shown = table.assign(shown=table.apply(_with_interval, axis=1))
        wide = shown.pivot(index="figure", columns="model", values="shown")
        wide = wide.loc[table["figure"].unique(), list(learning_curve(table).columns)].fillna("")
    print(wide.rename_axis(columns=None).to_string())
    print(
        "means over splits and repeats, in brackets the least and the greatest"
        if repeated
        else "brackets: 95 % over held-out runs"
    )
    print(
        f"ρ: {METHOD} correlation over {SPECIES} particles of held-out runs; smoothing lengths "
        "chosen on other runs; empty where the target is the same for all, such as never relaxed"
    )


def _with_interval(row: pd.Series[Any]) -> str:
    import pandas as pd

    if pd.isna(row["estimate"]):
        return ""
    return f"{_number(row['estimate'])} {interval(row, 2)}".rstrip()


def _spread(values: Any) -> str:
    known = values.dropna()
    if known.empty:
        return ""
    mean, low, high = (_number(value) for value in (known.mean(), known.min(), known.max()))
    text = mean if low == high else f"{mean} [{low}, {high}]"
    return text if len(known) == len(values) else f"{text} ({len(known)} of {len(values)})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    run_script(main, resumes=True)
