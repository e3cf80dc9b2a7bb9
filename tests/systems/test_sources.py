import json
import pickle
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gnnglass.errors import FileError, InputError, UnknownNameError
from gnnglass.systems import (
    GLASS_FORMERS,
    ForceShiftedLJ,
    GlassFormer,
    HarmonicSpheres,
    PairPotential,
    ShiftedLJ,
    SmoothedInversePower,
    SmoothedLJ,
    glass_former,
)
from gnnglass.testing import example_of

MINE = """
name = "mine"
dimension = 2
density = 1.2
species = ["B", "A"]
fractions = [0.25, 0.75]

[[potentials]]
pair = ["A", "A"]
form = "force-shifted-lj"
epsilon = 1
sigma = 1.0
cutoff = 2.5

[[potentials]]
pair = ["A", "B"]
form = "harmonic-spheres"
epsilon = 1.5
sigma = 0.8

[[potentials]]
pair = ["B", "B"]
form = "shifted-lj"
epsilon = 0.5
sigma = 0.88
cutoff = 2.2
"""

NUMBERS = st.floats(0.5, 2.0)
POTENTIAL = st.one_of(
    st.builds(ForceShiftedLJ, NUMBERS, NUMBERS, st.floats(2.0, 3.0)),
    st.builds(ShiftedLJ, NUMBERS, NUMBERS, st.floats(2.0, 3.0)),
    st.builds(SmoothedLJ, NUMBERS, NUMBERS, st.floats(2.0, 3.0)),
    st.builds(SmoothedInversePower, NUMBERS, NUMBERS, st.floats(6, 14), st.floats(2.0, 3.0)),
    st.builds(HarmonicSpheres, NUMBERS, NUMBERS),
)


@st.composite
def mixtures(draw):
    species = draw(st.permutations(["A", "B", "Na+"]))[: draw(st.integers(1, 3))]
    parts = [draw(st.integers(1, 9)) for _ in species]
    fractions = {name: part / sum(parts) for name, part in zip(species, parts, strict=True)}
    pairs = [(a, b) for i, a in enumerate(species) for b in species[i:]]
    return GlassFormer(
        name="drawn",
        dimension=draw(st.sampled_from([2, 3])),
        composition=fractions,
        density=draw(st.floats(0.5, 1.5)),
        potentials={pair: draw(POTENTIAL) for pair in pairs},
        citation=draw(st.sampled_from(["", "Müller & Søn (2020)"])),
    )


@settings(max_examples=30, deadline=None)
@given(system=mixtures())
def test_a_mixture_survives_being_stored(system):
    # Some stores sort the keys; nothing may depend on their order.
    again = glass_former(json.loads(json.dumps(system.identity, sort_keys=True)))
    assert again == system and hash(again) == hash(system)
    assert again.species == system.species
    snapshot = example_of(system)
    np.testing.assert_array_equal(again.energies(snapshot), system.energies(snapshot))
    assert glass_former(system) is system
    assert pickle.loads(pickle.dumps(system)) == system


@settings(max_examples=30, deadline=None)
@given(system=mixtures(), other=mixtures())
def test_what_differs_is_not_equal(system, other):
    assert (system == other) == (system.identity == other.identity)
    assert system != replace(system, density=system.density + 0.1)
    assert system != "drawn"


@pytest.mark.parametrize("name", GLASS_FORMERS.names())
def test_registered_mixtures_are_stored_by_name(name):
    system = glass_former(name)
    assert system == GLASS_FORMERS.create(name)
    assert system.identity == name
    other = replace(system, name="other")
    assert not isinstance(other.identity, str)
    assert other.identity["name"] == "other"
    assert glass_former(other.identity) == other


def test_the_order_of_species_is_part_of_a_mixture():
    mixture = glass_former("kam2d")
    turned = dict(reversed(list(mixture.composition.items())))
    pairs = {("B", "A") if p == ("A", "B") else p: v for p, v in mixture.potentials.items()}
    assert replace(mixture, composition=turned, potentials=pairs) != mixture


def test_tables_shared_between_mixtures_are_copied():
    potentials = dict(glass_former("kam2d").potentials)
    mixture = replace(glass_former("kam2d"), name="mine", potentials=potentials)
    potentials.clear()
    assert len(mixture.potentials) == 3


@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_reads_a_toml_file(tmp_path, kind):
    path = tmp_path / "mine.toml"
    path.write_text(MINE, encoding="utf-8")
    system = glass_former(kind(path))
    assert system.name == "mine"
    assert system.composition == {"B": 0.25, "A": 0.75}
    assert system.species == ("B", "A")
    assert system.potentials["B", "A"] == HarmonicSpheres(1.5, 0.8)
    assert system.potentials["A", "A"] == ForceShiftedLJ(1.0, 1.0, 2.5)
    assert system.citation == ""
    assert glass_former(system.identity) == system


HEAD, *_ = MINE.partition("[[potentials]]")
LAST = MINE[MINE.rindex("[[potentials]]") :]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "mine"', "", "name is missing"),
        ('name = "mine"', 'name = "a/b"', "name is 'a/b', expected match pattern"),
        (
            "density = 1.2",
            "densty = 1.2\ndensity = 1.2",
            "no densty (did you mean 'density'?); the keys are",
        ),
        ("density = 1.2", "density = 0.0", "the density of 'mine' is 0; expected a positive"),
        ("density = 1.2", "density = inf", "the density of 'mine' is inf; expected a positive"),
        ("density = 1.2", "density = nan", "the density of 'mine' is nan; expected a positive"),
        ("density = 1.2", 'density = "1.2"', "density is '1.2', expected a valid number"),
        ("dimension = 2", "dimension = 4", "dimension is 4, expected 2 or 3"),
        ("0.25, 0.75", "0.25, 0.7", "the composition of 'mine' sums to 0.95; expected 1"),
        ("0.25, 0.75", "-0.25, 1.25", "the fraction of B in 'mine' is -0.25; expected a number"),
        ("0.25, 0.75", "nan, 0.75", "the fraction of B in 'mine' is nan; expected a number"),
        ("0.25, 0.75", "1.0", "expected distinct names and one fraction for each"),
        ('["B", "A"]', '["B", "B"]', "expected distinct names and one fraction for each"),
        ('["B", "A"]', "[]", "species has too few entries, expected"),
        (LAST, "", "there is no potential for the pair ['B', 'B']; add one"),
        (LAST, LAST + LAST, "there are two potentials for the pair ['B', 'B']; give one"),
        ('pair = ["B", "B"]', 'pair = ["B", "C"]', "the pair ['B', 'C']; expected one of"),
        ('pair = ["B", "B"]', "", "a potential is for the pair None; expected one of"),
        ("cutoff = 2.2", "", "has the parameters epsilon, sigma; expected epsilon, sigma, cutoff"),
        (
            "cutoff = 2.2",
            "cut = 2.2",
            "cut, epsilon, sigma (did you mean 'cutoff'?)",
        ),
        ("cutoff = 2.2", "cutoff = -2.2", "cutoff of ShiftedLJ is -2.2; expected a positive"),
        ("sigma = 0.8\n", "sigma = nan\n", "sigma of HarmonicSpheres is nan; expected a positive"),
        ("sigma = 0.8\n", 'sigma = "0.8"\n', "sigma of HarmonicSpheres is '0.8'; expected a"),
        ("sigma = 0.8\n", "sigma = true\n", "sigma of HarmonicSpheres is True; expected a"),
        ('name = "mine"', 'name = "kam2d"', "the name of a registered glass former that is not"),
    ],
)
def test_refuses_a_bad_definition(tmp_path, old, new, message):
    assert old in MINE
    path = tmp_path / "bad.toml"
    path.write_text(MINE.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        glass_former(path)
    assert str(caught.value).startswith(f"in {path}, ")
    assert "\n" not in str(caught.value)


def test_an_unknown_form_of_potential_lists_the_known_ones(tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text(MINE.replace("harmonic-spheres", "morse"), encoding="utf-8")
    with pytest.raises(UnknownNameError, match="'morse'; known: force-shifted-lj, harmonic-"):
        glass_former(path)


def test_refuses_files_that_are_missing_or_no_toml(tmp_path):
    with pytest.raises(FileError, match="No such file"):
        glass_former(tmp_path / "none.toml")
    path = tmp_path / "bad.toml"
    path.write_text("name = mine", encoding="utf-8")
    with pytest.raises(FileError, match="is not a TOML file"):
        glass_former(str(path))
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileError, match="is not a TOML file"):
        glass_former(path)


def test_refuses_other_sources():
    with pytest.raises(UnknownNameError, match=r"unknown glass former 'kam4d'.*; known: abm2d"):
        glass_former("kam4d")
    with pytest.raises(InputError, match="cannot be made from a int"):
        glass_former(7)
    with pytest.raises(
        InputError, match="in the definition of the glass former, the key 1 is not a text"
    ):
        glass_former({1: 2})  # type: ignore[dict-item]


def test_refuses_a_mixture_whose_name_means_another():
    denser = replace(glass_former("kam2d"), density=1.3)
    with pytest.raises(InputError, match="choose another name"):
        glass_former(denser)
    with pytest.raises(InputError, match="choose another name"):
        glass_former(denser.identity)


def test_a_potential_without_a_name_cannot_be_stored():
    class Wall(PairPotential):
        cutoff = 1.0

        def energy(self, r):
            return np.zeros_like(r)

        force = energy

    system = GlassFormer("walls", 2, {"A": 1.0}, 1.0, {("A", "A"): Wall()})
    with pytest.raises(InputError, match=r"with a Wall cannot be stored.*@POTENTIALS.register"):
        _ = system.identity
