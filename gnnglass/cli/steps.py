"""One command per step, for people who bring their own trajectories."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from gnnglass.errors import FileError, InputError

if TYPE_CHECKING:
    from gnnglass.trajectories import Trajectory

Out = Annotated[Path, typer.Option("--out", "-o", help="File to write.")]
Input = Annotated[Path, typer.Argument(help="Trajectory: GSD or LAMMPS dump.")]
Engine = Annotated[str, typer.Option(help="Simulation engine.")]
System = Annotated[
    str | None, typer.Option(help="Glass former; by default the one the file names.")
]


def simulate(
    system: Annotated[str, typer.Argument(help="Glass former, such as kam2d.")],
    out: Out,
    kT: Annotated[float, typer.Option("--kT", help="Temperature that is sampled.")],
    n_particles: int = 1024,
    n_frames: int = 8,
    frame_interval: Annotated[int, typer.Option(help="Steps between frames.")] = 2000,
    hold_steps: Annotated[int, typer.Option(help="Steps at kT before the first frame.")] = 10_000,
    kT_melt: Annotated[float, typer.Option("--kT-melt", help="Temperature of the melt.")] = 4.0,
    melt_steps: int = 4000,
    cooling_rate: Annotated[
        float | None, typer.Option(help="kT per unit of time; without, cooling is at once.")
    ] = None,
    seed: int = 0,
    phase: Annotated[str | None, typer.Option(help="Class label to store: liquid, glass.")] = None,
    inherent: Annotated[
        bool, typer.Option("--inherent", help="Also write OUT.inherent.gsd.")
    ] = False,
    engine: Engine = "lammps",
) -> None:
    """Melt, cool, hold and sample one run."""
    from gnnglass.simulate import ENGINES, Protocol, inherent_path, inherent_structures
    from gnnglass.systems import GLASS_FORMERS
    from gnnglass.trajectories import write

    former, chosen = GLASS_FORMERS.create(system), ENGINES.create(engine)
    protocol = Protocol(
        n_particles=n_particles,
        kT=kT,
        kT_melt=max(kT, kT_melt),
        melt_steps=melt_steps,
        cooling_rate=cooling_rate,
        hold_steps=hold_steps,
        n_frames=n_frames,
        frame_interval=frame_interval,
        seed=seed,
    )
    metadata = {} if phase is None else {"phase": phase}
    with _Bar("simulating", "step") as bar:
        trajectory = chosen.run(former, protocol, out, metadata=metadata, progress=bar)
    typer.echo(out)
    if inherent:
        with _Bar("minimising", "frame") as bar:
            quenched = inherent_structures(former, trajectory, engine, progress=bar)
        write(inherent_path(out), quenched)
        typer.echo(inherent_path(out))


def train(
    out: Out,
    runs: Annotated[
        list[Path] | None, typer.Argument(help="Trajectories that store their phase.")
    ] = None,
    liquid: Annotated[
        list[str] | None, typer.Option(help="Trajectories of liquids; patterns may be quoted.")
    ] = None,
    glass: Annotated[list[str] | None, typer.Option(help="Trajectories of glasses.")] = None,
    model: Annotated[str, typer.Option(help="Network.")] = "message-passing",
    system: System = None,
    supervision: Annotated[
        Literal["local", "global"], typer.Option(help="Labels per particle, or per snapshot.")
    ] = "local",
    epochs: int = 30,
    validation: float = 0.25,
    test: float = 0.25,
    seed: int = 0,
    device: str = "auto",
) -> None:
    """Train a classifier on trajectories of liquids and glasses, one independent run each."""
    from gnnglass import training
    from gnnglass.trajectories import read

    members: dict[str, list[Trajectory]] = {"liquid": [], "glass": []}
    for path in runs or []:
        trajectory = read(path)
        phase = trajectory.metadata.get("phase")
        if phase not in members:
            raise InputError(
                f"{path} stores the phase {phase!r}; expected liquid or glass: give the file with "
                "--liquid or --glass."
            )
        members[phase].append(trajectory)
    for phase, patterns in (("liquid", liquid), ("glass", glass)):
        for path in _matching(patterns or []):
            given = read(path)
            facts = {"run": path.stem, **given.metadata, "phase": phase}
            members[phase].append(given.map(lambda s: s, **facts))
    labelled = training.LabelledSet.from_trajectories(members)
    split = training.split_by_run(labelled, validation=validation, test=test, seed=seed)
    first = labelled.snapshots[0]
    known = {t.metadata.get("system") for t in (*members["liquid"], *members["glass"])}
    classifier = training.fit(
        labelled,
        split,
        model=model,
        recipe=training.recipe_for(model, first.dimension, first.type_names),
        options=training.TrainingOptions(supervision=supervision, epochs=epochs, seed=seed),
        system=system or (known.pop() if len(known) == 1 else None),
        device=device,
    )
    classifier.save(out)
    chosen = labelled.where(split.test)
    judged = training.evaluate(
        classifier.predict_proba([labelled.snapshots[i] for i in chosen])[:, 1],
        labelled.targets[chosen],
        [labelled.runs[i] for i in chosen],
    )
    typer.echo(
        f"{out}: {labelled.level} level, AUC {judged.auc.estimate:.3f} "
        f"[{judged.auc.low:.3f}, {judged.auc.high:.3f}], accuracy {judged.accuracy.estimate:.3f} "
        f"on {judged.n_snapshots} snapshots of {judged.n_runs} held-out runs"
    )


def explain(
    model: Annotated[Path, typer.Argument(help="Trained classifier (.safetensors).")],
    trajectory: Input,
    out: Out,
    attribution: Annotated[
        str | None, typer.Option(help="By default the Grad-CAM of the model's kind.")
    ] = None,
    target: Annotated[str, typer.Option(help="Class whose logit is explained.")] = "glass",
    field: Annotated[str, typer.Option(help="Name of the field to write.")] = "importance",
    system: System = None,
    engine: Engine = "lammps",
    device: str = "auto",
) -> None:
    """Give every particle of a trajectory its importance for the decision of a classifier.

    A classifier of inherent structures is given inherent structures: they are computed on the
    way, and are what is written.
    """
    from gnnglass import explain as explaining
    from gnnglass.training import TrainedClassifier
    from gnnglass.trajectories import read, write

    classifier = TrainedClassifier.load(model, device)
    frames = read(trajectory)
    chosen = attribution or f"{classifier.model.kind}-gradcam"
    method = explaining.ATTRIBUTIONS.create(chosen)
    # Before minutes of minimisation, not after.
    for snapshot in frames:
        classifier.recipe.species(snapshot)
    frames = _at_level(frames, classifier.level, system or classifier.system, engine)
    annotated = explaining.annotate(classifier, frames, method, field, target=target)
    probability = classifier.predict_proba(frames)[:, classifier.labels.index(target)]
    write(out, annotated.map(lambda s: s, explained={"model": str(model), "attribution": chosen}))
    typer.echo(f"{'step':>12}  P({target})")
    for snapshot, p in zip(frames, probability, strict=True):
        typer.echo(f"{snapshot.step:12d}  {p:.3f}")
    typer.echo(f"{out}: {len(annotated)} frames with particles/gnnglass/{field}")


def dynamics(
    trajectory: Input,
    out: Out,
    kT: Annotated[
        float | None, typer.Option("--kT", help="Of the clones; by default the file's.")
    ] = None,
    frame: Annotated[int, typer.Option(help="Frame that the clones start from.")] = -1,
    n_clones: int = 16,
    last_lag: Annotated[int, typer.Option(help="Steps of each clone.")] = 20_000,
    n_lags: Annotated[int, typer.Option(help="Lags, spaced logarithmically.")] = 16,
    dt: float = 0.005,
    seed: int = 0,
    system: System = None,
    engine: Engine = "lammps",
) -> None:
    """Run clones of one configuration; give every particle propensity and relaxation times.

    A file that already holds clones is analysed as it is. New clones are kept in OUT.clones.gsd.
    """
    import numpy as np

    from gnnglass.dynamics import IsoconfigurationalEnsemble, annotate
    from gnnglass.simulate import ENGINES, IsoconfigurationalProtocol
    from gnnglass.systems import GLASS_FORMERS
    from gnnglass.trajectories import Trajectory, read, write

    clones = read(trajectory)
    if "isoconfigurational" not in clones.metadata:
        temperature = kT or clones.metadata.get("kT")
        if temperature is None:
            raise InputError(f"{trajectory} does not store its temperature; give --kT.")
        if not -len(clones) <= frame < len(clones):
            raise InputError(f"{trajectory} has {len(clones)} frames; there is no frame {frame}.")
        lags = np.unique(np.geomspace(10, last_lag, n_lags).round().astype(int))
        protocol = IsoconfigurationalProtocol(
            kT=temperature, n_clones=n_clones, lag_steps=tuple(lags.tolist()), seed=seed, dt=dt
        )
        kept = out.with_suffix(".clones.gsd")
        former = GLASS_FORMERS.create(_system_of(clones, system))
        runner = ENGINES.create(engine)
        with _Bar("clones", "step") as bar:
            runner.isoconfigurational(former, clones[frame], protocol, kept, progress=bar)
        clones = read(kept)
    ensemble = IsoconfigurationalEnsemble.from_trajectory(clones)
    write(out, Trajectory([annotate(ensemble)], clones.metadata))
    typer.echo(f"{out}: propensity and relaxation times from {ensemble.n_clones} clones")


def structure(
    trajectory: Input,
    out: Out,
    indicator: Annotated[
        list[str] | None, typer.Option(help="Indicators; all that apply by default.")
    ] = None,
    inherent: Annotated[
        bool, typer.Option("--inherent", help="Measure inherent structures, computed on the way.")
    ] = False,
    system: System = None,
    engine: Engine = "lammps",
) -> None:
    """Give every particle its structural indicators."""
    from gnnglass.structure import INDICATORS, annotate, indicator_for
    from gnnglass.trajectories import read, write

    frames = read(trajectory)
    if system is not None:
        frames = frames.map(lambda s: s, system=system)
    if inherent:
        frames = _at_level(frames, "inherent", _system_of(frames, None), engine)
    chosen = {name: indicator_for(name, frames) for name in indicator or INDICATORS.names()}
    if not indicator:
        dimension = frames[0].dimension
        chosen = {name: one for name, one in chosen.items() if dimension in one.dimensions}
    write(out, annotate(frames, {name.replace("-", "_"): one for name, one in chosen.items()}))
    typer.echo(f"{out}: {', '.join(chosen)}")


def compare(
    trajectories: Annotated[
        list[Path], typer.Argument(help="Annotated trajectories, one independent run each.")
    ],
    predictor: Annotated[list[str], typer.Option(help="Fields that predict.")],
    target: Annotated[list[str], typer.Option(help="Fields to be predicted.")],
    species: Annotated[list[str] | None, typer.Option(help="By default each.")] = None,
    method: Annotated[
        Literal["spearman", "pearson"], typer.Option(help="Correlation coefficient.")
    ] = "spearman",
    length: Annotated[
        list[float] | None, typer.Option(help="Candidate smoothing lengths of the predictors.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="CSV file for the whole table.")
    ] = None,
) -> None:
    """Correlate fields per species and configuration, with intervals over runs."""
    from gnnglass.compare import compare_fields
    from gnnglass.trajectories import read, written_whole

    loaded = [read(path) for path in trajectories]
    snapshots = [snapshot for trajectory in loaded for snapshot in trajectory]
    runs = [
        str(trajectory.metadata.get("run", path))
        for trajectory, path in zip(loaded, trajectories, strict=True)
        for _ in trajectory
    ]
    flags = {name: f"{name}_censored" for name in target}
    table = compare_fields(
        snapshots,
        predictor,
        target,
        runs=runs,
        species=species,
        methods=(method,),
        lengths=length,
        censored={name: flag for name, flag in flags.items() if flag in snapshots[0].fields},
    )
    shown = ["predictor", "target", "species", "smoothed", "estimate", "low", "high", "n_runs"]
    typer.echo(table[shown].to_string(index=False, float_format="{:.3f}".format))
    if out is not None:
        with written_whole(out) as aside:
            table.to_csv(aside, index=False)


def convert(
    source: Input,
    out: Out,
    system: Annotated[str | None, typer.Option(help="Glass former to store with it.")] = None,
    phase: Annotated[str | None, typer.Option(help="Class label to store with it.")] = None,
) -> None:
    """Convert a trajectory of any known format to GSD."""
    from gnnglass.trajectories import read, write

    facts = {"system": system, "phase": phase}
    known = {key: value for key, value in facts.items() if value is not None}
    trajectory = read(source).map(lambda s: s, **known)
    write(out, trajectory)
    typer.echo(f"{out}: {trajectory!r}")


def _matching(patterns: Sequence[str]) -> list[Path]:
    found = []
    for pattern in patterns:
        paths = sorted(glob.glob(pattern))  # noqa: PTH207 - patterns may be absolute
        if not paths:
            raise FileError(f"no file matches {pattern}.")
        found += [Path(path) for path in paths]
    return found


def _system_of(trajectory: Trajectory, system: str | None) -> str:
    name = system or trajectory.metadata.get("system")
    if name is None:
        raise InputError("the trajectory does not name its glass former; give --system.")
    return str(name)


def _at_level(trajectory: Trajectory, level: str, system: str | None, engine: str) -> Trajectory:
    from gnnglass.simulate import inherent_structures
    from gnnglass.systems import GLASS_FORMERS

    stored = trajectory.metadata.get("level", "thermal")
    if level == stored:
        return trajectory
    if level == "thermal":
        raise InputError(
            "the trajectory holds inherent structures, but thermal configurations are wanted; "
            "give the trajectory they were made from."
        )
    former = GLASS_FORMERS.create(_system_of(trajectory, system))
    with _Bar("inherent structures", "frame") as bar:
        return inherent_structures(former, trajectory, engine, progress=bar)


class _Bar:
    """A progress bar that takes the (done, total) of the simulation API."""

    def __init__(self, description: str, unit: str) -> None:
        from tqdm import tqdm

        self.bar: Any = tqdm(desc=description, unit=unit)

    def __call__(self, done: int, total: int) -> None:
        self.bar.total = total
        self.bar.update(done - self.bar.n)

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()
