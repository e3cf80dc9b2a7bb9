import numpy as np
import pytest
from synthetic import configuration

from gnnglass.compare import noise_ceiling, spearman_brown, split_half
from gnnglass.compare.fields import UndefinedCorrelationError
from gnnglass.errors import InputError


def halves(rng, n, noise):
    """Signal of unit variance and two halves with independent noise of variance `noise`² each."""
    signal = rng.normal(size=n)
    return signal, *(signal + noise * rng.normal(size=n) for _ in range(2))


@pytest.mark.parametrize("noise", [0.3, 1.0, 3.0])
def test_recovers_the_closed_form_reliability(noise):
    signal, a, b = halves(np.random.default_rng(0), 200_000, noise)
    found = split_half(a, b)
    assert found.r_half == pytest.approx(1 / (1 + noise**2), abs=0.01)
    # The mean of both halves has noise variance noise² / 2.
    assert found.reliability == pytest.approx(1 / (1 + noise**2 / 2), abs=0.01)
    best = np.corrcoef(signal, (a + b) / 2)[0, 1]
    assert found.ceiling == pytest.approx(best, abs=0.01)


def test_closed_form():
    assert spearman_brown(0.5) == pytest.approx(2 / 3)
    assert spearman_brown(1.0) == 1
    assert spearman_brown(0.0) == 0
    assert spearman_brown(-0.2) == 0


def test_spearman_ceiling_is_close_for_gaussian_halves():
    _, a, b = halves(np.random.default_rng(1), 50_000, 1.0)
    assert split_half(a, b, "spearman").ceiling == pytest.approx(split_half(a, b).ceiling, abs=0.02)


def test_over_runs_carries_the_interval_through():
    rng = np.random.default_rng(2)
    snapshots = []
    for _ in range(12):
        s = configuration(rng, 0.0, n=300)
        _, a, b = halves(rng, 300, 1.0)
        snapshots.append(s.with_fields(a=a, b=b))
    runs = [k // 2 for k in range(12)]
    found = noise_ceiling(snapshots, "a", "b", runs=runs, method="pearson")["A"]
    assert found.ceiling == pytest.approx(np.sqrt(2 / 3), abs=0.03)
    assert found.interval.low < found.ceiling < found.interval.high
    assert found.interval.n_runs == 6


def test_unrelated_halves_have_no_ceiling_to_reach():
    found = split_half([1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0])
    assert (found.r_half, found.reliability, found.ceiling) == (pytest.approx(-1), 0, 0)


def test_bad_halves_are_refused():
    with pytest.raises(InputError, match=r"shapes \(3,\) and \(4,\)"):
        split_half(np.ones(3), np.ones(4))
    with pytest.raises(InputError, match="NaN"):
        split_half([1, 2, np.nan], [1, 2, 3])
    with pytest.raises(UndefinedCorrelationError, match="constant"):
        split_half(np.ones(5), np.arange(5))
    with pytest.raises(UndefinedCorrelationError, match="2 values"):
        split_half([1, 2], [1, 2])
