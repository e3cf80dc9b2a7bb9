"""What several commands share: options, progress, trajectories at the level that is wanted."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gnnglass._files import Recogniser, require_writable
from gnnglass._progress import progress_bar
from gnnglass.cli._names import completing, completing_among
from gnnglass.errors import FileError, GnnglassError, InputError

if TYPE_CHECKING:
    from tqdm import tqdm

    from gnnglass.trajectories import Trajectory


def _writable(out: Path | None) -> Path | None:
    if out is not None:
        require_writable(out)
    return out


def each_run(paths: list[Path] | None) -> list[Path] | None:
    """Files, and for each folder the files in it."""
    found: list[Path] = []
    for path in paths or ():
        if path.is_dir():
            from gnnglass.trajectories.formats import files_in

            found += files_in(path)
        else:
            found.append(path)
    return None if paths is None else found


Out = Annotated[Path, typer.Option("--out", "-o", help="File to write.", callback=_writable)]
OptionalOut = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="CSV file for the whole table.", callback=_writable),
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite", help="Write even to an input, or in the place of what others made."
    ),
]
OverwriteFolder = Annotated[
    bool, typer.Option("--overwrite", help="Work in the folder even if other things lie in it.")
]
#: What lies in every folder of a study or an ensemble, from its first moment on.
OWN = ".lock"
Input = Annotated[
    Path, typer.Argument(help="Trajectory of any known format (gnnglass list formats).")
]
Runs = Annotated[
    list[Path],
    typer.Argument(
        help="Trajectories, one independent run each; a folder stands for the files in it.",
        callback=each_run,
    ),
]
Files = Annotated[
    list[Path],
    typer.Argument(
        help="Trajectories of any known format; a folder stands for the files in it.",
        callback=each_run,
    ),
]
GlassFormerOrFile = Annotated[
    str,
    typer.Argument(
        help="Glass former (gnnglass list systems), or a TOML file that defines one.",
        autocompletion=completing("systems"),
    ),
]
Engine = Annotated[
    str,
    typer.Option(
        help="Simulation engine (gnnglass list engines).", autocompletion=completing("engines")
    ),
]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Processes that work; one per core by default.")
]
Scheduler = Annotated[
    str | None,
    typer.Option(help="Address of a dask scheduler whose workers do it, tcp://host:8786."),
]
Device = Annotated[
    str,
    typer.Option(
        help="Where networks run: cpu, cuda or auto.",
        autocompletion=completing_among("auto", "cpu", "cuda"),
    ),
]
Seed = Annotated[int, typer.Option(help="Seed of all random numbers.")]
TimeStep = Annotated[float, typer.Option(help="Time step, in units of time.")]
NLags = Annotated[int, typer.Option(help="Number of lags, spaced logarithmically.")]
BondLength = Annotated[
    str | None,
    typer.Option(help="Length of bonds, in σ: 1.4, or A-A=1.4,A-B=…; by default 1.4 σ_ab."),
]
BreakLength = Annotated[
    str | None, typer.Option(help="Length where they are broken, likewise; by default 1.8 σ_ab.")
]
Phase = Annotated[str | None, typer.Option(help="Class label to store, such as liquid.")]
System = Annotated[
    str | None,
    typer.Option(
        help="Glass former (gnnglass list systems); by default the one the file names, which this "
        "overrules.",
        autocompletion=completing("systems"),
    ),
]
Species = Annotated[
    str | None,
    typer.Option(
        metavar="OLD=NEW,…", help="Names of species, where the file has others: 1=A,2=B or Cu=B."
    ),
]
ChosenSpecies = Annotated[
    list[str] | None,
    typer.Option(
        help="Species to treat, by default each by itself, or all: taken together; with = names "
        "of species, where the file has others: 1=A,2=B."
    ),
]
LengthUnit = Annotated[
    float | None,
    typer.Option(help="Length that is 1 in reduced units (σ), in the unit of the file."),
]
Box = Annotated[
    str | None,
    typer.Option(
        metavar="LX,LY,LZ",
        help="Edges of the box, for files that state none, such as plain XYZ; two in 2D.",
    ),
]
Frames = Annotated[
    str | None,
    typer.Option(
        metavar="FROM:TO:EACH", help="Frames that are used, counted from 0; -5: the last."
    ),
]
DIFFERENCES = ("system", "composition", "density", "distance", "temperature")
Accept = Annotated[
    list[str] | None,
    typer.Option(
        help=f"Difference that is meant: {', '.join(DIFFERENCES)}; it is stored with the result.",
        autocompletion=completing_among(*DIFFERENCES),
    ),
]


def next_step(*words: object) -> None:
    """Say, where progress and notes go, which command comes next.

    Args:
        *words: Its words after ``gnnglass``.
    """
    typer.echo(f"next: {shlex.join(['gnnglass', *map(str, words)])}", err=True)


def is_trajectory(path: Path) -> bool:
    """Whether a file is a trajectory that gnnglass wrote."""
    from gnnglass.trajectories.gsd import is_ours

    return is_ours(path)


def begins_with(text: str) -> Recogniser:
    """Tells tables of ours by their first line, of which `text` is the beginning."""

    def begins(path: Path) -> bool:
        with path.open("rb") as stream:
            return stream.read(len(text)) == text.encode()

    return begins


def read_as(
    path: Path,
    *,
    box: str | None = None,
    system: str | Mapping[str, Any] | None = None,
    species: str | None = None,
    length_unit: float | None = None,
    frames: str | None = None,
) -> Trajectory:
    """The trajectory in a file, as the options of the command say it is to be read."""
    from gnnglass.systems import glass_former
    from gnnglass.trajectories import read
    from gnnglass.trajectories.material import restated

    trajectory = restated(
        read(path, box=None if box is None else _edges(box)),
        system=None if system is None else glass_former(system).identity,
        species=None if species is None else _mapping(species),
        length_unit=length_unit,
    )
    if frames is None:
        return trajectory
    chosen = range(len(trajectory))[_slice(frames)]
    if not chosen:
        raise InputError(
            f"--frames {frames} picks none of the {len(trajectory)} frames of {path}; they are "
            f"counted from 0 to {len(trajectory) - 1}."
        )
    return trajectory[_slice(frames)]


def reading(
    **options: str | float | None,
) -> tuple[Callable[[Path], Trajectory], dict[str, Any]]:
    """How files are read, for workers in other processes, and the options that it depends on.

    Args:
        **options: Those of `read_as`.
    """
    from gnnglass.systems import glass_former

    given: dict[str, Any] = {name: one for name, one in options.items() if one is not None}
    if "system" in given:
        # It may be a file, whose content matters.
        given["system"] = glass_former(given["system"]).identity
    return partial(read_as, **given), given


def made_of(files: Sequence[Path], out: Path | None, ending: str) -> dict[Path, Path]:
    """Where what a command makes of each file goes.

    Of files with the same name the folders that tell them apart are made in `out` too. Files that
    the same command has made of others among them, which a pattern finds as well, are left out.

    Args:
        files: The inputs.
        out: A file for a single one, a folder for any number; None for the folder of each input.
        ending: Of the name of a file that is made.

    Raises:
        InputError: If `out` is one file for several, or two products would be one.
    """
    from gnnglass.trajectories.runs import names_of_files

    files = list(dict.fromkeys(files))
    if out is not None and _is_file(out, several=len(files) > 1):
        if len(files) > 1:
            raise InputError(
                f"--out is the file {out}, but there are {len(files)} inputs; give a folder."
            )
        return {files[0]: out}
    if out is None:
        stems = [(file.parent.absolute(), file.stem) for file in files]
        alone = [stems.count(one) == 1 for one in stems]
        made = [
            file.with_name(f"{file.stem if only else file.name}{ending}")
            for file, only in zip(files, alone, strict=True)
        ]
    else:
        names = names_of_files(files)
        made = [
            # In one folder they are told apart by their ends.
            out / f"{file.name if name == str(file) else name}{ending}"
            for file, name in zip(files, names, strict=True)
        ]
    products = {path.resolve() for path in made}
    if len(products) < len(made):
        raise InputError(
            f"two of the {len(files)} files would be made into one in {out}; give them in two "
            "commands, or other names."
        )
    found = {}
    for file, path in zip(files, made, strict=True):
        if file.resolve() in products:
            typer.echo(f"{file}: is made here of another file, and left out", err=True)
        else:
            found[file] = path
    return found


def _is_file(out: Path, *, several: bool) -> bool:
    if out.exists():
        return not out.is_dir()
    # Folders are called T0.44, too.
    return out.suffix == ".gsd" if several else out.suffix[1:].isalpha()


class Refusals:
    """Files that are refused are named, and the others are dealt with; of one file all is said.

    Args:
        n_files: How many there are.
    """

    def __init__(self, n_files: int) -> None:
        self.n_files = n_files
        self.refused: list[Path] = []

    @contextmanager
    def of(self, path: Path) -> Iterator[None]:
        """Do what concerns one file alone."""
        try:
            yield
        except GnnglassError as error:
            self.add(path, error)

    def add(self, path: Path, error: GnnglassError) -> None:
        """Name a file that is refused, and say why; the only one there is ends the program."""
        if self.n_files == 1:
            raise error
        self.refused.append(path)
        said = str(error)
        typer.echo(f"gnnglass: {'' if str(path) in said else f'{path}: '}{said}", err=True)

    def end(self) -> None:
        """End the program with an error if files were refused."""
        if self.refused:
            names = ", ".join(map(str, self.refused))
            raise FileError(
                f"{len(self.refused)} of {self.n_files} files were refused, for the reasons above: "
                f"{names}; what could be made of the others is written."
            )


def chosen_and_renamed(species: list[str] | None) -> tuple[list[str] | None, str | None]:
    """The species that are chosen, and the new names among the values of `ChosenSpecies`."""
    chosen = [value for value in species or [] if "=" not in value]
    return chosen or None, ",".join(v for v in species or [] if "=" in v) or None


def lengths(text: str | None) -> float | dict[str, float] | None:
    """One length, or one per pair of species, as the command line gives them."""
    if text is None:
        return None
    try:
        if "=" not in text:
            return float(text)
        entries = (entry.split("=") for entry in text.split(","))
        return {pair.strip(): float(length) for pair, length in entries}
    except ValueError:
        raise InputError(
            f"bond cutoffs are {text!r}; expected one length, such as 1.4, or one for each pair of "
            "species, such as A-A=1.4,A-B=1.1,B-B=1.2."
        ) from None


def settings(option: str, given: Sequence[str] | None, example: str) -> dict[str, Any]:
    """The values of an option KEY=VALUE, each as TOML has it, or the text itself.

    Args:
        option: The option, for messages.
        given: Its values.
        example: One that makes sense.

    Raises:
        InputError: If there is no key or no value, or a key comes twice.
    """
    found: dict[str, Any] = {}
    for entry in given or ():
        key, _, text = entry.partition("=")
        key = key.strip().replace("-", "_")
        if not key or not text.strip():
            raise InputError(
                f"{option} was given {entry!r}; expected KEY=VALUE, such as {example}."
            )
        if key in found:
            raise InputError(f"{option} gives {key} twice; give it once.")
        try:
            found[key] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            found[key] = text
    return found


def _mapping(species: str) -> dict[str, str]:
    pairs = [entry.partition("=") for entry in species.split(",")]
    if not all(old.strip() and new.strip() for old, _, new in pairs):
        raise InputError(f"--species was given {species!r}; expected OLD=NEW,…, such as 1=A,2=B.")
    return {old.strip(): new.strip() for old, _, new in pairs}


def _edges(box: str) -> list[float]:
    try:
        return [float(edge) for edge in box.split(",")]
    except ValueError as error:
        raise InputError(
            f"--box was given {box!r}; expected edges with commas between, such as 10,10,10."
        ) from error


def _slice(frames: str) -> slice:
    parts = frames.split(":")
    try:
        numbers = [int(part) if part else None for part in parts]
    except ValueError:
        numbers = []
    if not 1 <= len(numbers) <= 3 or numbers[2:] == [0]:
        raise InputError(
            f"--frames was given {frames!r}; expected a number or FROM:TO:EACH, such as 1: or ::10."
        )
    if len(numbers) == 1 and numbers[0] is not None:
        first = numbers[0]
        return slice(first, first + 1 if first != -1 else None)
    return slice(*numbers)


def system_of(
    trajectory: Trajectory, otherwise: str | Mapping[str, Any] | None = None
) -> str | Mapping[str, Any]:
    """The glass former that the trajectory names or defines, or else another one."""
    stated: str | Mapping[str, Any] | None = trajectory.metadata.get("system", otherwise)
    if stated is None:
        raise InputError("the trajectory does not name its glass former; give --system.")
    return stated


def at_level(
    trajectory: Trajectory,
    level: str,
    system: str | Mapping[str, Any],
    engine: str,
    accept: Collection[str] = (),
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
    with Bar("inherent structures", "frame") as bar:
        return inherent_structures(
            glass_former(system), trajectory, engine, accept=accept, progress=bar
        )


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
            self.bar = progress_bar(total=total, **self.style)
        self.bar.update(done - self.bar.n)

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()
