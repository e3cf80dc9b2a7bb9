import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from gnnglass.errors import FileError, InputError
from gnnglass.study import FigureData, Report
from gnnglass.study import _wording as words

CLASSES = ["liquid", "glass"]
JUDGED = {"levels": {"inherent": {"gnn": {}}}, "classes": CLASSES}
VOID = {"meta", "img", "link", "br", "input"}


class Page(HTMLParser):
    """Text but scripts, tags and attributes, and a check that every element is closed in order."""

    def __init__(self, html):
        super().__init__()
        self.text, self.tags, self.open = [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] not in (["script"], ["style"]):
            self.text.append(data)

    @property
    def words(self):
        return re.sub(r"\s+", " ", " ".join(self.text))


def test_every_element_is_closed(page):
    assert Page(page).open == []


def test_opens_offline(page):
    """Nothing is loaded: no link, no source but data inside the page, and browsers are told so."""
    parsed = Page(page)
    assert not {"link", "iframe", "object"} & {tag for tag, _ in parsed.tags}
    (policy,) = (a["content"] for tag, a in parsed.tags if tag == "meta" and "http-equiv" in a)
    assert policy.startswith("default-src 'none'; img-src data:;")
    for tag, attributes in parsed.tags:
        for name in ("src", "href", "srcset", "data", "action", "style"):
            value = attributes.get(name) or ""
            assert value.startswith(("data:image/png;base64,", "#", "width:")) or not value, tag
    without_images = re.sub(r"base64,[^\"]+", "", page)
    assert "://" not in without_images
    assert "url(" not in without_images
    assert "@import" not in without_images


def test_holds_all_numbers(study, page):
    results, _ = study
    text = Page(page).words
    for judged in results["levels"].values():
        for row in judged.values():
            for figure in ("auc", "accuracy"):
                if figure in row:
                    assert words.number(row[figure]["estimate"]) in text
                    assert words.interval(row[figure]) in text
            if "ece" in row:
                assert words.number(row["ece"]) in text
                assert words.duration(row["training_seconds"]) in text
                assert words.duration(row["inference_seconds"]) in text
    for row in results["correlations"]:
        if row["given"] and not row["smoothed"]:
            continue
        assert words.signed(row["estimate"]) in text
        assert words.interval(row, sign=True) in text
        if not words.is_missing(row["ceiling"]):
            assert f"noise ceiling {words.number(row['ceiling'])}" in text
        if not words.is_missing(row["censored_share"]):
            assert f"{words.percent(row['censored_share'])} censored" in text
        assert row["note"] in text
    for stage, seconds in results["timings"].items():
        assert stage in text
        assert words.duration(seconds) in text
    for part in ("study", "provenance"):
        for name, value in words.flatten(results[part]):
            assert name in text
            assert value in text


def test_every_image_is_whole_and_has_a_text_for_those_who_cannot_see_it(study, page):
    images = [attributes for tag, attributes in Page(page).tags if tag == "img"]
    # ROC, two maps, correlations, scatter, history.
    assert len(images) == 6
    for image in images:
        assert len(image["alt"]) > 30
        raw = base64.b64decode(image["src"].removeprefix("data:image/png;base64,"), validate=True)
        picture = Image.open(io.BytesIO(raw)).convert("RGB")
        assert picture.getpixel((0, 0)) == (255, 255, 255)
        assert len(picture.getcolors(1 << 24)) > 10


def test_tables_of_unlike_width_would_show_a_missing_cell(page):
    for table in re.findall(r"<table>.*?</table>", page, flags=re.DOTALL):
        widths = {
            sum(int(n or 1) for n in re.findall(r"<t[hd](?:[^>]*colspan=\"(\d+)\")?", row))
            for row in re.findall(r"<tr.*?</tr>", table.replace("<thead", "<h"), flags=re.DOTALL)
        }
        assert len(widths) == 1, table[:300]


@pytest.mark.parametrize(
    ("absent", "heading"),
    [
        ("levels", "Thermal configurations"),
        ("correlations", "noise ceiling"),
        ("structure", "What the maps resemble"),
        ("timings", "Time taken"),
        ("provenance", "Provenance"),
        ("study", "Study"),
    ],
)
def test_what_is_missing_is_left_out(study, page, absent, heading):
    results, _ = study
    assert heading in Page(page).words
    text = Page(Report({k: v for k, v in results.items() if k != absent}).html()).words
    assert heading not in text
    assert results["title"] in text


def test_nothing_at_all_still_makes_a_page():
    page = Report({}).html()
    assert "No classifier was evaluated" in page
    assert "<img" not in page


def test_without_cnn_and_without_dynamics(study):
    results, figures = study
    only = {
        **results,
        "levels": {"inherent": {"gnn": results["levels"]["inherent"]["gnn"]}},
        "correlations": [],
        "structure": [],
        "ceilings": {},
    }
    drawn = replace(
        figures,
        map_fields=["importance_gnn", "potential_energy"],
        roc={"gnn": figures.roc["gnn"]},
        history={"gnn": figures.history["gnn"]},
    )
    text = Page(Report(only, drawn).html()).words
    assert "CNN" not in text
    assert "Against the dynamics" not in text
    assert "How training went" in text


def test_null_and_nan_are_shown_as_gaps(study):
    results, _ = study
    row = {
        **results["correlations"][0],
        **dict.fromkeys(("estimate", "low", "high", "ceiling", "length", "pooled"), None),
        "note": "field 'tau_bond' is constant",
    }
    for nothing in (None, float("nan")):
        page = Report({"correlations": [{**row, "estimate": nothing}]}).html()
        assert "field &#39;tau_bond&#39; is constant" in page
        assert "nan" not in Page(page).words.split()
        assert "None" not in Page(page).words
        # A table of gaps would say no more than the sentence.
        assert "no coefficient is defined" in page and "<table" not in page


def test_names_cannot_break_the_page():
    page = Report({"title": "<script>alert(1)</script>", "study": {"a<b": "x & y"}}).html()
    assert "<script>alert" not in page and "&lt;script&gt;alert" in page
    assert "a&lt;b" in page


def test_names_cannot_break_the_data_of_the_interactive_figure(study):
    named = {"</script><script>alert(1)": study[1].maps[:1]}
    page = Report({}, replace(study[1], roc={}, explored=named)).html()
    assert "<script>alert" not in page
    assert page.count("</script>") == 2


def test_is_written_whole(study, tmp_path, monkeypatch):
    results, _ = study
    out = tmp_path / "deep" / "report.html"
    assert Report(results, FigureData()).write(out) == out
    before = out.read_text(encoding="utf-8")
    assert before.rstrip().endswith("</html>")
    with pytest.raises(InputError):
        Report({"levels": 3}, FigureData()).write(out)
    assert out.read_text(encoding="utf-8") == before
    assert [path.name for path in out.parent.iterdir()] == ["report.html"]


def test_an_unwritable_place_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot write"):
        Report({}, FigureData()).write(tmp_path / "file" / "report.html")


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ({"levels": []}, "'levels' in the results is a list; expected a mapping"),
        ({"correlations": {}}, "'correlations' in the results is a dict; expected a sequence"),
        ({"correlations": [{"estimate": 0.3}]}, "lacks predictor, target, species, method"),
        ({"correlations": ["?"]}, "lacks predictor"),
    ],
)
def test_results_of_the_wrong_shape_are_refused(results, message):
    with pytest.raises(InputError, match=message):
        Report(results).html()


def test_verdict_says_what_the_numbers_say(study):
    results, _ = study
    text = Page(Report(results).html()).words
    assert "the GNN tells glass from liquid with AUC 0.981 [0.969, 0.993]" in text
    assert "a linear model on radial counts reaches 0.987" in text
    assert "The largest AUC belongs to a linear model on radial counts, but the intervals" in text
    best, beyond = (
        r
        for r in results["correlations"]
        if r["predictor"] == "importance_gnn" and r["smoothed"]
        if r["target"] == "tau_bond" and r["species"] == "A"
    )
    assert not best["given"] and beyond["given"] == "potential_energy"
    assert f"at {words.signed(best['estimate'], 2)}" in text
    assert "a random field" in text
    partial = f"{words.signed(beyond['estimate'], 2)} {words.interval(beyond, sign=True, digits=2)}"
    assert f"Given the potential energy, its correlation is {partial}" in text


def test_each_estimate_of_a_map_stands_beside_its_null(study, page):
    text = Page(page).words
    null = r"0\.123 0\.234 85\.0 % 20 0\.046 0\.057 100\.0 % 6"
    for which in ("bare", "smoothed", "beyond potential energy"):
        # Of two targets and two species.
        assert len(re.findall(rf"GNN importance {which} [+−]0\.\d{{3}} {null}", text)) == 4
    assert not re.search("CNN importance (bare|smoothed)", text)
    assert (
        "With labels shuffled over runs, maps of the same network correlate at |r| = 0.12 in the "
        "median and 0.23 at the 95 % quantile of 20 trainings; the true one is above 85 % of them, "
    ) in text
    assert "With arbitrary labels within the glass it is |r| = 0.05 in the median and 0.06" in text
    assert "above 85 % of those with shuffled labels (|r| = 0.12 in the median" in text


def test_what_each_map_resembles_is_said_and_tabulated(study):
    results, _ = study
    rows = [dict(row) for row in results["structure"]]
    for row in rows:
        of_gnn, energy = row["target"] == "importance_gnn", row["predictor"] == "potential_energy"
        row["estimate"] = -0.61 if of_gnn == energy else 0.25
    text = Page(Report({**results, "structure": rows}).html()).words
    labels = [words.field_label(name) for name in ("potential_energy", "tau_bond")]
    for name, (first, then) in (("GNN", labels), ("CNN", labels[::-1])):
        said = f"On held-out glass configurations the {name} importance resembles {first} most"
        following = rf" \(r = −0\.61 .*?\), then {re.escape(then)} \+0\.25"
        assert re.search(re.escape(said) + following, text)
    # Without dynamics it stands alone, with the meaning of its fields.
    alone = Page(Report({"structure": rows, "classes": CLASSES}).html()).words
    assert "What the maps resemble" in alone and "Against the dynamics" not in alone
    assert "potential energy energy E_i" in alone
    with pytest.raises(InputError, match="a row of the correlations lacks"):
        Report({"structure": [{"estimate": 0.1}]}).html()


def test_phases_are_called_what_the_study_calls_them(study):
    results, figures = study
    inherent = {
        **results["levels"]["inherent"],
        "energy": {**results["levels"]["inherent"]["energy"], "sign": 1},
    }
    named = {
        "correlations": results["correlations"],
        "classes": ["young", "old"],
        "levels": {"inherent": inherent},
        "matched_energy": {"tolerance": 0.1, "n_pairs": 3, "auc": {"energy": 0.5}},
    }
    text = Page(Report(named, figures).html()).words
    assert "the GNN tells old from young with AUC" in text
    assert "Young or old, from one configuration" in text
    assert "Blue is the old’s end of every field (positive importance, fast, high energy)" in text
    assert "+E_IS reaches" in text and "0.500 by +E_IS" in text and "−E" not in text
    # But in the names of runs and of the package, and where a mixture is called a glass former.
    assert not re.search(r"\b(glass(?!-00| former)|glasses|liquids?)\b", text)


def test_levels_without_the_names_of_the_phases_are_refused(study):
    for results, figures in (({"levels": study[0]["levels"]}, FigureData()), ({}, study[1])):
        with pytest.raises(InputError, match="expected the names of the two phases"):
            Report(results, figures).html()


def test_nothing_is_said_beyond_fields_that_nobody_held_fixed(study):
    rows = [row for row in study[0]["correlations"] if not row["given"]]
    page = Report({"correlations": rows}).html()
    assert "beyond" not in page.lower() and "Given" not in page


def test_verdict_calls_a_clear_win_one(study):
    results, _ = study
    judged = results["levels"]["inherent"]
    far = {**judged["linear"], "auc": {"estimate": 0.999, "low": 0.998, "high": 1.0}}
    levels = {"inherent": {**judged, "linear": far}}
    assert (
        "beyond the interval of the GNN"
        in Page(Report({"levels": levels, "classes": CLASSES}).html()).words
    )


def test_figures_of_three_dimensional_snapshots(study):
    rng = np.random.default_rng(0)
    snapshot = study[1].maps[0]
    solid = snapshot.replace(box=np.full(3, 6.0), positions=rng.uniform(-3, 3, (len(snapshot), 3)))
    figures = FigureData(maps=[solid], map_fields=["importance_gnn", "propensity"])
    assert Report({}, figures).html().count("<img") == 2


def test_pairs_of_equal_energy_are_counted_or_said_to_be_missing():
    matched = {"tolerance": 0.0025, "n_pairs": 7, "auc": {"gnn": 0.857, "energy": 0.5}}
    page = Report({**JUDGED, "matched_energy": matched}).html()
    assert "among the 7 pairs" in page and "0.857 by GNN" in page and "settle nothing" in page
    none = {"tolerance": 0.0025, "n_pairs": 0, "auc": {"gnn": None}}
    page = Report({**JUDGED, "matched_energy": none}).html()
    assert "no held-out liquid and glass" in page and "0.0025" in page
