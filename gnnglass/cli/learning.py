"""Commands that deal with classifiers: train one, explain its decisions."""

from __future__ import annotations

import glob
import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from gnnglass._files import require_replaceable, require_writable
from gnnglass._records import Record, code_digest, digest_of, file_digest, record_beside
from gnnglass._shipped import file_of
from gnnglass.cli._names import completing, require_known
from gnnglass.cli._options import (
    Accept,
    Box,
    Device,
    Engine,
    Files,
    Frames,
    LengthUnit,
    Out,
    Overwrite,
    Refusals,
    Seed,
    Species,
    System,
    at_level,
    each_run,
    is_trajectory,
    made_of,
    next_step,
    read_as,
    reading,
    settings,
    system_of,
)
from gnnglass.errors import FileError, InputError
from gnnglass.registry import packages_elsewhere

if TYPE_CHECKING:
    from gnnglass.explain import Attribution
    from gnnglass.training import LabelledSet, Split, TrainedClassifier, TrainingOptions
    from gnnglass.trajectories import Trajectory


def train(
    out: Out,
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Trajectories that store their phase, one independent run each; a folder stands "
            "for the files in it.",
            callback=each_run,
        ),
    ] = None,
    classes: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            metavar="NAME=PATTERN",
            help="Trajectories of one class, or a folder of them; give it once per class or "
            "pattern, such as --class 'liquid=hot-*.gsd'.",
        ),
    ] = None,
    explain: Annotated[
        str | None,
        typer.Option(help="Class that is explained by default; the one called glass, if any."),
    ] = None,
    model: Annotated[
        str,
        typer.Option(help="Network (gnnglass list models).", autocompletion=completing("models")),
    ] = "message-passing",
    indicator: Annotated[
        list[str] | None,
        typer.Option(
            help="Structural indicator (gnnglass list indicators) that the network is given of "
            "every particle; give it once per indicator.",
            autocompletion=completing("indicators"),
        ),
    ] = None,
    system: System = None,
    species: Species = None,
    length_unit: LengthUnit = None,
    box: Box = None,
    frames: Frames = None,
    accept: Accept = None,
    recipe: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="Parameter of the recipe that makes the network's input, as in the table recipe "
            "of a study file: r_max=1.5, n_angular=6, voxel_size=0.4; give it once per parameter.",
        ),
    ] = None,
    model_option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="Parameter of the network, as in the table model_options of a study file: "
            "n_layers=3, hidden=64, n_radial=24; give it once per parameter.",
        ),
    ] = None,
    training: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="How it is trained, as in the table training of a study file: "
            "learning_rate=0.001, weight_decay=0.3, patience=10, strain=0.01; give it once per "
            "option.",
        ),
    ] = None,
    supervision: Annotated[
        Literal["local", "ball", "global"] | None,
        typer.Option(
            help="Labels per particle (local), which is the default, per neighbourhood, or per "
            "snapshot."
        ),
    ] = None,
    ball_radius: Annotated[
        float | None,
        typer.Option(help="Radius of the neighbourhoods of --supervision ball, in σ."),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Largest number of epochs; 30 by default.")
    ] = None,
    validation: Annotated[
        float, typer.Option(help="Share of the runs of each class that decide when to stop.")
    ] = 0.25,
    test: Annotated[
        float,
        typer.Option(
            help="Share of the runs of each class that judge the classifier; 0 for none, so that "
            "more train."
        ),
    ] = 0.25,
    seed: Seed = 0,
    device: Device = "auto",
    overwrite: Overwrite = False,
) -> None:
    """Train a classifier on trajectories of two phases, one independent run each.

    Runs that differ in system, composition, density or level, or that are not independent, are
    refused; lengths are in σ. With --accept phase, files are of the class they are given as,
    whatever phase they store.

    Examples:
        gnnglass train liquid-*.gsd glass-*.gsd -o gnn.safetensors
        gnnglass train --class 'liquid=hot-*.gsd' --class 'glass=cold-*.gsd' -o gnn.safetensors
        gnnglass train liquids glasses --recipe r_max=1.8 --training patience=9 -o gnn.safetensors

    OUT (.safetensors) holds the network, what it was trained on and how; its AUC and accuracy on
    runs that it has not seen are printed, if there are any. Next, gnnglass explain maps its
    decisions, and gnnglass show tells what it is made for.
    """
    from gnnglass._options import require_classes, require_one_level
    from gnnglass.study.definition import explained_phase
    from gnnglass.trajectories.runs import run_names

    # All that can be known without torch and without a look at particles comes first.
    by_class = _of_classes(classes or [])
    inputs = [*(runs or []), *(path for _, path in by_class)]
    require_replaceable(out, ours=_is_classifier, overwrite=overwrite, inputs=inputs)
    require_known("models", model)
    require_known("indicators", *(indicator or ()))
    recipe_table = _joined(
        settings("--recipe", recipe, "r_max=1.5"), "--recipe", indicators=indicator
    )
    if "system" in recipe_table:
        raise InputError("--recipe: system is that of the runs (--system); leave it out.")
    model_table = settings("--model-option", model_option, "n_layers=3")
    training_table = _joined(
        settings("--training", training, "learning_rate=0.001"),
        "--training",
        supervision=supervision,
        ball_radius=ball_radius,
        epochs=epochs,
    )

    def read(path: Path) -> Trajectory:
        return read_as(
            path, system=system, species=species, length_unit=length_unit, box=box, frames=frames
        )

    members = _members(map(read, runs or []), [(name, read(path)) for name, path in by_class])
    require_classes(members)
    last = explained_phase(members, explain)
    members[last] = members.pop(last)
    every = [trajectory for of_class in members.values() for trajectory in of_class]
    require_one_level([one.metadata.get("level", "thermal") for one in every])

    from gnnglass import training as learning

    learning.choose_device(device)
    options = learning.TrainingOptions.from_dict({"seed": seed, **training_table})
    numbered = {name: [f"{name}-{k}" for k in range(len(of))] for name, of in members.items()}
    learning.deal_runs(numbered, validation=validation, test=test, seed=seed)
    labelled = learning.LabelledSet.from_trajectories(members, accept=accept or ())
    split = learning.split_by_run(labelled, validation=validation, test=test, seed=seed)
    classifier = _fitted(
        labelled, split, model, recipe_table, model_table, options, accept or (), device
    )
    classifier.save(out, overwrite=overwrite)
    typer.echo(
        f"{out}: {labelled.level} level, {_judged(classifier, labelled)}; explains "
        f"{classifier.explained}"
    )
    of_run = dict(zip(run_names(every), every, strict=True))
    shown = of_run[(split.test or split.validation)[-1]].source
    next_step("explain", out, shown, "-o", out.with_suffix(".explained.gsd"))


def _joined(table: dict[str, Any], option: str, **others: Any) -> dict[str, Any]:
    """A table of KEY=VALUE and the options that stand for some of its keys.

    Raises:
        InputError: If something is given in both ways.
    """
    given = {key: value for key, value in others.items() if value is not None}
    for key in given.keys() & table.keys():
        raise InputError(f"{key} is given twice, by {option} and by itself; give it once.")
    return {**table, **given}


def _members(
    stating: Iterable[Trajectory], named: Iterable[tuple[str, Trajectory]]
) -> dict[str, list[Trajectory]]:
    """The trajectories of each class: those that state it, and those given as of a class."""
    members: dict[str, list[Trajectory]] = {}
    for trajectory in stating:
        phase = trajectory.metadata.get("phase")
        if not isinstance(phase, str):
            raise InputError(
                f"{trajectory.source} does not store its phase; say it with --class "
                f"'NAME={trajectory.source}', or store it with gnnglass convert --phase."
            )
        members.setdefault(phase, []).append(trajectory)
    for name, trajectory in named:
        members.setdefault(name, []).append(trajectory)
    return members


def _fitted(
    labelled: LabelledSet,
    split: Split,
    model: str,
    recipe: Mapping[str, Any],
    model_options: Mapping[str, Any],
    options: TrainingOptions,
    accept: Sequence[str],
    device: str,
) -> TrainedClassifier:
    from gnnglass import training
    from gnnglass.models import recipe_for
    from gnnglass.trajectories.material import DIFFERENCES

    first = labelled.snapshots[0]
    parameters = {**recipe, "system": labelled.material.system}
    return training.fit(
        labelled,
        split,
        model=model,
        recipe=recipe_for(model, first.dimension, first.type_names, **parameters),
        model_options=model_options,
        options=options,
        accept=[name for name in accept if name in DIFFERENCES],
        device=device,
    )


def _judged(classifier: TrainedClassifier, labelled: LabelledSet) -> str:
    """How well a classifier does on the runs that were held out, in words."""
    from gnnglass import training
    from gnnglass.training.labelled import NOT_TESTED

    chosen = labelled.where(classifier.split.test)
    if not len(chosen):
        return NOT_TESTED
    judged = training.evaluate(
        classifier.predict_proba([labelled.snapshots[i] for i in chosen])[:, 1],
        labelled.targets[chosen],
        [labelled.runs[i] for i in chosen],
    )
    return (
        f"AUC {judged.auc.sentence('.3f')}, accuracy {judged.accuracy.sentence('.3f')} on "
        f"{judged.n_snapshots} snapshots of {judged.n_runs} held-out runs"
    )


def _is_classifier(path: Path) -> bool:
    from gnnglass.training.classifier import is_classifier

    return is_classifier(path)


def explain(
    model: Annotated[
        Path,
        typer.Argument(
            help="Trained classifier: a file (.safetensors), or a name of gnnglass list "
            "classifiers.",
            autocompletion=completing("classifiers"),
        ),
    ],
    trajectories: Files,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Folder to write to; or, of one trajectory, a file. By default NAME-explained.gsd "
            "beside each trajectory.",
        ),
    ] = None,
    attribution: Annotated[
        str | None,
        typer.Option(
            help="Method (gnnglass list attributions); by default Grad-CAM.",
            autocompletion=completing("attributions"),
        ),
    ] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option(
            help="Layer of the network whose activation is mapped, by default its own choice; an "
            "unknown one is answered with those that there are. Of methods that average over "
            "layers give it once per layer."
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(help="Class whose logit is explained; by default the classifier's own."),
    ] = None,
    field: Annotated[str, typer.Option(help="Name of the field to write.")] = "importance",
    batch_size: Annotated[
        int | None,
        typer.Option(
            min=1, help="Frames that go through the network at once; fewer take less memory."
        ),
    ] = None,
    system: System = None,
    species: Species = None,
    length_unit: LengthUnit = None,
    box: Box = None,
    frames: Frames = None,
    accept: Accept = None,
    engine: Engine = "lammps",
    device: Device = "auto",
    overwrite: Overwrite = False,
) -> None:
    """Give every particle of trajectories its importance for the decision of a classifier.

    A classifier of inherent structures is given inherent structures: they are computed on the
    way, and are what is written. What is not like what the classifier was trained on (system,
    composition, density, temperature) is refused, unless the difference is accepted by name; of
    several files the others are explained all the same. What is finished is not done again.
    Importance has no unit: it is compared within a configuration.

    Examples:
        gnnglass explain gnn.safetensors glass.gsd -o explained.gsd
        gnnglass explain ka3d-inherent run.dump --system ka3d --frames -1: -o explained.gsd
        gnnglass explain gnn.safetensors glass-*.gsd --layer embed -o first-layer

    OUT is the trajectory (GSD) with the field particles/gnnglass/importance, for OVITO, or a folder
    of these, NAME-explained.gsd; a hidden record beside each tells what it was made of. The
    probability of each frame is printed. Next, gnnglass structure adds what to compare it with, and
    gnnglass compare does so.
    """
    # All that can be known without torch comes first.
    require_known("attributions", attribution)
    require_known("engines", engine)
    files = made_of(trajectories, out, "-explained.gsd")
    read, options = reading(
        system=system, species=species, length_unit=length_unit, box=box, frames=frames
    )
    explanation = _Explanation(
        model=model,
        file=file_of("classifier", model),
        attribution=attribution,
        layers=tuple(layer or ()),
        target=target,
        field=field,
        batch_size=batch_size,
        accept=tuple(accept or ()),
        engine=engine,
        device=device,
        options=options,
    )
    refusals, done = Refusals(len(files)), []
    for source, product in files.items():
        found: Trajectory | Record | None = None
        with refusals.of(source):
            require_replaceable(
                product, ours=is_trajectory, overwrite=overwrite, inputs=[model, *files]
            )
            require_writable(product)
            digest = explanation.digest(source)
            found = Record.find(record_beside(product), digest, [product]) or read(source)
        if found is not None and not isinstance(found, Record):
            explaining = partial(explanation, found, source, product, overwrite)
            found = None
            # What is wrong with the classifier, and not with a file, ends it all.
            explanation.require_explainable()
            with refusals.of(source):
                found = Record.make(record_beside(product), digest, explaining, [product])
        if found is not None:
            _tell(found.result, product, field)
            done.append(product)
    refusals.end()
    next_step("structure", done[0], "-o", done[0].with_suffix(".structure.gsd"))


def _tell(told: Mapping[str, Any], product: Path, field: str) -> None:
    typer.echo(f"{'step':>12}  P({told['target']})")
    for step, p in zip(told["steps"], told["probability"], strict=True):
        typer.echo(f"{step:12d}  {p:.3f}")
    typer.echo(f"{product}: {len(told['steps'])} frames with particles/gnnglass/{field}")


@dataclass
class _Explanation:
    """How files are explained; the classifier is loaded when the first is there to be explained."""

    model: Path
    file: Path
    attribution: str | None
    layers: tuple[str, ...]
    target: str | None
    field: str
    batch_size: int | None
    accept: tuple[str, ...]
    engine: str
    device: str
    options: dict[str, Any]

    def digest(self, source: Path) -> str:
        """Of all that the explanation of a file depends on."""
        # Of what is no file, reading tells.
        return digest_of(file_digest(source) if source.is_file() else None, *self.depends_on)

    @cached_property
    def depends_on(self) -> list[Any]:
        """What the explanations of all files depend on."""
        elsewhere = [
            package
            for group in ("explain", "models", "structure", "systems", "potentials", "simulate")
            for package in packages_elsewhere(f"gnnglass.{group}")
        ]
        return [
            file_digest(self.file),
            [self.attribution, self.layers, self.target, self.field, self.batch_size],
            [sorted(self.accept), self.engine, self.options],
            code_digest(*_CODE_OF_MAPS, *elsewhere),
        ]

    @cached_property
    def classifier(self) -> TrainedClassifier:
        from gnnglass.training import TrainedClassifier

        return TrainedClassifier.load(self.model, self.device)

    @cached_property
    def method(self) -> Attribution:
        from gnnglass.explain import ATTRIBUTIONS

        name = self.named["attribution"]
        known = inspect.signature(ATTRIBUTIONS.factory(name)).parameters
        given: dict[str, Any] = dict(self.size)
        if self.layers:
            several = "layers" in known
            if not several and len(self.layers) > 1:
                raise InputError(
                    f"{name!r} maps one layer, but --layer was given {len(self.layers)} times; "
                    "give it once, or take graph-gradcam-averaged."
                )
            given |= {"layers": self.layers} if several else {"layer": self.layers[0]}
        return ATTRIBUTIONS.create(name, **given)

    @property
    def size(self) -> dict[str, int]:
        """The size of batches, if it is given."""
        return {} if self.batch_size is None else {"batch_size": self.batch_size}

    @property
    def named(self) -> dict[str, str]:
        """The method and the class, as asked for or by default."""
        return {
            "attribution": self.attribution or f"{self.classifier.model.kind}-gradcam",
            "target": self.target or self.classifier.explained,
        }

    def require_explainable(self) -> None:
        """Refuse a classifier that cannot be explained so, before minutes of minimisation."""
        self.method.column_explained(self.classifier, self.target)

    def __call__(
        self, whole: Trajectory, source: Path, product: Path, overwrite: bool
    ) -> dict[str, Any]:
        """Write the explained frames of a file; returns what there is to tell of them."""
        from gnnglass import explain as explaining
        from gnnglass.trajectories import write

        classifier, accept = self.classifier, self.accept
        for snapshot in whole:
            classifier.recipe.species(snapshot)
        classifier.recipe(whole[0])
        # Minima of another level may still be found; whatever else differs is refused first.
        as_wanted = whole.stating(level=classifier.level)
        classifier.require_fit(as_wanted, accept, whose=str(source))
        levelled = at_level(
            whole, classifier.level, system_of(whole, classifier.system), self.engine, accept
        )
        target = self.named["target"]
        annotated = explaining.annotate(
            classifier, levelled, self.method, self.field, target=target, accept=accept
        )
        probability = classifier.predict_proba(levelled, accept=accept, **self.size)
        layers = {"layers": list(self.layers)} if self.layers else {}
        what = {"model": str(self.model), "source": str(source)}
        explained = {**what, **self.named, **layers, **self.size, **self.options}
        write(product, annotated.stating(explained=explained), overwrite=overwrite)
        return {
            "target": target,
            "steps": [snapshot.step for snapshot in levelled],
            "probability": probability[:, classifier.labels.index(target)].tolist(),
        }


#: What maps depend on, the minimisation of what is explained included.
_CODE_OF_MAPS = tuple(
    f"gnnglass.{part}"
    for part in (
        "explain",
        "models",
        "training",
        "trajectories",
        "systems",
        "structure",
        "simulate",
    )
)


def _of_classes(given: Sequence[str]) -> list[tuple[str, Path]]:
    """The files that options ``NAME=PATTERN`` name, each with its class."""
    found = []
    for option in given:
        name, separator, pattern = option.partition("=")
        if not (name and separator and pattern):
            raise InputError(
                f"--class was given {option!r}; expected NAME=PATTERN, such as liquid=hot-*.gsd."
            )
        paths = sorted(glob.glob(pattern))  # noqa: PTH207 - patterns may be absolute
        if not paths:
            raise FileError(f"no file matches {pattern}.")
        found += [(name, path) for path in each_run([Path(path) for path in paths]) or ()]
    return found
