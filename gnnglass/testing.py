"""Checks that every registered glass former, engine, model, attribution and indicator must pass.

Run them on your own entries, here or in your package: registering is being tested.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np

from gnnglass.trajectories import Snapshot

if TYPE_CHECKING:
    from torch import nn

    from gnnglass.explain import Attribution
    from gnnglass.systems import GlassFormer


def example_snapshot(dimension: int, n: int | None = None, seed: int = 0) -> Snapshot:
    """A disordered two-species configuration: a lattice with noise and shuffled types.

    Args:
        dimension: 2 or 3.
        n: Number of particles; 144 in 2D and 343 in 3D by default.
        seed: Seed of noise and types.
    """
    n = n or {2: 144, 3: 343}[dimension]
    box = np.full(dimension, (n / 1.2) ** (1 / dimension))
    n_small = round(0.35 * n)
    return _disordered(box, (n - n_small, n_small), ("A", "B"), seed)


def example_of(system: GlassFormer, seed: int = 0) -> Snapshot:
    """A disordered configuration of a glass former, in the smallest box that engines take.

    They need its edge to be twice the longest cutoff and the skin of their neighbor lists.

    Args:
        system: The mixture; its density and its fractions are kept.
        seed: Seed of noise and types.
    """
    edge = 2 * system.r_max + 1
    n = max(64, int(np.ceil(edge**system.dimension * system.density)))
    return _disordered(system.box(n), system.counts(n), system.species, seed)


def _disordered(
    box: np.ndarray, counts: tuple[int, ...], names: tuple[str, ...], seed: int
) -> Snapshot:
    rng = np.random.default_rng(seed)
    n, dimension = sum(counts), len(box)
    per_edge = int(np.ceil(n ** (1 / dimension)))
    sites = np.stack(np.meshgrid(*[np.arange(per_edge)] * dimension), axis=-1)
    sites = rng.permutation(sites.reshape(-1, dimension))[:n]
    noise = 0.15 * rng.uniform(-1, 1, (n, dimension))
    positions = (sites + 0.5 + noise) * box / per_edge - box / 2
    types = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    return Snapshot(box, positions, types, names)


def check_glass_former(name: str) -> None:
    """Check a registered glass former: citation, potentials, energies, forces, what is stored.

    Raises:
        AssertionError: If a potential's energy does not vanish at its cutoff, a force is not
            minus the slope of its energy, the forces of a configuration do not balance or its
            virial is not minus the derivative of its energy under dilation, or if the mixture
            does not survive being stored.
    """
    import json
    import pickle

    from gnnglass.systems import GLASS_FORMERS, glass_former

    system = GLASS_FORMERS.create(name)
    assert system.name == name, f"{name}: its own name is {system.name!r}"
    assert system.citation, f"{name}: no citation"
    for pair, potential in system.potentials.items():
        r = np.linspace(0.5, 0.999, 50) * potential.cutoff
        h = 1e-6 * potential.cutoff
        slope = (potential.energy(r + h) - potential.energy(r - h)) / (2 * h)
        scale = np.abs(potential.force(r)).max()
        assert np.abs(slope + potential.force(r)).max() < 1e-6 * scale, f"{name} {pair}: force"
        edge = potential.cutoff * (1 - 1e-9)
        assert abs(potential.energy(edge)) < 1e-6 * scale, f"{name} {pair}: energy at cutoff"
        beyond = potential.cutoff * np.array([1.0, 2.0])
        assert not potential.energy(beyond).any(), f"{name} {pair}: energy beyond cutoff"
        assert not potential.force(beyond).any(), f"{name} {pair}: force beyond cutoff"
    liquid = example_of(system)
    assert np.isfinite(system.energies(liquid)).all(), f"{name}: energies"
    forces = system.forces(liquid)
    assert np.abs(forces.sum(axis=0)).max() < 1e-9 * np.abs(forces).max(), f"{name}: forces"
    dilated = [
        system.energies(
            Snapshot(s * liquid.box, s * liquid.positions, liquid.types, system.species)
        )
        for s in (1 + 1e-6, 1 - 1e-6)
    ]
    virial = (dilated[1].sum() - dilated[0].sum()) / 2e-6
    # A force that jumps at the cutoff makes energies of configurations kink, if not by much.
    assert abs(virial - system.virial(liquid)) < 1e-4 * abs(virial), f"{name}: virial"
    assert glass_former(json.loads(json.dumps(system.identity))) == system, f"{name}: identity"
    assert pickle.loads(pickle.dumps(system)) == system, f"{name}: does not survive pickling"


def check_engine(name: str, system: str = "kam2d", tolerance: float = 1e-6) -> None:
    """Check a registered engine against the oracle of a glass former.

    Args:
        name: The engine.
        system: A registered glass former.
        tolerance: How much energies and forces may differ, relative to the largest.

    Raises:
        AssertionError: If energies or forces differ, or a minimum is not one.
    """
    from gnnglass.simulate import ENGINES
    from gnnglass.systems import GLASS_FORMERS

    engine, former = ENGINES.create(name), GLASS_FORMERS.create(system)
    snapshot = example_of(former)
    energies, forces = engine.energies_and_forces(former, snapshot)
    expected = former.energies(snapshot), former.forces(snapshot)
    for what, mine, oracle in zip(
        ("energies", "forces"), (energies, forces), expected, strict=True
    ):
        difference = np.abs(mine - oracle).max() / np.abs(oracle).max()
        assert difference < tolerance, (
            f"{name}: {what} of {system} differ from the oracle by {difference:.1e}"
        )
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


def check_attribution(name: str, own: nn.Module | None = None) -> None:
    """Check that a registered attribution keeps the contract of `gnnglass.explain.Attribution`.

    It is tried on small untrained networks of every kind it says it explains: finite float64
    scores of shape [n] per snapshot, the same when asked again, for snapshots of unequal size,
    with the network and the state of the random numbers left as they were; an unknown class is
    refused.

    Args:
        name: The attribution.
        own: A network it explains, if no registered one is.

    Raises:
        AssertionError: Where the contract is broken.
    """
    import torch

    from gnnglass.errors import GnnglassError
    from gnnglass.explain import ATTRIBUTIONS

    snapshots = [example_snapshot(2, n) for n in (100, 64, 144)]
    attribution = ATTRIBUTIONS.create(name)
    for kind in attribution.kinds:
        classifier = _explainable(attribution, kind, own)
        model = classifier.model.train()
        weights = {key: value.clone() for key, value in model.state_dict().items()}
        chance = torch.random.get_rng_state()
        first, second = (attribution.compute(classifier, snapshots) for _ in range(2))
        assert len(first) == len(snapshots), f"{name}: {len(first)} results for 3 snapshots"
        for snapshot, scores, again in zip(snapshots, first, second, strict=True):
            assert scores.shape == (len(snapshot),), f"{name}: shape {scores.shape}"
            assert scores.dtype == np.float64, f"{name}: {scores.dtype}, not float64"
            assert np.isfinite(scores).all(), f"{name}: scores are not finite"
            assert np.array_equal(scores, again), f"{name}: asked twice, answered differently"
        assert model.training, f"{name}: left the model in evaluation mode"
        for key, value in model.state_dict().items():
            assert value.equal(weights[key]), f"{name}: changed the model's {key}"
        for key, parameter in model.named_parameters():
            assert parameter.requires_grad, f"{name}: froze the model's {key}"
            assert parameter.grad is None, f"{name}: left a gradient in the model's {key}"
        hooked = [key for key, module in model.named_modules() if module._forward_hooks]
        assert not hooked, f"{name}: left hooks in the model's {', '.join(hooked)}"
        untouched = torch.random.get_rng_state().equal(chance)
        assert untouched, f"{name}: changed the state of the global random numbers"
        try:
            attribution.compute(classifier, snapshots, "no such class")
        except GnnglassError:
            continue
        raise AssertionError(f"{name}: accepted an unknown class")


def _explainable(attribution: Attribution, kind: str, own: nn.Module | None) -> SimpleNamespace:
    """A small classifier of a kind, with the first registered network that is accepted."""
    from gnnglass.errors import GnnglassError
    from gnnglass.graphs import GraphRecipe
    from gnnglass.models import MODELS
    from gnnglass.training import recipe_for, settled_by_recipe

    if own is not None:
        return SimpleNamespace(model=own, recipe=GraphRecipe(2.0), labels=("liquid", "glass"))
    for name in MODELS:
        recipe = recipe_for(name, 2)
        model = MODELS.create(name, **settled_by_recipe(recipe))
        try:
            attribution.check(model)
        except GnnglassError:
            continue
        if model.kind == kind:
            model.standardise([recipe(example_snapshot(2, 100, seed=1))])
            return SimpleNamespace(model=model, recipe=recipe, labels=("liquid", "glass"))
    raise AssertionError(f"no registered {kind} model can be explained by {attribution}")


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
