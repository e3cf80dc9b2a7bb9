"""Fields are called what they are called where they are defined."""

import subprocess
import sys

import pytest

from gnnglass.dynamics.ageing import FIELDS
from gnnglass.structure import INDICATORS, indicator_field
from gnnglass.study import _wording as words


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("potential_energy", "potential energy"),
        ("steinhardt_q6_averaged", "averaged Steinhardt q₆"),
        ("tau_overlap", "relaxation time (overlap)"),
        ("debye_waller", "Debye–Waller factor"),
        ("importance_gnn", "GNN importance"),
        ("importance_my_net", "my net importance"),
        ("importance_random", "random field"),
        ("importance", "importance"),
        ("md_prop_3", "md prop 3"),
    ],
)
def test_labels(name, label):
    assert words.field_label(name) == label


@pytest.mark.parametrize("name", INDICATORS.names())
def test_a_field_of_an_indicator_is_described_by_the_indicator(name):
    assert words.describe_field(indicator_field(name)) == INDICATORS.describe(name)
    # An indicator that took its name would be shown as that field of dynamics.
    assert indicator_field(name) not in FIELDS


@pytest.mark.parametrize(
    ("name", "dimension", "unit"),
    [
        ("local_density", None, "length⁻ᵈ"),
        ("local_density", 2, "length⁻²"),
        ("voronoi_volume", 3, "length³"),
        ("debye_waller", 2, "length²"),
        ("two_body_entropy", 2, "k_B"),
        ("hexatic_order", 2, ""),
        ("importance_gnn", 2, ""),
        ("unheard_of", 2, ""),
    ],
)
def test_units(name, dimension, unit):
    assert words.field_unit(name, dimension) == unit
    label = words.field_label(name)
    assert words.with_unit(name, dimension) == (f"{label} [{unit}]" if unit else label)


def test_labels_are_found_without_torch():
    code = (
        "import sys; from gnnglass.study._wording import field_label\n"
        "print(field_label('tong_tanaka'), 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", code],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stdout.strip() == "Tong–Tanaka Θ False"
