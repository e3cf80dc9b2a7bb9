"""Binary mixtures of soft spheres: inverse powers and harmonic ones."""

from __future__ import annotations

from gnnglass.systems.glass_former import GLASS_FORMERS, GlassFormer, Pair
from gnnglass.systems.potentials import HarmonicSpheres, SmoothedInversePower


@GLASS_FORMERS.register("ipl2d")
def ipl2d() -> GlassFormer:
    """The 2D inverse-power mixture, r⁻¹², 50:50, diameters 1 and 1.4, at density 0.7468.

    Perera & Harrowell, Phys. Rev. E 59, 5721 (1999); here smoothed at 2.5 σ of each pair, where
    the bare power is 2e-5 of its value at contact.

    A is the small species, B the big one; units are ε, σ_AA and the mass. The authors hold the
    pressure at 13.5, which this density has at kT = 0.36 (measured here with n = 1000, where
    U/N = 2.951). Of the liquid only Γ = ρ kT^(−1/6) matters: any other density is this one at
    another temperature.
    """
    return GlassFormer(
        name="ipl2d",
        dimension=2,
        composition={"A": 0.5, "B": 0.5},
        density=0.7468,
        potentials=_additive(1.4),
        citation="Perera & Harrowell, Phys. Rev. E 59, 5721 (1999)",
    )


@GLASS_FORMERS.register("ipl3d")
def ipl3d() -> GlassFormer:
    """The 3D inverse-power mixture, r⁻¹², 50:50, diameters 1 and 1.2, at density 0.742.

    Bernu, Hansen, Hiwatari & Pastore, Phys. Rev. A 36, 4891 (1987) and, for this ratio of
    diameters, Roux, Barrat & Hansen, J. Phys.: Condens. Matter 1, 7171 (1989); they do not
    state a cutoff, here it is smoothed at 2.5 σ of each pair, where the bare power is 2e-5 of
    its value at contact.

    A is the small species, B the big one; units are ε, σ_AA and the mass. The density is such
    that ρ σ_x³ = 1 with the authors' effective diameter σ_x³ = Σ x_a x_b σ_ab³. Of the liquid
    only Γ = ρ σ_x³ kT^(−1/4) matters: any other density is this one at another temperature.
    Its glass transition is at Γ ≈ 1.45, kT = 0.226. Reference, measured here with n = 1000:
    U/N = 2.249, P = 6.91 at kT = 0.3.
    """
    return GlassFormer(
        name="ipl3d",
        dimension=3,
        composition={"A": 0.5, "B": 0.5},
        density=4 / (1 + 2 * 1.1**3 + 1.2**3),
        potentials=_additive(1.2),
        citation=(
            "Bernu, Hansen, Hiwatari & Pastore, Phys. Rev. A 36, 4891 (1987); "
            "Roux, Barrat & Hansen, J. Phys.: Condens. Matter 1, 7171 (1989)"
        ),
    )


def _additive(big: float) -> dict[Pair, SmoothedInversePower]:
    diameters = {("A", "A"): 1.0, ("A", "B"): (1 + big) / 2, ("B", "B"): big}
    return {
        pair: SmoothedInversePower(epsilon=1.0, sigma=sigma, exponent=12, cutoff=2.5 * sigma)
        for pair, sigma in diameters.items()
    }


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
