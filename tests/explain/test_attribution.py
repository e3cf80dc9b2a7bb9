import numpy as np
import pytest
from stand_ins import Classifier, GraphNet, liquid

from gnnglass.errors import InputError
from gnnglass.explain import ATTRIBUTIONS, GraphGradCAM, RandomAttribution, annotate
from gnnglass.models import GraphRecipe
from gnnglass.testing import check_attribution
from gnnglass.trajectories import Trajectory

CLASSIFIER = Classifier(GraphNet(), GraphRecipe(2.0))


@pytest.mark.parametrize("name", ATTRIBUTIONS.names())
def test_every_attribution_keeps_the_contract(name):
    check_attribution(name)


def test_where_no_registered_network_fits_a_check_needs_one_that_does(monkeypatch):
    def refuse(self, model):
        if not isinstance(model, GraphNet):
            raise InputError("none will do.")

    monkeypatch.setattr(GraphGradCAM, "check", refuse)
    with pytest.raises(AssertionError, match="no registered graph model"):
        check_attribution("graph-gradcam")
    check_attribution("graph-gradcam", GraphNet())


def test_negative_scores_where_none_should_be_fail_the_check(monkeypatch):
    monkeypatch.setattr(GraphGradCAM, "signed", False)
    with pytest.raises(AssertionError, match="graph-gradcam: not signed, yet negative"):
        check_attribution("graph-gradcam")


def test_random_scores_depend_on_seed_and_configuration_only():
    snapshots = [liquid(0), liquid(1), liquid(2, n=30)]
    scores = RandomAttribution(seed=1).compute(CLASSIFIER, snapshots)
    again = RandomAttribution(seed=1).compute(CLASSIFIER, snapshots, "liquid")
    other = RandomAttribution(seed=2).compute(CLASSIFIER, snapshots)
    assert [len(values) for values in scores] == [40, 40, 30]
    for left, right, differing in zip(scores, again, other, strict=True):
        np.testing.assert_array_equal(left, right)
        assert not np.array_equal(left, differing)
    assert not np.array_equal(scores[0], scores[1])
    # Nor are they the same for the first frames of two runs.
    (alone,) = RandomAttribution(seed=1).compute(CLASSIFIER, snapshots[1])
    np.testing.assert_array_equal(alone, scores[1])


def test_the_last_label_is_explained_unless_another_is_asked_for():
    """Whatever it is called: no name has a meaning of its own."""
    named = Classifier(CLASSIFIER.model, CLASSIFIER.recipe, labels=("glass", "liquid"))
    trajectory = Trajectory([liquid(0)])
    shown = {
        target: annotate(named, trajectory, GraphGradCAM(), "map", target)[0].field("map")
        for target in (None, "liquid", "glass")
    }
    np.testing.assert_array_equal(shown[None], shown["liquid"])
    assert not np.array_equal(shown[None], shown["glass"])


def test_annotate_adds_the_field_and_keeps_the_rest():
    frames = [liquid(k).with_fields(energy=np.arange(40.0)) for k in range(10)]
    trajectory = Trajectory(frames, {"run": "r1"})
    annotated = annotate(CLASSIFIER, trajectory, GraphGradCAM(), "importance_gnn")
    scores = GraphGradCAM().compute(CLASSIFIER, frames)
    assert annotated.metadata["run"] == "r1"
    for frame, before, values in zip(annotated, frames, scores, strict=True):
        np.testing.assert_array_equal(frame.field("importance_gnn"), values)
        np.testing.assert_array_equal(frame.field("energy"), before.field("energy"))
