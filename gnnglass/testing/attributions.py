"""What every registered attribution must do."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np

from gnnglass.testing.examples import example_snapshot

if TYPE_CHECKING:
    from torch import nn

    from gnnglass.explain import Attribution


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
