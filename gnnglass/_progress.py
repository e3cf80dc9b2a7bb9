"""Progress bars: moving in terminals and notebooks, a line now and then in log files."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm

#: Seconds between two lines of a bar in a log file.
PAUSE_OF_LOGS = 60.0


class _Log:
    """Standard error, where each state of a bar is a line, and what wipes a bar out is nothing."""

    def write(self, text: str) -> None:
        if line := text.strip():
            sys.stderr.write(f"{line}\n")

    def flush(self) -> None:
        sys.stderr.flush()


def progress_bar(items: Iterable[Any] | None = None, **style: Any) -> tqdm[Any]:
    """The progress bar of this package, as the place where it is shown can show it.

    Args:
        items: What to iterate over; without, the bar is moved by its `update`.
        **style: What tqdm takes: ``desc``, ``unit``, ``total``, ``leave`` and so on.
    """
    from tqdm.auto import tqdm

    if not sys.stderr.isatty() and "ipykernel" not in sys.modules:
        # With a longer `maxinterval` tqdm's watchdog leaves the bar alone in between.
        style |= {"file": _Log(), "mininterval": PAUSE_OF_LOGS, "maxinterval": 2 * PAUSE_OF_LOGS}
    return tqdm(items, **style)
