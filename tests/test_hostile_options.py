"""Options that make no sense, or are absurdly large, are refused before anything is begun."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest

from gnnglass import compare, dynamics, planted, stats, structure
from gnnglass.errors import GnnglassError, InputError
from gnnglass.explain import ATTRIBUTIONS
from gnnglass.explain.faithfulness import faithfulness_curve, noise_stability
from gnnglass.models import MODELS, GraphRecipe, VoxelRecipe
from gnnglass.planted import MOTIFS
from gnnglass.simulate import (
    AgeingProtocol,
    IsoconfigurationalProtocol,
    Protocol,
    assess,
    log_spaced_steps,
)
from gnnglass.simulate._state import lattice_start
from gnnglass.structure import INDICATORS
from gnnglass.systems import glass_former
from gnnglass.testing import example_snapshot
from gnnglass.training import TrainingOptions, deal_runs, matched_auc
from gnnglass.trajectories import Snapshot, Trajectory

#: Never a number of things: no such number exists, or no machine holds as many.
NOT_A_NUMBER_OF_THINGS = (-1, -(10**12), 2.5, math.nan, math.inf)
TOO_MANY = (10**12, 10**30)
#: Never a length, a temperature, a rate or a share.
NOT_A_QUANTITY = (-1.0, -1e300, math.nan, math.inf, -math.inf)

SNAPSHOT = example_snapshot(2, 64)
OTHERS = [example_snapshot(2, 64, seed) for seed in range(1, 4)]
RUNS = [
    Trajectory(
        [
            one.with_fields(
                x=one.positions[:, 0], y=one.positions[:, 1], z=one.positions.sum(axis=1)
            )
        ],
        {"run": str(k)},
    )
    for k, one in enumerate([SNAPSHOT, *OTHERS])
]
PROTOCOL = {"kT": 0.5, "seed": 0, "n_particles": 64, "n_frames": 2, "frame_interval": 10,
            "hold_steps": 10}  # fmt: skip
AGEING = {"kT": 0.5, "seed": 0, "n_particles": 64, "waiting_steps": (1, 2)}
CLONES = {"kT": 0.5, "seed": 0, "n_clones": 2, "lag_steps": (1, 2)}
MIXTURE: dict[str, Any] = {
    "name": "mine", "dimension": 2, "density": 1.0, "species": ["A"], "fractions": [1.0],
    "potentials": [{"pair": ["A", "A"], "form": "force-shifted-lj", "epsilon": 1.0, "sigma": 1.0,
                    "cutoff": 2.5}],
}  # fmt: skip
ENSEMBLE = dynamics.IsoconfigurationalEnsemble(
    SNAPSHOT, np.zeros((2, 3, 64, 2)), np.array([1.0, 2.0, 3.0])
)


FOLLOWED = Trajectory(
    [SNAPSHOT.replace(images=np.zeros((64, 2)), step=step) for step in range(3)], {"dt": 1.0}
)


def given(make: Callable[..., object], option: str) -> Callable[[Any], object]:
    return lambda value: make(**{option: value})


def measured(name: str, **options: Any) -> object:
    return INDICATORS.create(name, **options).compute(SNAPSHOT)


class MeanPlace:
    labels = ("liquid", "glass")

    def logits(self, snapshots: Sequence[Snapshot], *, batch_size: int) -> np.ndarray:
        return np.array([one.positions.mean(axis=0) for one in snapshots])


def curve(**options: Any) -> object:
    scores = [SNAPSHOT.positions[:, 0]]
    return faithfulness_curve(MeanPlace(), [SNAPSHOT], scores, runs=["a"], **options)


def base(**options: Any) -> object:
    """A folder that cannot be made, where nothing is simulated should options pass."""
    settled = {"n_runs": 1, "frames_per_run": 1, "n_particles": 2, "seed": 0}
    return planted.base_configurations("/dev/null/no", 2, **{**settled, **options})


def potential(**changes: Any) -> object:
    return glass_former({**MIXTURE, "potentials": [{**MIXTURE["potentials"][0], **changes}]})


def network(name: str, option: str) -> Callable[[Any], object]:
    settled = {"n_species": 2} | ({"dimension": 2} if name == "voxel-cnn" else {"r_max": 2.0})
    return lambda value: MODELS.create(name, **{**settled, option: value})


def simulated(
    protocol: Callable[..., Any], settled: dict[str, Any], option: str
) -> Callable[[Any], object]:
    """What is made first of a protocol."""

    def begin(value: Any) -> object:
        made = protocol(**{**settled, option: value})
        steps = [n for n, _ in made.stages]
        return lattice_start(glass_former("kam2d"), made) if hasattr(made, "n_particles") else steps

    return begin


SIZES: dict[str, Callable[[Any], object]] = {
    **{
        f"{name}: {option}": network(name, option)
        for name, options in {
            "message-passing": ("n_species", "hidden", "n_layers", "n_radial", "n_classes"),
            "attention": ("hidden", "heads", "n_layers", "n_radial", "n_classes"),
            "equivariant": ("hidden", "n_layers", "n_radial", "n_classes"),
            "linear": ("n_species", "n_radial", "n_classes"),
            "voxel-cnn": ("n_species", "hidden", "n_halvings", "n_blocks", "n_classes"),
        }.items()
        for option in options
    },
    "VoxelRecipe: multiple": lambda v: VoxelRecipe(0.5, 0.4, multiple=v)(SNAPSHOT),
    **{
        f"TrainingOptions: {option}": given(TrainingOptions, option)
        for option in ("epochs", "patience", "batch_size", "seed")
    },
    **{
        f"{name}: {option}": given(partial(ATTRIBUTIONS.create, name), option)
        for name, option in [
            ("graph-gradcam", "batch_size"),
            ("gnn-explainer", "epochs"),
            ("gnn-explainer", "seed"),
            ("random", "seed"),
            ("integrated-gradients", "n_steps"),
            ("voxel-gradcam", "n_shifts"),
            ("voxel-gradcam", "batch_size"),
        ]
    },
    "noise_stability: n_seeds": lambda v: noise_stability(
        lambda s: [one.positions[:, 0] for one in s], [SNAPSHOT], 0.1, n_seeds=v
    ),
    **{
        f"Protocol: {option}": simulated(Protocol, PROTOCOL, option)
        for option in (
            "n_particles",
            "n_frames",
            "frame_interval",
            "hold_steps",
            "melt_steps",
            "seed",
        )
    },
    "AgeingProtocol: n_particles": simulated(AgeingProtocol, AGEING, "n_particles"),
    "IsoconfigurationalProtocol: n_clones": simulated(
        IsoconfigurationalProtocol, CLONES, "n_clones"
    ),
    "log_spaced_steps: n": lambda v: log_spaced_steps(1, 1000, v),
    "log_spaced_steps: last": lambda v: log_spaced_steps(1, v, 5),
    "spatial_correlation: blocks": lambda v: compare.spatial_correlation(RUNS, "x", blocks=v),
    "compare.correlate: seed": lambda v: compare.correlate(RUNS, "x", "y", seed=v),
    "mean_over_runs: seed": lambda v: stats.mean_over_runs([1.0, 2.0, 3.0, 4.0], seed=v),
    "statistic_over_runs: n_resamples": lambda v: stats.statistic_over_runs(
        [1.0, 2.0, 3.0, 4.0], lambda runs: float(np.mean(runs)), n_resamples=v
    ),
    "deal_runs: seed": lambda v: deal_runs({"a": list("abcd"), "b": list("efgh")}, seed=v),
    "planted_set: seed": lambda v: planted.planted_set(RUNS, planted.SwappedSpecies(), seed=v),
    **{
        f"faithfulness_curve: {option}": given(partial(curve, n_random=1), option)
        for option in ("n_random", "batch_size", "seed")
    },
    "base_configurations: n_runs": given(base, "n_runs"),
    "base_configurations: seed": given(base, "seed"),
    "Steinhardt: degree": lambda v: structure.Steinhardt(degree=v).compute(SNAPSHOT),
    "TimeOrigins: every": lambda v: dynamics.TimeOrigins(Trajectory(OTHERS), [1], every=v),
    "TimeOrigins: thinned": lambda v: dynamics.TimeOrigins(FOLLOWED, [1]).thinned(v),
    "lags_within: n_lags": lambda v: dynamics.lags_within(FOLLOWED, v),
    "lags_within: last": lambda v: dynamics.lags_within(FOLLOWED, last=v),
}

QUANTITIES: dict[str, Callable[[Any], object]] = {
    **{
        f"{name}: r_max": network(name, "r_max")
        for name in ("message-passing", "attention", "equivariant", "linear")
    },
    **{f"{name}: dropout": network(name, "dropout") for name in MODELS if name != "linear"},
    "GraphRecipe: r_max": lambda v: GraphRecipe(v)(SNAPSHOT),
    "VoxelRecipe: voxel_size": lambda v: VoxelRecipe(v, 0.4)(SNAPSHOT),
    "VoxelRecipe: width": lambda v: VoxelRecipe(0.5, v)(SNAPSHOT),
    **{
        f"TrainingOptions: {option}": given(TrainingOptions, option)
        for option in ("learning_rate", "weight_decay")
    },
    "gnn-explainer: lr": lambda v: ATTRIBUTIONS.create("gnn-explainer", lr=v),
    "noise_stability: width": lambda v: noise_stability(
        lambda s: [one.positions[:, 0] for one in s], [SNAPSHOT], v
    ),
    **{
        f"{name}: {option}": given(partial(measured, name), option)
        for name, option in [
            ("coordination-number", "r_max"),
            ("local-density", "r_max"),
            ("two-body-entropy", "r_max"),
            ("two-body-entropy", "width"),
        ]
    },
    "hexatic-order: r_max": lambda v: structure.HexaticOrder({"r_max": v}).compute(SNAPSHOT),
    "tong-tanaka: diameters": lambda v: structure.TongTanaka(diameters={"A": v, "B": 1.0}).compute(
        SNAPSHOT
    ),
    "radial_counts: centers": lambda v: structure.radial_counts(SNAPSHOT, [v], 0.1),
    "radial_counts: width": lambda v: structure.radial_counts(SNAPSHOT, [1.0], v),
    "symmetry_functions: angular": lambda v: structure.symmetry_functions(
        SNAPSHOT, [1.0], angular=[structure.Angular(v, 1, 1)]
    ),
    "symmetry_functions: zeta": lambda v: structure.symmetry_functions(
        SNAPSHOT, [1.0], angular=[structure.Angular(0.7, 1, v)]
    ),
    "Softness: C": structure.Softness,
    "Propensity: r_max": lambda v: dynamics.Propensity(True, {"r_max": v}).compute(ENSEMBLE),
    "SelfOverlap: a": lambda v: dynamics.SelfOverlap(a=v).compute(ENSEMBLE),
    "SelfOverlap: threshold": lambda v: dynamics.SelfOverlap(threshold=v).compute(ENSEMBLE),
    "BondBreaking: r_bond": lambda v: dynamics.BondBreaking(r_bond=v).compute(ENSEMBLE),
    "BondBreaking: r_break": lambda v: dynamics.BondBreaking(r_break=v).compute(ENSEMBLE),
    "BondBreaking: threshold": lambda v: dynamics.BondBreaking(threshold=v).compute(ENSEMBLE),
    "TimeCorrelations: q": lambda v: dynamics.TimeCorrelations(q=v).compute(ENSEMBLE),
    "TimeCorrelations: a": lambda v: dynamics.TimeCorrelations(a=v).compute(ENSEMBLE),
    "DebyeWaller: time": lambda v: dynamics.DebyeWaller(v).compute(ENSEMBLE),
    "first_crossing: threshold": lambda v: dynamics.first_crossing([1, 2], [[1, 0]], v),
    "annotate: time": lambda v: dynamics.annotate(ENSEMBLE, time=v),
    "smooth: length": lambda v: compare.smooth(SNAPSHOT, np.zeros(64), v),
    "smooth: r_max": lambda v: compare.smooth(SNAPSHOT, np.zeros(64), 1.0, v),
    "correlate: lengths": lambda v: compare.correlate(RUNS, "x", "y", lengths=[v]),
    "spatial_correlation: bin_width": lambda v: compare.spatial_correlation(RUNS, "x", bin_width=v),
    "spatial_correlation: r_max": lambda v: compare.spatial_correlation(RUNS, "x", r_max=v),
    "correlation_length: bin_width": lambda v: compare.correlation_length(RUNS, "x", bin_width=v),
    "correlation_length: fit_range": lambda v: compare.correlation_length(
        RUNS, "x", fit_range=(v, None)
    ),
    **{
        f"Protocol: {option}": simulated(Protocol, PROTOCOL, option)
        for option in ("kT", "dt", "friction", "kT_melt", "cooling_rate")
    },
    "IsoconfigurationalProtocol: kT": simulated(IsoconfigurationalProtocol, CLONES, "kT"),
    "assess: a": lambda v: assess("kam2d", Trajectory([SNAPSHOT, *OTHERS]), a=v),
    "glass_former: density": lambda v: glass_former({**MIXTURE, "density": v}),
    "glass_former: fractions": lambda v: glass_former({**MIXTURE, "fractions": [v]}),
    **{
        f"glass_former: {option}": given(potential, option)
        for option in ("epsilon", "sigma", "cutoff")
    },
    **{
        f"{name}: {option}": given(partial(MOTIFS.create, name), option)
        for name in MOTIFS
        for option in ("radius", "contrast")
    },
    "deal_runs: validation": lambda v: deal_runs(
        {"a": list("abcd"), "b": list("efgh")}, validation=v
    ),
    "deal_runs: test": lambda v: deal_runs({"a": list("abcd"), "b": list("efgh")}, test=v),
    "matched_auc: tolerance": lambda v: matched_auc(
        np.arange(4.0), np.array([0, 1, 0, 1]), np.zeros(4), tolerance=v
    ),
}


def cases() -> Iterator[Any]:
    for name, function in SIZES.items():
        for value in NOT_A_NUMBER_OF_THINGS:
            yield pytest.param(function, value, True, id=f"{name}={value}")
        for value in TOO_MANY:
            # A seed or a number of epochs may be as large as it likes.
            yield pytest.param(function, value, False, id=f"{name}={value:.0e}")
    for name, function in QUANTITIES.items():
        for value in NOT_A_QUANTITY:
            yield pytest.param(function, value, True, id=f"{name}={value}")
        for value in (0.0, 1e300, 1e-300):
            yield pytest.param(function, value, False, id=f"{name}={value}")


@pytest.mark.parametrize(("function", "value", "refused"), cases())
def test_it_is_right_or_refused_in_one_sentence(function, value, refused):
    try:
        function(value)
    except GnnglassError as error:
        assert str(error).endswith(".")
        assert "\n" not in str(error)
    else:
        assert not refused, "was not refused"


@pytest.mark.parametrize(
    ("function", "what"),
    [
        (partial(network("message-passing", "hidden"), 10**6), "a network of these options"),
        (partial(network("linear", "n_radial"), 10**11), "a network of these options"),
        (lambda: VoxelRecipe(1e-5, 0.4)(SNAPSHOT), r"a grid of \S+ × \S+ voxels"),
        (partial(simulated(Protocol, PROTOCOL, "n_particles"), 2 * 10**9),
         "a run of 2e.09 particles"),
        (lambda: ATTRIBUTIONS.create("integrated-gradients", n_steps=10**7), "a quadrature of"),
    ],
)  # fmt: skip
def test_what_cannot_fit_is_told_with_both_figures(function, what, monkeypatch):
    monkeypatch.setattr("os.sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 2**21}.get)
    message = rf"{what} .*would take at least [\d.e+]+ GiB of memory, and this machine has 8 GiB"
    with pytest.raises(InputError, match=message):
        function()
