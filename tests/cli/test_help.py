"""Help that stands alone, as it is printed: purpose, examples, units, and what comes next."""

import inspect
import re
import shlex

import pytest
import typer.main
from command import gnnglass

from gnnglass.cli._names import KINDS
from gnnglass.cli.app import app

#: Of typer, as a user sees them.
COMMANDS = typer.main.get_command(app).commands
every_command = pytest.mark.parametrize("name", COMMANDS)
#: Option to the meanings it may have, beyond the one that all commands share.
DIFFERENT_THINGS = {
    "--out": "a file, a folder or a table",
    "--overwrite": "a file or a folder",
    "--indicator": "to be measured, or to be the input of a network",
    "--target": "a class in explain, a field in compare",
    "--field": "to be written, or to be fitted",
    "--species": "to be named, or to be chosen",
    "--kT": "of a run, or of clones",
    "--inherent": "to be written, to be measured, or to be compared",
    "--all": "of status",
    "--dt": "of a simulation, or of a file",
    "--last-lag": "of clones, or of a run",
}


def printed(name):
    done = gnnglass(name, "--help")
    assert done.code == 0, done.err
    return done.out


def options(command):
    return [one for one in command.params if one.param_type_name == "option"]


def one_line(text):
    return " ".join(text.split())


@every_command
def test_help_says_what_for_with_examples_units_and_what_comes_next(name):
    text = printed(name)
    usage, purpose, paragraph, *_ = text.split("\n\n")
    assert usage.startswith(f"Usage: gnnglass {name}")
    assert one_line(purpose).endswith(".") and len(one_line(purpose)) < 100
    assert len(one_line(paragraph)) > 80
    examples = re.findall(rf"^ {{6}}(gnnglass {name}\b.*)$", text, re.M)
    assert 2 <= len(examples) <= 3
    assert "Next, " in one_line(text) or "comes next" in one_line(text)
    assert re.search(r"σ|ε|[Uu]nits?\b|no unit", text)


@every_command
def test_nothing_that_is_written_vanishes_when_it_is_printed(name):
    """Markup and formats of options may take words, above all those in brackets."""
    shown = one_line(printed(name)).replace("- ", "-")
    command = COMMANDS[name]
    for line in inspect.cleandoc(command.callback.__doc__).splitlines():
        assert one_line(line).replace("- ", "-") in shown
    for option in command.params:
        assert one_line(option.help or "").replace("- ", "-") in shown


def test_brackets_are_printed():
    def bracketed():
        """Read [bold]particles[/bold] and [unit] of it."""

    other = typer.Typer(rich_markup_mode=app.rich_markup_mode)
    other.command()(bracketed)
    context = typer.main.get_command(other).make_context("it", [])
    assert "[bold]particles[/bold] and [unit]" in context.get_help()


@every_command
def test_every_option_is_explained_and_spelt_as_elsewhere(name):
    for option in options(COMMANDS[name]):
        assert option.help, f"{name} {option.opts}"
        long = next(one for one in option.opts if one.startswith("--"))
        for other in COMMANDS.values():
            for same in options(other):
                if same.name == option.name:
                    assert same.opts == option.opts, f"{name} {option.opts}, {same.opts}"
                if long in same.opts and long not in DIFFERENT_THINGS:
                    assert same.help == option.help, f"{long} of {name} and {other.name}"


@every_command
def test_examples_are_commands_that_are_understood(name):
    """Each is parsed, with no more than its files missing."""
    for example in re.findall(r"^ {6}gnnglass (.*)$", printed(name), re.M):
        command, *words = shlex.split(example)
        context = COMMANDS[command].make_context(command, words, resilient_parsing=True)
        assert not context.args, example
        known = {opt for one in options(COMMANDS[command]) for opt in one.opts}
        used = {word.partition("=")[0] for word in words if re.match("-[a-z-]", word)}
        assert used <= known, example


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"list"}))
def test_lists_that_are_pointed_to_are_there(name):
    for kind in re.findall(r"gnnglass\s+list\s+([a-z]+)", one_line(printed(name))):
        assert kind in KINDS


def test_all_commands_are_listed_with_the_whole_sentence():
    listed = one_line(gnnglass("--help").out)
    for name, command in COMMANDS.items():
        assert f"{name} {one_line(command.help.split(chr(10) * 2)[0])}" in listed
    assert "..." not in listed.partition("Commands:")[2]
