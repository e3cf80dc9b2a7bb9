"""The additive binary mixture: two sizes of one kind of particle."""

from __future__ import annotations

from gnnglass.systems.glass_former import GLASS_FORMERS, GlassFormer
from gnnglass.systems.potentials import ForceShiftedLJ

SMALL, BIG = 5 / 6, 7 / 6


@GLASS_FORMERS.register("abm2d")
def abm2d() -> GlassFormer:
    """The 2D additive binary mixture, 50:50, diameters 5/6 and 7/6, at density 1.2.

    Oyama, Koyama & Kawasaki, Front. Phys. 10, 1007861 (2023) set it against `kam2d`, with which
    it shares density and force-shifted cutoffs at 2.5 σ of each pair.

    A is the small species, B the big one; units are ε, the mean diameter and the mass. The ratio
    of diameters, 1.4, frustrates the triangular crystal of either species; locally the liquid
    has hexatic order, which `kam2d` lacks. The density is high, and so are pressures and
    temperatures of interest. Reference, measured here with n = 1000: U/N = 7.80, P = 115.6 at
    kT = 3 (time step 0.002).
    """
    return GlassFormer(
        name="abm2d",
        dimension=2,
        composition={"A": 0.5, "B": 0.5},
        density=1.2,
        potentials={
            ("A", "A"): _lennard_jones(SMALL),
            ("A", "B"): _lennard_jones((SMALL + BIG) / 2),
            ("B", "B"): _lennard_jones(BIG),
        },
        citation="Oyama, Koyama & Kawasaki, Front. Phys. 10, 1007861 (2023)",
    )


def _lennard_jones(sigma: float) -> ForceShiftedLJ:
    return ForceShiftedLJ(epsilon=1.0, sigma=sigma, cutoff=2.5 * sigma)
