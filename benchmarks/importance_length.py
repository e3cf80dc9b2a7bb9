"""Does the length over which importance is correlated grow on cooling, or is it the network's own?

Run a study first, such as ``gnnglass run gnnglass/studies/kam2d.toml``, then ``python
benchmarks/importance_length.py gnnglass-kam2d``. Liquids at several temperatures, in boxes of two
sizes, are simulated and minimised; the maps of the study's graph networks are made for all of them,
and beside these the maps of the same networks with random weights and after training on shuffled
labels: a correlation length that these share is one of the input and the reach of the network, not
of what was learnt. Energy and Θ are what maps may be made of. Printed is ξ of C(r) = A exp(−r / ξ),
with its interval over runs, or why there is none. Simulations are kept in
``<folder>/benchmark/liquids`` and not done again.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from _common import (
    finished_study,
    machine,
    markdown_table,
    rewrite_part,
    run_script,
    save_table,
    table_file,
    with_interval,
)
from tqdm import tqdm

from gnnglass import explain, structure
from gnnglass.compare import correlation_length
from gnnglass.explain import ATTRIBUTIONS, Attribution
from gnnglass.explain.faithfulness import randomised
from gnnglass.models import GraphNet
from gnnglass.simulate import Ensemble, Protocol
from gnnglass.study import Study
from gnnglass.study.classification import fitted
from gnnglass.study.workspace import Workspace, derived_seed, split_of
from gnnglass.training import TrainedClassifier, relabellings
from gnnglass.trajectories import Trajectory

#: Temperatures, as multiples of that of the study's liquids.
COOLED = (1.0, 0.8, 0.65, 0.5)
#: Particles, as multiples of those of the study: the second is the check of the first.
SIZES = (1, 4)
MELT_STEPS, HOLD_STEPS = 20_000, 40_000
SPECIES = "A"
INDICATORS = ("potential-energy", "tong-tanaka")


def main() -> None:
    """Print the table, and write it where it is wanted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of a finished study")
    parser.add_argument("--runs", type=int, default=8, help="liquids per temperature and size")
    parser.add_argument("--out", type=table_file, help="also write all figures: .csv or .json")
    parser.add_argument("--write-docs", type=Path, metavar="PAGE", help="also write it there")
    options = parser.parse_args()
    workspace = finished_study(options.folder)
    study = workspace.study
    liquids = simulated(workspace, options.runs)
    networks = made(workspace)
    table = pd.concat(
        lengths(workspace, networks, kT, n, members)
        for (kT, n), members in tqdm(liquids.items(), desc="maps")
    )
    text = markdown_table(shown(table))
    print(f"{study.title}\n{machine()}\n\n{text}")
    if options.out is not None:
        save_table(table, options.out)
    if options.write_docs is not None:
        rewrite_part(options.write_docs, f"lengths {study.system.name}", text)


def simulated(workspace: Workspace, n_runs: int) -> dict[tuple[float, int], list[Trajectory]]:
    """Inherent structures of liquids, by temperature and number of particles."""
    study = workspace.study
    ensemble = Ensemble(workspace.folder / "benchmark" / "liquids")
    melt = max(protocol["kT_melt"] for protocol in study.phases.values())
    names: dict[tuple[float, int], list[str]] = {}
    protocols = {}
    for size in SIZES:
        for factor in COOLED:
            kT = round(factor * liquid_of(study)["kT"], 4)
            n = size * study.system.n_particles
            for k in range(n_runs):
                # No name of a run has a point.
                name = f"kT-{kT:g}-n-{n}-{k:02d}".replace(".", "p")
                protocols[name] = Protocol(
                    kT=kT,
                    n_particles=n,
                    kT_melt=melt,
                    melt_steps=MELT_STEPS,
                    hold_steps=HOLD_STEPS,
                    n_frames=1,
                    frame_interval=1,
                    seed=derived_seed(study.simulate.seed, 3, size, round(1e4 * kT), k),
                )
                names.setdefault((kT, n), []).append(name)
    ensemble.plan(workspace.system, protocols, engine=study.simulate.engine)
    ensemble.run(description="liquids")
    return {
        key: [ensemble.load(name, study.explain_level) for name in members]
        for key, members in names.items()
    }


def liquid_of(study: Study) -> Mapping[str, float]:
    """What the study file says of the phase that is not explained."""
    other, _ = study.labels
    return study.phases[other]


#: Field -> the network that makes it, and how.
Maps = Mapping[str, tuple[TrainedClassifier, Attribution]]


def made(workspace: Workspace) -> Maps:
    """The graph networks of the study, and each of them untrained and wrongly trained."""
    study, level = workspace.study, workspace.study.explain_level
    labelled, split = workspace.labelled(level), split_of(workspace.parts)
    runs = {phase: workspace.runs_in(phase) for phase in study.labels}
    (wrong,) = relabellings(runs, split, 1, seed=study.null.seed)
    found = {}
    for name, section in study.classifiers.items():
        classifier = TrainedClassifier.load(workspace.classifier(name, level), workspace.device)
        if not isinstance(classifier.model, GraphNet):
            continue
        shuffled = fitted(
            workspace, name, labelled.relabelled(wrong), description=f"{name}, shuffled labels"
        )
        attribution = ATTRIBUTIONS.create(section.attribution, **section.attribution_options)
        found[name] = classifier, attribution
        found[f"{name}_random_weights"] = randomised(classifier, seed=0), attribution
        found[f"{name}_shuffled_labels"] = shuffled, attribution
    return found


def lengths(
    workspace: Workspace,
    networks: Maps,
    kT: float,
    n: int,
    liquids: Sequence[Trajectory],
) -> pd.DataFrame:
    """ξ of every map and indicator in liquids of one temperature and size."""
    annotated = [structure.annotate(one, INDICATORS) for one in liquids]
    for field, (classifier, attribution) in networks.items():
        annotated = [
            explain.annotate(classifier, one, attribution, field, target=workspace.study.explain)
            for one in annotated
        ]
    rows = []
    for field in (*networks, *map(structure.indicator_field, INDICATORS)):
        found = correlation_length(annotated, field, species=[SPECIES])[SPECIES]
        rows.append(found.to_frame().assign(kT=kT, n=n))
    return pd.concat(rows)


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """One row per field and size, one column per temperature."""
    texts = [
        with_interval(row, digits=2) if pd.notna(row["estimate"]) else "–"
        for row in table.to_dict("records")
    ]
    wide = table.assign(text=texts).pivot(index=["field", "n"], columns="kT", values="text")
    wide = wide.loc[[(f, n) for f in table["field"].unique() for n in sorted(set(table["n"]))]]
    return wide.rename(columns="ξ at kT = {:g}".format).reset_index().rename(columns={"n": "N"})


if __name__ == "__main__":
    run_script(main, resumes=True)
