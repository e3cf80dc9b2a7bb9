"""What attributions cost, in units of one forward and backward pass of the same network.

Run ``python benchmarks/attribution_cost.py``. All graph attributions explain the same batch, the
voxel ones the same snapshot, each from what the network is given to scores. Attribution and
reference are timed in turn, so that whatever else the machine does meanwhile hits them alike. At
the end, exact occlusion of one large graph against one forward pass.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace

import torch
from _common import machine, run_script, side_by_side
from torch_geometric.explain import Explainer, ModelConfig

from gnnglass.errors import GnnglassError
from gnnglass.explain import ATTRIBUTIONS, GraphAttribution, Occlusion, VoxelCAM
from gnnglass.models import ClassifierNet, arguments_for, create_model, recipe_for
from gnnglass.testing import example_snapshot
from gnnglass.training import choose_device
from gnnglass.trajectories import Snapshot

GLASS = 1
#: These take seconds to minutes, so one timing says enough.
DEAR = ("gnn-explainer", "occlusion")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--graphs", type=int, default=16, help="graphs in the batch")
    parser.add_argument("--particles", type=int, default=1024, help="particles per graph")
    parser.add_argument("--model", default="message-passing", help="network on graphs")
    parser.add_argument("--repeats", type=int, default=15, help="timings of each side")
    parser.add_argument("--large", type=int, default=4096, help="particles of the large graph")
    parser.add_argument("--dimension", type=int, default=2, help="of the large graph")
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto")
    options = parser.parse_args()
    device = choose_device(options.device)
    snapshots = [example_snapshot(2, options.particles, seed=k) for k in range(options.graphs)]
    print(f"{machine()}; {device}, {torch.get_num_threads()} threads; {options.repeats} repeats")
    compare_graph(options.model, snapshots, options.repeats, device)
    compare_voxel(snapshots[0], options.repeats, device)
    compare_occlusion(options.model, options.dimension, options.large, device)


def compare_graph(
    model: str, snapshots: list[Snapshot], repeats: int, device: torch.device
) -> None:
    """Print the cost of each graph attribution on a batch that is already made."""
    recipe = recipe_for(model, 2)
    net = create_model(model, recipe, {}).to(device).eval()
    inputs = [recipe(snapshot) for snapshot in snapshots]
    net.standardise(inputs)
    arguments = arguments_for(net, inputs)
    x, edge_index, *rest = arguments
    extras = dict(zip(net.takes[2:], rest, strict=True))
    target = torch.full((len(snapshots),), GLASS, device=device)
    print(f"{model}, {len(snapshots)} graphs of {len(snapshots[0])} particles, all explained:")
    ratios = {}
    for name in ATTRIBUTIONS:
        attribution = ATTRIBUTIONS.create(name)
        if not isinstance(attribution, GraphAttribution) or not explains(attribution, net):
            continue
        explainer = Explainer(
            net,
            algorithm=attribution,
            explanation_type="model",
            node_mask_type="object",
            model_config=ModelConfig("multiclass_classification", "graph", "raw"),
        )
        ratios[name] = compare(
            name,
            partial(explainer.algorithm, net, x, edge_index, target=target, **extras),
            lambda: forward_backward(net, *arguments),
            1 if name in DEAR else repeats,
            device,
            warm_up=name not in DEAR,
        )
    times = ratios["gnn-explainer"] / ratios["graph-gradcam"]
    print(f"  gnn-explainer takes {times:.0f} times as long as graph-gradcam")


def compare_voxel(snapshot: Snapshot, repeats: int, device: torch.device) -> None:
    """Print the cost of each voxel attribution, from positions to particle scores."""
    recipe = recipe_for("voxel-cnn", 2)
    net = create_model("voxel-cnn", recipe, {}).to(device).eval()
    classifier = SimpleNamespace(model=net, recipe=recipe, labels=("liquid", "glass"))
    arguments = arguments_for(net, [recipe(snapshot)])
    print(f"voxel-cnn, one snapshot of {len(snapshot)} particles, with and without copies:")
    for name in ATTRIBUTIONS:
        for copies in ({}, {"n_shifts": 1, "flips": False}):
            kind = ATTRIBUTIONS.factory(name)
            if not (isinstance(kind, type) and issubclass(kind, VoxelCAM)):
                continue
            attribution = ATTRIBUTIONS.create(name, **copies)
            compare(
                name,
                partial(attribution.compute, classifier, [snapshot]),
                lambda: forward_backward(net, *arguments),
                repeats,
                device,
            )


def compare_occlusion(model: str, dimension: int, n: int, device: torch.device) -> None:
    """Print the cost of exact occlusion of a large graph, in units of one forward pass."""
    recipe = recipe_for(model, dimension)
    net = create_model(model, recipe, {}).to(device).eval()
    classifier = SimpleNamespace(model=net, recipe=recipe, labels=("liquid", "glass"))
    snapshot = example_snapshot(dimension, n)
    net.standardise([recipe(snapshot)])
    arguments = arguments_for(net, [recipe(snapshot)])

    @torch.no_grad()
    def forward() -> None:
        net(*arguments)

    forward()
    print(f"{model}, one snapshot of {n} particles in {dimension}D, against one forward pass:")
    compare(
        "occlusion",
        lambda: Occlusion().compute(classifier, [snapshot]),
        forward,
        1,
        device,
        warm_up=False,
    )


def explains(attribution: GraphAttribution, net: ClassifierNet) -> bool:
    try:
        attribution.check(net)
    except GnnglassError:
        return False
    return True


def forward_backward(net: ClassifierNet, *arguments: torch.Tensor) -> None:
    net.zero_grad()
    net(*arguments)[:, GLASS].sum().backward()


def compare(
    name: str,
    attribution: Callable[[], object],
    reference: Callable[[], object],
    repeats: int,
    device: torch.device,
    warm_up: bool = True,
) -> float:
    """Print what an attribution costs, and return it in units of the reference."""

    def finished(side: Callable[[], object]) -> Callable[[None], None]:
        def call(_: None) -> None:
            side()
            if device.type == "cuda":
                torch.cuda.synchronize(device)

        return call

    found = side_by_side(finished(attribution), finished(reference), repeats, warm_up=warm_up)
    print(f"  {name:24s} {found.text('reference')}", flush=True)
    return found.ratio("wall")["estimate"]


if __name__ == "__main__":
    run_script(main)
