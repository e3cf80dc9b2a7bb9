"""The smallest benchmark with two networks: everything happens, nothing is learnt."""

from planted_truth import AttributionBenchmark

CONTENT = {
    "title": "tiny",
    "seeds": 2,
    "bases": {"small": {"dimension": 2, "runs": 8, "frames": 2, "particles": 150, "explained": 1}},
    "scenarios": {
        "swapped": {"base": "small", "motif": "swapped-species", "options": {"contrast": 0.5}}
    },
    "networks": {
        "gnn": {
            "model": "message-passing",
            "candidates": [
                {
                    "recipe": {"r_max": 1.5},
                    "model_options": {"n_layers": layers, "hidden": 8},
                    "training": {"epochs": 2},
                }
                for layers in (0, 1)
            ],
            "attributions": {
                "Grad-CAM": {"method": "graph-gradcam"},
                "saliency": {"method": "saliency"},
            },
        },
        "cnn": {
            "model": "voxel-cnn",
            "candidates": [
                {
                    "recipe": {"voxel_size": 0.3, "width": 0.25},
                    "model_options": {"hidden": 4, "n_blocks": 1},
                    "training": {"epochs": 1},
                }
            ],
            "attributions": {
                "Grad-CAM": {"method": "voxel-gradcam"},
                "random": {"method": "random"},
            },
        },
    },
    "judged": {"network": "gnn", "attribution": "Grad-CAM", "against": "cnn"},
}


def tiny(**changes):
    """The tiny benchmark with some of its parts replaced."""
    return AttributionBenchmark.from_dict({**CONTENT, **changes})
