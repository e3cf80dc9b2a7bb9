"""The classifiers of a study side by side: how good, how fast, how large, how telling.

Run ``gnnglass demo`` first, then ``python benchmarks/cnn_vs_gnn.py gnnglass-demo``. Every
classifier of the study is trained anew on the study's runs and judged on those held out. With
``--splits N`` the runs are dealt N times, and dynamics is simulated for the glasses newly held
out; those clones are kept in ``<folder>/benchmark``, nothing else is left behind.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _common import (
    finished_study,
    fresh_folder,
    in_own_process,
    interval,
    machine,
    median,
    peak_memory,
    run_script,
    save_table,
    table_file,
    timed,
)

from gnnglass.simulate import Ensemble
from gnnglass.study import Study
from gnnglass.study.definition import Level
from gnnglass.study.workspace import Workspace, deal

if TYPE_CHECKING:
    import pandas as pd

#: The species whose importance is compared with its dynamics, and how.
SPECIES, METHOD = "A", "spearman"
INFERENCE_REPEATS = 3
Record = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Bench(Workspace):
    """One deal of a finished study's runs; what is made from them goes to a folder of its own.

    Attributes:
        runs_of: Folder of the study that simulated the runs.
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of a finished study")
    parser.add_argument("--splits", type=int, default=1, help="how often the runs are dealt")
    parser.add_argument("--level", choices=("thermal", "inherent"), help="default: the study's")
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto")
    parser.add_argument("--out", type=table_file, help="also write all figures: .csv or .json")
    options = parser.parse_args()
    if options.splits < 1:
        parser.error("--splits must be at least 1")
    study = finished_study(options.folder)
    table = benchmark(study, options.folder, options.level, options.splits, options.device)
    show(table, options.splits)
    if options.out is not None:
        save_table(table, options.out)


def benchmark(
    study: Study, folder: Path, level: Level | None, splits: int, device: str
) -> pd.DataFrame:
    """Figures of every classifier for every deal, and of what they are judged against.

    Returns:
        The long table: split, model, figure, estimate, low, high.
    """
    import pandas as pd

    level = level or study.explain_level
    print(f"{study.title}\n{level} level, {splits} split(s); {machine()}, device {device}")
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
        for name in study.classifiers:
            one = dealt.model_copy(update={"classifiers": {name: study.classifiers[name]}})
            measured = in_own_process(measure, one, name, folder, clones, device)
            records += [{"split": seed, **record} for record in measured]
    # Every classifier's process judged the same baselines.
    return pd.DataFrame(records).drop_duplicates(["split", "model", "figure"])


def follow(study: Study, folder: Path, clones: Path) -> None:
    """Simulate clones of the held-out runs of a deal that the study itself did not follow."""
    if study.dynamics is None:
        return
    from gnnglass.study.workspace import plan_clones

    bench = Bench(study, clones.parent, deal(study), runs_of=folder, clones_of=clones)
    bench.clones.run(plan_clones(bench, study.dynamics), description="clones")


def measure(study: Study, name: str, folder: Path, clones: Path, device: str) -> list[Record]:
    """Train, judge, time and explain one classifier; runs in a process of its own."""
    with fresh_folder() as own:
        parts = deal(study)
        bench = Bench(study, own, parts, device=device, runs_of=folder, clones_of=clones)
        return [*_network(bench, name), *_judged(bench), *_correlations(bench)]


def _network(bench: Bench, name: str) -> list[Record]:
    """Time and memory of training, inference and explanation."""
    import torch

    from gnnglass.explain import ATTRIBUTIONS
    from gnnglass.study.classification import train_classifier
    from gnnglass.training import TrainedClassifier

    level = bench.study.explain_level
    labelled, section = bench.labelled(level), bench.study.classifiers[name]
    held_out = [labelled.snapshots[i] for i in labelled.where(bench.parts["test"])]
    idle = peak_memory()
    start = time.perf_counter()
    history = train_classifier(bench, name, level, "benchmark")["history"]
    training = time.perf_counter() - start
    classifier = TrainedClassifier.load(bench.classifier(name, level), bench.device)
    inference = _median_seconds(lambda: classifier.scores(held_out))
    peak = peak_memory()
    attribution = ATTRIBUTIONS.create(section.attribution, **section.attribution_options)
    target = bench.study.explain
    explaining = _median_seconds(lambda: attribution.compute(classifier, held_out, target))
    figures = {
        "parameters": sum(p.numel() for p in classifier.model.parameters()),
        "epochs": len(history),
        "training, s": training,
        "inference, ms per snapshot": 1e3 * inference / len(held_out),
        "explanation, ms per snapshot": 1e3 * explaining / len(held_out),
        "peak memory, MB": peak / 1e6,
        "of which before training, MB": idle / 1e6,
    }
    if classifier.device.type == "cuda":
        figures["peak GPU memory, MB"] = torch.cuda.max_memory_allocated(classifier.device) / 1e6
    return [{"model": name, "figure": k, "estimate": float(v)} for k, v in figures.items()]


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
    from gnnglass.study.fields import annotate_held_out, compare_with_dynamics

    if bench.study.dynamics is None:
        return []
    annotate_held_out(bench)
    rows = compare_with_dynamics(
        bench, bench.study.dynamics, bench.followed(bench.study.dynamics.phase)
    )["rows"]
    models = {f"importance_{name}": name for name in (*bench.study.classifiers, "random")}
    models["potential_energy"] = "energy"
    return [
        {
            "model": models[row["predictor"]],
            "figure": f"ρ with {row['target']}, {'smoothed' if row['smoothed'] else 'bare'}",
            **{key: row[key] for key in ("estimate", "low", "high")},
        }
        for row in rows
        if row["predictor"] in models and row["species"] == SPECIES and row["method"] == METHOD
    ]


def show(table: pd.DataFrame, splits: int) -> None:
    """Print one column per model, one row per figure."""
    if splits == 1:
        table = table.assign(shown=table.apply(_with_interval, axis=1))
    else:
        groups = table.groupby(["figure", "model"], sort=False)["estimate"]
        table = groups.agg(_spread).rename("shown").reset_index()
    wide = table.pivot(index="figure", columns="model", values="shown")
    # Classifiers first; each of them, and nothing else, has parameters.
    trained = table.loc[table["figure"] == "parameters", "model"].tolist()
    columns = dict.fromkeys([*trained, *table["model"]])
    wide = wide.loc[table["figure"].unique(), list(columns)].fillna("")
    print(wide.rename_axis(index=None, columns=None).to_string())
    print(
        "brackets: 95 % over held-out runs"
        if splits == 1
        else f"means over {splits} splits, in brackets the least and the greatest"
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
