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


def check_glass_former(name: str) -> None:
    """Check a registered glass former: a citation, potentials that end smoothly, energies, forces.

    Raises:
        AssertionError: If a potential does not vanish at its cutoff, a force is not minus the
            slope of its energy, or the forces of a configuration do not balance.
    """
    from gnnglass.systems import GLASS_FORMERS

    system = GLASS_FORMERS.create(name)
    assert system.name == name, f"{name}: its own name is {system.name!r}"
    assert system.citation, f"{name}: no citation"
    for pair, potential in system.potentials.items():
        r = np.linspace(0.8, 0.999, 50) * potential.cutoff
        slope = (potential.energy(r + 1e-6) - potential.energy(r - 1e-6)) / 2e-6
        scale = np.abs(potential.force(r)).max()
        assert np.abs(slope + potential.force(r)).max() < 1e-6 * scale, f"{name} {pair}: force"
        edge = potential.cutoff * (1 - 1e-9)
        assert abs(potential.energy(edge)) < 1e-6 * scale, f"{name} {pair}: energy at cutoff"
        assert abs(potential.energy(2 * potential.cutoff)) == 0, f"{name} {pair}: beyond cutoff"
    n = int(np.ceil((2.2 * system.r_max) ** system.dimension * system.density))
    snapshot = example_snapshot(system.dimension, n)
    box = system.box(n)
    liquid = Snapshot(
        box, snapshot.positions * box / snapshot.box, snapshot.types, system.species[:2]
    )
    assert np.isfinite(system.energies(liquid)).all(), f"{name}: energies"
    forces = system.forces(liquid)
    assert np.abs(forces.sum(axis=0)).max() < 1e-9 * np.abs(forces).max(), f"{name}: forces"


def check_engine(name: str, system: str = "kam2d") -> None:
    """Check a registered engine against the oracle of a glass former, to 1e-9 relative.

    Raises:
        AssertionError: If energies or forces differ, or a minimum is not one.
    """
    from gnnglass.simulate import ENGINES
    from gnnglass.systems import GLASS_FORMERS

    engine, former = ENGINES.create(name), GLASS_FORMERS.create(system)
    n = int(np.ceil((2.2 * former.r_max) ** former.dimension * former.density))
    example = example_snapshot(former.dimension, n)
    box = former.box(n)
    snapshot = Snapshot(box, example.positions * box / example.box, example.types, former.species)
    energies, forces = engine.energies_and_forces(former, snapshot)
    expected = former.energies(snapshot), former.forces(snapshot)
    for what, mine, oracle in zip(
        ("energies", "forces"), (energies, forces), expected, strict=True
    ):
        difference = np.abs(mine - oracle).max() / np.abs(oracle).max()
        assert difference < 1e-9, f"{name}: {what} differ from the oracle by {difference:.1e}"
    minimum = engine.minimize(former, snapshot)
    assert former.energies(minimum).sum() < expected[0].sum(), f"{name}: minimised upwards"
    left = np.abs(former.forces(minimum)).max()
    assert left < 1e-3, f"{name}: a force of {left:.1e} is left at the minimum"


def check_model(name: str) -> None:
    """Check a registered network: shapes, finite logits and gradients, explained layer, memory.

    Raises:
        AssertionError: If the network breaks the contract of `ClassifierNet`.
    """
    import torch

    from gnnglass.models import MODELS, collate
    from gnnglass.training import recipe_for, settled_by_recipe

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
