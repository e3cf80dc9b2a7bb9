"""What the benchmark found, in tables: who localises, who classifies, and who is ahead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from _common import MISSING, number, with_interval

from gnnglass.stats import Interval, mean_over_runs
from planted_truth.measuring import ENERGY, NO_NETWORK
from planted_truth.pipeline import Results

#: Figures that are means over configurations, within a run first.
MEASURES = ("localisation", "bare", "precision", "deletion", "resampling", "agreement")


def table(results: Results) -> pd.DataFrame:
    """One row per scenario, network and attribution, of the test runs.

    Configurations are averaged within a run, whatever the seed, then runs; intervals are over
    runs, whole runs with all their seeds being resampled.

    Returns:
        The columns ``scenario``, ``network``, ``attribution``; ``localisation`` (area under the
        ROC curve, of maps smoothed over the best length of the validation runs) with its 95 %
        interval ``low`` and ``high`` and the lowest mean of any seed, ``worst_seed``; that
        ``length`` (median over seeds); ``bare``, the localisation without smoothing;
        ``precision`` at k; ``deletion`` and ``resampling``, the mean fall of the
        logit beyond that in random orders while up to a fifth of the particles are removed or
        resampled, in standard deviations of the logit over test configurations; ``agreement``,
        rank correlation between seeds within A; ``cost``, in forward passes;
        ``best_on_validation``, whether it localises best of its network on the validation runs.
        NaN is what was not measured.
    """
    measured = pd.DataFrame(results.measured)
    for column in (*MEASURES, "cost", "length"):
        if column not in measured:
            measured[column] = np.nan
    rows = []
    keys = ["scenario", "network", "attribution"]
    for (scenario, network, attribution), every in measured.groupby(keys, sort=False):
        test = every[every["part"] == "test"]
        interval = _over_runs(test["localisation"], test["run"])
        means = test.groupby("run")[list(MEASURES)].mean().mean()
        rows.append(
            {
                "scenario": scenario,
                "network": network,
                "attribution": attribution,
                "localisation": means["localisation"],
                "low": interval.low,
                "high": interval.high,
                "worst_seed": test.groupby("seed")["localisation"].mean().min(),
                "length": test["length"].median(),
                **{name: means[name] for name in MEASURES[1:]},
                "cost": test["cost"].median(),
                "best_on_validation": attribution
                == best_on_validation(measured, scenario, network),
            }
        )
    return pd.DataFrame(rows)


def best_on_validation(measured: pd.DataFrame, scenario: str, network: str) -> str:
    """The attribution of a network that localises best on the validation runs of a scenario."""
    mine = measured[
        (measured["scenario"] == scenario)
        & (measured["network"] == network)
        & (measured["part"] == "validation")
    ]
    return str(mine.groupby("attribution")["localisation"].mean().idxmax())


def classes(results: Results) -> pd.DataFrame:
    """One row per scenario and network: how well it tells planted configurations from plain ones.

    Returns:
        The columns ``scenario``, ``network``, ``auc`` (mean over seeds, on test runs), ``lowest``
        and ``highest`` of the seeds, ``candidate`` (in words, the one that was best on the
        validation runs), ``n_candidates`` (how many there were) and ``minutes`` (of all
        trainings). Without a network it is the configuration's mean potential energy that is
        judged.
    """
    trained, tried = pd.DataFrame(results.trained), pd.DataFrame(results.tried)
    bare = pd.DataFrame(results.measured).query("network == @NO_NETWORK and part == 'test'")
    bare = bare[bare["attribution"] == ENERGY]
    rows: list[dict[str, Any]] = []
    for scenario in results.benchmark.scenarios:
        for network in results.benchmark.networks_of(scenario):
            seeds, others = (
                every[(every["scenario"] == scenario) & (every["network"] == network)]
                for every in (trained, tried)
            )
            estimates = [one["estimate"] for one in seeds["auc"]]
            # With the first seed, the best candidate is among those that were tried.
            seconds = others["seconds"].sum() + seeds[seeds["seed"] > 0]["seconds"].sum()
            rows.append(
                {
                    **_spread(scenario, network, estimates),
                    "candidate": _in_words(seeds.iloc[0]["candidate"]),
                    "n_candidates": len(others),
                    "minutes": seconds / 60,
                }
            )
        by_energy = bare[bare["scenario"] == scenario].groupby("seed")["class_auc"].first()
        rows.append(
            {**_spread(scenario, NO_NETWORK, by_energy.tolist()), "candidate": "mean energy"}
        )
    return pd.DataFrame(rows)


def _spread(scenario: str, network: str, estimates: Sequence[float]) -> dict[str, Any]:
    return {
        "scenario": scenario,
        "network": network,
        "auc": np.mean(estimates),
        "lowest": min(estimates),
        "highest": max(estimates),
    }


def margins(results: Results) -> pd.DataFrame:
    """One row per scenario: how far the judged attribution is ahead of the other network's best.

    Both explain the same configurations, so differences are taken for each, then averaged within
    runs and over runs.

    Returns:
        The columns ``scenario``, ``against`` (the attribution that is best on validation runs),
        ``margin`` with ``low`` and ``high`` (95 % over runs).
    """
    judged = results.benchmark.judged
    measured = pd.DataFrame(results.measured)
    test = measured[measured["part"] == "test"]
    rows = []
    for scenario in results.benchmark.scenarios:
        against = best_on_validation(measured, scenario, judged.against)
        mine, other = (
            test[
                (test["scenario"] == scenario)
                & (test["network"] == network)
                & (test["attribution"] == attribution)
            ]
            for network, attribution in (
                (judged.network, judged.attribution),
                (judged.against, against),
            )
        )
        ahead = mine["localisation"].to_numpy() - other["localisation"].to_numpy()
        interval = _over_runs(pd.Series(ahead), mine["run"].reset_index(drop=True))
        rows.append(
            {
                "scenario": scenario,
                "against": against,
                "margin": pd.Series(ahead).groupby(mine["run"].to_numpy()).mean().mean(),
                "low": interval.low,
                "high": interval.high,
            }
        )
    return pd.DataFrame(rows)


def sentences(results: Results) -> Iterator[str]:
    """The verdict, scenario by scenario, and where another attribution of the network is ahead."""
    judged = results.benchmark.judged
    found = table(results)
    name = f"{judged.attribution} of {judged.network}"
    for _, margin in margins(results).iterrows():
        rows = found[found["scenario"] == margin["scenario"]]
        mine = rows[rows["network"] == judged.network]
        row = mine[mine["attribution"] == judged.attribution].iloc[0]
        relation = "is not told apart from"
        if margin["low"] > 0:
            relation = "is ahead of"
        elif margin["high"] < 0:
            relation = "is behind"
        yield (
            f"{margin['scenario']}: {name} localises at {with_interval(row, 'localisation')} "
            f"(worst seed {row['worst_seed']:.3f}) and {relation} {margin['against']} of "
            f"{judged.against}, by {with_interval(margin, 'margin', sign=True)}."
        )
        best = mine[mine["best_on_validation"]].iloc[0]
        if best["attribution"] != judged.attribution:
            yield (
                f"    Of {judged.network}'s attributions the validation runs prefer "
                f"{best['attribution']}: {with_interval(best, 'localisation')} on the test runs."
            )
        bare = rows[rows["network"] == NO_NETWORK]
        if len(bare):
            top = bare.loc[bare["localisation"].idxmax()]
            yield (
                f"    Without a network, {top['attribution']} does best: "
                f"{with_interval(top, 'localisation')}."
            )
    for row in results.controls:
        signed, size = row["signed"], row["size"]
        yield (
            f"{row['scenario']}, {row['control']}: rank correlation with {name} "
            f"{with_interval(signed, sign=True)} on average, {number(size['estimate'])} in size."
        )


def _over_runs(values: pd.Series[Any], runs: pd.Series[Any]) -> Interval:
    return mean_over_runs(values.to_numpy(), runs.tolist())


def _in_words(candidate: dict[str, Any]) -> str:
    """What a candidate says beyond the defaults, such as ``r_max 1.5, supervision global``."""
    told = {
        key: value
        for part in ("recipe", "model_options", "training")
        for key, value in candidate[part].items()
        if key not in ("epochs", "patience")
    }
    return ", ".join(f"{key} {value}" for key, value in told.items()) or "as it comes"


def as_text(frame: pd.DataFrame) -> str:
    """A table as text, rounded, with a dash where nothing was measured."""
    return frame.to_string(index=False, na_rep=MISSING, float_format=number)
