"""Tables of figures made up, for which the answer is known."""

import numpy as np
import pytest
from planted_truth import Results, margins, table
from planted_truth.tables import sentences
from tiny_benchmark import tiny


def row(network, attribution, part, run, seed, localisation, **more):
    return {
        "scenario": "swapped",
        "network": network,
        "attribution": attribution,
        "part": part,
        "run": run,
        "seed": seed,
        "localisation": localisation,
        "bare": localisation,
        "length": 0.0,
        "precision": 0.5,
        **more,
    }


def made_up(gnn, cnn, **more):
    """Six runs of one configuration with each of two seeds; a constant for each network."""
    measured = []
    for part in ("validation", "test"):
        for seed in (0, 1):
            for run in range(6):
                measured.append(row("gnn", "Grad-CAM", part, f"{part}{run}", seed, gnn(run, seed)))
                measured.append(row("gnn", "saliency", part, f"{part}{run}", seed, 0.3))
                measured.append(row("cnn", "Grad-CAM", part, f"{part}{run}", seed, cnn(run, seed)))
                # The other network's best of the test runs, but not of the validation runs.
                lucky = 0.99 if part == "test" else 0.1
                measured.append(row("cnn", "random", part, f"{part}{run}", seed, lucky))
    return Results(tiny(), measured=measured, tried=[], trained=[], controls=[], **more)


def test_means_are_over_runs_and_the_worst_seed_is_told():
    results = made_up(lambda run, seed: 0.8 + 0.02 * run - 0.1 * seed, lambda run, seed: 0.5)
    found = table(results).set_index(["network", "attribution"]).loc[("gnn", "Grad-CAM")]
    assert found["localisation"] == pytest.approx(0.8)
    assert found["worst_seed"] == pytest.approx(0.75)
    assert found["low"] < 0.8 < found["high"]
    # A t interval of six runs 0.02 apart: what the expanded percentiles stand for.
    half = 2.5706 * np.std(0.02 * np.arange(6), ddof=1) / np.sqrt(6)
    assert found["high"] - found["low"] == pytest.approx(2 * half, rel=0.15)


def test_runs_with_more_configurations_weigh_the_same():
    results = made_up(lambda run, seed: 1.0 if run == 0 else 0.5, lambda run, seed: 0.5)
    results.measured.extend([row("gnn", "Grad-CAM", "test", "test0", 0, 1.0)] * 50)
    found = table(results).set_index(["network", "attribution"]).loc[("gnn", "Grad-CAM")]
    assert found["localisation"] == pytest.approx((1 + 5 * 0.5) / 6)


def test_the_other_network_is_chosen_on_the_validation_runs():
    results = made_up(lambda run, seed: 0.9 + 0.01 * (-1) ** run, lambda run, seed: 0.6)
    [margin] = margins(results).to_dict("records")
    assert margin["against"] == "Grad-CAM"
    assert margin["margin"] == pytest.approx(0.3)
    assert "is ahead of Grad-CAM of cnn" in next(sentences(results))


@pytest.mark.parametrize(
    ("gnn", "said"), [(0.7, "is behind"), (0.75, "is not told apart from"), (0.8, "is ahead of")]
)
def test_the_verdict_follows_the_paired_interval(gnn, said):
    """Runs differ by far more than the networks: only paired differences tell."""
    results = made_up(
        lambda run, seed: gnn - 0.1 * run + 0.01 * (-1) ** (run + seed),
        lambda run, seed: 0.75 - 0.1 * run + 0.01 * (-1) ** run,
    )
    assert said in next(sentences(results))


def test_another_attribution_that_is_ahead_is_told():
    results = made_up(lambda run, seed: 0.2, lambda run, seed: 0.1)
    told = list(sentences(results))
    assert any("prefer saliency: 0.300" in one for one in told)
