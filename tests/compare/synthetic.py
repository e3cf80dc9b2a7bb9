"""Configurations whose fields are made to correlate as wished."""

import numpy as np

from gnnglass.trajectories import Snapshot


def configuration(rng, r, n=80, **extra):
    """Fields x and y with population correlation `r` for both species; y also shifts with type."""
    box = np.full(2, np.sqrt(n / 1.2))
    types = np.arange(n) % 3 // 2
    x = rng.normal(size=n)
    y = r * x + np.sqrt(1 - r**2) * rng.normal(size=n) + 3 * types
    fields = {"x": x, "y": y, **{name: make(rng, x, y) for name, make in extra.items()}}
    return Snapshot(box=box, positions=(rng.random((n, 2)) - 0.5) * box, types=types, fields=fields)


def runs_of(rng, correlations, n_configurations=3, **options):
    """Snapshots and run names: one run per entry of `correlations`."""
    snapshots = [
        configuration(rng, r, **options) for r in correlations for _ in range(n_configurations)
    ]
    names = [f"run{k}" for k in range(len(correlations)) for _ in range(n_configurations)]
    return snapshots, names


def with_gaps(snapshots, gone, *names):
    """Two sets of snapshots: `names` are NaN for some particles, or these are not there at all."""
    gaps, rest = [], []
    for s in snapshots:
        lost = np.isin(np.arange(len(s)), gone)
        gaps.append(
            s.with_fields(**{name: np.where(lost, np.nan, s.field(name)) for name in names})
        )
        values = {name: each[~lost] for name, each in s.fields.items()}
        rest.append(Snapshot(s.box, s.positions[~lost], s.types[~lost], fields=values))
    return gaps, rest
