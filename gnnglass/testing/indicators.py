"""What every registered indicator must do."""

from __future__ import annotations

import numpy as np

from gnnglass.testing.examples import example_snapshot

#: A glass former in each dimension, for indicators that ask for one.
SYSTEMS = {2: "kam2d", 3: "ka3d"}


def check_indicator(name: str) -> None:
    """Check that a registered indicator keeps the contract of `gnnglass.structure.Indicator`.

    Values are finite, float64, of shape [n], unchanged by translation through the box and
    permuted by relabelling; `compute` returns the indicator itself and is needed before
    `values`; the repr makes an equal indicator; a dimension it does not know is refused.

    Raises:
        AssertionError: Where the contract is broken.
    """
    from gnnglass.errors import InputError, NotComputedError
    from gnnglass.structure import indicator_for
    from gnnglass.trajectories import Trajectory

    for dimension in (2, 3):
        snapshot = example_snapshot(dimension)
        indicator = indicator_for(name, Trajectory([snapshot], {"system": SYSTEMS[dimension]}))
        if dimension not in indicator.dimensions:
            try:
                indicator.compute(snapshot)
            except InputError:
                continue
            raise AssertionError(f"{name}: accepted a {dimension}D snapshot")
        try:
            early = indicator.values
        except NotComputedError:
            early = None
        assert early is None, f"{name}: has values before compute"
        assert indicator.compute(snapshot) is indicator, f"{name}: compute does not return self"
        values = indicator.values
        assert values.shape == (len(snapshot),), f"{name}: shape {values.shape}"
        assert values.dtype == np.float64, f"{name}: {values.dtype}, not float64"
        assert np.isfinite(values).all(), f"{name}: values are not finite"
        spread = max(float(np.abs(values).max()), 1e-12)
        again = eval(repr(indicator), {type(indicator).__name__: type(indicator)})
        assert np.array_equal(again.compute(snapshot).values, values), f"{name}: its repr differs"

        rng = np.random.default_rng(0)
        moved = snapshot.replace(positions=snapshot.positions + rng.normal(0, 20, dimension))
        change = np.abs(indicator.compute(moved).values - values).max()
        assert change < 1e-4 * spread, f"{name}: translation changes it by {change:.3g}"
        order = rng.permutation(len(snapshot))
        relabelled = snapshot.replace(
            positions=snapshot.positions[order], types=snapshot.types[order]
        )
        change = np.abs(indicator.compute(relabelled).values - values[order]).max()
        assert change < 1e-4 * spread, f"{name}: relabelling changes it by {change:.3g}"
