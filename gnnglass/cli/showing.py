"""The command that tells what is in a file or a folder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from gnnglass._shipped import shipped
from gnnglass._toml import load_toml
from gnnglass.cli._names import completing
from gnnglass.cli._options import next_step
from gnnglass.errors import FileError, InputError, did_you_mean

if TYPE_CHECKING:
    from gnnglass.trajectories import Snapshot, Trajectory


def show(
    thing: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Trajectory, classifier, study file, or folder of a study or an ensemble; or the "
            "name of a classifier or study that comes with gnnglass.",
            autocompletion=completing("classifiers", "studies"),
        ),
    ],
) -> None:
    """Tell what is in a file or folder, and whether it fits what it says of itself.

    Of a trajectory: what it is of (lengths in σ, energies and kT in ε), its fields with their
    ranges, and checks; of a classifier: what it was trained on and how well it does; of a study
    file: what it would do; of a finished study: what it found.

    Examples:
        gnnglass show glass.gsd
        gnnglass show ka3d-inherent
        gnnglass show gnnglass-demo

    Nothing is written. The last line names the command that comes next.
    """
    classifiers, studies, name = shipped("classifier"), shipped("study"), str(thing)
    if not thing.exists() and name in classifiers:
        _show_classifier(name, classifiers[name])
    elif not thing.exists() and name in studies:
        _show_study_file(name, studies[name])
    elif thing.is_dir():
        _show_folder(thing)
    elif not thing.exists():
        meant = did_you_mean(name, [*classifiers, *studies])
        raise FileError(f"there is no file or folder {thing}{meant}; check its name and folder.")
    elif thing.suffix == ".toml":
        _show_study_file(name, thing)
    elif thing.suffix == ".json":
        _show_results(thing, thing.parent)
    elif _begins(thing)[8:9] == b"{":
        _show_classifier(name, thing)
    else:
        _show_trajectory(thing)


def _begins(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(9)
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror}; check its permissions.") from error


NARROWEST = 14


def _lines(facts: Iterable[tuple[str, object]]) -> None:
    known = [(what, value) for what, value in facts if value not in (None, "")]
    width = max([NARROWEST, *(len(what) for what, _ in known)])
    for what, value in known:
        typer.echo(f"  {what:{width}} {value}")


def _show_trajectory(path: Path) -> None:
    from gnnglass.trajectories import read

    trajectory = read(path)
    first, facts = trajectory[0], trajectory.metadata
    n_frames, steps = len(trajectory), [frame.step for frame in (first, trajectory[-1])]
    counts = {len(frame) for frame in trajectory}
    boxes = np.array([frame.box for frame in trajectory])
    edges = " × ".join(f"{edge:.6g}" for edge in first.box)
    same_box = bool(np.ptp(boxes, axis=0).max() <= 1e-6 * boxes.max())
    shares = np.bincount(first.types, minlength=len(first.type_names)) / len(first)
    mixed = zip(first.type_names, shares, strict=True)
    told = ("phase", "run", "dt", "propensity_time", "minimised", "explained")
    stated = {key: facts.get(key) for key in told}
    typer.echo(f"{path}: trajectory ({_format_of(path)})")
    _lines(
        [
            ("system", _name(facts.get("system"))),
            ("level", facts.get("level")),
            ("kT", facts.get("kT")),
            *stated.items(),
            ("frames", f"{n_frames}, steps {steps[0]} to {steps[1]}"),
            ("particles", f"{min(counts)}" + (f" to {max(counts)}" if len(counts) > 1 else "")),
            ("composition", ", ".join(f"{name} {share:.3g}" for name, share in mixed)),
            ("box", f"{edges} ({first.dimension}D)" + ("" if same_box else ", changes")),
            ("density", f"{first.density:.4g}"),
            ("ids", "not known" if first.is_anonymous else "known"),
            ("images", "not known" if first.images is None else "known"),
            ("clones", (facts.get("isoconfigurational") or {}).get("n_clones")),
            ("accepted", "; ".join(map(str, (facts.get("accepted") or {}).values()))),
        ]
    )
    fields = _ranges(trajectory)
    typer.echo(f"fields: {'' if fields else 'none'}".rstrip())
    _lines(fields.items())
    typer.echo("checks:")
    _lines([("fits", _fit(trajectory)), ("equilibrated", _equilibrated(facts))])
    _next_for_trajectory(path, first, facts)


def _format_of(path: Path) -> str:
    from gnnglass.trajectories import FORMATS
    from gnnglass.trajectories.formats import HEAD_BYTES

    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    known = filter(FORMATS.available, FORMATS)
    return next(name for name in known if FORMATS.create(name).matches(path, head))


def _ranges(trajectory: Trajectory) -> dict[str, str]:
    """The fields of all frames, each with its smallest and largest value, and gaps."""
    found: dict[str, list[Any]] = {}
    for frame in trajectory:
        for name, values in frame.fields.items():
            known = values[np.isfinite(values)]
            low, high = (known.min(), known.max()) if len(known) else (np.inf, -np.inf)
            so_far = found.setdefault(name, [np.inf, -np.inf, 0, 0])
            found[name] = [
                min(so_far[0], low),
                max(so_far[1], high),
                so_far[2] + len(values) - len(known),
                so_far[3] + 1,
            ]
    said = {}
    for name, (low, high, missing, n_frames) in found.items():
        said[name] = f"{low:.4g} to {high:.4g}" if low <= high else "no finite value"
        if missing:
            said[name] += f", not a finite number for {missing} particles"
        if n_frames < len(trajectory):
            said[name] += f", in {n_frames} of {len(trajectory)} frames"
    return said


def _name(system: Any) -> str:
    if system is None:
        return "not stated"
    return str(system.get("name", "without a name") if isinstance(system, Mapping) else system)


def _fit(trajectory: Trajectory) -> str:
    """Whether a trajectory is of the glass former that it names."""
    from gnnglass.systems import glass_former
    from gnnglass.trajectories import Material

    stated = trajectory.metadata.get("system")
    if stated is None:
        return "not known: no glass former is stated; gnnglass convert --system states one"
    try:
        former = glass_former(stated)
        Material.of([trajectory]).require_fit(
            former.material, whose="the trajectory", made_for=repr(former.name)
        )
    except InputError as error:
        return f"no: {error}"
    return f"{former.name}: yes"


def _equilibrated(facts: Mapping[str, Any]) -> str:
    said = facts.get("equilibration")
    if not isinstance(said, Mapping):
        return "not stated"
    return ": ".join(str(said[key]) for key in ("verdict", "reason") if key in said)


def _next_for_trajectory(path: Path, first: Snapshot, facts: Mapping[str, Any]) -> None:
    from gnnglass.published import predictors_in, targets_in

    # Of the origins of one run, fields to compare have to be named.
    if targets_in(first) and "relaxation" not in facts:
        next_step("compare", path)
    elif "isoconfigurational" in facts:
        next_step("dynamics", path, "-o", path.with_suffix(".dynamics.gsd"))
    elif facts.get("system") is None:
        next_step("list", "systems")
    elif predictors := predictors_in(first):
        next_step("correlation-length", path, "--field", predictors[0])
    else:
        next_step("structure", path, "-o", path.with_suffix(".structure.gsd"))


def _show_classifier(name: str, path: Path) -> None:
    from gnnglass.training import TrainedClassifier, card, shipped_classifiers
    from gnnglass.training.labelled import NOT_TESTED

    found = TrainedClassifier.load(path)
    material, record = found.material, found.record
    typer.echo(f"{name}: classifier")
    if name in shipped_classifiers():
        typer.echo(card(name))
    history = record.get("history") or []
    best = record.get("best_epoch")
    judged: dict[str, Any] = next((row for row in history if row.get("epoch") == best), {})
    figures = {key: value for key, value in judged.items() if key.startswith("val_")}
    _lines(
        [
            ("labels", f"{', '.join(found.labels)} (explains {found.explained})"),
            ("network", _with_options(found.model_name, found.model_options)),
            ("recipe", _with_options(type(found.recipe).__name__, found.recipe.to_dict())),
            ("level", found.level),
            ("system", _name(found.system)),
            ("composition", ", ".join(f"{k} {_range(v)}" for k, v in material.composition.items())),
            ("density", _range(material.density)),
            ("nearest", material.distance and _range(material.distance)),
            ("kT", material.temperature and _range(material.temperature)),
            *((part, f"{len(runs)} runs") for part, runs in vars(found.split).items() if runs),
            ("test", "" if found.split.test else NOT_TESTED),
            ("options", _with_options("", record.get("options") or {})),
            ("best epoch", best),
            ("validation", ", ".join(f"{k[4:]} {v:.4g}" for k, v in figures.items())),
            ("accepted", "; ".join(map(str, (record.get("accepted") or {}).values()))),
        ]
    )
    next_step("explain", name, f"{found.labels[-1]}.gsd", "-o", "explained.gsd")


def _with_options(name: str, options: Mapping[str, Any]) -> str:
    told = ", ".join(f"{key} {value}" for key, value in options.items() if value not in (None, []))
    return f"{name}: {told}" if name and told else name or told


def _range(ends: tuple[float, float]) -> str:
    low, high = (f"{end:.4g}" for end in ends)
    return low if low == high else f"{low} to {high}"


def _show_study_file(name: str, path: Path) -> None:
    content = load_toml(path)
    if "potentials" in content:
        _show_glass_former(name, path)
        return
    from gnnglass.study import Study, read_ensemble_file
    from gnnglass.study.pipeline import plan
    from gnnglass.study.workspace import Workspace, deal, every_protocol

    definition = read_ensemble_file(path)
    is_study = isinstance(definition, Study)
    if isinstance(definition, Study):
        cost = plan(Workspace(definition, Path(path.stem), deal(definition)))
    else:
        protocols = every_protocol(definition)
        steps = sum(protocol.frame_steps[-1] for protocol in protocols)
        cost = f"{len(protocols)} runs, {steps / 1e6:.2f} million steps."
    typer.echo(f"{name}: {'study' if is_study else 'ensemble'}\n{cost}")
    system = definition.system
    _lines(
        [
            ("system", f"{system.name}, {system.n_particles} particles"),
            ("engine", definition.simulate.engine),
            *(
                (f"phase {phase}", _phase(settings))
                for phase, settings in definition.phases.items()
            ),
        ]
    )
    if isinstance(definition, Study):
        _lines(
            [
                ("explains", f"{definition.explain}, at the {definition.explain_level} level"),
                ("levels", ", ".join(definition.levels)),
                *(
                    (f"classifier {one}", f"{section.model}, explained by {section.attribution}")
                    for one, section in definition.classifiers.items()
                ),
            ]
        )
    next_step("run" if is_study else "ensemble", name, "-o", path.stem)


def _phase(settings: Mapping[str, Any]) -> str:
    if "files" in settings:
        return f"{len(settings['files'])} files"
    return ", ".join(f"{key} {value}" for key, value in settings.items())


def _show_glass_former(name: str, path: Path) -> None:
    from gnnglass.systems import glass_former

    former = glass_former(path)
    typer.echo(f"{name}: glass former {former.name}")
    mixed = ", ".join(f"{one} {share:.3g}" for one, share in former.composition.items())
    _lines(
        [
            ("dimension", former.dimension),
            ("composition", mixed),
            ("density", former.density),
            *((f"{a}–{b}", potential) for (a, b), potential in former.potentials.items()),
            ("citation", former.citation),
        ]
    )
    next_step("simulate", path, "--kT", "1.0", "-o", f"{former.name}.gsd")


def _show_folder(folder: Path) -> None:
    if (folder / "results.json").is_file():
        _show_results(folder / "results.json", folder)
        return
    from gnnglass.simulate import Ensemble
    from gnnglass.simulate.ensemble import counts

    found = [made for made in map(Ensemble, (folder, folder / "runs", folder / "dynamics")) if made]
    if not found:
        raise FileError(
            f"{folder} holds no ensemble and no study that has begun; give a file, or the folder "
            "of a gnnglass run or gnnglass ensemble."
        )
    typer.echo(f"{folder}: {'ensemble' if found[0].folder == folder else 'study, not finished'}")
    for made in found:
        _lines([(made.folder.name, f"{len(made)} runs: {counts(made.status())}")])
    next_step("status", folder)


def _show_results(path: Path, folder: Path) -> None:
    from gnnglass.study.verdict import summary

    no_results = f"{path} does not hold the results of a study; give results.json or its folder."
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FileError(no_results) from error
    if not isinstance(results, dict) or not {"title", "levels", "study"} <= results.keys():
        raise FileError(no_results)
    typer.echo(f"{folder}: finished study: {results['title']}")
    said = summary(results)
    for sentence in (*said.found, *said.doubts, *said.maps):
        typer.echo(f"  {sentence}")
    stages = (results.get("timings") or {}).get("stages") or {}
    typer.echo(f"  It took {sum(stages.values()) / 60:.1f} minutes; see {folder / 'report.html'}.")
    annotated = sorted(folder.glob("compared/*.gsd")) or sorted(folder.glob("annotated/*.gsd"))
    next_step(*(("show", annotated[0]) if annotated else ("report", folder)))
