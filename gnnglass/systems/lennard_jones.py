"""Mixtures of two sizes of Lennard-Jones particles."""

from __future__ import annotations

from gnnglass.systems.glass_former import GLASS_FORMERS, GlassFormer
from gnnglass.systems.potentials import ForceShiftedLJ, ShiftedLJ

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
            ("A", "A"): _force_shifted(SMALL),
            ("A", "B"): _force_shifted((SMALL + BIG) / 2),
            ("B", "B"): _force_shifted(BIG),
        },
        citation="Oyama, Koyama & Kawasaki, Front. Phys. 10, 1007861 (2023)",
    )


def _force_shifted(sigma: float) -> ForceShiftedLJ:
    return ForceShiftedLJ(epsilon=1.0, sigma=sigma, cutoff=2.5 * sigma)


@GLASS_FORMERS.register("wahnstrom3d")
def wahnstrom3d() -> GlassFormer:
    """The 3D Wahnström mixture, 50:50, diameters 1 and 5/6, at density 1.296.

    Wahnström, Phys. Rev. A 44, 3752 (1991), who does not state a cutoff; here as in Lačević,
    Starr, Schrøder & Glotzer, J. Chem. Phys. 119, 7372 (2003): cut and shifted at 2.5 σ of each
    pair. There B has half the mass of A; here all masses are 1, which changes the dynamics of
    the two species, but neither structure nor thermodynamics.

    A is the big species, B the small one; units are ε, σ_AA and the mass (density 0.75 in units
    of σ_BB). Mode-coupling temperature kT ≈ 0.57; in long runs near it, small systems
    crystallise (Pedersen, Schrøder, Dyre & Harrowell, Phys. Rev. Lett. 104, 105701 (2010)).
    Reference, measured here with n = 1000: U/N = −5.639, P = 9.59 at kT = 0.8.
    """
    return GlassFormer(
        name="wahnstrom3d",
        dimension=3,
        composition={"A": 0.5, "B": 0.5},
        density=0.75 * 1.2**3,
        potentials={
            ("A", "A"): _shifted(1.0),
            ("A", "B"): _shifted(11 / 12),
            ("B", "B"): _shifted(5 / 6),
        },
        citation=(
            "Wahnström, Phys. Rev. A 44, 3752 (1991); "
            "Lačević et al., J. Chem. Phys. 119, 7372 (2003)"
        ),
    )


def _shifted(sigma: float) -> ShiftedLJ:
    return ShiftedLJ(epsilon=1.0, sigma=sigma, cutoff=2.5 * sigma)
