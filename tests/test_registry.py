from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace

import pytest

from gnnglass import registry
from gnnglass.errors import MissingExtraError, UnknownNameError
from gnnglass.registry import Description, Registry


def numbers() -> Registry[int]:
    found: Registry[int] = Registry("number", "gnnglass.systems")

    @found.register("two")
    def two() -> int:
        return 2

    @found.register("power")
    def power(base: int, exponent: int = 2) -> int:
        return base**exponent

    @found.register("absent", needs="no_such_module[mpi]>=2")
    def absent() -> int:
        return 0

    return found


def test_names_and_parameters() -> None:
    found = numbers()
    assert found.names() == ("absent", "power", "two")
    assert list(found) == ["absent", "power", "two"]
    assert "two" in found
    assert "three" not in found
    assert found.create("power", base=3, exponent=3) == 27
    assert found.factory("two")() == 2


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(UnknownNameError) as caught:
        numbers().create("three")
    assert str(caught.value) == "unknown number 'three'; known: absent, power, two."
    with pytest.raises(UnknownNameError, match="known: none"):
        Registry[int]("number", "gnnglass.systems").create("one")


def test_a_missing_extra_prints_the_pip_line() -> None:
    found = numbers()
    assert not found.available("absent")
    assert found.available("two")
    assert not found.available("three")
    with pytest.raises(MissingExtraError) as caught:
        found.create("absent")
    assert "run: pip install 'no_such_module[mpi]>=2'" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_extra_that_is_there_is_no_obstacle() -> None:
    found = numbers()

    @found.register("array", needs="numpy[extra]")
    def array() -> int:
        return 5

    assert found.available("array")
    assert found.create("array") == 5


def test_a_name_cannot_be_taken_twice() -> None:
    found = numbers()
    with pytest.raises(ValueError, match="number 'two' is registered twice"):
        found.register("two")(lambda: 3)
    assert found.create("two") == 2


def test_what_is_defined_again_takes_its_place() -> None:
    found = numbers()
    for value in (8, 9):

        @found.register("eight")
        def eight(value: int = value) -> int:
            return value

    assert found.create("eight") == 9


def test_an_entry_point_may_name_what_registers_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def load() -> object:
        # As importing a module of another package does.
        @found.register("six", needs="no_such_module")
        def six() -> int:
            return 6

        return six

    points = [SimpleNamespace(name="six", load=load)]
    monkeypatch.setattr(registry, "entry_points", lambda group: points)
    found = numbers()
    assert "six" in found and not found.available("six")
    points.append(SimpleNamespace(name="six", load=lambda: lambda: 60))
    found = numbers()
    with pytest.raises(ValueError, match="registered twice"):
        found.names()


def test_other_packages_add_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = []

    def entry_points(group: str) -> list[SimpleNamespace]:
        groups.append(group)
        return [SimpleNamespace(name="seven", load=lambda: lambda: 7)]

    monkeypatch.setattr(registry, "entry_points", entry_points)
    found = numbers()
    assert groups == []  # nothing is looked up before a name is asked for
    assert found.create("seven") == 7
    assert found.create("seven") == 7
    assert groups == ["gnnglass.systems"]


def test_the_modules_of_the_folder_register_themselves() -> None:
    from gnnglass.systems import GLASS_FORMERS
    from gnnglass.trajectories import FORMATS

    assert "kam2d" in GLASS_FORMERS
    assert {"gsd", "lammps-dump"} <= set(FORMATS.names())


class Plain:
    """What it is, in
    one sentence.

    And more.
    """

    label = "plain thing"
    unit = "length^-d"
    formula = "x"
    low_is_glassy = True


class Derived(Plain):
    """Another one."""


@dataclass
class Bare:
    value: int = 3


def test_what_is_known_of_an_entry_is_in_its_class() -> None:
    found: Registry[object] = Registry("thing", "gnnglass.systems")
    found.register("one", needs="no_such_module")(Plain)
    assert found.describe("one") == Description(
        "plain thing", "length^-d", "x", "What it is, in one sentence.", True
    )
    with pytest.raises(UnknownNameError, match="unknown thing 'two'; known: one"):
        found.describe("two")


def test_a_label_is_never_that_of_another_entry() -> None:
    found: Registry[object] = Registry("thing", "gnnglass.systems")
    found.register("derived-thing")(Derived)
    found.register("with-three")(partial(Plain, 3))  # type: ignore[call-arg]
    assert found.describe("derived-thing").label == "derived thing"
    assert found.describe("with-three").label == "with three"
    # What is not shown as a name is inherited.
    assert found.describe("derived-thing").unit == found.describe("with-three").unit == "length^-d"
    assert found.describe("with-three").summary == "What it is, in one sentence."


def test_an_entry_that_says_nothing_is_called_by_its_name() -> None:
    found: Registry[object] = Registry("thing", "gnnglass.systems")
    found.register("bare-thing")(Bare)
    found.register("function")(lambda: 3)
    # What `dataclass` puts in place of a docstring says nothing.
    assert found.describe("bare-thing") == Description("bare thing")
    assert found.describe("function") == Description("function")
