"""Kob–Andersen mixtures: a large and a small species, whose mutual attraction hinders order."""

from __future__ import annotations

from gnnglass.systems.glass_former import GLASS_FORMERS, GlassFormer
from gnnglass.systems.potentials import ForceShiftedLJ, SmoothedLJ

#: The cutoff is 2.5 σ of each pair.
KOB_ANDERSEN = {
    ("A", "A"): ForceShiftedLJ(epsilon=1.0, sigma=1.0, cutoff=2.5),
    ("A", "B"): ForceShiftedLJ(epsilon=1.5, sigma=0.8, cutoff=2.0),
    ("B", "B"): ForceShiftedLJ(epsilon=0.5, sigma=0.88, cutoff=2.2),
}


@GLASS_FORMERS.register("kam2d")
def kam2d() -> GlassFormer:
    """The 2D Kob–Andersen mixture, 65:35, at density 1.2.

    Brüning, St-Onge, Patterson & Kob, J. Phys.: Condens. Matter 21, 035117 (2009) give the
    composition that stays disordered in two dimensions; Oyama, Koyama & Kawasaki, Front. Phys.
    10, 1007861 (2023) use it with the force-shifted cutoff at 2.5 σ of each pair.

    A is the large species, B the small one; units are ε_AA, σ_AA and the mass. The parameters are
    not meant for other compositions (80:20 crystallises in two dimensions). Reference,
    measured here with n = 1000: U/N = −2.725, P = 10.65 at kT = 0.6.
    """
    return GlassFormer(
        name="kam2d",
        dimension=2,
        composition={"A": 0.65, "B": 0.35},
        density=1.2,
        potentials=KOB_ANDERSEN,
        citation=(
            "Kob & Andersen, Phys. Rev. E 51, 4626 (1995); "
            "Brüning et al., J. Phys.: Condens. Matter 21, 035117 (2009); "
            "Oyama, Koyama & Kawasaki, Front. Phys. 10, 1007861 (2023)"
        ),
    )


@GLASS_FORMERS.register("ka3d")
def ka3d() -> GlassFormer:
    """The 3D Kob–Andersen mixture, 80:20, at density 1.2.

    Kob & Andersen, Phys. Rev. E 51, 4626 (1995), who shift the energy alone; here the force is
    shifted too, as in Shiba, Hanai, Suzumura & Shimokawabe, J. Chem. Phys. 158, 084503 (2023).

    A is the large species, B the small one; units are ε_AA, σ_AA and the mass. Mode-coupling
    temperature kT = 0.435; below 0.4 it crystallises in long runs (Coslovich, Ozawa & Kob, Eur.
    Phys. J. E 41, 62 (2018)). Reference, measured here with n = 1000: U/N = −5.70, P = 7.5 at
    kT = 0.7.
    """
    return GlassFormer(
        name="ka3d",
        dimension=3,
        composition={"A": 0.8, "B": 0.2},
        density=1.2,
        potentials=KOB_ANDERSEN,
        citation=(
            "Kob & Andersen, Phys. Rev. E 51, 4626 (1995); "
            "Shiba et al., J. Chem. Phys. 158, 084503 (2023)"
        ),
    )


@GLASS_FORMERS.register("ka2d-ternary")
def ka2d_ternary() -> GlassFormer:
    """The 2D ternary Kob–Andersen mixture, 20:11:12, at density 1.192.

    Jung, Biroli & Berthier, Phys. Rev. Lett. 130, 238202 (2023), who derive it from the model of
    Parmar, Ozawa & Berthier, Phys. Rev. Lett. 125, 085505 (2020), but with other pairs AC and BC.
    Parameters, smoothing at 2.5 σ of each pair, and 600, 330 and 360 particles in a box of edge
    32.8962 are those of the authors' public code and configurations (the model KA2-2D of
    StructDynGlass): in an inherent structure published there the root mean square of the forces
    is 0.03, with the pairs AC and BC of the three-dimensional model it is 4.3.

    A and B are the species of `ka3d`, C is the third; units are ε_AA, σ_AA and the mass. The
    authors' relaxation times are 2.2e3 at kT = 0.30 and 9.2e5 at kT = 0.23. Reference, measured
    here with n = 1000: U/N = −2.334, P = 7.09 at kT = 0.5.
    """
    return GlassFormer(
        name="ka2d-ternary",
        dimension=2,
        composition={"A": 20 / 43, "B": 11 / 43, "C": 12 / 43},
        density=1290 / 32.8962**2,
        potentials={
            ("A", "A"): _smoothed(1.0, 1.0),
            ("A", "B"): _smoothed(1.5, 0.8),
            ("A", "C"): _smoothed(0.75, 0.9),
            ("B", "B"): _smoothed(0.5, 0.88),
            ("B", "C"): _smoothed(1.5, 0.8),
            ("C", "C"): _smoothed(0.75, 0.94),
        },
        citation=(
            "Jung, Biroli & Berthier, Phys. Rev. Lett. 130, 238202 (2023); "
            "Parmar, Ozawa & Berthier, Phys. Rev. Lett. 125, 085505 (2020)"
        ),
    )


def _smoothed(epsilon: float, sigma: float) -> SmoothedLJ:
    return SmoothedLJ(epsilon=epsilon, sigma=sigma, cutoff=2.5 * sigma)
