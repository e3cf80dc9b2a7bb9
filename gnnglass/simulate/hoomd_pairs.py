"""Pair potentials as HOOMD has them: by formula where it knows one, else by table."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any, cast

from gnnglass.systems import ForceShiftedLJ, GlassFormer, ShiftedLJ, linear_table
from gnnglass.systems.glass_former import Pair
from gnnglass.systems.potentials.lennard_jones import LennardJones

#: How much further than the cutoff neighbours are kept, where the box is large enough.
NEIGHBOR_BUFFER = 0.4


def pair_forces(hoomd: ModuleType, system: GlassFormer, room: float) -> tuple[list[Any], list[Any]]:
    """HOOMD forces for the potentials of a mixture, and what their energies lack.

    Args:
        hoomd: The package ``hoomd``.
        system: The mixture.
        room: Half the shortest edge of the box, beyond which HOOMD keeps no neighbours.

    Returns:
        The forces to run with, and forces of no strength that add the missing energy; to be
        attached when energies are asked for.
    """
    buffer = min(NEIGHBOR_BUFFER, 0.9 * (room - system.r_max))
    nlist = hoomd.md.nlist.Cell(buffer=buffer)
    kinds = {type(potential) for potential in system.potentials.values()}
    if kinds == {ForceShiftedLJ}:
        return [_lennard_jones(hoomd.md.pair.ForceShiftedLJ(nlist), system)], [
            _missing(hoomd.md.pair.Gaussian(nlist), system)
        ]
    if kinds == {ShiftedLJ}:
        return [_lennard_jones(hoomd.md.pair.LJ(nlist, mode="shift"), system)], []
    return [_tables(hoomd.md.pair.Table(nlist), system)], []


def _lennard_jones(force: Any, system: GlassFormer) -> Any:
    for pair, potential in _of_lennard_jones(system).items():
        force.params[pair] = {"epsilon": potential.epsilon, "sigma": potential.sigma}
        force.r_cut[pair] = potential.cutoff
    return force


def _of_lennard_jones(system: GlassFormer) -> Mapping[Pair, LennardJones]:
    return cast("Mapping[Pair, LennardJones]", system.potentials)


def _missing(constant: Any, system: GlassFormer) -> Any:
    """The −φ(r_c) per pair that HOOMD leaves out of the energy of a force-shifted pair.

    A Gaussian that is wide beyond measure is that constant, and exerts no force.
    """
    for pair, potential in _of_lennard_jones(system).items():
        six = (potential.sigma / potential.cutoff) ** 6
        constant.params[pair] = {"epsilon": -4 * potential.epsilon * (six**2 - six), "sigma": 1e9}
        constant.r_cut[pair] = potential.cutoff
    return constant


def _tables(force: Any, system: GlassFormer) -> Any:
    for pair, potential in system.potentials.items():
        table = linear_table(potential)
        force.params[pair] = {"r_min": table.r[0], "U": table.energy, "F": table.force}
        force.r_cut[pair] = potential.cutoff
    return force
