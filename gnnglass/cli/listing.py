"""The command that lists all that has a name."""

from __future__ import annotations

import importlib
from typing import Annotated, Any

import typer

from gnnglass._shipped import shipped
from gnnglass._toml import load_toml
from gnnglass.cli._names import KINDS, REGISTRIES, Kind, completing_among
from gnnglass.cli._options import next_step
from gnnglass.errors import UnknownNameError, unknown

#: What to do with a name of each kind.
NEXT: dict[Kind, tuple[str, ...]] = {
    "systems": ("simulate", "kam2d", "--kT", "0.4", "-o", "glass.gsd"),
    "engines": ("simulate", "kam2d", "--kT", "0.4", "--engine", "lammps", "-o", "glass.gsd"),
    "formats": ("show", "yours.dump"),
    "models": ("train", "liquid-1.gsd", "glass-1.gsd", "--model", "linear", "-o", "a.safetensors"),
    "attributions": ("explain", "--help"),
    "indicators": ("structure", "glass.gsd", "-o", "structure.gsd"),
    "motifs": ("list", "attributions"),
    "classifiers": ("show", "ka3d-inherent"),
    "studies": ("show", "demo"),
}


def list_names(
    kind: Annotated[
        str | None,
        typer.Argument(
            help=f"What to list: {', '.join(KINDS)}; all of it by default.",
            autocompletion=completing_among(*KINDS),
        ),
    ] = None,
) -> None:
    """List all that has a name, and what it is: systems, engines, models and more.

    Indicators are shown with their units, in which length is σ and energy ε. Names are what the
    options of other commands and study files take.

    Examples:
        gnnglass list
        gnnglass list models
        gnnglass list indicators

    Nothing is written. Next, gnnglass COMMAND --help says where a name goes, and gnnglass show NAME
    tells of a classifier or a study.
    """
    if kind is not None and kind not in KINDS:
        raise UnknownNameError(unknown("kind of thing", kind, KINDS))
    chosen = [one for one in KINDS if kind in (None, one)]
    for one in chosen:
        typer.echo(f"{REGISTRIES[one].kind if one in REGISTRIES else HEADINGS[one]}:")
        for name, about in _described(one):
            typer.echo(f"  {name:24} {about}".replace("`", "").rstrip())
    next_step(*NEXT[chosen[0]])


HEADINGS: dict[str, str] = {"classifiers": "trained classifier", "studies": "study"}


def _described(kind: Kind) -> list[tuple[str, str]]:
    """The names of one kind, each with what it is."""
    if kind == "studies":
        return [(name, load_toml(path)["title"]) for name, path in shipped("study").items()]
    if kind == "classifiers":
        found = shipped("classifier").items()
        return [(name, load_toml(path.with_suffix(".toml"))["about"]) for name, path in found]
    package, variable, _ = REGISTRIES[kind]
    registry: Any = getattr(importlib.import_module(package), variable)
    lines = []
    for name in registry.names():
        about = registry.describe(name)
        label = f"{about.label} [{about.unit}]" if about.unit else about.label
        # What is called by its name only is said to be what its docstring says.
        known = label if kind in ("attributions", "indicators") else about.summary
        lines.append((name if registry.available(name) else f"{name} (not installed)", known))
    return lines
