"""How commands print their help: as it is written, with examples left as they are."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from typer.core import TyperGroup

from gnnglass.errors import unknown


class Commands(TyperGroup):
    """The commands, in the order in which they are used; says which one a wrong name may mean."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names in the order in which they were added."""
        return list(self.commands)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands, each with the whole sentence that says what it is for."""
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, _purpose(command.help or "")) for name, command in self.commands.items()]
            )

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the first word names; ends the program if there is none."""
        name = args[0]
        if name not in self.commands and not name.startswith("-"):
            ctx.fail(unknown("command", name, self.commands))
        return super().resolve_command(ctx, args)


def _purpose(text: str) -> str:
    return " ".join(text.split("\n\n", maxsplit=1)[0].split())


def printable(command: Callable[..., Any]) -> str:
    """A docstring as help: paragraphs are wrapped, but those with indented lines are not."""
    paragraphs = inspect.cleandoc(command.__doc__ or "").split("\n\n")
    # What follows this mark is printed as it stands.
    return "\n\n".join(f"\b\n{one}" if "\n  " in one else one for one in paragraphs)
