"""What notebooks and prompts show: small pictures, facts, and a line instead of arrays."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

import gnnglass as gg
from gnnglass import compare, dynamics, explain, training
from gnnglass.errors import InputError
from gnnglass.testing import example_snapshot
from gnnglass.trajectories import Snapshot, Trajectory, neighbor_pairs
from gnnglass.trajectories._draw import draw_small

rng = np.random.default_rng(0)


def run(k: int, n: int = 100) -> Trajectory:
    fields = {name: rng.normal(size=n) for name in ("energy", "theta", "p")}
    frames = [example_snapshot(2, n, 10 * k + i).with_fields(**fields) for i in range(2)]
    frames = [one.replace(step=100 * i) for i, one in enumerate(frames)]
    facts = {"run": f"run-{k}", "system": {"name": "mine"}, "level": "inherent", "kT": 0.45}
    return Trajectory(frames, facts)


RUNS = [run(k) for k in range(4)]
CLONES = dynamics.IsoconfigurationalEnsemble(
    example_snapshot(2, 64), rng.normal(size=(4, 3, 64, 2)).cumsum(1), np.arange(1.0, 4)
)
BONDS = dynamics.BondBreaking(1.4, 1.8)
FRACTIONS = np.linspace(0, 1, 5)

#: What has a picture.
PICTURED: dict[str, Callable[[], Any]] = {
    "snapshot": lambda: RUNS[0][0],
    "snapshot in 3D": lambda: example_snapshot(3, 216),
    "comparison": lambda: compare.correlate(RUNS, "energy", "p")["A"],
    "gain": lambda: compare.gain(RUNS, "energy", "p", given=["theta"])["A"],
    "curve": lambda: compare.correlate_lags(RUNS, "energy", {1.0: "p", 2.0: "theta"})["A"],
    "spatial": lambda: compare.spatial_correlation(RUNS, "p", bin_width=1.0)["A"],
    "propensity": lambda: dynamics.Propensity().compute(CLONES),
    "debye-waller": lambda: dynamics.DebyeWaller(1.0).compute(CLONES),
    "bonds": lambda: replace(BONDS).compute(CLONES),
    "overlap": lambda: dynamics.SelfOverlap().compute(CLONES),
    "correlations": lambda: dynamics.TimeCorrelations().compute(CLONES),
    "ageing": lambda: dynamics.Ageing(bonds=BONDS).compute({1.0: CLONES, 10.0: CLONES}),
    "indicator": lambda: gg.INDICATORS.create("hexatic-order").compute(RUNS[0][0]),
    "deletion": lambda: explain.faithfulness.FaithfulnessCurve(
        "deletion", "glass", FRACTIONS, rng.random((4, 5)), rng.random((3, 4, 5)), tuple("abcd")
    ),
}
#: What has none.
TOLD: dict[str, Callable[[], Any]] = {
    "trajectory": lambda: RUNS[0],
    "classifier": lambda: gg.load("ka3d-inherent"),
    "labelled set": lambda: gg.LabelledSet.from_trajectories({"a": RUNS[:2], "b": RUNS[2:]}),
    "split": lambda: training.Split(tuple(f"run-{k}" for k in range(99)), ("a",), ("b",)),
    "clones": lambda: CLONES,
    "pairs": lambda: neighbor_pairs(RUNS[0][0], 1.5),
    "ceiling": lambda: compare.noise_ceiling(RUNS, "p", "energy")["A"],
    "controls": lambda: explain.faithfulness.ControlCorrelation(rng.random((5, 3))),
    "evaluation": lambda: gg.evaluate(rng.random(12), [0, 1] * 6, list(range(12))),
    "mixture": lambda: gg.glass_former("ka3d"),
    "registry": lambda: gg.INDICATORS,
    "attribution": lambda: gg.ATTRIBUTIONS.create("voxel-gradcam"),
}


def images(html: str) -> list[Image.Image]:
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    return [Image.open(io.BytesIO(base64.b64decode(one))) for one in found]


def n_colors(picture: Image.Image) -> int:
    return len(picture.convert("RGB").getcolors(2**24))


@pytest.mark.parametrize("make", PICTURED.values(), ids=PICTURED)
def test_a_notebook_shows_a_small_picture_and_says_something(make):
    one = make()
    html = one._repr_html_()
    (picture,) = images(html)
    assert len(html) < 60_000 and picture.width <= 500 and n_colors(picture) > 4
    assert len(re.sub(r"<[^>]*>", "", html)) > 40
    if hasattr(one, "sentence"):
        assert re.search(r"\w.*\d.*\.$", one.sentence()) and "\n" not in one.sentence()


@pytest.mark.parametrize("make", PICTURED.values(), ids=PICTURED)
def test_plot_gives_back_the_axes_it_is_given_or_those_of_a_new_figure(make):
    from matplotlib import pyplot

    one = make()
    _, ax = pyplot.subplots()
    n_figures = len(pyplot.get_fignums())
    assert one.plot(ax) is ax and len(pyplot.get_fignums()) == n_figures
    # Of pyplot, so that a notebook shows it.
    assert isinstance(one.plot(), Axes) and len(pyplot.get_fignums()) == n_figures + 1
    with pytest.raises(InputError, match="ax is a str; expected the axes"):
        one.plot("here")
    pyplot.close("all")


@pytest.mark.parametrize("make", [*PICTURED.values(), *TOLD.values()], ids=[*PICTURED, *TOLD])
def test_a_prompt_shows_a_line(make):
    text = repr(make())
    assert "\n" not in text and "array(" not in text and " at 0x" not in text
    assert 10 < len(text) < 450


def test_showing_a_result_opens_no_figure():
    from matplotlib import pyplot

    pyplot.close("all")
    PICTURED["comparison"]()._repr_html_()
    RUNS[0]._repr_html_()
    assert not pyplot.get_fignums()


def test_what_is_not_computed_is_shown_by_its_parameters():
    for one in (dynamics.Propensity(), dynamics.TimeCorrelations(), gg.INDICATORS.create(
        "hexatic-order"
    )):  # fmt: skip
        assert one._repr_html_() is None
        assert repr(one).startswith(f"{type(one).__name__}(")


def test_facts_of_a_snapshot():
    html = Snapshot([4.0, 5.0], [[0.0, 0.0], [1.0, 1.0]], [0, 1], step=7)._repr_html_()
    told = re.sub(r"<[^>]*>", " ", html)
    for fact in ("particles 2", "1 A, 1 B", "number density 0.1", "2D", "4 × 5", "step 7"):
        assert re.search(r"\s+".join(map(re.escape, fact.split())), told), fact


def test_discs_are_drawn_to_scale():
    # Half of the box is full, in the colour of the first species.
    x, y = np.meshgrid(np.arange(-4.5, 0, 1.0), np.arange(-4.5, 5, 1.0))
    half = Snapshot([10.0, 10.0], np.stack([x, y], axis=-1).reshape(-1, 2), [0] * 50)
    (picture,) = images(half._repr_html_())
    pixels = np.asarray(picture.convert("RGB")).astype(int)
    blue = pixels[..., 2] - pixels[..., 0] > 50
    middle = blue.shape[1] // 2
    assert blue[:, : middle - 5].mean() > 0.5
    assert blue[:-30, middle + 5 :].mean() < 0.01


def test_of_very_many_particles_the_middle_is_drawn():
    positions = rng.uniform(-150, 150, (90_000, 2))
    many = Snapshot([300.0, 300.0], positions, rng.integers(0, 2, 90_000))
    ax = Figure().add_subplot()
    draw_small(many, ax)
    places = np.asarray(ax.collections[-1].get_offsets())
    assert 3_000 < len(places) < 5_000 and ax.get_title() == "middle of the box"
    assert ax.get_xlim() == pytest.approx((-31.6, 31.6), abs=0.1) and np.abs(places).max() < 31.7
    assert len(many._repr_html_()) < 60_000


def test_a_trajectory_shows_its_ends_and_what_it_states():
    html = RUNS[0]._repr_html_()
    (both,) = images(html)
    assert both.width > 1.5 * both.height and len(html) < 60_000
    told = " ".join(re.sub(r"<[^>]*>", " ", html).split())
    for fact in ("frames 2, steps 0 to 100", "run run-0", "system mine", "level inherent",
                 "kT 0.45"):  # fmt: skip
        assert fact in told


def test_what_a_file_states_is_no_html():
    html = RUNS[0].stating(run="<script>alert(1)</script>")._repr_html_()
    assert "<script>" not in html and "&lt;script&gt;" in html


def test_a_shipped_classifier_shows_its_card_and_another_does_not(tmp_path):
    shipped = gg.load("ka3d-inherent")
    told = " ".join(re.sub(r"<[^>]*>", " ", shipped._repr_html_()).split())
    assert shipped.card == training.card("ka3d-inherent")
    for fact in ("network linear", "liquid, glass", "9 train, 4 validation, 5 test", "AUC 1.000",
                 "kT 0.44 to 0.7", "Not for: other mixtures"):  # fmt: skip
        assert fact in told
    shipped.save(tmp_path / "copy.safetensors")
    assert gg.load(tmp_path / "copy.safetensors").card == shipped.card
    other = replace(shipped, record={**shipped.record, "best_epoch": 3})
    assert other.card is None and "Not for" not in other._repr_html_()


@pytest.mark.parametrize("history", [5, "x", [3], [{"epoch": 3}], [{"epoch": 3, "val_loss": "x"}]])
def test_a_strange_record_is_no_reason_to_fail(history):
    other = replace(gg.load("ka3d-inherent"), record={"best_epoch": 3, "history": history})
    assert "validation</th>" not in other._repr_html_()
