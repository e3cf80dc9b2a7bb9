"""Checks that every registered glass former, engine, model, attribution and indicator must pass.

Run them on your own entries, here or in your package: registering is being tested.
"""

from __future__ import annotations

import numpy as np

from gnnglass.trajectories import Snapshot


def example_snapshot(dimension: int, n: int | None = None, seed: int = 0) -> Snapshot:
    """A disordered two-species configuration: a lattice with noise and shuffled types.

    Args:
        dimension: 2 or 3.
        n: Number of particles; 144 in 2D and 343 in 3D by default.
        seed: Seed of noise and types.
    """
    rng = np.random.default_rng(seed)
    n = n or {2: 144, 3: 343}[dimension]
    per_edge = int(np.ceil(n ** (1 / dimension)))
    sites = np.stack(np.meshgrid(*[np.arange(per_edge)] * dimension), axis=-1)
    sites = rng.permutation(sites.reshape(-1, dimension))[:n]
    edge = (n / 1.2) ** (1 / dimension)
    noise = 0.15 * rng.uniform(-1, 1, (n, dimension))
    positions = (sites + 0.5 + noise) * edge / per_edge - edge / 2
    n_small = round(0.35 * n)
    types = rng.permutation(np.repeat([0, 1], [n - n_small, n_small]))
    return Snapshot(np.full(dimension, edge), positions, types)


def check_model(name: str) -> None:
    """Check a registered network: shapes, finite logits and gradients, explained layer, memory.

    Raises:
        AssertionError: If the network breaks the contract of `ClassifierNet`.
    """
    import torch

    from gnnglass.models import MODELS
    from gnnglass.training import collate, recipe_for, settled_by_recipe

    for dimension in (2, 3):
        recipe = recipe_for(name, dimension)
        torch.manual_seed(0)
        net = MODELS.create(name, **settled_by_recipe(recipe))
        inputs = [recipe(example_snapshot(dimension, seed=seed)) for seed in (0, 1)]
        net.standardise(inputs)
        arguments = collate(inputs)
        logits = net(*arguments)
        assert logits.shape == (2, 2), f"{name}: logits have shape {tuple(logits.shape)}"
        assert torch.isfinite(logits).all(), f"{name}: logits are not finite"
        sites = net.local_logits(*arguments)
        assert sites.ndim == 2 and sites.shape[1] == 2, f"{name}: local logits are not [sites, 2]"
        layers = dict(net.named_modules())
        assert net.explained_layer in layers, f"{name}: no layer {net.explained_layer!r}"
        logits.sum().backward()
        gradients = [p.grad for p in net.parameters() if p.grad is not None]
        assert gradients and all(torch.isfinite(g).all() for g in gradients)
        net.eval()
        stored = net.state_dict()
        again = MODELS.create(name, **settled_by_recipe(recipe)).eval()
        again.load_state_dict(stored)
        with torch.no_grad():
            difference = (again(*arguments) - net(*arguments)).abs().max()
        assert difference == 0, f"{name}: its state_dict does not hold all that it learnt"


def check_attribution(name: str) -> None:
    """Check that a registered attribution keeps the contract of `gnnglass.explain.Attribution`.

    It is tried on small untrained networks of every kind it says it explains: finite float64
    scores of shape [n] per snapshot, the same when asked again, for snapshots of unequal size,
    with the network left as it was; an unknown class is refused.

    Raises:
        AssertionError: Where the contract is broken.
    """
    from types import SimpleNamespace

    from gnnglass.errors import GnnglassError
    from gnnglass.explain import ATTRIBUTIONS
    from gnnglass.graphs import GraphRecipe
    from gnnglass.models import MODELS
    from gnnglass.voxels import VoxelRecipe

    snapshots = [example_snapshot(2, n) for n in (100, 64, 144)]
    classifiers: dict[str, SimpleNamespace] = {
        "graph": SimpleNamespace(
            model=MODELS.create("message-passing", n_species=2, r_max=2.0),
            recipe=GraphRecipe(2.0),
            labels=("liquid", "glass"),
        ),
        "voxel": SimpleNamespace(
            model=MODELS.create("voxel-cnn", n_species=2, dimension=2),
            recipe=VoxelRecipe(0.25, 0.25, multiple=4),
            labels=("liquid", "glass"),
        ),
    }
    attribution = ATTRIBUTIONS.create(name)
    for kind in attribution.kinds:
        classifier = classifiers[kind]
        weights = {key: value.clone() for key, value in classifier.model.state_dict().items()}
        first, second = (attribution.compute(classifier, snapshots) for _ in range(2))
        assert len(first) == len(snapshots), f"{name}: {len(first)} results for 3 snapshots"
        for snapshot, scores, again in zip(snapshots, first, second, strict=True):
            assert scores.shape == (len(snapshot),), f"{name}: shape {scores.shape}"
            assert scores.dtype == np.float64, f"{name}: {scores.dtype}, not float64"
            assert np.isfinite(scores).all(), f"{name}: scores are not finite"
            assert np.array_equal(scores, again), f"{name}: asked twice, answered differently"
        assert classifier.model.training, f"{name}: left the model in evaluation mode"
        for key, value in classifier.model.state_dict().items():
            assert value.equal(weights[key]), f"{name}: changed the model's {key}"
        try:
            attribution.compute(classifier, snapshots, "no such class")
        except GnnglassError:
            continue
        raise AssertionError(f"{name}: accepted an unknown class")


def check_indicator(name: str) -> None:
    """Check that a registered indicator keeps the contract of `gnnglass.structure.Indicator`.

    Values are finite, float64, of shape [n], unchanged by translation through the box and
    permuted by relabelling; `compute` returns the indicator itself and is needed before
    `values`; the repr makes an equal indicator; a dimension it does not know is refused.

    Raises:
        AssertionError: Where the contract is broken.
    """
    from gnnglass.errors import InputError, NotComputedError
    from gnnglass.structure import indicator_for
    from gnnglass.trajectories import Trajectory

    for dimension in (2, 3):
        snapshot = example_snapshot(dimension)
        indicator = indicator_for(name, Trajectory([snapshot], {"system": "kam2d"}))
        if dimension not in indicator.dimensions:
            try:
                indicator.compute(snapshot)
            except InputError:
                continue
            raise AssertionError(f"{name}: accepted a {dimension}D snapshot")
        try:
            early = indicator.values
        except NotComputedError:
            early = None
        assert early is None, f"{name}: has values before compute"
        assert indicator.compute(snapshot) is indicator, f"{name}: compute does not return self"
        values = indicator.values
        assert values.shape == (len(snapshot),), f"{name}: shape {values.shape}"
        assert values.dtype == np.float64, f"{name}: {values.dtype}, not float64"
        assert np.isfinite(values).all(), f"{name}: values are not finite"
        spread = max(float(np.abs(values).max()), 1e-12)
        again = eval(repr(indicator), {type(indicator).__name__: type(indicator)})
        assert np.array_equal(again.compute(snapshot).values, values), f"{name}: its repr differs"

        rng = np.random.default_rng(0)
        moved = snapshot.replace(positions=snapshot.positions + rng.normal(0, 20, dimension))
        change = np.abs(indicator.compute(moved).values - values).max()
        assert change < 1e-4 * spread, f"{name}: translation changes it by {change:.3g}"
        order = rng.permutation(len(snapshot))
        relabelled = snapshot.replace(
            positions=snapshot.positions[order], types=snapshot.types[order]
        )
        change = np.abs(indicator.compute(relabelled).values - values[order]).max()
        assert change < 1e-4 * spread, f"{name}: relabelling changes it by {change:.3g}"
