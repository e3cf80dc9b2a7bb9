"""Binary mixtures of harmonic spheres, between thermal glasses and jammed packings."""

from __future__ import annotations

from gnnglass.systems.glass_former import GLASS_FORMERS, GlassFormer
from gnnglass.systems.potentials import HarmonicSpheres


@GLASS_FORMERS.register("harmonic3d")
def harmonic3d() -> GlassFormer:
    """The 3D harmonic-sphere mixture, 50:50, diameters 1 and 1.4, at density 0.675.

    Berthier & Witten, Phys. Rev. E 80, 021502 (2009), after O'Hern, Silbert, Liu & Nagel, Phys.
    Rev. E 68, 011306 (2003); at the density of Kob, Roldán-Vargas & Berthier, Nat. Phys. 8, 164
    (2012), which is the volume fraction 0.662.

    A is the small species, B the big one; units are ε, σ_AA and the mass. Temperatures of
    interest are of the order of 1e-3 ε: the mode-coupling temperature is kT ≈ 5.2e-4. Far above
    them spheres pass through each other and the liquid is another. Reference, measured here with
    n = 1000: U/N = 6.63e-3, P = 3.135e-2 at kT = 4e-3.
    """
    return GlassFormer(
        name="harmonic3d",
        dimension=3,
        composition={"A": 0.5, "B": 0.5},
        density=0.675,
        potentials={
            ("A", "A"): HarmonicSpheres(epsilon=1.0, sigma=1.0),
            ("A", "B"): HarmonicSpheres(epsilon=1.0, sigma=1.2),
            ("B", "B"): HarmonicSpheres(epsilon=1.0, sigma=1.4),
        },
        citation=(
            "Berthier & Witten, Phys. Rev. E 80, 021502 (2009); "
            "Kob, Roldán-Vargas & Berthier, Nat. Phys. 8, 164 (2012)"
        ),
    )
