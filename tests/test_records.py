"""Finished work is known by what it depended on, the code that did it included."""

import os
from functools import partial

import pytest

from gnnglass import registry
from gnnglass._records import Record, code_digest, digest_of, read_sealed, write_sealed
from gnnglass.registry import Registry, packages_elsewhere

SOURCE = '''"""What it is."""

#: A comment.
FACTOR = 2
"""What the factor is."""


def scaled(x):
    """Say so."""
    return FACTOR * x


class Thing:
    """A thing."""

    size = 1
'''


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write files of a package that can be found, but is not imported."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "some_code").mkdir()
    (tmp_path / "some_code" / "__init__.py").touch()
    (tmp_path / "some_code" / "inner").mkdir()

    def put(text, name="formula.py"):
        path = tmp_path / "some_code" / name
        path.write_text(text, encoding="utf-8")
        # Tests write faster than some clocks tick.
        os.utime(path, ns=(put.clock, put.clock))
        put.clock += 10**9

    put.clock = 10**18
    put(SOURCE)
    return put


def digests():
    return code_digest("some_code"), code_digest("some_code.formula"), code_digest(SCALED)


SCALED = "some_code.formula:scaled"


def test_words_do_not_count(write):
    before = digests()
    write(
        SOURCE.replace("What it is", "Other words")
        .replace("A comment", "Another")
        .replace("What the factor is", "Something")
        .replace("Say so", "Or not")
        .replace("FACTOR * x", "(FACTOR  *  x)  # as said")
    )
    assert digests() == before


def test_what_code_does_counts(write):
    before = digests()
    write(SOURCE.replace("FACTOR * x", "FACTOR + x"))
    assert all(a != b for a, b in zip(digests(), before, strict=True))
    write(SOURCE.replace("FACTOR = 2", "FACTOR = 3"))
    package, module, function = (a != b for a, b in zip(digests(), before, strict=True))
    assert package and module and not function
    write(SOURCE)
    assert digests() == before


@pytest.mark.parametrize("name", ["more.py", "inner/deep.py", "page.html.jinja"])
def test_every_file_of_a_package_counts(write, name):
    before = digests()
    write("x = 1", name)
    package, module, _ = digests()
    assert package != before[0] and module == before[1]
    write("x = 2", name)
    assert code_digest("some_code") not in (package, before[0])


def test_a_function_that_is_gone_is_named(write):
    with pytest.raises(LookupError, match=r"formula\.py defines no lost"):
        code_digest("some_code.formula:lost")


def test_a_module_that_is_gone_is_named(write):
    with pytest.raises(LookupError, match=r"some_code has no module some_code\.lost"):
        code_digest("some_code.lost")


def test_code_without_a_source_is_never_the_same():
    assert code_digest("no_such_package_at_all") != code_digest("no_such_package_at_all")


def test_entries_by_others_are_known_by_their_packages(monkeypatch):
    class Point:
        name, module = "theirs", "their_package.indicators"

    monkeypatch.setattr(registry, "entry_points", lambda group: [Point] if group == "g" else [])
    things: Registry[object] = Registry("thing", "gnnglass.structure", group="g")
    assert packages_elsewhere("g") == ["their_package"]
    assert packages_elsewhere("g", ["mine"]) == []
    things.register("mine")(test_entries_by_others_are_known_by_their_packages)
    things.register("ours")(partial(Record, digest="d"))
    assert packages_elsewhere("g") == ["test_records", "their_package"]
    assert packages_elsewhere("g", ["ours"]) == []
    assert packages_elsewhere("another") == []


def test_work_is_done_once_and_again_when_stale(tmp_path):
    path, product = tmp_path / "record.json", tmp_path / "product"
    product.touch()
    made = Record.make(path, digest_of("a"), lambda: {"steps": (1, 2)}, [product])
    assert made.result == {"steps": [1, 2]} and made.seconds >= 0
    assert Record.find(path, digest_of("a"), [product]) == made
    assert Record.find(path, digest_of("b"), [product]) is None
    product.unlink()
    assert Record.find(path, digest_of("a"), [product]) is None


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"digest": "d"}'])
def test_a_broken_record_is_none(tmp_path, text):
    path = tmp_path / "record.json"
    path.write_text(text, encoding="utf-8")
    assert Record.find(path, "d") is None


def test_any_change_of_a_record_or_a_product_is_noticed(tmp_path):
    path, product = tmp_path / "stages" / "record.json", tmp_path / "product"
    product.write_bytes(b"figures")
    path.parent.mkdir()
    made = Record.make(path, "d", lambda: {"train": ["a", "b"], "test": ["c"]}, [product])
    assert made.products.keys() == {"../product"}
    for file in (path, product):
        content = file.read_bytes()
        for changed in [
            b"",
            content[:-1],
            content + b"0",
            *(
                content[:k] + bytes([content[k] ^ 1]) + content[k + 1 :]
                for k in range(len(content))
            ),
        ]:
            file.write_bytes(changed)
            found = Record.find(path, "d", [product])
            # Only white space between the entries means nothing.
            assert found is None or (found == made and changed.split() == content.split())
        file.write_bytes(content)
    assert Record.find(path, "d", [product]) == made
    assert Record.find(path, "d") is None, "it was made with a product"
    edited = path.read_text().replace('"a"', '"c"', 1).replace('"c"', '"a"', 1)
    path.write_text(edited.replace('"b"', '"c"'))
    assert Record.find(path, "d", [product]) is None


def test_records_do_not_say_where_they_are(tmp_path):
    place, product = tmp_path / "here" / "record.json", tmp_path / "here" / "product"
    product.parent.mkdir()
    made = Record.make(place, "d", lambda: product.write_text("x"), [product])
    (tmp_path / "here").rename(tmp_path / "there")
    there = tmp_path / "there"
    assert Record.find(there / "record.json", "d", [there / "product"]) == made


def test_what_follows_depends_on_what_is_left(tmp_path):
    product = tmp_path / "product"

    def made(text):
        return Record.make(tmp_path / "r", "d", lambda: product.write_text(text), [product])

    one, other = made("x"), made("y")
    assert one.digest == other.digest and one.identity != other.identity


def test_sealed_files(tmp_path):
    path = tmp_path / "sealed"
    write_sealed(path, "key", b"a\nb\n")
    assert read_sealed(path) == ("key", b"a\nb\n")
    content = path.read_bytes()
    for k in range(len(content)):
        path.write_bytes(content[:k])
        assert read_sealed(path) is None
        path.write_bytes(content[:k] + bytes([content[k] ^ 16]) + content[k + 1 :])
        assert read_sealed(path) is None
