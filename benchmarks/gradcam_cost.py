"""What Grad-CAM costs, in units of one forward and backward pass of the same network.

Run ``python benchmarks/gradcam_cost.py``. Both sides are timed in turn, so that whatever else the
machine does meanwhile hits them alike, and medians are compared.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from types import SimpleNamespace

import torch
from torch_geometric.explain import Explainer, ModelConfig

from gnnglass.explain import GraphGradCAM, VoxelGradCAM
from gnnglass.models import ClassifierNet, collate
from gnnglass.testing import example_snapshot
from gnnglass.training import choose_device, create_model, recipe_for
from gnnglass.trajectories import Snapshot

GLASS = 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--graphs", type=int, default=16, help="graphs in the batch")
    parser.add_argument("--particles", type=int, default=1024, help="particles per graph")
    parser.add_argument("--repeats", type=int, default=15, help="timings of each side")
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto")
    options = parser.parse_args()
    device = choose_device(options.device)
    snapshots = [example_snapshot(2, options.particles, seed=k) for k in range(options.graphs)]
    print(f"{device}, {torch.get_num_threads()} threads, medians of {options.repeats}")
    compare_graph(snapshots, options.repeats, device)
    compare_voxel(snapshots[0], options.repeats, device)


def compare_graph(snapshots: list[Snapshot], repeats: int, device: torch.device) -> None:
    """Print the cost of `GraphGradCAM` on a batch that is already made, and all explained."""
    recipe = recipe_for("message-passing", 2)
    net = create_model("message-passing", recipe, {}).to(device).eval()
    x, edge_index, edge_distance, batch = collate([recipe(s) for s in snapshots], device)
    algorithm = Explainer(
        net,
        algorithm=GraphGradCAM(),
        explanation_type="model",
        node_mask_type="object",
        model_config=ModelConfig("multiclass_classification", "graph", "raw"),
    ).algorithm
    target = torch.full((len(snapshots),), GLASS, device=device)
    ours, reference = medians(
        lambda: algorithm(
            net, x, edge_index, target=target, edge_distance=edge_distance, batch=batch
        ),
        lambda: forward_backward(net, x, edge_index, edge_distance, batch),
        repeats,
        device,
    )
    print(
        f"GraphGradCAM, {len(snapshots)} graphs of {len(snapshots[0])} particles: "
        f"{1e3 * ours:.1f} ms; forward + backward {1e3 * reference:.1f} ms; "
        f"ratio {ours / reference:.2f}"
    )


def compare_voxel(snapshot: Snapshot, repeats: int, device: torch.device) -> None:
    """Print the cost of `VoxelGradCAM` on one snapshot, from positions to particle scores."""
    recipe = recipe_for("voxel-cnn", 2)
    net = create_model("voxel-cnn", recipe, {}).to(device).eval()
    classifier = SimpleNamespace(model=net, recipe=recipe, labels=("liquid", "glass"))
    (grid,) = collate([recipe(snapshot)], device)
    methods = {
        "averaged over shifts and flips": VoxelGradCAM(),
        "of the grid as it is": VoxelGradCAM(n_shifts=1, flips=False),
    }
    for name, method in methods.items():
        ours, reference = medians(
            lambda method=method: method.compute(classifier, [snapshot]),
            lambda: forward_backward(net, grid),
            repeats,
            device,
        )
        print(
            f"VoxelGradCAM {name}, one snapshot of {len(snapshot)} particles: "
            f"{1e3 * ours:.1f} ms; forward + backward {1e3 * reference:.1f} ms; "
            f"ratio {ours / reference:.2f}"
        )


def forward_backward(net: ClassifierNet, *arguments: torch.Tensor) -> None:
    net.zero_grad()
    net(*arguments)[:, GLASS].sum().backward()


def medians(
    ours: Callable[[], object],
    reference: Callable[[], object],
    repeats: int,
    device: torch.device,
) -> tuple[float, float]:
    """Median seconds of either side, timed in turn after one call that is not counted."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for repeat in range(repeats + 1):
        for side, kept in zip((ours, reference), seconds, strict=True):
            start = time.perf_counter()
            side()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            if repeat:
                kept.append(time.perf_counter() - start)
    return statistics.median(seconds[0]), statistics.median(seconds[1])


if __name__ == "__main__":
    main()
