"""The Kob–Andersen mixture with a third species between the two, made for swap Monte Carlo."""

from __future__ import annotations

from gnnglass.systems.glass_former import GLASS_FORMERS, GlassFormer
from gnnglass.systems.potentials import ShiftedLJ


@GLASS_FORMERS.register("ka2d-ternary")
def ka2d_ternary() -> GlassFormer:
    """The 2D ternary Kob–Andersen mixture, 20:11:12, at density 1.192.

    Composition and density are those of the KA2D configurations of Jung, Biroli & Berthier,
    Phys. Rev. Lett. 130, 238202 (2023): 600, 330 and 360 particles in a box of edge 32.8962.
    Pair parameters, cut and shifted at 2.5 σ of each pair, are those of the model KA2 of Parmar,
    Ozawa & Berthier, Phys. Rev. Lett. 125, 085505 (2020), from which it derives: each of C is
    the mean of those of A and B. They were not checked against the text of the 2023 paper.

    A and B are the species of `ka3d`, C is the third; units are ε_AA, σ_AA and the mass. The
    authors' relaxation times are 2.2e3 at kT = 0.30 and 9.2e5 at kT = 0.23. Reference, measured
    here with n = 1000: U/N = −3.056, P = 7.63 at kT = 0.5.
    """
    return GlassFormer(
        name="ka2d-ternary",
        dimension=2,
        composition={"A": 20 / 43, "B": 11 / 43, "C": 12 / 43},
        density=1290 / 32.8962**2,
        potentials={
            ("A", "A"): _lennard_jones(1.0, 1.0),
            ("A", "B"): _lennard_jones(1.5, 0.8),
            ("A", "C"): _lennard_jones(1.25, 0.9),
            ("B", "B"): _lennard_jones(0.5, 0.88),
            ("B", "C"): _lennard_jones(1.0, 0.84),
            ("C", "C"): _lennard_jones(0.75, 0.94),
        },
        citation=(
            "Jung, Biroli & Berthier, Phys. Rev. Lett. 130, 238202 (2023); "
            "Parmar, Ozawa & Berthier, Phys. Rev. Lett. 125, 085505 (2020)"
        ),
    )


def _lennard_jones(epsilon: float, sigma: float) -> ShiftedLJ:
    return ShiftedLJ(epsilon=epsilon, sigma=sigma, cutoff=2.5 * sigma)
