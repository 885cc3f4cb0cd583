// Drawings over two axes. A scale says where a value lies, from 0 to 1, and which values are named; a
// mark draws into the frame that two scales span. Points are { x, y, low, high, part }; where y is no
// number, a line has a gap and there is no dot.
import { clamp, node, number, placeOf, text } from "tutorial_vae/explorer/controls.js";

// From two to `most` round numbers from low to high.
export function roundTicks(low, high, most = 6) {
  const rough = (high - low || 1) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough * (1 - 1e-9));
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

// As many decimals as the ticks need to differ.
function nameEvenly(ticks) {
  const decimals = Math.max(0, ...ticks.map((tick) => (String(tick).split(".")[1] ?? "").length));
  return (tick) => number(tick, tick === 0 ? 0 : decimals);
}

const named = (ticks, say) => ticks.map((at) => ({ at, name: say(at) }));

// Evenly from low to high.
export const even = (low, high, ticks = roundTicks(low, high), say = nameEvenly(ticks)) => ({
  low, high, place: (value) => (value - low) / (high - low || 1), ticks: named(ticks, say) });

// Nearly even near 0, then each factor of ten takes the same room.
export function squeezed(low, high, { ticks = [-1000, -100, -10, 0, 10, 100, 1000], say = (tick) => number(tick, 0), room = 1.06 } = {}) {
  const squeeze = (value) => Math.sign(value) * Math.log10(1 + Math.abs(value));
  const back = (place) => Math.sign(place) * (10 ** Math.abs(place) - 1);
  const [from, to] = [low, high].map((end) => squeeze(end) * room);
  return { low: back(from), high: back(to), place: (value) => (squeeze(value) - from) / (to - from || 1),
    ticks: named(ticks.filter((at) => squeeze(at) >= from && squeeze(at) <= to), say)
      .map((tick) => ({ ...tick, strong: tick.at === 0 })) };
}

// Steps of training: each doubling takes the same room, and 0 has a place.
export function doubling(steps, { unit = 1, ticks = steps, edge = 0.03 } = {}) {
  const [from, to] = [placeOf(steps[0], unit), placeOf(steps.at(-1), unit)];
  return { low: steps[0], high: steps.at(-1), ticks: named(ticks, String),
    place: (step) => edge + (1 - 2 * edge) * ((placeOf(step, unit) - from) / (to - from || 1)) };
}

// One place for each name, in its part's colour. Names that are turned by an angle have room for any
// number, and for the names of groups, [name, first, last], below them.
export const places = (names, { parts = [], turned = 0, groups = [] } = {}) => ({ turned, groups,
  place: (at) => (at + 0.5) / names.length, ticks: names.map((name, at) => ({ at, name, part: parts[at] })) });

// Names that would run into one that stays give way: strong ones stay first, then the last ones.
export function withRoom(ticks, x) {
  const kept = [];
  const order = ticks.filter(({ name }) => name).toReversed().sort((one, other) => Boolean(other.strong) - Boolean(one.strong));
  for (const tick of order) {
    const meets = ({ at, name }) => Math.abs(x(at) - x(tick.at)) < 3.3 * (name.length + tick.name.length) + 6;
    if (!kept.some(meets)) kept.push(tick);
  }
  return kept;
}

export function tickName({ at, name, part = "", strong }, { turned }, x, y) {
  const look = { class: `tvae-tick tvae-${part}${strong ? " tvae-strong" : ""}` };
  return !turned ? text(name, x(at), y + 16, { "text-anchor": "middle", ...look })
    : text(name, 0, 0, { "text-anchor": "end", "dominant-baseline": "central", ...look,
      transform: `translate(${x(at)} ${y + 8}) rotate(${turned})` });
}

// A scale may have a `title` and, across, a `grid`; `here` is where the reader is. `below` is the room
// for what stands under the frame.
export function chart({ width, height = 150, label, x, y, marks, here, nameless = false, look = "",
  left = 34, right = 10, top = y.title ? 24 : 8, below = nameless ? 8 : (x.turned ? 74 : 24) + (x.title ? 18 : 0) }) {
  const base = top + height;
  const across = (at) => left + x.place(at) * (width - left - right);
  const down = (at) => top + (1 - y.place(at)) * height;
  const bar = (at, name) => node("line", { class: name, x1: across(at), x2: across(at), y1: top, y2: base });
  const middle = { "text-anchor": "middle" };
  const frame = { x: across, y: down, low: y.low, high: y.high, left, right: width - right, top, base };
  return node("svg", { class: `tvae-chart ${look}`, role: "img", "aria-label": label, width, height: base + below },
    ...(here === undefined ? [] : [bar(here, "tvae-here")]),
    ...(x.grid ? x.ticks.map(({ at }) => bar(at, at === 0 ? "tvae-zero" : "tvae-grid")) : []),
    ...y.ticks.flatMap(({ at, name }) => [
      node("line", { class: at === 0 ? "tvae-zero" : "tvae-grid", x1: left, x2: width - right, y1: down(at), y2: down(at) }),
      text(name, left - 6, down(at), { "text-anchor": "end", "dominant-baseline": "central" })]),
    ...(nameless ? [] : (x.turned ? x.ticks : withRoom(x.ticks, across)).map((tick) => tickName(tick, x, across, base))),
    ...(nameless ? [] : x.groups ?? []).map(([name, first, last]) => text(name, across((first + last) / 2), base + below - 4,
      { ...middle, class: `tvae-tick tvae-${name}` })),
    ...(y.title ? [text(y.title, 0, 12, { class: "tvae-axis" })] : []),
    ...(x.title ? [text(x.title, (left + width - right) / 2, base + below - 5, { ...middle, class: "tvae-axis" })] : []),
    ...marks.flatMap((mark) => mark(frame)));
}

const isKnown = (value) => value !== null && !Number.isNaN(value);
const pair = ({ x, y }, at, value) => `${x(at).toFixed(1)} ${y(value).toFixed(1)}`;

// Unknown values interrupt a line; those beyond the scale run along its edge.
export const line = (points, look) => (frame) => {
  const pieces = points.map(({ x, y }, i) => (isKnown(y)
    ? `${i && isKnown(points[i - 1].y) ? "L" : "M"}${pair(frame, x, clamp(y, frame.low, frame.high))}` : ""));
  return [node("path", { class: `tvae-curve ${look}`, d: pieces.join("") || "M0 0" })];
};

export const band = (points, look) => (frame) => {
  const edge = (side) => points.filter((point) => isKnown(point[side])).map((point) => pair(frame, point.x, clamp(point[side], frame.low, frame.high)));
  return edge("low").length < 2 ? [] : [node("path", { class: `tvae-band ${look}`,
    d: `M${[...edge("low"), ...edge("high").reverse()].join("L")}Z` })];
};

// Lines from the lowest to the highest, each in its part's colour.
export const ranges = (points) => ({ x, y, low, high }) => points.filter((point) => isKnown(point.low)).map((point) => {
  const [from, to] = [point.low, point.high].map((end) => y(clamp(end, low, high)));
  return node("line", { class: `tvae-range tvae-${point.part}`, x1: x(point.x), x2: x(point.x), y1: from, y2: to });
});

// A mark of a shape around a place; `size` is half its width.
export function markOf(shape, x, y, size, more) {
  const [s, d] = [size * 0.88, size * 1.3];
  const paths = { square: `M${x - s} ${y - s}h${2 * s}v${2 * s}h${-2 * s}Z`, diamond: `M${x} ${y - d}l${d} ${d}l${-d} ${d}l${-d} ${-d}Z`,
    down: `M${x} ${y + d}l${-d} ${-2 * s - size / 3}h${2 * d}Z`, cross: `M${x - s} ${y - s}l${2 * s} ${2 * s}M${x - s} ${y + s}l${2 * s} ${-2 * s}`,
    triangle: `M${x} ${y - d}l${d} ${2 * s + size / 3}h${-2 * d}Z` };
  return shape in paths ? node("path", { d: paths[shape], ...more }) : node("circle", { cx: x, cy: y, r: size, ...more });
}

// A mark for each point, of its `shape` and in its part's colour, larger where the reader is. What lies
// beyond the scale is a triangle at its edge.
export const dots = (points, isLarge = () => false) => ({ x, y, low, high }) => points.filter((point) => isKnown(point.y))
  .map((point) => {
    const [at, look] = [x(point.x), { class: `tvae-dot tvae-${point.part}` }];
    if (point.y >= low && point.y <= high) return markOf(point.shape, at, y(point.y), isLarge(point) ? 5.5 : 4, look);
    const [edge, tip] = point.y < low ? [y(low), 7] : [y(high), -7];
    return node("path", { ...look, d: `M${at - 5} ${edge - tip}L${at + 5} ${edge - tip}L${at} ${edge}Z` });
  });

// Strips over the places of a scale, and over their names; each holds which one it is, for a click.
export const strips = (key, count) => ({ x, left, right, top, base }) => Array.from({ length: count }, (_, at) => node("rect", {
  x: x(at) - (right - left) / count / 2, width: (right - left) / count, y: top, height: base - top + 74,
  fill: "transparent", class: "tvae-touch", [`data-${key}`]: at }));

// Names at the right ends of lines, moved apart where they would touch: each { name, y, look }.
export const ends = (lines) => ({ y, right, base }) => {
  const placed = lines.filter((each) => isKnown(each.y)).map((each) => ({ ...each, down: y(each.y) }))
    .sort((one, other) => one.down - other.down);
  placed.forEach((each, i) => { if (i) each.down = Math.max(each.down, placed[i - 1].down + 14); });
  placed.reduceRight((limit, each) => { each.down = Math.min(each.down, limit); return each.down - 14; }, base);
  return placed.map(({ name, down, look = "" }) => text(name, right + 5, down, { "dominant-baseline": "central", class: `tvae-name ${look}` }));
};

// A chart on its side: a row for each of `lines`, { name, title, part, spread, shape, aside, pick }, with
// a mark at the mean and a line over the seeds, or `marks`, several such { part, spread, shape }. A row
// with a `pick` (data of a click) may be chosen. It may have a heading, its `group`; a class of its
// lettering, `text`; small dots at `points`; another mark, `from`; and a word where there is nothing.
export function rows({ width, label, x, lines, chosen, column, choose = () => {}, look = "", left = 138, right = column ? 44 : 14, height = 26 }) {
  const [top, central] = [22, { "dominant-baseline": "central" }];
  let bottom = top;
  const placed = lines.map((each) => {
    bottom += height + (each.group ? 21 : 0);
    return { ...each, y: bottom - height / 2, here: each.name === chosen };
  });
  const across = (value) => left + x.place(clamp(value, x.low, x.high)) * (width - left - right);
  const row = ({ name, title = name, part, spread, shape, aside = "", pick, marks = [{ part, spread, shape }], text: lettering = "",
    y, here, group, points = [], from, missing = "not measured" }) => {
    const strong = { ...central, "text-anchor": "end", class: `tvae-name ${lettering}${here ? " tvae-strong" : ""}` };
    const [found, middle] = [marks.filter((each) => each.spread), y - (points.length ? 3 : 0)];
    return [text(title, left - 10, y, strong), text(aside, width - 2, y, strong),
      ...(group ? [text(group, 0, y - height / 2 - 7, { "font-size": 11 })] : []),
      ...(found.length ? [] : [text(missing, left + 6, y, { ...central, class: "tvae-void-text" })]),
      ...(from === undefined || !found.length ? [] : [markOf("diamond", across(from), middle, 4, { class: "tvae-dot tvae-from" })]),
      ...(found.length ? points : []).map((point) => node("circle", { cx: across(point), cy: y + 7, r: 2.4, class: "tvae-point" })),
      ...found.flatMap((each) => [
        node("line", { x1: across(each.spread.low), x2: across(each.spread.high), y1: middle, y2: middle, class: `tvae-range tvae-${each.part}` }),
        markOf(each.shape, across(each.spread.mean), middle, here ? 6.5 : 5, { class: `tvae-dot tvae-${each.part} ${each.shape === "diamond" ? "tvae-hollow" : ""}` })]),
      ...(pick ? [node("rect", { x: 0, width, y: y - height / 2, height, fill: "transparent", class: "tvae-touch", ...pick })] : [])];
  };
  const drawn = node("svg", { role: "img", class: `tvae-chart ${look}`, "aria-label": label, width, height: bottom + 22 },
    ...placed.filter(({ here }) => here).map(({ y }) => node("rect", { x: 0, width, y: y - height / 2, height, rx: 4, class: "tvae-now" })),
    ...x.ticks.map(({ at, strong }) => node("line", { x1: across(at), x2: across(at), y1: top, y2: bottom, class: strong ? "tvae-zero" : "tvae-grid" })),
    ...withRoom(x.ticks, across).map(({ at, name }) => text(name, across(at), bottom + 14, { "text-anchor": "middle" })),
    ...(column ? [text(column, width - 2, top - 8, { "text-anchor": "end" })] : []),
    ...placed.flatMap(row));
  drawn.addEventListener("click", ({ target }) => choose(target.dataset));
  return drawn;
}
