"""Glass formers and protocols that the tests of the engines share."""

from gnnglass.simulate import Protocol
from gnnglass.systems import GLASS_FORMERS, ForceShiftedLJ, GlassFormer

#: Kob & Andersen, Phys. Rev. E 51, 4626 (1995), with the force-shifted cutoff.
KA3D = GlassFormer(
    name="ka3d-test",
    dimension=3,
    composition={"A": 0.8, "B": 0.2},
    density=1.2,
    potentials={
        ("A", "A"): ForceShiftedLJ(1.0, 1.0, 2.5),
        ("A", "B"): ForceShiftedLJ(1.5, 0.8, 2.0),
        ("B", "B"): ForceShiftedLJ(0.5, 0.88, 2.2),
    },
    citation="Kob & Andersen, Phys. Rev. E 51, 4626 (1995)",
)


def mixture(dimension):
    return GLASS_FORMERS.create("kam2d") if dimension == 2 else KA3D


def short_protocol(**changes):
    """A run of a fraction of a second."""
    parameters = {
        "n_particles": 196,
        "kT": 0.5,
        "seed": 7,
        "n_frames": 3,
        "frame_interval": 50,
        "hold_steps": 100,
        "melt_steps": 300,
        "kT_melt": 2.0,
        "cooling_rate": 1.0,
    }
    return Protocol(**{**parameters, **changes})
