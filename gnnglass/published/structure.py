"""Every structural indicator of a configuration, thermal or at the bottom of its basin."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gnnglass import structure
from gnnglass.errors import InputError
from gnnglass.simulate import inherent_structures
from gnnglass.systems import GlassFormer, glass_former
from gnnglass.trajectories import Trajectory


def with_structure(
    configuration: Trajectory,
    *,
    system: GlassFormer | str | Mapping[str, Any] | None = None,
    inherent: bool = False,
    engine: str = "lammps",
    keep: str | Path | None = None,
) -> Trajectory:
    """Add all registered indicators that are defined for a configuration, by their names.

    Args:
        configuration: One frame with any fields, which stay.
        system: The glass former; the one the metadata name if None.
        inherent: Take the inherent structure for the configuration: positions and indicators are
            its own, all other fields those of the configuration it was found from.
        engine: Name of the engine that minimises.
        keep: Folder where inherent structures are kept, so that they are not sought again.

    Returns:
        One frame with fields such as ``potential_energy``; the metadata name the system.

    Raises:
        InputError: If the system is unknown, or does not fit the configuration.
        UnknownNameError: If there is no such system or engine.
        SimulationError: If no minimum is reached.
        MissingExtraError: If the engine is not installed.
        FileError: If inherent structures cannot be kept.
    """
    stated = configuration.metadata.get("system") if system is None else system
    if stated is None:
        raise InputError(
            f"{configuration!r} does not name its glass former, whose potentials are needed; give "
            "the system, such as 'ka3d'."
        )
    former = glass_former(stated)
    given = configuration.map(lambda snapshot: snapshot, system=former.identity)
    found = inherent_structures(former, given, engine, keep=keep) if inherent else given
    joined = Trajectory(
        [found[0].with_fields(**{**given[0].fields, **found[0].fields})], found.metadata
    )
    indicators = structure.indicators_for(joined)
    return structure.annotate(
        joined,
        {structure.indicator_field(name): indicator for name, indicator in indicators.items()},
    )
