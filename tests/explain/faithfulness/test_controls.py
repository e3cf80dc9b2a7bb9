"""Controls have learnt nothing, and their maps show how much of a map comes without learning."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import numpy as np
import pytest
import torch
from known_weights import untrained
from scipy import stats

from gnnglass.errors import InputError
from gnnglass.explain import GraphGradCAM
from gnnglass.explain.faithfulness import control_correlation, randomised, shuffled_labels
from gnnglass.testing import example_snapshot
from gnnglass.training import LabelledSet, TrainedClassifier, split_by_run
from gnnglass.trajectories import Trajectory


def labelled_runs(n_liquid, n_glass, frames=2):
    seeds = count()
    return LabelledSet.from_trajectories(
        {
            label: [
                Trajectory(
                    [example_snapshot(2, 16, next(seeds)) for _ in range(frames)],
                    {"run": f"{label}-{k}"},
                )
                for k in range(n)
            ]
            for label, n in (("liquid", n_liquid), ("glass", n_glass))
        }
    )


def same_values(one, other):
    return [torch.equal(one[name], other[name]) for name in one]


@pytest.mark.parametrize("model", ["message-passing", "linear", "voxel-cnn"])
def test_weights_are_drawn_anew_and_the_standardisation_is_kept(model, tmp_path):
    classifier = untrained(model)
    before = {name: value.clone() for name, value in classifier.model.state_dict().items()}
    torch.manual_seed(1)
    state = torch.get_rng_state()
    control, again, other = (randomised(classifier, seed) for seed in (5, 5, 6))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(same_values(before, classifier.model.state_dict()))
    assert all(
        same_values(dict(control.model.named_buffers()), dict(classifier.model.named_buffers()))
    )
    assert float(dict(control.model.named_buffers()).popitem()[1].abs().sum()) > 0
    matrices = {name: value for name, value in control.model.named_parameters() if value.ndim > 1}
    assert not any(same_values(matrices, dict(classifier.model.named_parameters())))
    assert not any(same_values(matrices, dict(other.model.named_parameters())))
    assert all(same_values(control.model.state_dict(), again.model.state_dict()))
    assert not control.model.training
    loaded = TrainedClassifier.load(control.save(tmp_path / "control.safetensors"))
    probe = [example_snapshot(2, 100)]
    np.testing.assert_array_equal(loaded.logits(probe), control.logits(probe))
    assert loaded.record == {"control": "weights drawn anew", "seed": 5}


def test_classes_are_dealt_to_whole_runs():
    labelled = labelled_runs(5, 3)
    deals = [shuffled_labels(labelled, seed) for seed in range(200)]
    for dealt in deals:
        assert (len(dealt.runs_of(0)), len(dealt.runs_of(1))) == (5, 3)
        assert not set(dealt.runs_of(0)) & set(dealt.runs_of(1))
        assert dealt.labels == labelled.labels
        for snapshot, run in zip(labelled.snapshots, labelled.runs, strict=True):
            assert any(
                snapshot is other and run == name
                for other, name in zip(dealt.snapshots, dealt.runs, strict=True)
            )
    assert shuffled_labels(labelled, 7).runs == deals[7].runs
    # Whatever its class was, a run becomes a glass as often as glasses are.
    for run in set(labelled.runs):
        share = np.mean([run in dealt.runs_of(1) for dealt in deals])
        assert abs(share - 3 / 8) < 3 * np.sqrt(3 / 8 * 5 / 8 / 200)


def test_the_training_runs_of_dealt_classes_lean_to_neither_side():
    """A split of one seed goes by the order of the runs, which must not tell the true classes."""
    labelled = labelled_runs(8, 8, frames=1)
    right = []
    for seed in range(300):
        dealt = shuffled_labels(labelled, seed)
        train = dealt.where(split_by_run(dealt).train)
        right.append(
            np.mean([dealt.runs[i].startswith(dealt.labels[dealt.targets[i]]) for i in train])
        )
    assert abs(np.mean(right) - 0.5) < 3 * np.std(right) / np.sqrt(len(right))


def test_deals_that_make_no_sense_are_refused():
    with pytest.raises(InputError, match="one run of each of 2 classes"):
        shuffled_labels(labelled_runs(1, 1), 0)
    labelled = labelled_runs(2, 2)
    mixed = replace(labelled, targets=np.arange(8) % 2)
    with pytest.raises(InputError, match="run 'liquid-0' holds configurations of two classes"):
        shuffled_labels(mixed, 0)


def test_correlation_with_controls_is_scipy_s():
    rng = np.random.default_rng(0)
    scores = [rng.normal(size=n) for n in (50, 30)]
    controls = [
        [sign * values + 2 * rng.normal(size=len(values)) for values in scores]
        for sign in (1, -1) * 6
    ]
    found = control_correlation(scores, controls)
    expected = [
        [stats.spearmanr(a, b).statistic for a, b in zip(scores, maps, strict=True)]
        for maps in controls
    ]
    np.testing.assert_allclose(found.coefficients, expected, atol=1e-12)
    assert found.signed.estimate == pytest.approx(np.mean(expected))
    assert found.size.estimate == pytest.approx(np.mean(np.abs(expected)))
    assert found.signed.low < 0 < found.signed.high
    assert 0.2 < found.size.low < found.size.estimate < found.size.high < 0.7


def test_untrained_maps_resemble_a_trained_one_in_size_but_not_in_sign(trained, glasses):
    """The head's sign is a coin; the features that it weighs follow the input even so."""
    attribution = GraphGradCAM()
    controls = [attribution.compute(randomised(trained, seed), glasses) for seed in range(20)]
    found = control_correlation(attribution.compute(trained, glasses), controls)
    assert found.coefficients.shape == (20, 3)
    assert found.signed.low < 0 < found.signed.high
    # Maps that had nothing to do with each other would have sqrt(2 / π (n − 1)) = 0.06.
    assert found.size.low > np.sqrt(2 / np.pi / (len(glasses[0]) - 1))
    assert found.size.high < 0.5


def test_single_controls_are_not_enough():
    scores = [np.arange(5.0)]
    with pytest.raises(InputError, match="9 controls were given; expected at least 10"):
        control_correlation(scores, [scores] * 9)
    flat = [[np.arange(5.0)]] * 9 + [[np.zeros(5)]]
    with pytest.raises(InputError, match="constant"):
        control_correlation(scores, flat)
