"""Benchmark files: the one that is shipped, and those that are refused."""

import pytest
from attributions import SHIPPED
from planted_truth import AttributionBenchmark
from planted_truth.definition import check_benchmark
from tiny_benchmark import CONTENT, tiny

from gnnglass.errors import InputError
from gnnglass.planted import MOTIFS


def test_the_shipped_one_plants_every_motif():
    benchmark = AttributionBenchmark.from_file(SHIPPED)
    check_benchmark(benchmark)
    planted = {
        (one.motif, benchmark.bases[one.base].dimension) for one in benchmark.scenarios.values()
    }
    every = {(name, d) for name in MOTIFS for d in MOTIFS.create(name).dimensions}
    assert planted == every
    assert benchmark.seeds == 3


def changed(**parts):
    """The content with entries replaced, named by their place: ``networks__gnn__model``."""
    content = tiny().model_dump()
    for place, value in parts.items():
        *way, last = place.split("__")
        inner = content
        for key in way:
            inner = inner[key]
        inner[last] = value
    return content


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"scenarios__swapped__base": "large"}, "planted into the base 'large'; known: small"),
        ({"judged__network": "gat"}, "judged names the network 'gat'; known: gnn, cnn"),
        ({"judged__attribution": "LIME"}, "gnn has: Grad-CAM, saliency"),
        ({"judged__controlled": ["melt"]}, "names the scenario 'melt'; known: swapped"),
        ({"networks__cnn__scenarios": ["melt"]}, "networks.cnn.scenarios names .* 'melt'"),
        (
            {"networks__cnn__attributions": {"x": {"method": "random", "scenarios": ["melt"]}}},
            "networks.cnn.attributions.x names .* 'melt'",
        ),
        ({"networks__cnn__scenarios": []}, "cnn takes no part in scenarios.swapped"),
        ({"bases__small__runs": 3}, "bases.small.runs is 3"),
        ({"seeds": 1}, "seeds is 1"),
        (
            {"networks__gnn__candidates": [{"dimension": 3}]},
            "gnn takes no part in scenarios.swapped",
        ),
        ({"colour": "red"}, "there is no colour"),
    ],
)
def test_what_makes_no_sense_is_refused(parts, said):
    with pytest.raises(InputError, match=said):
        AttributionBenchmark.from_dict(changed(**parts))


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"scenarios__swapped__motif": "swirl"}, "scenarios.swapped: unknown motif 'swirl'"),
        ({"scenarios__swapped__options": {"contrast": 2}}, "scenarios.swapped: contrast is 2"),
        ({"scenarios__swapped__options": {"colour": 2}}, "scenarios.swapped: .*colour"),
        ({"scenarios__swapped__motif": "icosahedral-patch"}, "cannot be planted in 2D"),
        ({"networks__gnn__model": "mlp"}, "networks.gnn: unknown model 'mlp'"),
        ({"networks__gnn__candidates": [{"recipe": {"r": 2}}]}, "networks.gnn: the graph recipe"),
        (
            {"networks__gnn__candidates": [{"training": {"steps": 2}}]},
            "networks.gnn: .*steps",
        ),
        (
            {"networks__gnn__attributions": {"Grad-CAM": {"method": "lime"}}},
            "networks.gnn: unknown attribution 'lime'",
        ),
        (
            {"networks__gnn__attributions": {"Grad-CAM": {"method": "voxel-gradcam"}}},
            "networks.gnn: Grad-CAM explains voxel models",
        ),
        (
            {
                "networks__gnn__attributions": {
                    "Grad-CAM": {"method": "graph-gradcam", "options": {"layer": "last"}}
                }
            },
            "networks.gnn: .*'last'",
        ),
    ],
)
def test_what_cannot_be_made_is_refused_before_anything_is_done(parts, said):
    with pytest.raises(InputError, match=said):
        check_benchmark(AttributionBenchmark.from_dict(changed(**parts)))


def test_no_example_is_changed():
    assert tiny() == AttributionBenchmark.from_dict(CONTENT)
