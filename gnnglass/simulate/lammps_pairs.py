"""Pair potentials as LAMMPS has them: by formula where it has one, else as splines of a table."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gnnglass.systems import (
    ForceShiftedLJ,
    GlassFormer,
    HarmonicSpheres,
    PairPotential,
    ShiftedLJ,
    Table,
    spline_table,
)


def pair_commands(system: GlassFormer, folder: Path) -> list[str]:
    """The LAMMPS commands that set up the pair potentials of a mixture.

    Tables run as fast as formulas (LAMMPS' own interpreter of formulas, ``pair_style lepton``,
    took 3.5 times as long) and reproduce a potential to 5e-10 of itself; LAMMPS stops where a
    pair is closer than `gnnglass.systems.inner_radius`, at which they begin.

    Args:
        system: The mixture; its species are numbered in their order, from 1.
        folder: Where to write tables, if any are needed. LAMMPS reads them while it carries out
            the commands and not afterwards.

    Raises:
        InputError: If a potential is too rough for a table.
    """
    formulas = {pair: _formula(potential) for pair, potential in system.potentials.items()}
    tables = _tables([system.potentials[pair] for pair in formulas if formulas[pair] is None])
    points = max((len(table.r) for table in tables.values()), default=0)
    # The style of each pair, and its command without the style's name.
    parts: list[tuple[str, str]] = []
    for (a, b), potential in system.potentials.items():
        i, j = sorted((system.species.index(a) + 1, system.species.index(b) + 1))
        file = folder / f"{i}-{j}.table"
        style, coefficients = formulas[a, b] or ("table", f'"{file}" PAIR {potential.cutoff!r}')
        if style == "table":
            file.write_text(_content(tables[potential]), encoding="ascii")
        parts.append((style, f"pair_coeff {i} {j} {{}}{coefficients}"))
    styles = {
        "lj/smooth/linear": f"lj/smooth/linear {system.r_max!r}",
        "lj/cut": f"lj/cut {system.r_max!r}",
        "harmonic/cut": "harmonic/cut",
        "table": f"table spline {points}",
    }
    used = [style for style in styles if style in {part[0] for part in parts}]
    mixed = len(used) > 1
    commands = [f"pair_style {'hybrid ' * mixed}{' '.join(styles[style] for style in used)}"]
    commands += [line.format(f"{style} " * mixed) for style, line in parts]
    if "lj/cut" in used:
        commands.append("pair_modify shift yes")
    return commands


def _formula(potential: PairPotential) -> tuple[str, str] | None:
    """Style and coefficients of a potential that LAMMPS has, None of any other."""
    match potential:
        case ForceShiftedLJ(epsilon, sigma, cutoff):
            return "lj/smooth/linear", f"{epsilon!r} {sigma!r} {cutoff!r}"
        case ShiftedLJ(epsilon, sigma, cutoff):
            return "lj/cut", f"{epsilon!r} {sigma!r} {cutoff!r}"
        case HarmonicSpheres(epsilon, sigma):
            return "harmonic/cut", f"{epsilon / (2 * sigma**2)!r} {sigma!r}"
    return None


def _tables(potentials: list[PairPotential]) -> dict[PairPotential, Table]:
    """A table of each, all of one length: others LAMMPS would make anew, less precisely."""
    tables = {potential: spline_table(potential) for potential in potentials}
    points = max((len(table.r) for table in tables.values()), default=0)
    return {
        potential: table if len(table.r) == points else spline_table(potential, fewest=points)
        for potential, table in tables.items()
    }


def _content(table: Table) -> str:
    rows = zip(table.r.tolist(), table.energy.tolist(), table.force.tolist(), strict=True)
    lines = [f"{k} {r!r} {energy!r} {force!r}" for k, (r, energy, force) in enumerate(rows, 1)]
    r = table.r.tolist()
    # Without the slopes at the ends LAMMPS guesses them, and is a hundred times less precise there.
    slope = np.gradient(table.force, table.r, edge_order=2).tolist()
    head = f"N {len(r)} RSQ {r[0]!r} {r[-1]!r} FPRIME {slope[0]!r} {slope[-1]!r}"
    return "\n".join(["PAIR", head, "", *lines, ""])
