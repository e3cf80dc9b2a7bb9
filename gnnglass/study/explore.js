"use strict";
// Folded parts are printed open.
let unfolded = [];
addEventListener("beforeprint", () => {
  unfolded = [...document.querySelectorAll("details:not([open])")];
  for (const one of unfolded) one.open = true;
});
addEventListener("afterprint", () => { for (const one of unfolded) one.open = false; });

// A map and a scatter plot of the same particles.
(() => {
  const root = document.getElementById("explore");
  if (!root) return;
  const data = JSON.parse(document.getElementById("particles").textContent);
  const part = name => root.querySelector(`[data-part=${name}]`);
  const [map, plot, readout, note] = ["map", "plot", "readout", "coefficient"].map(part);
  const control = Object.fromEntries([...root.querySelectorAll("select, input")].map(c => [c.name, c]));
  const fields = Object.fromEntries(data.fields.map(f => [f.name, f]));
  const INK = "#222", SOFT = "#666", MISSING = "#c8c8c8", MARGIN = { left: 62, right: 12, top: 10, bottom: 42 };
  const state = { current: null, brushed: null, yaw: 0.5, pitch: 0.4, box: null };
  const titled = f => f.unit ? `${f.label} [${f.unit}]` : f.label;
  const shown = (v, digits = 4) => Number.isNaN(v) ? "–" : String(Number(v.toPrecision(digits))).replace("-", "−");

  // Decoding, once per configuration.
  const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));
  const numbers = ({ low, high, data: text }) => Float64Array.from(new Uint16Array(bytes(text).buffer),
    n => n === data.none ? NaN : low + (high - low) * n / (data.none - 1));
  const decode = frame => frame.decoded ??= {
    ...frame, types: bytes(frame.types), positions: frame.positions.map(numbers), ranks: {},
    values: Object.fromEntries(Object.entries(frame.values).map(([k, v]) => [k, numbers(v)])),
  };
  let frame, visible = [], places = [], reach = 0;

  // Average ranks of some values, from 0 to 1.
  function ranked(values) {
    const order = values.map((v, i) => [v, i]).filter(([v]) => !Number.isNaN(v)).sort((a, b) => a[0] - b[0]);
    const ranks = new Array(values.length).fill(NaN);
    for (let i = 0; i < order.length;) {
      let j = i;
      while (j < order.length && order[j][0] === order[i][0]) j++;
      for (let k = i; k < j; k++) ranks[order[k][1]] = (i + j - 1) / 2 / Math.max(order.length - 1, 1);
      i = j;
    }
    return ranks;
  }
  function ranksWithinSpecies(name) {
    return frame.ranks[name] ??= (() => {
      const ranks = new Float64Array(frame.types.length).fill(NaN);
      frame.species.forEach((_, s) => {
        const members = [...frame.types.keys()].filter(i => frame.types[i] === s);
        ranked(members.map(i => frame.values[name][i])).forEach((r, k) => { ranks[members[k]] = r; });
      });
      return ranks;
    })();
  }
  function spearman(x, y) {
    const both = [...x.keys()].filter(i => !Number.isNaN(x[i]) && !Number.isNaN(y[i]));
    const a = ranked(both.map(i => x[i])), b = ranked(both.map(i => y[i]));
    const mean = v => v.reduce((sum, one) => sum + one, 0) / v.length, [p, q] = [mean(a), mean(b)];
    let [ab, aa, bb] = [0, 0, 0];
    a.forEach((_, k) => { ab += (a[k] - p) * (b[k] - q); aa += (a[k] - p) ** 2; bb += (b[k] - q) ** 2; });
    return [ab / Math.sqrt(aa * bb), both.length];
  }

  // Colours: those of the static maps.
  function mix(t) {
    const at = Math.min(Math.max(t, 0), 1) * (data.palette.length - 1), k = Math.min(Math.floor(at), data.palette.length - 2);
    const rgb = hex => [1, 3, 5].map(i => parseInt(hex.slice(i, i + 2), 16));
    const [a, b] = [rgb(data.palette[k]), rgb(data.palette[k + 1])];
    return `rgb(${a.map((v, i) => Math.round(v + (b[i] - v) * (at - k))).join()})`;
  }
  const scaled = (f, v) => f.log ? Math.log(v / f.low) / Math.log(f.high / f.low) : (v - f.low) / (f.high - f.low);
  function colorOf(i) {
    const f = fields[control.field.value];
    if (!f) return data.speciesColors[frame.types[i] % data.speciesColors.length];
    if (!(f.name in frame.values)) return MISSING;
    const t = control.ranks.checked ? ranksWithinSpecies(f.name)[i] : scaled(f, frame.values[f.name][i]);
    return Number.isNaN(t) ? MISSING : mix(f.blueIsHigh ? t : 1 - t);
  }

  // A canvas as wide as its column, in CSS pixels.
  function prepared(canvas, ratio) {
    const width = canvas.parentElement.clientWidth, height = Math.round(width * ratio), sharp = window.devicePixelRatio || 1;
    canvas.width = width * sharp; canvas.height = height * sharp;
    canvas.style.height = `${height}px`;
    const pen = canvas.getContext("2d");
    pen.scale(sharp, sharp);
    pen.fillStyle = "#fff"; pen.fillRect(0, 0, width, height);
    pen.font = "12px system-ui, sans-serif";
    return [pen, width, height];
  }
  const solid = () => frame.box.length === 3, turning = () => solid() && control.view.value === "turn";
  const ofSpecies = i => control.species.value === "all" || frame.species[frame.types[i]] === control.species.value;

  function drawMap() {
    const [lx, ly, lz] = frame.box, [x, y, z] = frame.positions;
    const [pen, width, height] = prepared(map, turning() ? 1 : ly / lx);
    const scale = turning() ? width / Math.hypot(...frame.box) : width / lx;
    const all = [...frame.types.keys()].filter(ofSpecies);
    reach = Math.max(14, scale * Math.max(...frame.radii));
    const [cy, sy, cp, sp] = [Math.cos(state.yaw), Math.sin(state.yaw), Math.cos(state.pitch), Math.sin(state.pitch)];
    const turned = (a, b, c) => { const u = cy * a + sy * b, v = -sy * a + cy * b; return [u, cp * c - sp * v, sp * c + cp * v]; };
    const placed = turning()
      ? i => { const [u, v, w] = turned(x[i], y[i], z[i]); return [width / 2 + scale * u, height / 2 - scale * v, -w]; }
      : i => [width / 2 + scale * x[i], height / 2 - scale * y[i], solid() ? z[i] : 0];
    visible = all;
    if (solid() && !turning()) {
      const middle = Number(control.z.value);
      visible = all.filter(i => { const away = z[i] - middle; return Math.abs(away - lz * Math.round(away / lz)) < data.slice / 2; });
    }
    places = [];
    visible.forEach(i => { places[i] = placed(i); });
    if (solid()) visible.sort((a, b) => places[a][2] - places[b][2]);
    if (turning()) {
      pen.strokeStyle = "#999";
      for (let k = 0; k < 8; k++) for (const bit of [1, 2, 4]) if (!(k & bit)) {
        pen.beginPath();
        for (const corner of [k, k | bit]) {
          const [u, v] = turned(...frame.box.map((l, d) => (corner >> d & 1 ? l : -l) / 2));
          pen.lineTo(width / 2 + scale * u, height / 2 - scale * v);
        }
        pen.stroke();
      }
    }
    pen.lineWidth = 0.4;
    const isFaint = i => state.brushed && !state.brushed.has(i);
    // The selected ones last, so that those inside a box are seen.
    for (const i of [...visible.filter(isFaint), ...visible.filter(i => !isFaint(i))]) {
      const [u, v] = places[i], faint = isFaint(i);
      pen.globalAlpha = faint ? (turning() ? 0.03 : 0.15) : 1;
      pen.beginPath(); pen.arc(u, v, scale * frame.radii[frame.types[i]], 0, 7);
      pen.fillStyle = colorOf(i); pen.fill();
      pen.strokeStyle = INK; pen.stroke();
    }
    pen.globalAlpha = 1;
    if (state.current !== null && places[state.current]) ring(pen, places[state.current], scale * frame.radii[frame.types[state.current]]);
    const fifth = lx / 5, decade = 10 ** Math.floor(Math.log10(fifth)), bar = [5, 2, 1].map(k => k * decade).find(l => l <= fifth);
    pen.fillStyle = "rgba(255,255,255,.85)"; pen.fillRect(6, height - 30, bar * scale + 60, 24);
    pen.fillStyle = INK; pen.fillRect(12, height - 20, bar * scale, 4); pen.fillText(`${bar} σ`, bar * scale + 20, height - 14);
    if (state.box && state.box.on === map) rectangle(pen);
  }
  function ring(pen, [u, v], radius) {
    pen.lineWidth = 5; pen.strokeStyle = "#fff"; pen.beginPath(); pen.arc(u, v, radius + 2, 0, 7); pen.stroke();
    pen.lineWidth = 2.5; pen.strokeStyle = "#000"; pen.beginPath(); pen.arc(u, v, radius + 2, 0, 7); pen.stroke();
  }
  function rectangle(pen) {
    const { from: [a, b], to: [c, d] } = state.box;
    pen.lineWidth = 1; pen.setLineDash([4, 3]); pen.strokeStyle = "#000";
    pen.strokeRect(a, b, c - a, d - b); pen.setLineDash([]);
  }

  // The scatter plot is of all particles of the species, whatever slice is shown.
  let dots = [], dotted = [];
  function axisOf(name) {
    const f = fields[name], values = frame.values[name], finite = values.filter(v => !Number.isNaN(v) && (!f.log || v > 0));
    let [low, high] = [Math.min(...finite), Math.max(...finite)];
    if (f.log) return { low: low / 1.1, high: high * 1.1, at: v => Math.log(v / low * 1.1) / Math.log(high / low * 1.21), log: true };
    const air = (high - low || 1) / 30; low -= air; high += air;
    return { low, high, at: v => (v - low) / (high - low), log: false };
  }
  function ticks({ low, high, log }) {
    const marks = [];
    if (log) {
      for (let e = Math.floor(Math.log10(low)); e <= Math.log10(high); e++) for (const k of [1, 2, 5]) marks.push(k * 10 ** e);
    } else {
      const rough = (high - low) / 6, decade = 10 ** Math.floor(Math.log10(rough)), step = [1, 2, 5, 10].map(k => k * decade).find(s => s >= rough);
      for (let k = Math.ceil(low / step); k * step <= high; k++) marks.push(k * step);
    }
    return marks.filter(v => v >= low && v <= high);
  }
  function drawPlot() {
    const [pen, width, height] = prepared(plot, 0.92), [fx, fy] = [fields[control.x.value], fields[control.y.value]];
    const vx = frame.values[fx.name], vy = frame.values[fy.name];
    dots = []; dotted = [];
    pen.fillStyle = INK; pen.textAlign = "center";
    if (!vx || !vy) {
      pen.fillText(`${(vx ? fy : fx).label}: not measured in this configuration`, width / 2, height / 2);
      note.textContent = "";
      return;
    }
    const ax = axisOf(fx.name), ay = axisOf(fy.name), w = width - MARGIN.left - MARGIN.right, h = height - MARGIN.top - MARGIN.bottom;
    const u = v => MARGIN.left + w * ax.at(v), v = value => MARGIN.top + h * (1 - ay.at(value));
    pen.strokeStyle = "#888"; pen.lineWidth = 1;
    pen.beginPath(); pen.moveTo(MARGIN.left, MARGIN.top); pen.lineTo(MARGIN.left, MARGIN.top + h); pen.lineTo(MARGIN.left + w, MARGIN.top + h); pen.stroke();
    pen.fillStyle = SOFT;
    for (const t of ticks(ax)) { pen.fillRect(u(t), MARGIN.top + h, 1, 4); pen.fillText(shown(t), u(t), MARGIN.top + h + 17); }
    pen.textAlign = "right";
    for (const t of ticks(ay)) { pen.fillRect(MARGIN.left - 4, v(t), 4, 1); pen.fillText(shown(t), MARGIN.left - 7, v(t) + 4); }
    pen.fillStyle = INK; pen.textAlign = "center"; pen.fillText(titled(fx), MARGIN.left + w / 2, height - 6);
    pen.save(); pen.translate(12, MARGIN.top + h / 2); pen.rotate(-Math.PI / 2); pen.fillText(titled(fy), 0, 0); pen.restore();
    const censored = frame.values[`${fy.name}_censored`];
    dotted = [...frame.types.keys()].filter(i => ofSpecies(i) && !Number.isNaN(vx[i]) && !Number.isNaN(vy[i]));
    for (const i of dotted) {
      const [p, q] = dots[i] = [u(vx[i]), v(vy[i])];
      pen.globalAlpha = state.brushed && !state.brushed.has(i) ? 0.08 : 0.7;
      pen.fillStyle = data.speciesColors[frame.types[i] % data.speciesColors.length];
      pen.beginPath();
      if (censored && censored[i] > 0) { pen.moveTo(p, q - 4); pen.lineTo(p + 4, q + 3); pen.lineTo(p - 4, q + 3); } else pen.arc(p, q, 2.5, 0, 7);
      pen.fill();
    }
    pen.globalAlpha = 1; pen.textAlign = "left";
    if (state.current !== null && dots[state.current]) ring(pen, dots[state.current], 3);
    if (state.box && state.box.on === plot) rectangle(pen);
    note.textContent = "Spearman in this configuration: " + frame.species.map((name, s) => {
      const members = dotted.filter(i => frame.types[i] === s);
      if (members.length < 3) return "";
      const [r, n] = spearman(members.map(i => vx[i]), members.map(i => vy[i]));
      return Number.isNaN(r) ? "" : `${name} ${(r > 0 ? "+" : "") + r.toFixed(2).replace("-", "−")} (${n} particles)`;
    }).filter(Boolean).join(", ") + (state.brushed ? `. ${state.brushed.size} particles are selected; Esc or a click clears it.` : ".");
  }

  function drawScale() {
    const f = fields[control.field.value], scale = part("scale");
    if (!f) {
      scale.innerHTML = "";
      frame.species.forEach((name, s) => {
        const label = document.createElement("span"), patch = document.createElement("i");
        patch.style.background = data.speciesColors[s % data.speciesColors.length];
        label.append(patch, ` ${name} `); scale.append(label);
      });
      return;
    }
    const stops = Array.from({ length: 9 }, (_, k) => mix(f.blueIsHigh ? k / 8 : 1 - k / 8)).join();
    const [low, high] = control.ranks.checked ? [0, 1] : [f.low, f.high], middle = f.log && !control.ranks.checked ? Math.sqrt(low * high) : (low + high) / 2;
    scale.innerHTML = "";
    const bar = document.createElement("div");
    bar.style.background = `linear-gradient(to right, ${stops})`;
    scale.append(bar, ...[low, middle, high].map(v => Object.assign(document.createElement("span"), { textContent: shown(v, 2) })));
    scale.append(Object.assign(document.createElement("p"), { textContent: (control.ranks.checked ? `${f.label}: rank within species` : titled(f)) + (f.name in frame.values ? "" : ": not measured in this configuration") }));
  }

  function tell() {
    const i = state.current;
    readout.innerHTML = "";
    if (i === null) { readout.textContent = readout.dataset.empty; return; }
    const line = (term, value) => {
      const pair = document.createElement("div");
      pair.append(Object.assign(document.createElement("dt"), { textContent: term }), Object.assign(document.createElement("dd"), { textContent: value }));
      return pair;
    };
    const list = document.createElement("dl");
    list.append(line("Particle", `${frame.ids ? frame.ids[i] : i}, species ${frame.species[frame.types[i]]}`),
      line("Position", `(${frame.positions.map(p => p[i].toFixed(2).replace("-", "−")).join(", ")}) σ`));
    for (const f of data.fields) if (f.name in frame.values) {
      const late = frame.values[`${f.name}_censored`]?.[i] > 0 ? "≥ " : "", value = frame.values[f.name][i];
      list.append(line(f.label, late + shown(value) + (f.unit && !Number.isNaN(value) ? ` ${f.unit}` : "")));
    }
    readout.append(list);
  }

  function draw() { drawMap(); drawPlot(); }
  function show(change) { Object.assign(state, change); draw(); if ("current" in change) tell(); }
  function arrange() {
    const run = data.runs[control.run.value];
    frame = decode(run.frames[control.frame.value]);
    part("frame").hidden = run.frames.length === 1;
    part("step").textContent = `step ${frame.step}`;
    part("title").textContent = `${run.title}, step ${frame.step}` + (frame.ids ? `; the middle ${frame.ids.length} of ${frame.total} particles` : "");
    for (const one of root.querySelectorAll("[data-solid]")) one.hidden = !solid() || (one.dataset.solid === "slice" && turning());
    if (solid()) {
      control.z.max = Math.floor(5 * frame.box[2]) / 10; control.z.min = -control.z.max;
      part("slab").textContent = `z = (${shown(Number(control.z.value))} ± ${data.slice / 2}) σ`;
    }
    drawScale(); draw(); tell();
  }

  // Controls.
  const option = (value, text) => new Option(text, value);
  data.runs.forEach((run, k) => control.run.append(option(k, run.title)));
  for (const f of data.fields) for (const c of ["field", "x", "y"]) control[c].append(option(f.name, titled(f)));
  control.field.append(option("", "Species"));
  control.x.value = control.field.value = data.fields[0].name;
  control.y.value = data.target;
  control.species.append(option("all", "all"), ...data.runs[0].frames[0].species.map(s => option(s, s)));
  const lastFrame = () => { control.frame.value = control.frame.max = data.runs[control.run.value].frames.length - 1; };
  lastFrame();
  root.addEventListener("input", event => {
    if (event.target === control.run || event.target === control.frame) Object.assign(state, { current: null, brushed: null });
    if (event.target === control.run) lastFrame();
    arrange();
  });

  // Pointer and keyboard, alike on both canvases.
  const at = (canvas, event) => { const { left, top } = canvas.getBoundingClientRect(); return [event.clientX - left, event.clientY - top]; };
  function nearest(candidates, where, [u, v], farthest) {
    let [best, least] = [null, farthest];
    for (const i of candidates) {
      const away = Math.hypot(where[i][0] - u, where[i][1] - v);
      if (away <= least) [best, least] = [i, away];
    }
    return best;
  }
  const candidates = canvas => canvas === map ? [visible, places] : [dotted, dots];
  for (const canvas of [map, plot]) {
    let from = null;
    const turns = () => canvas === map && turning();
    canvas.addEventListener("pointerdown", event => { from = at(canvas, event); try { canvas.setPointerCapture(event.pointerId); } catch { /* a made-up pointer */ } });
    canvas.addEventListener("pointermove", event => {
      const to = at(canvas, event);
      if (!from) { show({ current: nearest(...candidates(canvas), to, canvas === map ? reach : 14) }); return; }
      if (turns()) { show({ yaw: state.yaw + (to[0] - from[0]) / 150, pitch: state.pitch + (to[1] - from[1]) / 150 }); from = to; return; }
      if (Math.hypot(to[0] - from[0], to[1] - from[1]) > 4) show({ box: { on: canvas, from, to } });
    });
    canvas.addEventListener("pointerup", () => {
      if (state.box) {
        const { from: [a, b], to: [c, d] } = state.box, [members, where] = candidates(canvas);
        const between = (p, e, f) => p >= Math.min(e, f) && p <= Math.max(e, f);
        const inside = members.filter(i => between(where[i][0], a, c) && between(where[i][1], b, d));
        show({ box: null, brushed: inside.length ? new Set(inside) : null });
      } else if (from && !turns()) show({ brushed: null });
      from = null;
    });
    canvas.addEventListener("keydown", event => {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (event.key === "Escape") show({ brushed: null, box: null });
      if (!way) return;
      event.preventDefault();
      if (turns()) { show({ yaw: state.yaw + way[0] / 10, pitch: state.pitch + way[1] / 10 }); return; }
      const [members, where] = candidates(canvas);
      if (!members.length) return;
      if (state.current === null || !where[state.current]) { show({ current: nearest(members, where, [canvas.clientWidth / 2, canvas.clientHeight / 2], Infinity) }); return; }
      const [u, v] = where[state.current];
      let [best, least] = [state.current, Infinity];
      for (const i of members) {
        const along = (where[i][0] - u) * way[0] + (where[i][1] - v) * way[1], across = Math.abs((where[i][0] - u) * way[1]) + Math.abs((where[i][1] - v) * way[0]);
        if (along > 0.01 && across <= along && along + across < least) [best, least] = [i, along + across];
      }
      show({ current: best });
    });
  }
  root.hidden = false;
  arrange();
  addEventListener("resize", draw);
})();
