"""Random snapshots and trajectories for Hypothesis."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from gnnglass.trajectories import Snapshot, Trajectory

field_names = st.text("abcxyz_/0", min_size=1, max_size=8)


@st.composite
def snapshots(draw: st.DrawFn, dimension: int | None = None) -> Snapshot:
    d = dimension or draw(st.sampled_from([2, 3]))
    n = draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    box = rng.uniform(1, 50, d)
    n_species = draw(st.integers(1, 3))
    fields = {name: rng.normal(size=n) for name in draw(st.sets(field_names, max_size=3))}
    for values in fields.values():
        values[rng.random(n) < 0.2] = rng.choice([np.nan, np.inf, -0.0])
    return Snapshot(
        box=box,
        positions=rng.uniform(-2, 2, (n, d)) * box,
        types=rng.integers(0, n_species, n),
        type_names=("A", "B", "Big")[:n_species],
        images=rng.integers(-3, 4, (n, d)) if draw(st.booleans()) else None,
        fields=fields,
        step=draw(st.integers(0, 2**40)),
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
trajectories = st.builds(
    Trajectory,
    st.lists(snapshots(), min_size=1, max_size=4),
    st.dictionaries(st.text(max_size=8), json_values, max_size=4),
)
