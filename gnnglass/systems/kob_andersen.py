"""Kob–Andersen mixtures: a big and a small species whose cross attraction forbids order."""

from __future__ import annotations

from gnnglass.systems.glass_former import GLASS_FORMERS, GlassFormer
from gnnglass.systems.potential import ForceShiftedLJ

POTENTIALS = {
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
    """
    return GlassFormer(
        name="kam2d",
        dimension=2,
        composition={"A": 0.65, "B": 0.35},
        density=1.2,
        potentials=POTENTIALS,
        citation=(
            "Kob & Andersen, Phys. Rev. E 51, 4626 (1995); "
            "Brüning et al., J. Phys.: Condens. Matter 21, 035117 (2009); "
            "Oyama, Koyama & Kawasaki, Front. Phys. 10, 1007861 (2023)"
        ),
    )
