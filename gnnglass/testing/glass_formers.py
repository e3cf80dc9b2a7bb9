"""What every registered glass former must be."""

from __future__ import annotations

import numpy as np

from gnnglass.testing.examples import example_of
from gnnglass.trajectories import Snapshot


def check_glass_former(name: str) -> None:
    """Check a registered glass former: citation, potentials, energies, forces, what is stored.

    Raises:
        AssertionError: If a potential's energy does not vanish at its cutoff, a force is not
            minus the slope of its energy, the forces of a configuration do not balance or its
            virial is not minus the derivative of its energy under dilation, or if the mixture
            does not survive being stored.
    """
    import json
    import pickle

    from gnnglass.systems import GLASS_FORMERS, glass_former

    system = GLASS_FORMERS.create(name)
    assert system.name == name, f"{name}: its own name is {system.name!r}"
    assert system.citation, f"{name}: no citation"
    for pair, potential in system.potentials.items():
        r = np.linspace(0.5, 0.999, 50) * potential.cutoff
        h = 1e-6 * potential.cutoff
        slope = (potential.energy(r + h) - potential.energy(r - h)) / (2 * h)
        scale = np.abs(potential.force(r)).max()
        assert np.abs(slope + potential.force(r)).max() < 1e-6 * scale, f"{name} {pair}: force"
        edge = potential.cutoff * (1 - 1e-9)
        assert abs(potential.energy(edge)) < 1e-6 * scale, f"{name} {pair}: energy at cutoff"
        beyond = potential.cutoff * np.array([1.0, 2.0])
        assert not potential.energy(beyond).any(), f"{name} {pair}: energy beyond cutoff"
        assert not potential.force(beyond).any(), f"{name} {pair}: force beyond cutoff"
    liquid = example_of(system)
    assert np.isfinite(system.energies(liquid)).all(), f"{name}: energies"
    forces = system.forces(liquid)
    assert np.abs(forces.sum(axis=0)).max() < 1e-9 * np.abs(forces).max(), f"{name}: forces"
    dilated = [
        system.energies(
            Snapshot(s * liquid.box, s * liquid.positions, liquid.types, system.species)
        )
        for s in (1 + 1e-6, 1 - 1e-6)
    ]
    virial = (dilated[1].sum() - dilated[0].sum()) / 2e-6
    # A force that jumps at the cutoff makes energies of configurations kink, if not by much.
    assert abs(virial - system.virial(liquid)) < 1e-4 * abs(virial), f"{name}: virial"
    assert glass_former(json.loads(json.dumps(system.identity))) == system, f"{name}: identity"
    assert pickle.loads(pickle.dumps(system)) == system, f"{name}: does not survive pickling"
