"""What the benchmarks share, against clocks and pages whose content is known."""

from contextlib import contextmanager
from types import SimpleNamespace

import _common
import numpy as np
import pandas as pd
import pytest
from _common import (
    Comparison,
    Seconds,
    engines_here,
    interval,
    markdown_table,
    number,
    rewrite_part,
    run_script,
    save_table,
    side_by_side,
    table_file,
    with_interval,
)
from scipy.stats import ttest_1samp

from gnnglass.errors import FileError, InputError, MissingExtraError
from gnnglass.simulate import ENGINES

PAGE = (
    "Before.\n<!-- one -->\nold\n<!-- end of one -->\nBetween.\n<!-- two -->\n<!-- end of two -->\n"
)


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still unless it is put on."""
    now = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(
        _common,
        "time",
        SimpleNamespace(perf_counter=lambda: now.seconds, process_time=lambda: now.seconds / 2),
    )
    return now


def test_a_machine_that_slows_down_hits_both_sides_alike(clock):
    calls = []

    def side(name, cost):
        def work(_):
            calls.append(name)
            clock.seconds += cost * (1 + 0.1 * len(calls))

        return work

    found = side_by_side(side("ours", 3), side("reference", 2), 2, warm_up=False)
    assert calls == ["reference", "ours", "reference"] * 2
    assert found.ratio("wall")["estimate"] == pytest.approx(1.5)
    assert found.ratio("cpu")["estimate"] == pytest.approx(1.5)
    assert [one.cpu / one.wall for one in found.ours] == pytest.approx([0.5, 0.5])


def test_the_first_repetition_and_what_is_made_for_a_call_are_not_counted(clock):
    made, calls = [], []

    @contextmanager
    def fresh():
        clock.seconds += 100
        made.append("made")
        yield len(made)
        made.append("gone")
        clock.seconds += 100

    def work(argument):
        calls.append(argument)
        clock.seconds += 50 if len(calls) <= 3 else 1

    found = side_by_side(work, work, 2, fresh=fresh)
    assert found.ours == (Seconds(1, 0.5), Seconds(1, 0.5)) == found.reference
    assert made == ["made", "gone"] * 9
    assert calls == list(range(1, 19, 2))


def test_the_ratio_is_a_geometric_mean_with_students_interval():
    rng = np.random.default_rng(0)
    logs = rng.normal(0.3, 0.1, 5)
    found = Comparison([Seconds(float(np.exp(one)), 1) for one in logs], [Seconds(1, 1)] * 5).ratio(
        "wall"
    )
    expected = ttest_1samp(logs, 0).confidence_interval(0.95)
    assert found["estimate"] == pytest.approx(np.exp(logs.mean()))
    assert [found["low"], found["high"]] == pytest.approx(np.exp(list(expected)))


def test_a_single_repetition_has_no_interval():
    found = Comparison([Seconds(3, 0.5)], [Seconds(2, 0.01)])
    assert found.text("bare") == "3.00 s; bare 2.00 s; ratio 1.500"
    assert found.text("bare", "cpu") == "500 ms; bare 10 ms; ratio 50.000"


@pytest.mark.parametrize(
    ("raised", "resumes", "code", "said"),
    [
        (InputError("no such thing."), False, "script: no such thing.", ""),
        (KeyboardInterrupt(), True, 130, "give the same command to go on."),
        (KeyboardInterrupt(), False, 130, "script: interrupted."),
    ],
)
def test_a_script_ends_in_one_sentence(monkeypatch, capsys, raised, resumes, code, said):
    def main():
        raise raised

    monkeypatch.setattr("sys.argv", ["benchmarks/script.py"])
    with pytest.raises(SystemExit) as ending:
        run_script(main, resumes=resumes)
    assert ending.value.code == code
    assert said in capsys.readouterr().err


def test_what_is_our_own_fault_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        run_script(lambda: 1 / 0)


def test_engines_that_are_not_installed_are_left_out(monkeypatch, capsys):
    def create(name):
        if name == "hoomd":
            raise MissingExtraError("the engine 'hoomd' needs HOOMD-blue.")

    monkeypatch.setattr(ENGINES, "create", create)
    assert list(engines_here(["hoomd", "lammps"])) == ["lammps"]
    assert capsys.readouterr().out == "hoomd: left out, the engine 'hoomd' needs HOOMD-blue.\n"


def test_numbers_and_intervals():
    assert number(-0.1234) == "−0.123"
    assert number(0.5, 1, sign=True) == "+0.5"
    assert number(None) == number(float("nan")) == "–"
    row = {"estimate": 0.5, "low": -0.25, "high": 1.0}
    assert with_interval(row, digits=2, sign=True) == "+0.50 [−0.25, +1.00]"
    assert interval({**row, "high": float("nan")}) == interval({}) == ""
    assert with_interval({"area": 0.5}, "area") == "0.500"
    assert with_interval(None) == "–"


def test_a_table_in_markdown():
    table = pd.DataFrame({"a|b": ["x|y", None], "n": [1, 2], "r": [0.5, np.nan]})
    assert markdown_table(table) == (
        "| a\\|b | n | r |\n|---|---|---|\n| x\\|y | 1 | 0.5 |\n| – | 2 | – |"
    )


def test_a_part_of_a_page_is_rewritten_and_nothing_else(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    rewrite_part(page, "two", pd.DataFrame({"a": [1]}))
    rewrite_part(page, "one", r"new \1")
    assert page.read_text() == (
        "Before.\n<!-- one -->\nnew \\1\n<!-- end of one -->\nBetween.\n"
        "<!-- two -->\n| a |\n|---|\n| 1 |\n<!-- end of two -->\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["page.md"]


@pytest.mark.parametrize(
    "text",
    [
        PAGE.replace("<!-- one -->", ""),
        PAGE.replace("<!-- end of one -->", ""),
        PAGE + PAGE,
        "<!-- end of one -->\n<!-- one -->\n",
        PAGE + "<!-- end of one -->",
    ],
    ids=["no begin", "no end", "twice", "turned round", "two ends"],
)
def test_a_page_without_just_one_such_part_is_refused_and_left_as_it_is(tmp_path, text):
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(FileError, match=r"page\.md has to hold <!-- one --> once"):
        rewrite_part(page, "one", "new")
    assert page.read_text() == text


def test_a_page_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(FileError, match=r"cannot read .*page.md"):
        rewrite_part(tmp_path / "page.md", "one", "new")


@pytest.mark.parametrize(("name", "read"), [("a.csv", pd.read_csv), ("a.json", pd.read_json)])
def test_tables_are_written_as_their_suffix_says(tmp_path, name, read):
    table = pd.DataFrame({"figure": ["ρ", "AUC"], "estimate": [0.5, np.nan]})
    save_table(table, table_file(str(tmp_path / name)))
    pd.testing.assert_frame_equal(read(tmp_path / name), table)


def test_other_suffixes_are_refused():
    with pytest.raises(Exception, match=r"'a.txt' must end in .csv or .json"):
        table_file("a.txt")
