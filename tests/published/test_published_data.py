"""The seven published configurations against figures measured elsewhere, by other minimisers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gnnglass.compare import correlate, noise_ceiling
from gnnglass.published import annotated
from gnnglass.trajectories import read

#: Inherent energy per particle, mean propensity of A, and Pearson's r of the two over A: of bare
#: energies, and of energies smoothed with exp(−r).
MEASURED = {
    1: (-6.8380, 0.6986, 0.226, 0.465),
    2: (-6.8498, 0.4962, 0.299, 0.671),
    3: (-6.8427, 0.6166, 0.292, 0.603),
    4: (-6.8605, 0.4277, 0.266, 0.534),
    5: (-6.8507, 0.5549, 0.256, 0.585),
    6: (-6.8550, 0.5080, 0.251, 0.567),
    7: (-6.8435, 0.6124, 0.270, 0.612),
}


@pytest.mark.validate
def test_energy_and_propensity_of_seven_configurations(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "botan_ka3d_T0.44"
    files = [read(folder / f"isoconfig_N4096T0.44_{k}_tc07.npz") for k in MEASURED]
    found = annotated(files, inherent=True, keep=tmp_path)
    snapshots, runs = [one[0] for one in found], list(MEASURED)
    energy, propensity, bare, smoothed = np.transpose(list(MEASURED.values()))
    means = [snapshot.field("potential_energy").mean() for snapshot in snapshots]
    np.testing.assert_allclose(means, energy, atol=5e-4)
    means = [snapshot.field("propensity")[snapshot.of_type("A")].mean() for snapshot in snapshots]
    np.testing.assert_allclose(means, propensity, atol=1e-4)
    for lengths, expected in ((None, bare), ([1.0], smoothed)):
        compared = correlate(
            snapshots,
            "potential_energy",
            "propensity",
            runs=runs,
            species=["A"],
            method="pearson",
            lengths=lengths,
        )
        np.testing.assert_allclose(compared["A"].per_configuration, expected, atol=0.01)
    halves = ("propensity_half_1", "propensity_half_2")
    ceiling = noise_ceiling(snapshots, *halves, runs=runs, species=["A"], method="pearson")
    assert 0.85 < ceiling["A"].ceiling < 0.97
