"""Labels of balls: means over all that is within a radius, and what is learnt from them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from graph_models import GRAPH_MODELS
from planted import planted, planted_set
from sklearn.linear_model import LogisticRegression

from gnnglass import _options
from gnnglass.errors import InputError
from gnnglass.explain import GraphGradCAM
from gnnglass.models import MODELS, arguments_for, create_model, join_balls, recipe_for
from gnnglass.systems import glass_former
from gnnglass.testing import example_snapshot
from gnnglass.training import (
    LabelledSet,
    TrainedClassifier,
    TrainingOptions,
    fit,
    split_by_run,
)
from gnnglass.training._loop import Configurations, KeepBest, random_symmetry
from gnnglass.training._loop import train as train_network
from gnnglass.trajectories import Snapshot

RADIUS = 2.2
FIELDS = ("potential-energy", "tong-tanaka")


def within(snapshot: Snapshot, radius: float) -> np.ndarray:
    """Which particles are in the ball around each, by all distances, bool, shape [n, n]."""
    apart = snapshot.minimum_image(snapshot.positions[:, None] - snapshot.positions)
    return np.linalg.norm(apart, axis=-1) < radius


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("name", GRAPH_MODELS)
def test_balls_of_graphs_are_all_within_the_radius(name, dimension):
    """Whatever the cutoff of the graph, and whoever else is in the batch."""
    recipe = recipe_for(name, dimension, r_max=1.4)
    net = create_model(name, recipe, {}).eval()
    net.head.linear.reset_parameters()  # type: ignore[operator, union-attr]
    members = [
        example_snapshot(dimension, n) for n in {2: (100, 64, 1), 3: (125, 216, 1)}[dimension]
    ]
    lonely = Snapshot(members[0].box, np.zeros((1, dimension)), [0])
    members[-1] = lonely
    inputs = [recipe(one) for one in members]
    ball = join_balls(
        inputs, [net.ball(made, one, 2.0) for made, one in zip(inputs, members, strict=True)]
    )
    arguments = arguments_for(net, inputs)
    with torch.no_grad():
        sites = net.local_logits(*arguments).double().numpy()
        found = net.ball_logits(*arguments, ball=ball).numpy()
    start = 0
    for one in members:
        own = slice(start, start + len(one))
        inside = within(one, 2.0)
        expected = inside @ sites[own] / inside.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(found[own], expected, atol=1e-6)
        start += len(one)


def test_within_the_cutoff_of_the_graph_it_is_the_neighbours():
    recipe = recipe_for("linear", 2, r_max=1.7)
    net, snapshot = create_model("linear", recipe, {}), example_snapshot(2)
    net.head.linear.reset_parameters()  # type: ignore[operator, union-attr]
    made = recipe(snapshot)
    arguments = arguments_for(net, [made])
    torch.testing.assert_close(
        net.ball_logits(*arguments, ball=net.ball(made, snapshot, 1.7)),
        net.ball_logits(*arguments),
        atol=1e-6,
        rtol=0,
    )


def flat_box(dimension: int, seed: int = 0) -> Snapshot:
    """In which cells of a grid with as many voxels along each edge are not cubes."""
    square = example_snapshot(dimension, {2: 144, 3: 343}[dimension], seed)
    stretch = np.array([1.0, 1.08, 0.95][:dimension])
    return Snapshot(square.box * stretch, square.positions * stretch, square.types)


def voxels(dimension: int) -> tuple[Any, Any, Any, Snapshot]:
    snapshot = flat_box(dimension)
    recipe = recipe_for("voxel-cnn", dimension, voxel_size=0.45, width=0.4, multiple=8)
    torch.manual_seed(0)
    net = create_model("voxel-cnn", recipe, {"hidden": 4}).eval()
    grid = recipe(snapshot)
    net.standardise([grid])
    assert len(set(grid.shape[1:])) == 1
    return recipe, net, grid, snapshot


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("radius", [0.1, 1.9, 3.0])
def test_balls_of_grids_are_all_cells_whose_centres_are_within_the_radius(dimension, radius):
    _, net, grid, snapshot = voxels(dimension)
    ball = net.ball(grid, snapshot, radius)
    with torch.no_grad():
        sites = net.local_logits(grid[None]).double().numpy()
        found = net.ball_logits(grid[None], ball=ball[None]).numpy()
    shape = ball.shape
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1).reshape(-1, dimension)
    steps = np.abs(index[:, None] - index)
    steps = np.minimum(steps, np.array(shape) - steps)
    inside = np.linalg.norm(steps * snapshot.box / shape, axis=-1) <= radius
    assert inside.sum(axis=1).max() == (1 if radius < 1 else inside[0].sum())
    expected = inside @ sites / inside.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(sites).max())


def profile(grid: torch.Tensor, axis: int) -> torch.Tensor:
    """What there is in each layer across an axis, sorted, so that shifts and flips are the same."""
    others = [other for other in range(grid.ndim) if other != axis]
    return grid.sum(dim=others).sort()[0]


@pytest.mark.parametrize("dimension", [2, 3])
def test_augmentation_turns_balls_with_the_grid(dimension):
    """Of cells that are no cubes: what is shown as the grid is the ball itself, as fine voxels."""
    _, net, grid, snapshot = voxels(dimension)
    cell = snapshot.box / net.ball(grid, snapshot, 1.0).shape
    ball = net.ball(grid, snapshot, float(cell.min() + cell.max()) / 2)
    fine = ball
    for axis in range(dimension):
        fine = fine.repeat_interleave(4, axis)
    exchanged = 0
    for seed in range(8):
        torch.manual_seed(seed)
        shown, with_it = random_symmetry(fine[None, None], ball[None])
        assert with_it is not None
        exchanged += not torch.equal(with_it[0], ball)
        for axis in range(dimension):
            layers = 4 ** (dimension - 1) * profile(with_it[0], axis).repeat_interleave(4)
            torch.testing.assert_close(profile(shown[0, 0], axis), layers)
    assert 0 < exchanged < 8


def test_balls_beyond_half_the_box_are_refused():
    labelled = planted_set()
    half = float(labelled.snapshots[0].box.min()) / 2
    for name, recipe in ((name, recipe_for(name, 2)) for name in MODELS):
        with pytest.raises(InputError, match=r"ball_radius is .*; expected less than half"):
            trained(labelled, name, recipe, ball_radius=half * 1.001)


def test_balls_that_memory_cannot_hold_are_refused(monkeypatch):
    recipe, snapshot = recipe_for("linear", 2), example_snapshot(2)
    net, made = create_model("linear", recipe, {}), recipe(snapshot)
    monkeypatch.setattr(_options.os, "sysconf", lambda name: 100)
    with pytest.raises(InputError, match="the pairs of 144 particles within 3 would take at least"):
        net.ball(made, snapshot, 3.0)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"supervision": "ball", "ball_radius": 0.0}, "ball_radius is 0.0; expected a positive"),
        ({"supervision": "ball", "ball_radius": np.nan}, "ball_radius is nan; expected a positive"),
        ({"supervision": "ball", "ball_radius": "3"}, "ball_radius is '3'; expected a number"),
        ({"supervision": "ball", "ball_radius": True}, "ball_radius is True; expected a number"),
        ({"ball_radius": 3.0}, "ball_radius is 3, and supervision is 'local'; set supervision to"),
    ],
)
def test_radii_that_make_no_sense(wrong, said):
    with pytest.raises(InputError, match=said):
        TrainingOptions(**wrong)


def trained(labelled: LabelledSet, model: str, recipe: Any, **changes: Any) -> TrainedClassifier:
    ways = {"supervision": "ball", "epochs": 3, "batch_size": 4, "ball_radius": RADIUS}
    given = {key: changes.pop(key) for key in ("model_options", "checkpoint") if key in changes}
    return fit(
        labelled,
        split_by_run(labelled),
        model=model,
        recipe=recipe,
        options=TrainingOptions(**{**ways, **changes}),
        system="kam2d",
        device="cpu",
        progress=False,
        **given,
    )


FED: dict[str, dict[str, Any]] = {
    "linear": {"model_options": {"n_radial": 0}},
    "message-passing": {"model_options": {"hidden": 8}},
    "voxel-cnn": {"model_options": {"hidden": 8}},
}


@pytest.fixture(scope="module")
def labelled() -> LabelledSet:
    return planted_set()


@pytest.mark.parametrize("model", FED)
def test_saved_and_loaded_is_the_same(labelled, tmp_path, model):
    """And needs nothing but the file: indicators and their glass former are in it."""
    recipe = recipe_for(model, 2, indicators=FIELDS, system="kam2d")
    classifier = trained(labelled, model, recipe, **FED[model])
    loaded = TrainedClassifier.load(classifier.save(tmp_path / "c.safetensors"))
    probe = [planted(2, seed, bool(seed % 2)) for seed in range(4)]
    np.testing.assert_array_equal(loaded.logits(probe), classifier.logits(probe))
    assert loaded.recipe == classifier.recipe == recipe
    assert loaded.record["options"]["ball_radius"] == RADIUS
    other = probe[0].replace(positions=probe[0].positions * 0.8, box=probe[0].box * 0.8)
    with pytest.raises(InputError, match="density"):
        loaded.logits([other])


@pytest.mark.parametrize("model", FED)
def test_a_killed_training_ends_where_an_undisturbed_one_does(
    labelled, tmp_path, monkeypatch, model
):
    recipe = recipe_for(model, 2, indicators=FIELDS, system="kam2d")
    undisturbed = trained(labelled, model, recipe, **FED[model])
    written = KeepBest.on_train_epoch_end

    def killed(self, trainer, pl_module):
        written(self, trainer, pl_module)
        if trainer.current_epoch == 1:
            raise KeyboardInterrupt

    checkpoint = tmp_path / "training.ckpt"
    with monkeypatch.context() as patch:
        patch.setattr(KeepBest, "on_train_epoch_end", killed)
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            trained(labelled, model, recipe, checkpoint=checkpoint, **FED[model])
    with pytest.raises(InputError, match="is of another training"):
        trained(labelled, model, recipe, checkpoint=checkpoint, ball_radius=2.3, **FED[model])
    resumed = trained(labelled, model, recipe, checkpoint=checkpoint, **FED[model])
    assert resumed.record["history"] == undisturbed.record["history"]
    probe = [planted(2, 7, True)]
    np.testing.assert_array_equal(resumed.logits(probe), undisturbed.logits(probe))


def test_indicators_of_another_mixture_are_refused(labelled):
    mine = replace(glass_former("kam2d"), name="mine").identity
    recipe = recipe_for("linear", 2, indicators=FIELDS, system=mine)
    with pytest.raises(InputError, match="indicators of the recipe are those of 'mine', and"):
        trained(labelled, "linear", recipe)


def noisy(amplitude: float, seed: int) -> Snapshot:
    """A lattice with so much noise: what differs is energy and order, and it overlaps."""
    lattice, rng = example_snapshot(2, 144, seed), np.random.default_rng(seed)
    sites = np.floor((lattice.positions / lattice.box + 0.5) * 12) + 0.5
    places = (sites + rng.uniform(-amplitude, amplitude, sites.shape)) / 12 - 0.5
    return lattice.replace(positions=places * lattice.box)


def test_linear_on_fields_with_balls_is_a_logistic_regression_on_means_of_balls():
    """The features, per species and averaged over balls, are made here from their definition."""
    recipe: Any = recipe_for("linear", 2, indicators=FIELDS, system="kam2d", r_max=1.5)
    net: Any = create_model("linear", recipe, {"n_radial": 0})
    targets = np.arange(12) % 2
    members = [noisy(0.10 + 0.005 * target, seed) for seed, target in enumerate(targets)]
    inputs = [recipe(one) for one in members]
    net.standardise(inputs)
    balls = [net.ball(made, one, RADIUS) for made, one in zip(inputs, members, strict=True)]
    data = Configurations([[one] for one in inputs], targets, net.takes, balls)
    options = TrainingOptions(
        supervision="ball", ball_radius=RADIUS, epochs=250, patience=250, batch_size=12,
        learning_rate=0.03, weight_decay=0.0,
    )  # fmt: skip
    keep = KeepBest(None, options.patience)
    train_network(
        net, {"train": data, "validation": data}, options, keep, torch.device("cpu"), bar=None
    )
    net.load_state_dict({k.removeprefix("net."): v for k, v in keep.best_weights.items()})

    values = np.concatenate([recipe.fields(one) for one in members])
    types = np.concatenate([one.types for one in members])

    def described(one: Snapshot) -> np.ndarray:
        rows = np.zeros((len(one), 6))
        for s in (0, 1):
            seen, mine = values[types == s], one.types == s
            z = (recipe.fields(one)[mine] - seen.mean(axis=0)) / seen.std(axis=0, ddof=1)
            rows[np.ix_(mine, [2 * s, 2 * s + 1])] = z
            rows[mine, 4 + s] = 1
        return rows

    means = [
        within(one, RADIUS) @ described(one) / within(one, RADIUS).sum(axis=1, keepdims=True)
        for one in members
    ]
    oracle = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
    oracle.fit(np.concatenate(means), np.repeat(targets, 144))
    assert 0.55 < oracle.score(np.concatenate(means), np.repeat(targets, 144)) < 0.99

    weight = net.head.weight.detach().numpy()
    found = weight[1] - weight[0]
    # The species add up to one, so that only the difference of their weights is determined.
    ours, theirs = (np.append(w[:4], w[5] - w[4]) for w in (found, oracle.coef_[0]))
    assert ours @ theirs / np.linalg.norm(ours) / np.linalg.norm(theirs) > 0.999
    np.testing.assert_allclose(ours, theirs, atol=0.05 * np.abs(theirs).max())
    probe = noisy(0.11, 77)
    expected = described(probe) @ oracle.coef_[0]
    with torch.no_grad():
        local = net.eval().local_logits(*arguments_for(net, [recipe(probe)]))
    logits = (local[:, 1] - local[:, 0]).numpy()
    assert np.corrcoef(logits, expected)[0, 1] > 0.999
    explained: Any = type("Explained", (), {"model": net, "recipe": recipe, "labels": ("a", "b")})
    (shown,) = GraphGradCAM().compute(explained, [probe])
    assert np.corrcoef(shown, logits)[0, 1] > 1 - 1e-6
