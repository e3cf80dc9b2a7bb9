"""What every registered engine must do."""

from __future__ import annotations

import numpy as np

from gnnglass.testing.examples import example_of


def check_engine(name: str, system: str = "kam2d", tolerance: float = 1e-6) -> None:
    """Check a registered engine against the oracle of a glass former.

    Args:
        name: The engine.
        system: A registered glass former.
        tolerance: How much energies and forces may differ, relative to the largest.

    Raises:
        AssertionError: If energies or forces differ, or a minimum is not one.
    """
    from gnnglass.simulate import ENGINES
    from gnnglass.systems import GLASS_FORMERS

    engine, former = ENGINES.create(name), GLASS_FORMERS.create(system)
    snapshot = example_of(former)
    energies, forces = engine.energies_and_forces(former, snapshot)
    expected = former.energies(snapshot), former.forces(snapshot)
    for what, mine, oracle in zip(
        ("energies", "forces"), (energies, forces), expected, strict=True
    ):
        difference = np.abs(mine - oracle).max() / np.abs(oracle).max()
        assert difference < tolerance, (
            f"{name}: {what} of {system} differ from the oracle by {difference:.1e}"
        )
    minimum = engine.minimize(former, snapshot)
    assert former.energies(minimum).sum() < expected[0].sum(), f"{name}: minimised upwards"
    left = np.abs(former.forces(minimum)).max()
    assert left < 1e-3, f"{name}: a force of {left:.1e} is left at the minimum"
