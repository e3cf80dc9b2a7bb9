"""What notebooks and prompts show of a result: a small picture, and what there is to say of it."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Collection, Iterable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gnnglass.errors import InputError, NotComputedError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Inches, and dots per inch, of a picture in a notebook.
SIZE, DPI = (3.2, 2.4), 90


def axes_or_new(ax: Axes | None, size: tuple[float, float] = (5, 3)) -> Axes:
    """The given axes, or those of a new figure of pyplot's, which notebooks show.

    Raises:
        InputError: If something else than axes is given.
    """
    from matplotlib.axes import Axes

    if isinstance(ax, Axes):
        return ax
    if ax is not None:
        raise InputError(
            f"ax is a {type(ax).__name__}; expected the axes of a matplotlib figure, such as "
            "those of pyplot.subplots()."
        )
    from matplotlib import pyplot

    _, new = pyplot.subplots(figsize=size, layout="constrained")
    return new


def picture(
    *draw: Callable[[Axes], object], size: tuple[float, float] = SIZE, dpi: float = DPI
) -> str:
    """An HTML image of pictures side by side.

    Args:
        *draw: What draws each picture on the axes it is given.
        size: Of each, in inches.
        dpi: Dots per inch.
    """
    from matplotlib.figure import Figure
    from PIL import Image

    width, height = size
    figure = Figure(figsize=(len(draw) * width, height), dpi=dpi, layout="constrained")
    for one, ax in zip(draw, figure.subplots(1, len(draw), squeeze=False)[0], strict=True):
        one(ax)
    drawn, packed = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png")
    # A byte a dot, and not four: a notebook keeps all its pictures. What few dots have, such as the
    # ends of a scale, keeps its colour; medians would merge it with others.
    few = Image.open(drawn).convert("RGB").quantize(256, method=Image.Quantize.MAXCOVERAGE)
    few.save(packed, "png", optimize=True)
    return f'<img src="data:image/png;base64,{base64.b64encode(packed.getvalue()).decode()}">'


def in_html(
    title: str, facts: Mapping[str, object], image: str = "", notes: Iterable[str] = ()
) -> str:
    """HTML of a result: its picture, its name, a table of facts and sentences.

    Args:
        title: What it is.
        facts: What is known of it, by name; what is None or empty is left out.
        image: HTML of the picture.
        notes: Sentences below.
    """
    rows = "".join(
        f'<tr><th style="text-align:left;font-weight:normal;color:gray">{escape(name)}</th>'
        f'<td style="text-align:left">{escape(str(value))}</td></tr>'
        for name, value in facts.items()
        if value is not None and value != ""
    )
    table = f'<table style="margin:0">{rows}</table>' if rows else ""
    said = "".join(f'<p style="margin:4px 0">{escape(note)}</p>' for note in notes)
    return (
        '<div style="display:flex;flex-wrap:wrap;gap:12px;align-items:flex-start">'
        f"{image and f'<div>{image}</div>'}"
        f'<div style="max-width:36em"><b>{escape(title)}</b>{table}{said}</div>'
        "</div>"
    )


class Shown:
    """A result that has a picture and a sentence, and is shown by these.

    Before there is a result (`NotComputedError`) it is shown by its parameters.
    """

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw it on the given axes, or on those of a new figure."""
        raise NotImplementedError

    def sentence(self) -> str:
        """What it says, in one sentence."""
        raise NotImplementedError

    def _repr_html_(self) -> str | None:
        try:
            return in_html(type(self).__name__, {}, picture(self.plot), [self.sentence()])
        except NotComputedError:
            return None


class Told(Shown):
    """A result that is nothing but its figures: a prompt shows the sentence."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.sentence()}>"


#: So many names are listed.
MOST_NAMES = 6


def shortened(names: Collection[str]) -> str:
    """Names in a row, or the first few and how many more there are; empty if there are none."""
    listed = ", ".join(list(names)[:MOST_NAMES])
    more = len(names) - MOST_NAMES
    return f"{listed} and {more} more" if more > 0 else listed


def by_species(
    values: NDArray[Any], masks: Mapping[str, NDArray[np.bool_]], of: str = "mean"
) -> str:
    """The mean or median of a value per particle, of all and of each species, in words.

    Args:
        values: Shape [n]; NaN where there is none.
        masks: Species to its particles, shape [n].
        of: ``"mean"`` or ``"median"``.
    """
    average: Any = {"mean": np.mean, "median": np.median}[of]
    known = ~np.isnan(values)
    told = [
        f"{average(values[mask & known]):.3g} ({name})"
        for name, mask in masks.items()
        if (mask & known).any()
    ]
    return f"{of} {', '.join(told)}" if told else "no particle has a value"
