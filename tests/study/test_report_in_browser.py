"""The report as a browser shows it: hovering, brushing and switching change what is told."""

import json
import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from gnnglass.study import Report
from gnnglass.study._wording import capital, field_label

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
pytestmark = pytest.mark.skipif(
    not BROWSER,
    reason="no chromium or google-chrome is installed; this test opens the report in it",
)
#: What the scripts of these tests share.
TOOLS = """
const part = name => document.querySelector(`#explore [data-part=${name}]`);
const set = (name, value) => {
  const control = document.querySelector(`#explore [name=${name}]`);
  if (control.type === "checkbox") control.checked = value; else control.value = value;
  control.dispatchEvent(new Event("input", { bubbles: true }));
};
const point = (canvas, kind, x, y) => {
  const { left, top } = canvas.getBoundingClientRect();
  canvas.dispatchEvent(new PointerEvent(kind, { clientX: left + x, clientY: top + y }));
};
const press = (canvas, key) => canvas.dispatchEvent(new KeyboardEvent("keydown", { key }));
const told = () => Object.fromEntries([...part("readout").querySelectorAll("dl div")].map(
  one => [one.children[0].textContent, one.children[1].textContent]));
const picture = canvas => canvas.toDataURL();
"""


def in_browser(page, path, script, width=1280):
    """What a script returns that runs at the end of the page, in a window of some width."""
    ending = f"""<pre id="outcome"></pre><script>{{{TOOLS}
    let outcome;
    try {{ outcome = (() => {{ {script} }})(); }} catch (error) {{ outcome = String(error.stack); }}
    document.getElementById("outcome").textContent = JSON.stringify(outcome);
    }}</script></body>"""
    path.write_text(page.replace("</body>", ending), encoding="utf-8")
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},900"]
    command += [f"--user-data-dir={path.parent / 'profile'}", "--dump-dom", path.as_uri()]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True, timeout=300)
    (text,) = re.findall(r'<pre id="outcome">(.*?)</pre>', done.stdout, flags=re.DOTALL)
    return json.loads(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


def test_hovering_brushing_and_switching_change_what_is_told(study, page, tmp_path):
    script = """
    const [map, plot] = [part("map"), part("plot")], steps = {};
    steps.before = part("readout").textContent;
    const unmarked = [picture(map), picture(plot)];
    point(map, "pointermove", map.clientWidth / 2, map.clientHeight / 2);
    steps.hovered = told();
    steps.linked = [picture(map) !== unmarked[0], picture(plot) !== unmarked[1]];
    press(map, "ArrowRight");
    steps.next = told();
    const whole = picture(map);
    point(plot, "pointerdown", 80, 20);
    point(plot, "pointermove", plot.clientWidth / 2, plot.clientHeight - 60);
    point(plot, "pointerup", 0, 0);
    steps.selected = part("coefficient").textContent;
    steps.faded = picture(map) !== whole;
    press(plot, "Escape");
    steps.cleared = part("coefficient").textContent;
    const colored = picture(map);
    set("field", "tau_bond"); steps.field = part("scale").textContent;
    steps.recolored = picture(map) !== colored;
    set("ranks", true); steps.ranked = part("scale").textContent;
    set("species", "B"); steps.species = part("coefficient").textContent;
    set("y", "propensity"); steps.other = part("coefficient").textContent;
    set("run", "1"); steps.run = part("title").textContent;
    steps.forgotten = part("readout").textContent;
    return steps;
    """
    steps = in_browser(page, tmp_path / "report.html", script)
    assert isinstance(steps, dict), steps
    snapshot = study[1].maps[0]
    assert steps["before"] == steps["forgotten"] and "Point at a particle" in steps["before"]
    # The particle nearest the middle, with its own fields to the digits that are shown.
    near = np.linalg.norm(snapshot.positions, axis=1).argmin()
    hovered = steps["hovered"]
    assert hovered["Particle"] == f"{near}, species {'AB'[snapshot.types[near]]}"
    for name, unit in (("importance_gnn", ""), ("propensity", " length"), ("tau_bond", " time")):
        value, shown = snapshot.field(name)[near], hovered[capital(field_label(name))]
        number = shown.removesuffix(unit).removeprefix("≥ ").replace("−", "-")
        assert shown.endswith(unit)
        assert float(number) == pytest.approx(value, rel=1e-3, abs=1e-4)
        if name == "tau_bond":
            assert shown.startswith("≥") == bool(snapshot.field("tau_bond_censored")[near])
    assert steps["linked"] == [True, True]
    assert steps["next"]["Particle"] != hovered["Particle"]
    assert re.search(r"\d+ particles are selected", steps["selected"]) and steps["faded"]
    assert "selected" not in steps["cleared"] and steps["recolored"]
    assert "Relaxation time (bond breaking) [time]" in steps["field"]
    assert "rank within species" in steps["ranked"]
    n = snapshot.of_type("B").sum()
    only_b = rf"Spearman in this configuration: B [+−]0\.\d\d \({n} particles\)\."
    assert re.fullmatch(only_b, steps["species"])
    assert steps["other"] != steps["species"]
    assert steps["run"] == "Run glass-00, step 4000, step 4000"


def test_the_coefficient_that_is_shown_is_spearmans(study, page, tmp_path):
    from scipy.stats import spearmanr

    script = 'set("y", "propensity"); return part("coefficient").textContent;'
    shown = in_browser(page, tmp_path / "report.html", script)
    snapshot = study[1].maps[0]
    for name in "AB":
        mine = snapshot.of_type(name)
        x, y = (snapshot.field(one)[mine] for one in ("importance_gnn", "propensity"))
        expected = f"{spearmanr(x, y).statistic:+.2f}".replace("-", "−")
        assert f"{name} {expected} ({mine.sum()} particles)" in shown


def test_slices_and_a_box_that_turns(study, tmp_path):
    rng = np.random.default_rng(0)
    flat = study[1].maps[0]
    n = len(flat)
    solid = flat.replace(box=np.full(3, 6.0), positions=rng.uniform(-3, 3, (n, 3)))
    figures = replace(study[1], maps=[solid], map_titles=["solid"], scatter=[], roc={}, history={})
    script = """
    const map = part("map"), seen = [picture(map)];
    set("z", "2"); seen.push(picture(map));
    const slab = part("slab").textContent;
    set("view", "turn"); seen.push(picture(map));
    press(map, "ArrowLeft"); seen.push(picture(map));
    point(map, "pointerdown", 10, 10);
    point(map, "pointermove", 60, 40);
    point(map, "pointerup", 60, 40);
    seen.push(picture(map));
    return { different: new Set(seen).size, slab };
    """
    found = in_browser(Report({}, figures).html(), tmp_path / "report.html", script)
    assert found == {"different": 5, "slab": "z = (2 ± 0.5) σ"}


@pytest.mark.parametrize("width", [1280, 800])
def test_nothing_is_wider_than_the_window(page, tmp_path, width):
    """Unfolded, with a particle described; one that is cut off inside an element counts too."""
    script = """
    for (const one of document.querySelectorAll("details")) one.open = true;
    point(part("map"), "pointermove", 50, 50);
    const edge = document.documentElement.clientWidth, wide = [];
    for (const one of document.body.querySelectorAll("*:not(select, option)")) {
      const hides = getComputedStyle(one).overflowX !== "visible";
      const cut = hides && one.scrollWidth > one.clientWidth + 1;
      if (one.getBoundingClientRect().right > edge + 0.5 || cut) wide.push(one.outerHTML);
    }
    return [edge, wide];
    """
    edge, wide = in_browser(page, tmp_path / "report.html", script, width)
    # The window has a scroll bar.
    assert width - 20 < edge <= width and wide == []


def test_folded_parts_are_printed_open(page, tmp_path):
    script = """
    const folded = () => document.querySelectorAll("details:not([open])").length;
    const counts = [folded()];
    for (const kind of ["beforeprint", "afterprint"]) {
      dispatchEvent(new Event(kind));
      counts.push(folded());
    }
    return counts;
    """
    before, printed, after = in_browser(page, tmp_path / "report.html", script)
    assert before == after > 5 and printed == 0
