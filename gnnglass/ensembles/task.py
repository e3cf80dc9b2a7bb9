"""What can be handed to a worker, and what comes back."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol as StructuralType

from gnnglass.errors import GnnglassError

#: Why a task failed whose workers were killed.
DIED = "its worker process died (killed, or out of memory)"


class Task(StructuralType):
    """A picklable piece of work that is independent of others and keeps what it leaves itself."""

    @property
    def name(self) -> str:
        """What messages call it."""

    def __call__(self) -> None:
        """Do the work."""

    def fail(self, reason: str) -> None:
        """Keep the reason why it could not be done."""


@dataclass(frozen=True)
class Finished:
    """A task that is over.

    Attributes:
        task: The task.
        reason: Why it failed; None if it is done.
    """

    task: Task
    reason: str | None


def attempt(task: Task) -> str | None:
    """Do the work of a task; the reason, which the task keeps, if it fails."""
    try:
        task()
    except Exception as error:
        reason = sentence(error)
        # What cannot be kept is still told.
        with suppress(OSError):
            task.fail(reason)
        return reason
    return None


def sentence(error: Exception) -> str:
    """What went wrong, in one line."""
    said = " ".join(str(error).split())
    if isinstance(error, GnnglassError) and said:
        return said
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
