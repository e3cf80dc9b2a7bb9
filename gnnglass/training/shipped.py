"""Classifiers that come with the package, and the cards that say what they are."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from safetensors import safe_open

from gnnglass._arguments import checks_arguments
from gnnglass._shipped import shipped
from gnnglass._toml import checked, load_toml
from gnnglass.errors import UnknownNameError, unknown


class Card(BaseModel):
    """What a classifier is, in sentences.

    Attributes:
        about: What it tells apart, in a line.
        made_of: The configurations that trained it: system, density, composition, temperatures.
        figures: How well it does on configurations that it has not seen, with controls.
        not_for: What it must not be used for.
        study: The study file in ``gnnglass/studies`` that makes it again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    about: str
    made_of: str
    figures: tuple[str, ...]
    not_for: str
    study: str

    def __str__(self) -> str:
        figures = "\n".join(f"  {line}" for line in self.figures)
        return (
            f"{self.about}\nMade of: {self.made_of}\nFigures:\n{figures}\n"
            f"Not for: {self.not_for}\nMade by: gnnglass/studies/{self.study}"
        )


@checks_arguments
def shipped_classifiers() -> tuple[str, ...]:
    """The names under which `TrainedClassifier.load` finds a classifier of the package."""
    return tuple(shipped("classifier"))


def card_of(digest: str) -> Card | None:
    """The card of the shipped classifier whose file holds a digest; None if there is none."""
    for name, path in shipped("classifier").items():
        with safe_open(path, framework="pt") as file:
            if f'"sha256": "{digest}"' in file.metadata()["gnnglass"]:
                return card(name)
    return None


@checks_arguments
def card(name: str) -> Card:
    """The card of a shipped classifier.

    Raises:
        UnknownNameError: If there is none of that name.
    """
    if name not in shipped_classifiers():
        raise UnknownNameError(unknown("shipped classifier", name, shipped_classifiers()))
    path = shipped("classifier")[name].with_suffix(".toml")
    return checked(Card, load_toml(path), str(path))
