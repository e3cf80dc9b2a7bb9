"""What several commands share: options, progress, trajectories at the level that is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from tqdm import tqdm

from gnnglass._files import require_writable
from gnnglass.errors import InputError

if TYPE_CHECKING:
    from gnnglass.trajectories import Trajectory


def _writable(out: Path | None) -> Path | None:
    if out is not None:
        require_writable(out)
    return out


Out = Annotated[Path, typer.Option("--out", "-o", help="File to write.", callback=_writable)]
OptionalOut = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="CSV file for the whole table.", callback=_writable),
]
Input = Annotated[Path, typer.Argument(help="Trajectory of any known format.")]
Engine = Annotated[str, typer.Option(help="Simulation engine.")]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Processes that simulate; one per core by default.")
]
Scheduler = Annotated[
    str | None,
    typer.Option(help="Address of a dask scheduler whose workers simulate, tcp://host:8786."),
]
Device = Annotated[str, typer.Option(help="Where networks run: cpu, cuda or auto.")]
System = Annotated[
    str | None, typer.Option(help="Glass former; by default the one the file names.")
]


def system_of(
    trajectory: Trajectory, system: str | Mapping[str, Any] | None
) -> str | Mapping[str, Any]:
    """The glass former that was given, or else the one the trajectory names or defines."""
    stated: str | Mapping[str, Any] | None = system or trajectory.metadata.get("system")
    if stated is None:
        raise InputError("the trajectory does not name its glass former; give --system.")
    return stated


def at_level(
    trajectory: Trajectory, level: str, system: str | Mapping[str, Any] | None, engine: str
) -> Trajectory:
    """The trajectory, or its inherent structures if those are wanted and it is thermal."""
    from gnnglass.simulate import inherent_structures
    from gnnglass.systems import glass_former

    stored = trajectory.metadata.get("level", "thermal")
    if level == stored:
        return trajectory
    if level == "thermal":
        raise InputError(
            "the trajectory holds inherent structures, but thermal configurations are wanted; "
            "give the trajectory they were made from."
        )
    former = glass_former(system_of(trajectory, system))
    with Bar("inherent structures", "frame") as bar:
        return inherent_structures(former, trajectory, engine, progress=bar)


class Bar:
    """A progress bar that takes the (done, total) of the simulation API.

    It shows itself with the first progress, so that what is refused leaves no empty bar.
    """

    def __init__(self, description: str, unit: str) -> None:
        self.style = {"desc": description, "unit": unit}
        self.bar: tqdm[Any] | None = None

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` are done."""
        if self.bar is None:
            self.bar = tqdm(total=total, **self.style)
        self.bar.update(done - self.bar.n)

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()
