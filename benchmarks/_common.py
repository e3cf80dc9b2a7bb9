"""What the scripts of this folder share: one sentence per error, timing side by side, tables.

Nothing heavy is imported here: a script that measures the memory of other processes has to stay
small itself.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from gnnglass.errors import FileError, GnnglassError

if TYPE_CHECKING:
    import pandas as pd

    from gnnglass.study.workspace import Workspace

T = TypeVar("T")
Clock = Literal["wall", "cpu"]
CLOCKS: tuple[Clock, ...] = ("wall", "cpu")
#: What stands for a figure that was not measured.
MISSING = "–"
#: What a shell reports for a program ended by Ctrl-C.
INTERRUPTED = 130
#: Of `ru_maxrss`, in bytes.
RSS_UNIT = 1 if sys.platform == "darwin" else 1024


def run_script(main: Callable[[], None], *, resumes: bool = False) -> None:
    """Run a script; what gnnglass refuses ends it in one sentence and with exit code 1.

    Args:
        main: The script.
        resumes: Whether the same command goes on where it was interrupted.
    """
    name = Path(sys.argv[0]).stem
    try:
        main()
    except GnnglassError as error:
        sys.exit(f"{name}: {error}")
    except KeyboardInterrupt:
        kept = "; what is finished is kept: give the same command to go on" if resumes else ""
        print(f"\n{name}: interrupted{kept}.", file=sys.stderr)
        sys.exit(INTERRUPTED)


@dataclass(frozen=True)
class Seconds:
    """How long a call took.

    Attributes:
        wall: Seconds by the clock on the wall; other processes count.
        cpu: Seconds of CPU time of this process; they do not.
    """

    wall: float
    cpu: float


def timed(work: Callable[[], object]) -> Seconds:
    """Call once and take the time."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Seconds(time.perf_counter() - wall, time.process_time() - cpu)


def median(timings: Sequence[Seconds]) -> Seconds:
    """Medians by either clock."""
    return Seconds(*(statistics.median(getattr(one, clock) for one in timings) for clock in CLOCKS))


@dataclass(frozen=True)
class Comparison:
    """How long two sides took that were timed in turn.

    Attributes:
        ours: Each repetition of what is measured.
        reference: Beside each, what it is measured against.
    """

    ours: Sequence[Seconds]
    reference: Sequence[Seconds]

    def ratio(self, clock: Clock) -> dict[str, float]:
        """Geometric mean of ours over the reference, with a 95 % interval by Student's t.

        Returns:
            ``estimate``, ``low`` and ``high``; the ends are NaN for a single repetition.
        """
        logs = [
            math.log(getattr(ours, clock) / getattr(reference, clock))
            for ours, reference in zip(self.ours, self.reference, strict=True)
        ]
        half = math.nan
        if len(logs) > 1:
            from scipy.special import stdtrit

            t = float(stdtrit(len(logs) - 1, 0.975))
            half = t * statistics.stdev(logs) / math.sqrt(len(logs))
        center = statistics.fmean(logs)
        return {
            name: math.exp(center + shift)
            for name, shift in (("estimate", 0.0), ("low", -half), ("high", half))
        }

    def text(self, reference: str, clock: Clock = "wall") -> str:
        """Medians of both sides and the ratio.

        Args:
            reference: What the reference is called.
            clock: By which clock.
        """
        ours, theirs = (
            _duration(getattr(median(side), clock)) for side in (self.ours, self.reference)
        )
        return f"{ours}; {reference} {theirs}; ratio {with_interval(self.ratio(clock))}"


def side_by_side(
    ours: Callable[[T], object],
    reference: Callable[[T], object],
    repeats: int,
    *,
    fresh: Callable[[], AbstractContextManager[T]] = nullcontext,  # type: ignore[assignment]
    warm_up: bool = True,
) -> Comparison:
    """Time two calls in turn, so that whatever else the machine does hits both alike.

    In each repetition the reference is timed before and after, and the mean of the two is taken:
    a drift of the machine's speed cancels.

    Args:
        ours: What is measured.
        reference: What it is measured against.
        repeats: How often.
        fresh: Makes the argument of each call, and takes it away afterwards; neither is timed.
        warm_up: Whether to begin with a repetition that does not count, and pays for what is made
            once.
    """

    def once(side: Callable[[T], object]) -> Seconds:
        with fresh() as argument:
            return timed(lambda: side(argument))

    repetitions = []
    for _ in range(repeats + warm_up):
        before, mine, after = once(reference), once(ours), once(reference)
        mean = Seconds((before.wall + after.wall) / 2, (before.cpu + after.cpu) / 2)
        repetitions.append((mine, mean))
    return Comparison(*zip(*repetitions[warm_up:], strict=True))


def _duration(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1e3 * seconds:.3g} ms"


@contextmanager
def fresh_folder() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="gnnglass-benchmark-") as folder:
        yield Path(folder)


def in_own_process(work: Callable[..., T], *arguments: Any) -> T:
    """Call in a fresh process, because memory at its peak is a property of a process.

    It has to be a fresh one, and this one has to stay small, since Linux counts what a child
    inherits.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def peak_memory() -> int:
    """The most memory that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT


def machine(made: Mapping[str, Any] | None = None) -> str:
    """A machine in words, such as "2 cores (Intel(R) Xeon(R) Processor)".

    Args:
        made: What `gnnglass.study.provenance.provenance` said there; this machine without.
    """
    from gnnglass.study.provenance import provenance

    found = (made or provenance())["machine"]
    return f"{found['cores']} cores ({found['processor']})"


def engines_here(names: Sequence[str]) -> Iterator[str]:
    """Those of some registered engines that are installed; the others are said to be left out."""
    from gnnglass.simulate import ENGINES

    for name in names:
        try:
            ENGINES.create(name)
        except GnnglassError as error:
            print(f"{name}: left out, {error}")
        else:
            yield name


def finished_study(folder: Path) -> Workspace:
    """The study that was carried out in a folder, with all that it left there.

    Raises:
        FileError: If there is none.
    """
    from gnnglass.study import Study
    from gnnglass.study.workspace import Workspace, deal

    try:
        results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(
            f"{folder} holds no finished study (no results.json); "
            f"run `gnnglass demo -o {folder}` first."
        ) from error
    study = Study.from_dict(results["study"], source=str(folder))
    return Workspace(study, folder, deal(study))


def number(value: float | None, digits: int = 3, *, sign: bool = False) -> str:
    """A number with so many decimals and a true minus; a dash for None and NaN."""
    if value is None or math.isnan(value):
        return MISSING
    return f"{value:{'+' if sign else ''}.{digits}f}".replace("-", "−")


def interval(row: Mapping[str, Any], digits: int = 3, *, sign: bool = False) -> str:
    """The ends ``low`` and ``high`` of a row's interval, in brackets; empty if it has none."""
    ends = [number(row.get(end), digits, sign=sign) for end in ("low", "high")]
    return "" if MISSING in ends else f"[{', '.join(ends)}]"


def with_interval(
    row: Mapping[str, Any] | None, name: str = "estimate", digits: int = 3, *, sign: bool = False
) -> str:
    """The entry `name` of a row, and its interval if it has one; a dash without a row."""
    if row is None:
        return MISSING
    return f"{number(row[name], digits, sign=sign)} {interval(row, digits, sign=sign)}".rstrip()


def table_file(text: str) -> Path:
    """An argument of a script that names a file for `save_table`."""
    path = Path(text)
    if path.suffix not in (".csv", ".json"):
        raise argparse.ArgumentTypeError(f"{text!r} must end in .csv or .json")
    return path


def save_table(table: pd.DataFrame, out: Path) -> None:
    """Write a table as CSV or as JSON, one entry per row, whole or not at all.

    Raises:
        FileError: If it cannot be written.
    """
    from gnnglass.trajectories import written_whole

    with written_whole(out) as aside:
        if out.suffix == ".json":
            table.to_json(aside, orient="records", indent=1, force_ascii=False)
        else:
            table.to_csv(aside, index=False)


def markdown_table(table: pd.DataFrame) -> str:
    """A table in Markdown, its cells as `str` gives them; a dash where there is nothing."""
    rows = [table.columns, *table.astype(object).where(table.notna(), MISSING).to_numpy()]
    escaped = [[str(cell).replace("|", "\\|") for cell in row] for row in rows]
    head, *body = [f"| {' | '.join(cells)} |" for cells in escaped]
    return "\n".join([head, "|" + "---|" * len(table.columns), *body])


def rewrite_part(page: Path, name: str, content: str | pd.DataFrame) -> None:
    """Replace what stands between ``<!-- {name} -->`` and ``<!-- end of {name} -->`` in a page.

    Args:
        page: A Markdown file.
        name: Name of the part.
        content: Markdown, or a table.

    Raises:
        FileError: If the page cannot be read or written, or does not have exactly one such part.
    """
    from gnnglass.trajectories import written_whole

    try:
        text = page.read_text(encoding="utf-8")
    except OSError as error:
        raise FileError(f"cannot read {page}: {error.strerror}.") from error
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, begins, rest = text.partition(begin)
    _, ends, after = rest.partition(end)
    if not (begins and ends) or begin in rest or end in before + after:
        raise FileError(f"{page} has to hold {begin} once and, after it, {end} once.")
    part = content if isinstance(content, str) else markdown_table(content)
    with written_whole(page) as aside:
        aside.write_text(f"{before}{begin}\n{part}\n{end}{after}", encoding="utf-8")
