"""Checks that every registered glass former, engine, model and so on must pass."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from gnnglass.testing.examples import example_of, example_snapshot
from gnnglass.trajectories import Snapshot

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from gnnglass.explain import Attribution
    from gnnglass.models import ClassifierNet
    from gnnglass.planted import Motif
    from gnnglass.registry import Registry


def _check_description(name: str, registry: Registry[Any]) -> None:
    """What lists, reports and documentation show of an entry is there, and is its own."""
    about = registry.describe(name)
    assert about.summary, f"{name}: no docstring, whose first sentence says what it is"
    assert about.label.strip() == about.label, f"{name}: spaces around its label {about.label!r}"
    namesakes = [one for one in registry if registry.describe(one).label == about.label]
    assert namesakes == [name], f"{name}: {', '.join(namesakes)} are all called {about.label!r}"


def check_glass_former(name: str) -> None:
    """Check a registered glass former: citation, potentials, energies, forces, what is stored.

    Raises:
        AssertionError: If it has no docstring, a potential's energy does not vanish at its cutoff,
            a force is not minus the slope of its energy, the forces of a configuration do not
            balance or its virial is not minus the derivative of its energy under dilation, or if
            the mixture does not survive being stored.
    """
    import json
    import pickle

    from gnnglass.systems import GLASS_FORMERS, glass_former

    _check_description(name, GLASS_FORMERS)
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
        AssertionError: If it has no docstring, energies or forces differ, or a minimum is not one.
    """
    from gnnglass.simulate import ENGINES
    from gnnglass.systems import GLASS_FORMERS

    _check_description(name, ENGINES)
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


def check_motif(name: str) -> None:
    """Check that a registered motif keeps the contract of `gnnglass.planted.Motif`.

    It has a docstring. Box, step, count and composition are kept; some, but a minority, is planted,
    all of it inside the ball, and only particles of or near the ball have moved, none of them
    through the box; without contrast nothing changes; the same seed gives the same plant;
    translation through the box and relabelling commute with planting; the repr makes an equal
    motif; a snapshot that is too small, or of a dimension that the motif does not know, is refused.

    Raises:
        AssertionError: Where the contract is broken.
    """
    from gnnglass.errors import InputError
    from gnnglass.planted import MOTIFS

    _check_description(name, MOTIFS)
    motif = MOTIFS.create(name)
    assert eval(repr(motif), {type(motif).__name__: type(motif)}) == motif, f"{name}: its repr"
    for dimension, n in ((2, 400), (3, 1000)):
        snapshot, refused = example_snapshot(dimension, n), example_snapshot(dimension, 8)
        if dimension in motif.dimensions:
            _check_plant(name, motif, snapshot)
        else:
            refused = snapshot
        try:
            motif.plant(refused, np.random.default_rng(0))
        except InputError:
            continue
        raise AssertionError(f"{name}: planted into {refused!r}")


def _check_plant(name: str, motif: Motif, snapshot: Snapshot) -> None:
    from dataclasses import replace

    n, dimension = snapshot.positions.shape
    before = snapshot.replace(images=np.ones((n, dimension)), step=7, fields={"old": np.ones(n)})
    first, second = (motif.plant(before, np.random.default_rng(1)) for _ in range(2))
    assert np.array_equal(first.positions, second.positions), f"{name}: one seed, two plants"

    center = 5
    after = motif.plant(before, np.random.default_rng(2), center=center)
    assert np.array_equal(after.box, before.box) and after.step == before.step, f"{name}: box"
    assert np.array_equal(np.sort(after.types), np.sort(before.types)), f"{name}: composition"
    assert set(after.fields) == {"planted"}, f"{name}: it has the fields {set(after.fields)}"
    truth = after.field("planted")
    assert set(truth) == {0.0, 1.0}, f"{name}: planted is {set(truth)}"
    assert truth.sum() < n / 2, f"{name}: planted {truth.sum():g} of {n}"
    away = before.minimum_image(before.positions - before.positions[center])
    away = np.linalg.norm(away, axis=1)
    assert away[truth == 1].max() < motif.radius, f"{name}: planted outside the ball"
    moves = np.linalg.norm(after.unwrapped - before.unwrapped, axis=1)
    assert moves.max() < motif.radius, f"{name}: a particle has moved by {moves.max():.3g}"
    reach = away[(moves > 0) | (after.types != before.types)].max()
    assert reach < motif.radius + 2, f"{name}: changed something {reach:.3g} from the centre"
    same = replace(motif, contrast=0.0).plant(before, np.random.default_rng(2), center=center)  # type: ignore[type-var]
    assert np.array_equal(same.unwrapped, before.unwrapped), f"{name}: contrast 0 moves"
    assert np.array_equal(same.types, before.types), f"{name}: contrast 0 changes species"

    rng = np.random.default_rng(0)
    shift, order = rng.normal(0, 20, dimension), rng.permutation(n)
    moved = before.replace(
        positions=before.positions[order] + shift, types=before.types[order], fields={}
    )
    place = int(np.flatnonzero(order == center)[0])
    again = motif.plant(moved, np.random.default_rng(2), center=place)
    assert np.array_equal(again.field("planted"), truth[order]), f"{name}: other particles"
    assert np.array_equal(again.types, after.types[order]), f"{name}: other species"
    change = np.abs(again.minimum_image(again.positions - after.positions[order] - shift)).max()
    assert change < 1e-6, f"{name}: translation and relabelling change it by {change:.3g}"


#: A glass former in each dimension, for indicators that ask for one.
SYSTEMS = {2: "kam2d", 3: "ka3d"}


def check_indicator(name: str) -> None:
    """Check that a registered indicator keeps the contract of `gnnglass.structure.Indicator`.

    It has a docstring, a unit ("1" for a pure number) and a label that no other indicator has.
    Values are finite, float64, of shape [n], unchanged by translation through the box and
    permuted by relabelling; `compute` returns the indicator itself and is needed before
    `values`; the repr makes an equal indicator; a dimension it does not know is refused.

    Raises:
        AssertionError: Where the contract is broken.
    """
    from gnnglass.errors import InputError, NotComputedError
    from gnnglass.structure import INDICATORS, indicator_for
    from gnnglass.trajectories import Trajectory

    _check_description(name, INDICATORS)
    unit = INDICATORS.describe(name).unit
    assert unit, f'{name}: no unit; set the class attribute unit, to "1" for a pure number'
    for dimension in (2, 3):
        snapshot = example_snapshot(dimension)
        indicator = indicator_for(name, Trajectory([snapshot], {"system": SYSTEMS[dimension]}))
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


def check_model(name: str) -> None:
    """Check a registered network: docstring, shapes, finite logits, named layers, memory.

    Raises:
        AssertionError: If the network breaks the contract of `ClassifierNet`.
    """
    import torch

    from gnnglass.models import MODELS, arguments_for, recipe_for, settled_by_recipe

    _check_description(name, MODELS)
    for dimension in (2, 3):
        recipe = recipe_for(name, dimension)
        torch.manual_seed(0)
        net = MODELS.create(name, **settled_by_recipe(recipe))
        inputs = [recipe(example_snapshot(dimension, seed=seed)) for seed in (0, 1)]
        net.standardise(inputs)
        arguments = arguments_for(net, inputs)
        logits = net(*arguments)
        assert logits.shape == (2, 2), f"{name}: logits have shape {tuple(logits.shape)}"
        assert torch.isfinite(logits).all(), f"{name}: logits are not finite"
        sites = net.local_logits(*arguments)
        assert sites.ndim == 2 and sites.shape[1] == 2, f"{name}: local logits are not [sites, 2]"
        balls = net.ball_logits(*arguments)
        assert balls.shape == sites.shape, f"{name}: ball logits have shape {tuple(balls.shape)}"
        named = {*net.particle_layers, net.explained_layer}
        unknown = named - {layer for layer, _ in net.named_modules()}
        assert not unknown, f"{name}: no layer {', '.join(sorted(unknown))}"
        assert net.explained_layer in net.particle_layers, f"{name}: explains no particle layer"
        for layer, shape in _layer_shapes(net, arguments).items():
            # Particles are rows; the cells of a grid are the axes after its channels.
            rows = shape[0] * math.prod(shape[2:])
            assert rows == len(sites), f"{name}: {layer} has {rows} rows for {len(sites)} sites"
        logits[:, 0].sum().backward()
        gradients = [p.grad for p in net.parameters() if p.grad is not None]
        assert gradients and all(torch.isfinite(g).all() for g in gradients)
        net.eval()
        stored = net.state_dict()
        again = MODELS.create(name, **settled_by_recipe(recipe)).eval()
        again.load_state_dict(stored)
        with torch.no_grad():
            difference = (again(*arguments) - net(*arguments)).abs().max()
        assert difference == 0, f"{name}: its state_dict does not hold all that it learnt"
        with torch.device("meta"):
            outline = MODELS.create(name, **settled_by_recipe(recipe)).state_dict()
        shapes = {key: value.shape for key, value in outline.items()}
        assert shapes == {key: value.shape for key, value in stored.items()}, (
            f"{name}: made on the meta device it has other weights"
        )


def _layer_shapes(net: ClassifierNet, arguments: tuple[Tensor, ...]) -> dict[str, torch.Size]:
    """Shapes of what the particle layers give in one call of a network."""
    shapes: dict[str, torch.Size] = {}

    def noting(layer: str) -> Callable[[object, object, Tensor], None]:
        return lambda _module, _inputs, output: shapes.update({layer: output.shape})

    hooks = [
        net.get_submodule(layer).register_forward_hook(noting(layer))
        for layer in net.particle_layers
    ]
    net(*arguments)
    for hook in hooks:
        hook.remove()
    return shapes


def check_attribution(name: str, own: nn.Module | None = None) -> None:
    """Check that a registered attribution keeps the contract of `gnnglass.explain.Attribution`.

    It has a docstring and a label that no other attribution has. It is tried on small untrained
    networks of every kind it says it explains: finite float64 scores of shape [n] per snapshot,
    none negative if it says that they have no sign, the same when asked again, for snapshots of
    unequal size, with the network and the state of the random numbers left as they were; an
    unknown class is refused.

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
    _check_description(name, ATTRIBUTIONS)
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
            assert attribution.signed or scores.min() >= 0, f"{name}: not signed, yet negative"
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
    from gnnglass.models import MODELS, GraphRecipe, recipe_for, settled_by_recipe

    if own is not None:
        return SimpleNamespace(model=own, recipe=GraphRecipe(2.0), labels=("first", "second"))
    for name in MODELS:
        recipe = recipe_for(name, 2)
        model = MODELS.create(name, **settled_by_recipe(recipe))
        try:
            attribution.check(model)
        except GnnglassError:
            continue
        if model.kind == kind:
            model.standardise([recipe(example_snapshot(2, 100, seed=1))])
            return SimpleNamespace(model=model, recipe=recipe, labels=("first", "second"))
    raise AssertionError(f"no registered {kind} model can be explained by {attribution}")
