"""A study of the smallest mixture the potentials allow, as a study file would give it."""

import copy
from typing import Any

TINY = {
    "title": "A tiny study",
    "system": {"name": "kam2d", "n_particles": 144},
    "simulate": {"runs": 4, "seed": 3},
    "phases": {
        "liquid": {
            "kT": 1.5,
            "kT_melt": 1.5,
            "melt_steps": 300,
            "hold_steps": 100,
            "n_frames": 2,
            "frame_interval": 100,
        },
        "glass": {
            "kT": 0.2,
            "kT_melt": 1.5,
            "melt_steps": 300,
            "cooling_rate": 0.5,
            "hold_steps": 300,
            "n_frames": 2,
            "frame_interval": 100,
        },
    },
    "classifiers": {
        "gnn": {
            "model": "message-passing",
            "recipe": {"r_max": 1.5},
            "model_options": {"hidden": 8},
            "training": {"epochs": 4, "patience": 4, "batch_size": 4},
            "attribution": "graph-gradcam",
        },
        "cnn": {
            "model": "voxel-cnn",
            "recipe": {"voxel_size": 0.3, "width": 0.25, "multiple": 4},
            "training": {"epochs": 3, "patience": 3, "batch_size": 4},
            "attribution": "voxel-gradcam",
        },
    },
    "dynamics": {"n_clones": 4, "lag_steps": [20, 100, 200], "propensity_lag": 200},
    "compare": {"lengths": [0.5, 1.0]},
    "null": {"shuffles": 0},
}


def tiny(*path, value=None):
    """The tiny study with the entry at `path` set, or removed where the value is None."""
    content = copy.deepcopy(TINY)
    if path:
        section: Any = content
        for key in path[:-1]:
            section = section.setdefault(key, {})
        if value is None:
            del section[path[-1]]
        else:
            section[path[-1]] = value
    return content


def as_toml(content):
    """The study as text; nested tables below the second level stay inline."""

    def text(value):
        match value:
            case dict():
                return "{ " + ", ".join(f"{k} = {text(v)}" for k, v in value.items()) + " }"
            case list():
                return "[" + ", ".join(map(text, value)) + "]"
            case str():
                return f'"{value}"'
            case _:
                return str(value)

    # Dotted inline tables need no section headers, whatever the depth.
    return "\n".join(f"{key} = {text(value)}" for key, value in content.items())
