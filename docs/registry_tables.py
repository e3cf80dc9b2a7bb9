"""The tables of everything that has a name, made from the registries when the book is built.

A Sphinx extension: ``conf.py`` names it, and before the pages are read it writes one Markdown file
per kind to ``docs/_generated/``, which the pages include. By itself it writes them to any folder::

    python docs/registry_tables.py FOLDER
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from gnnglass.dynamics.ageing import FIELDS
from gnnglass.explain import ATTRIBUTIONS
from gnnglass.models import MODELS
from gnnglass.planted import MOTIFS
from gnnglass.registry import Registry
from gnnglass.simulate import ENGINES
from gnnglass.structure import INDICATORS, Indicator, indicators_for
from gnnglass.systems import GLASS_FORMERS
from gnnglass.testing import example_snapshot
from gnnglass.testing.checks import SYSTEMS
from gnnglass.trajectories import FORMATS, Trajectory

#: A capital, and after it a year or a preprint: what is said in such parentheses is a source.
SOURCE = re.compile(r"[A-Z]\w+.*(\b(1[89]|20)\d\d\b|arXiv)")


def setup(app: Any) -> dict[str, bool]:
    """Write the tables before Sphinx reads the pages."""
    app.connect("builder-inited", lambda app: write_tables(Path(app.srcdir) / "_generated"))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write_tables(folder: Path) -> None:
    """Write one file per table; those that are as they were are not touched."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in TABLES.items():
        path, text = folder / f"{name}.md", make()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def indicators() -> str:
    """Every structural indicator."""
    known: dict[str, dict[int, Indicator]] = {name: {} for name in INDICATORS}
    for dimension, system in SYSTEMS.items():
        trajectory = Trajectory([example_snapshot(dimension)], {"system": system})
        for name, indicator in indicators_for(trajectory).items():
            known[name][dimension] = indicator
    head = ("name", "label", "d", "unit", "formula", "what it is", "defaults", "source")
    rows = []
    for name, by_dimension in known.items():
        about = INDICATORS.describe(name)
        defaults = sorted({defaults_of(one) for one in by_dimension.values()})
        rows.append(
            (
                f"`{name}`",
                about.label,
                ", ".join(map(str, sorted(by_dimension))),
                about.unit.replace("-", "−") or "–",
                mathematics(about.formula),
                about.summary,
                ", ".join(defaults) or "–",
                sources(INDICATORS.factory(name)),
            )
        )
    return table(head, rows)


def defaults_of(indicator: Indicator) -> str:
    """The parameters of an indicator, but the system; those that are None are not given."""
    parameters = inspect.signature(type(indicator)).parameters
    values = {name: getattr(indicator, name) for name in parameters if name != "system"}
    given = {name: value for name, value in values.items() if value is not None}
    return ", ".join(f"`{name}={value!r}`" for name, value in given.items())


def attributions() -> str:
    """Every attribution."""
    head = ("name", "label", "explains", "sign", "formula", "what it is", "source")
    rows = []
    for name in ATTRIBUTIONS:
        about, attribution = ATTRIBUTIONS.describe(name), ATTRIBUTIONS.create(name)
        rows.append(
            (
                f"`{name}`",
                about.label,
                ", ".join(attribution.kinds),
                "signed" if attribution.signed else "never negative",
                mathematics(about.formula),
                about.summary,
                sources(ATTRIBUTIONS.factory(name)),
            )
        )
    return table(head, rows)


def models() -> str:
    """Every network."""
    rows = []
    for name in MODELS:
        factory: Any = MODELS.factory(name)
        rows.append((f"`{name}`", factory.kind, MODELS.describe(name).summary))
    return table(("name", "reads", "what it is"), rows)


def glass_formers() -> str:
    """Every glass former."""
    rows = [
        (f"`{name}`", GLASS_FORMERS.describe(name).summary, GLASS_FORMERS.create(name).citation)
        for name in GLASS_FORMERS
    ]
    return table(("name", "what it is", "source"), rows)


def dynamics() -> str:
    """Every field of dynamics."""
    rows = [(f"`{name}`", about.label, about.unit, about.summary) for name, about in FIELDS.items()]
    return table(("field", "label", "unit", "what it is"), rows)


def summaries(registry: Registry[Any]) -> Callable[[], str]:
    """What makes the table of a kind of which names and summaries are all that is shown."""
    return lambda: table(
        ("name", "what it is"),
        [(f"`{name}`", registry.describe(name).summary) for name in registry],
    )


TABLES: dict[str, Callable[[], str]] = {
    "attributions": attributions,
    "dynamics": dynamics,
    "engines": summaries(ENGINES),
    "formats": summaries(FORMATS),
    "glass_formers": glass_formers,
    "indicators": indicators,
    "models": models,
    "motifs": summaries(MOTIFS),
}


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    titles = list(head)
    # A bar inside a cell would end it.
    cells = [[cell.replace("|", r"\|") for cell in row] for row in rows]
    lines = [titles, ["---"] * len(titles), *cells]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def mathematics(formula: str) -> str:
    """A formula between dollar signs, a dash if there is none."""
    return f"${formula}$" if formula else "–"


def sources(factory: Any) -> str:
    """What a docstring says in (outermost) parentheses that name a paper; a dash without any."""
    doc, found, start, depth = " ".join((factory.__doc__ or "").split()), [], 0, 0
    for place, character in enumerate(doc):
        if character == "(":
            start, depth = (place + 1, 1) if depth == 0 else (start, depth + 1)
        elif character == ")" and depth:
            depth -= 1
            if depth == 0 and SOURCE.search(doc[start:place]):
                found.append(doc[start:place].strip("."))
    return "; ".join(found) or "–"


if __name__ == "__main__":
    write_tables(Path(sys.argv[1]))
