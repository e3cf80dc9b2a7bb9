"""Structural indicators and balls of any radius in a study file."""

from __future__ import annotations

import pytest
from tiny_study import tiny

from gnnglass.errors import GnnglassError
from gnnglass.study import Study
from gnnglass.study.check import check_study, recipe_of
from gnnglass.systems import glass_former

FIELDS = {"indicators": ["potential-energy", "tong-tanaka"], "r_max": 1.5}


def study_of(recipe, **section):
    linear = {"model": "linear", "model_options": {"n_radial": 0}, "attribution": "graph-gradcam"}
    return Study.from_dict(
        tiny("classifiers", "fields", value={**linear, "recipe": recipe, **section})
    )


def test_a_recipe_knows_the_glass_former_of_its_study():
    study = study_of(FIELDS)
    check_study(study)
    recipe = recipe_of(study.classifiers["fields"], glass_former("kam2d"))
    assert recipe.indicators == ("potential-energy", "tong-tanaka")
    assert recipe.system == "kam2d"
    assert recipe_of(study.classifiers["gnn"], glass_former("kam2d")).system is None


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ({**FIELDS, "system": "abm2d"}, "system is that of the study; leave it out"),
        ({**FIELDS, "indicators": ["energy"]}, "energy"),
        ({**FIELDS, "indicators": "tong-tanaka"}, "indicators is 'tong-tanaka'; expected"),
        ({"r_max": 1.5}, "the network would see nothing but species"),
    ],
)
def test_recipes_that_make_no_sense_are_refused_before_work_begins(recipe, said):
    with pytest.raises(GnnglassError, match=said):
        check_study(study_of(recipe))


def test_balls_that_do_not_fit_the_box_are_refused_before_work_begins():
    def with_balls(radius):
        return study_of(FIELDS, training={"supervision": "ball", "ball_radius": radius})

    check_study(with_balls(3.0))
    with pytest.raises(GnnglassError, match="ball_radius is 50; expected less than half"):
        check_study(with_balls(50.0))
