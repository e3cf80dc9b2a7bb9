"""Glass formers and protocols that the tests of the engines share."""

from gnnglass.simulate import Protocol
from gnnglass.systems import glass_former


def mixture(dimension):
    return glass_former({2: "kam2d", 3: "ka3d"}[dimension])


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
