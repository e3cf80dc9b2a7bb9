"""Networks and attributions against a known optimum: liquids that differ in temperature alone.

Run ``python benchmarks/known_optimum.py FOLDER``. For two equilibrium ensembles of the same
particles in the same volume the best classifier is the potential energy (Neyman & Pearson, Phil.
Trans. R. Soc. A 231, 289 (1933)). So each network is judged by how near it comes to the AUC of
the energy, and each attribution by how well it finds the energy of every particle. Simulations and
networks stay in the folder: what is done is not done again, what was killed is taken up.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _common import run_script, save_table, table_file, with_interval
from numpy.typing import NDArray

from gnnglass.compare import correlate, smooth
from gnnglass.errors import FileError
from gnnglass.explain import ATTRIBUTIONS
from gnnglass.models import MODELS, recipe_for
from gnnglass.simulate import Ensemble
from gnnglass.stats import auc_difference, auc_over_runs, statistic_over_runs
from gnnglass.study.definition import EnsembleFile
from gnnglass.study.workspace import plan_runs, run_names
from gnnglass.systems import glass_former
from gnnglass.training import (
    Calibration,
    Candidate,
    LabelledSet,
    Split,
    TrainedClassifier,
    TrainingOptions,
    fit_best,
    split_by_run,
)
from gnnglass.trajectories import Snapshot
from gnnglass.trajectories.snapshot import FloatArray

WARM, COLD = "warm", "cold"
#: Smoothing lengths at which maps are compared with energies, both smoothed alike; 0 is bare.
LENGTHS = (0.0, 0.5, 1.0, 1.5)
Record = dict[str, Any]


@dataclass(frozen=True)
class Settings:
    """How a network is fed, made and, other than `TRAINING` says, trained."""

    recipe: dict[str, Any] = field(default_factory=dict)
    model: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)


#: By registered name; of several the validation runs choose. Others see the whole range of the
#: potential, too.
SETTINGS = {
    "message-passing": [
        Settings(recipe={"r_max": 2.5}, model={"n_radial": 32, "n_layers": 0, "dropout": 0.0})
    ],
    "voxel-cnn": [
        Settings(
            recipe={"voxel_size": size, "width": width},
            model={"dropout": 0.0},
            training={"learning_rate": rate},
        )
        for size, width in ((0.2, 0.14), (0.15, 0.11))
        for rate in (2e-3, 5e-3)
    ],
}
OTHERS = {"graph": [Settings(recipe={"r_max": 2.5})], "voxel": [Settings()]}
TRAINING = {"batch_size": 32, "epochs": 12, "patience": 4, "weight_decay": 0.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where simulations and networks are kept")
    parser.add_argument("--system", default="kam2d", help="glass former")
    parser.add_argument("--particles", type=int, default=100, help="particles of a configuration")
    parser.add_argument("--kT", type=float, nargs=2, default=(1.5, 1.2), metavar=("WARM", "COLD"))
    parser.add_argument("--runs", type=int, default=80, help="independent runs per temperature")
    parser.add_argument("--frames", type=int, default=100, help="configurations per run")
    parser.add_argument("--interval", type=int, default=500, help="steps between configurations")
    parser.add_argument("--models", nargs="+", default=list(SETTINGS), help="registered names")
    parser.add_argument("--supervision", nargs="+", default=["global"], help="global, local, ball")
    parser.add_argument("--epochs", type=int, default=TRAINING["epochs"], help="most epochs")
    parser.add_argument(
        "--attributions",
        nargs="+",
        default=["graph-gradcam", "voxel-gradcam", "random"],
        help="registered names; each explains the networks that it can",
    )
    parser.add_argument("--explained", type=int, default=10, help="explained frames of a test run")
    parser.add_argument("--workers", type=int, help="processes that simulate; default: all cores")
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto")
    parser.add_argument("--out", type=table_file, help="also write all figures: .csv or .json")
    options = parser.parse_args()
    if options.kT[0] <= options.kT[1]:
        parser.error("--kT takes the higher temperature first")
    records = benchmark(options)
    if options.out is not None:
        save_table(pd.DataFrame(records), options.out)


def benchmark(options: argparse.Namespace) -> list[Record]:
    """Simulate, train, judge and explain; print tables and return all figures."""
    plan = plan_of(options)
    labelled = simulated(plan, options.folder / "runs", options.workers)
    system = glass_former(options.system)
    energies = [system.energies(snapshot) for snapshot in labelled.snapshots]
    total = np.array([values.sum() for values in energies])
    slope = slope_of_log_odds(labelled, total)
    exact = exact_slope(options.kT)
    print(f"slope of the log odds in the energy: {with_interval(slope)}; exact {exact:.3f}")
    split = split_by_run(labelled, validation=0.2, test=0.2)
    step = max(1, options.frames // options.explained)
    judged: list[Record] = []
    explained: list[Record] = []
    for name, supervision in itertools.product(options.models, options.supervision):
        classifier = trained(name, supervision, labelled, split, plan, options)
        which = {"model": name, "supervision": supervision}
        judged += [{**which, **record} for record in judge(classifier, labelled, total)]
        explained += [
            {**which, **record}
            for record in explain(classifier, options.attributions, labelled, energies, step)
        ]
    print(f"\n{len(set(split.test))} test runs; brackets: 95 % over runs")
    show(judged, ("model", "supervision"))
    show(explained, ("model", "supervision", "attribution", "species"))
    return [slope, *judged, *explained]


def plan_of(options: argparse.Namespace) -> EnsembleFile:
    """What is simulated: runs from a melt, held for twenty intervals before the first frame."""
    schedule = {
        "kT_melt": 2 * options.kT[0],
        "melt_steps": 2000,
        "hold_steps": 20 * options.interval,
        "n_frames": options.frames,
        "frame_interval": options.interval,
    }
    return EnsembleFile.from_dict(
        {
            "system": {"name": options.system, "n_particles": options.particles},
            "simulate": {"runs": options.runs},
            "phases": {
                phase: {"kT": kT, **schedule}
                for phase, kT in zip((WARM, COLD), options.kT, strict=True)
            },
        }
    )


def simulated(plan: EnsembleFile, folder: Path, workers: int | None) -> LabelledSet:
    """Thermal configurations of both temperatures, simulated unless they are there."""
    ensemble = Ensemble(folder)
    runs = plan_runs(plan, ensemble)
    ensemble.run(runs, workers=workers)
    phases = {
        phase: [ensemble.load(run) for run in run_names(plan, phase)] for phase in plan.phases
    }
    for phase, trajectories in phases.items():
        verdicts = Counter(one.metadata["equilibration"]["verdict"] for one in trajectories)
        counted = ", ".join(f"{n} {verdict}" for verdict, n in verdicts.items())
        print(f"{phase}, kT = {plan.phases[phase]['kT']:g}: {counted}")
    return LabelledSet.from_trajectories(phases)


def slope_of_log_odds(labelled: LabelledSet, total: FloatArray) -> Record:
    """How fast the log odds rise with the energy, which equilibrium settles: see `exact_slope`."""
    names = np.array(labelled.runs)
    members = [np.flatnonzero(names == run) for run in dict.fromkeys(labelled.runs)]

    def slope(chosen: Sequence[NDArray[np.int64]]) -> float:
        index = np.concatenate(chosen)
        return -Calibration.fit(-total[index], labelled.targets[index]).scale

    return {"figure": "slope", **statistic_over_runs(members, slope).to_dict()}


def exact_slope(kT: Sequence[float]) -> float:
    """What the lemma says of it: log(p_cold / p_warm) = (β_warm − β_cold) E + const."""
    return 1 / kT[0] - 1 / kT[1]


def trained(
    name: str,
    supervision: str,
    labelled: LabelledSet,
    split: Split,
    plan: EnsembleFile,
    options: argparse.Namespace,
) -> TrainedClassifier:
    """A network trained on the training runs, unless just this was done before."""
    kind = MODELS.factory(name).kind  # type: ignore[attr-defined]
    settings = SETTINGS.get(name) or OTHERS[kind]
    training = {**TRAINING, "epochs": options.epochs, "supervision": supervision}
    depends_on = [plan.model_dump(), [asdict(one) for one in settings], training, asdict(split)]
    digest = hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()[:12]
    file = options.folder / "classifiers" / f"{name}-{supervision}-{digest}.safetensors"
    # One that is missing, damaged or of an older version is trained.
    with suppress(FileError):
        return TrainedClassifier.load(file, options.device)
    system = glass_former(options.system)
    checkpoints = file.with_suffix("")
    choice = fit_best(
        labelled,
        split,
        [
            Candidate(
                name,
                recipe_for(name, system.dimension, system.species, **one.recipe),
                one.model,
                TrainingOptions(**{**training, **one.training}),
            )
            for one in settings
        ],
        system=system.identity,
        checkpoints=checkpoints,
        device=options.device,
    )
    for one in choice.record:
        print(
            f"{name}, {one['recipe']}, {one['options']}: validation loss "
            f"{one['validation_loss']:.4f}{', chosen' if one['chosen'] else ''}",
            file=sys.stderr,
        )
    choice.classifier.save(file)
    shutil.rmtree(checkpoints, ignore_errors=True)
    return choice.classifier


def judge(
    classifier: TrainedClassifier, labelled: LabelledSet, total: FloatArray
) -> Iterator[Record]:
    """How near a network comes to the energy in telling the test runs apart."""
    test = labelled.where(classifier.split.test)
    targets, runs = labelled.targets[test], [labelled.runs[i] for i in test]
    scores = classifier.scores([labelled.snapshots[i] for i in test], batch_size=32)
    optimum = -total[test]
    figures = {
        "AUC": auc_over_runs(scores, targets, runs),
        "AUC of the energy": auc_over_runs(optimum, targets, runs),
        "difference": auc_difference(scores, optimum, targets, runs),
    }
    for figure, found in figures.items():
        yield {"figure": figure, **found.to_dict()}
    yield {"figure": "r with the energy", "estimate": np.corrcoef(scores, -optimum)[0, 1]}


def explain(
    classifier: TrainedClassifier,
    attributions: Sequence[str],
    labelled: LabelledSet,
    energies: Sequence[FloatArray],
    step: int,
) -> Iterator[Record]:
    """How each attribution of a network goes with the energies, on every so many test frames."""
    chosen = labelled.where(classifier.split.test)[::step]
    snapshots, runs = ([given[i] for i in chosen] for given in (labelled.snapshots, labelled.runs))
    for name in attributions:
        attribution = ATTRIBUTIONS.create(name)
        if classifier.model.kind not in attribution.kinds:
            continue
        maps = attribution.compute(classifier, snapshots, COLD)
        if all(np.ptp(one) == 0 for one in maps):
            print(f"{name}: all particles of a configuration score the same")
            continue
        fields = [np.stack([m, energies[i]], axis=1) for m, i in zip(maps, chosen, strict=True)]
        for record in correlations(snapshots, fields, runs):
            yield {"attribution": name, **record}


def correlations(
    snapshots: Sequence[Snapshot], fields: Sequence[FloatArray], runs: Sequence[str]
) -> Iterator[Record]:
    """Pearson's r of two fields, shape [n, 2], bare and smoothed alike: of A particles, and all."""
    for length in LENGTHS:
        frames = []
        for snapshot, both in zip(snapshots, fields, strict=True):
            score, energy = smooth(snapshot, both, length).T
            frames.append(snapshot.replace(fields={"score": score, "energy": energy}))
        for species, members in (("A", frames), ("all", [nameless(one) for one in frames])):
            found = correlate(
                members, "score", "energy", runs=runs, species=[species], method="pearson"
            )[species]
            yield {
                "species": species,
                "figure": f"smoothed over {length:g}" if length else "bare",
                **found.interval.to_dict(),
            }


def nameless(snapshot: Snapshot) -> Snapshot:
    """The configuration with all particles of one species, to be compared all together."""
    return snapshot.replace(types=np.zeros(len(snapshot), dtype=int), type_names=("all",))


def show(records: Sequence[Record], index: Sequence[str]) -> None:
    """Print a row for each combination of the entries `index`, a column for each figure."""
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for record in records:
        row = rows.setdefault(tuple(record[name] for name in index), {})
        row[record["figure"]] = with_interval(record)
    print(f"\n{pd.DataFrame.from_dict(rows, orient='index').to_string()}")


if __name__ == "__main__":
    run_script(main, resumes=True)
