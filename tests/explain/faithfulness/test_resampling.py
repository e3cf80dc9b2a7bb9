"""Exchanged surroundings: exact where the logit is a mean of what each particle sees."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from known_weights import Additive, untrained

from gnnglass.errors import InputError
from gnnglass.explain.faithfulness import Resampling, faithfulness_curve
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot

FEW = (0.0, 0.3, 0.5, 1.0)
SNAPSHOTS = [example_snapshot(2, n, n) for n in (100, 64)]


def chessboard() -> Snapshot:
    """All particles of a species see the same, so it does not matter which is drawn."""
    sites = np.stack(np.meshgrid(np.arange(6), np.arange(6)), axis=-1).reshape(-1, 2)
    return Snapshot([6.0, 6.0], sites - 3.0, sites.sum(axis=1) % 2)


def local_logits(classifier, snapshot):
    """What each particle would answer by itself, without looking at any layer of messages."""
    graph = classifier.recipe(snapshot)
    with torch.no_grad():
        logits = classifier.model.local_logits(graph.x, graph.edge_index, graph.edge_distance)
    return logits[:, 1].double().numpy()


def curve(classifier, reference, mode="deletion", snapshots=SNAPSHOTS, **options):
    scores = [snapshot.positions[:, 0] for snapshot in snapshots]
    return faithfulness_curve(
        classifier,
        snapshots,
        scores,
        runs=range(len(snapshots)),
        mode=mode,
        perturbation=Resampling(reference),
        **{"fractions": FEW, "n_random": 3, **options},
    )


@pytest.mark.parametrize("batch_size", [1, 5])
@pytest.mark.parametrize("mode", ["deletion", "insertion"])
@pytest.mark.parametrize("indicators", [(), ("coordination-number",)])
def test_without_messages_the_logit_is_the_mean_of_own_and_exchanged(mode, batch_size, indicators):
    classifier = untrained("message-passing", n_layers=0, indicators=indicators)
    board = chessboard()
    of_species = [local_logits(classifier, board)[board.of_type(name)].mean() for name in "AB"]
    found = curve(classifier, [board], mode, batch_size=batch_size)
    for k, snapshot in enumerate(SNAPSHOTS):
        n = len(snapshot)
        place = np.argsort(np.argsort(-snapshot.positions[:, 0]))
        own = local_logits(classifier, snapshot)
        exchanged = np.array(of_species)[snapshot.types]
        for f, fraction in enumerate(FEW):
            if mode == "deletion":
                keep = place >= int(fraction * n)
            else:
                keep = place < n - int((1 - fraction) * n)
            expected = np.where(keep, own, exchanged).mean()
            assert found.logits[k, f] == pytest.approx(expected, abs=1e-5)


def test_stand_ins_are_of_the_same_species_and_from_the_reference():
    """With one particle of each species to draw from, what it sees is what all see."""
    classifier = untrained("message-passing", n_layers=0)
    lone = Snapshot([6.0, 6.0], [[0.0, 0.0], [1.0, 0.3], [1.2, 1.4]], [0, 1, 1])
    answers = local_logits(classifier, lone)
    found = curve(classifier, [lone])
    for k, snapshot in enumerate(SNAPSHOTS):
        a = snapshot.of_type("A").mean()
        low, high = sorted((a * answers[0] + (1 - a) * answers[j]) for j in (1, 2))
        assert low - 1e-6 < found.logits[k, -1] < high + 1e-6
        assert high - low > 1e-4


def test_all_orders_meet_at_both_ends_for_networks_with_messages():
    classifier = untrained("message-passing")
    found = curve(classifier, SNAPSHOTS)
    whole = classifier.logits(SNAPSHOTS)[:, 1]
    for logits in (found.logits, *found.random):
        np.testing.assert_allclose(logits[:, 0], whole, atol=1e-5)
        np.testing.assert_allclose(logits[:, -1], found.logits[:, -1], atol=1e-5)
    assert np.abs(found.random[:, :, 1] - found.logits[:, 1]).max() > 1e-4
    again = curve(classifier, SNAPSHOTS)
    np.testing.assert_array_equal(again.random, found.random)


def test_the_classifier_is_left_as_it_was():
    classifier = untrained("message-passing")
    classifier.model.train()
    state = torch.get_rng_state()
    before = {name: value.clone() for name, value in classifier.model.state_dict().items()}
    curve(classifier, SNAPSHOTS)
    assert classifier.model.training
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(module._forward_hooks for module in classifier.model.modules())
    for name, value in classifier.model.state_dict().items():
        assert value.equal(before[name])


def test_what_cannot_be_resampled_is_refused():
    with pytest.raises(InputError, match="VoxelCNN is none; remove particles instead"):
        curve(untrained("voxel-cnn"), SNAPSHOTS)
    with pytest.raises(InputError, match="Additive is none"):
        curve(Additive(), SNAPSHOTS)
    classifier = untrained("message-passing")
    with pytest.raises(InputError, match="is empty"):
        curve(classifier, [])
    only_a = SNAPSHOTS[0].replace(types=np.zeros(100, int))
    with pytest.raises(InputError, match="no particle of species B to draw from"):
        curve(classifier, [only_a])


def test_a_network_that_overlooks_its_counts_is_refused(monkeypatch):
    classifier = untrained("message-passing")
    net = classifier.model
    blind = torch.zeros(1, net.counts.n_features)

    def embedding(x, edge_index, radial):
        return net.embed(torch.cat([x, blind.expand(len(x), -1)], dim=1))

    monkeypatch.setattr(net, "embedding", embedding)
    with pytest.raises(InputError, match="does not look at the radial counts"):
        curve(classifier, SNAPSHOTS)
