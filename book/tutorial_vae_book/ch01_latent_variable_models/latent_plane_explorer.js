// The front end of LatentPlaneExplorer.
import {
  buttonOf, clamp, decodeBytes, field, native, node, number, onArrows, sliderOf, text,
} from "tutorial_vae/explorer/controls.js";
import { chart, even } from "tutorial_vae/explorer/chart.js";
import { strip } from "tutorial_vae/explorer/pictures.js";
import { explorer, legend, note } from "tutorial_vae/explorer/view.js";

const RINGS = 2; // standard deviations: in the plane 86 % of draws fall inside
const STEPS = 200; // of a slider over the side of a plane

const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);

function nearest(codes, point) {
  let best = 0;
  codes.forEach((code, index) => {
    if (distance(code, point) < distance(codes[best], point)) best = index;
  });
  return best;
}

// Half of all codes have another one within this distance.
function spacing(codes) {
  const gaps = codes.map((code, index) =>
    Math.min(...codes.map((other, at) => (at === index ? Infinity : distance(code, other)))));
  return gaps.sort((a, b) => a - b)[Math.floor(gaps.length / 2)];
}

// Pictures are stored on a grid; between its points the four around are mixed.
function decoder({ pictures, corner, side, points, height, width, low, high }) {
  const bytes = decodeBytes(pictures);
  const size = height * width;
  return ([first, second]) => {
    const last = points - 1;
    const [x, y] = [first - corner[0], second - corner[1]]
      .map((value) => clamp((value / side) * last, 0, last));
    const [column, row] = [x, y].map((value) => Math.min(Math.floor(value), last - 1));
    const [right, above] = [x - column, y - row];
    const corners = [
      [row, column, (1 - above) * (1 - right)], [row, column + 1, (1 - above) * right],
      [row + 1, column, above * (1 - right)], [row + 1, column + 1, above * right],
    ];
    return Array.from({ length: size }, (_, pixel) => {
      const level = corners.reduce((sum, [down, across, weight]) =>
        sum + weight * bytes[(down * points + across) * size + pixel], 0);
      return Math.round(255 * clamp(low + (level / 255) * (high - low), 0, 1));
    });
  };
}

// Standard normal numbers, by the method of Box and Muller.
const draw = () => {
  const radius = Math.sqrt(-2 * Math.log(1 - Math.random()));
  const angle = 2 * Math.PI * Math.random();
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
};

const shifted = ({ mean, spread }, [a, b]) => [mean[0] + spread[0][0] * a, mean[1] + spread[1][0] * a + spread[1][1] * b];

const NORMAL = { mean: [0, 0], spread: [[1, 0], [0, 1]] };
const AXES = [0, 1];

export default explorer("latent-plane", ({ data, model, now, choose, id }) => {
  const { labels } = data;
  const classes = [...new Set(labels)].sort();
  const planes = Object.fromEntries(Object.entries(data.planes).map(([name, each]) =>
    [name, { ...each, name, decode: decoder(each), spacing: spacing(each.codes) }]));
  const plane = () => planes[now().model];
  const place = () => model.get("point");
  const said = () => `(${place().map((value) => number(value)).join(", ")})`;
  const moveTo = (point) => choose({ point: AXES.map((axis) =>
    clamp(point[axis], plane().corner[axis], plane().corner[axis] + plane().side)) });

  const sliders = AXES.map((axis) => sliderOf(`${id}-latent-${axis}`, { max: STEPS }, (step) =>
    moveTo(place().map((value, at) => (at === axis ? plane().corner[axis] + (step / STEPS) * plane().side : value)))));
  const drawFrom = (from, press) => buttonOf(from, press, { "aria-label": `draw from the ${from}` });
  const buttons = node("div", { class: "tvae-buttons" }, node("span", {}, "Draw from the"),
    drawFrom("standard normal", () => moveTo(draw())), drawFrom("fitted normal", () => moveTo(shifted(plane(), draw()))));

  const ring = (look, normal) => ({ x, y }) => [node("polyline", { class: `tvae-curve ${look}`,
    points: Array.from({ length: 73 }, (_, step) => {
      const [first, second] = shifted(normal, [Math.cos, Math.sin].map((of) => RINGS * of((step / 36) * Math.PI)));
      return `${x(first).toFixed(1)},${y(second).toFixed(1)}`;
    }).join(" ") })];

  // The map, which stays while the point moves over it.
  let map = { of: null };
  function mapOf(size) {
    const { corner, side, codes } = plane();
    const unit = side > 16 ? 4 : side > 9 ? 2 : 1;
    const [x, y] = corner.map((low) => even(low, low + side, Array.from({ length: Math.floor(side / unit) + 1 },
      (_, step) => (Math.ceil(low / unit) + step) * unit).filter((tick) => tick <= low + side)));
    const point = node("g", { class: "tvae-point" }, node("circle", { r: 9 }), node("circle", { r: 2.5 }));
    const found = { of: plane(), size };
    const letters = (frame) => codes.map(([first, second], index) => text(labels[index], frame.x(first), frame.y(second), {
      class: `tvae-code tvae-class-${classes.indexOf(labels[index]) % 10}`,
      "text-anchor": "middle", "dominant-baseline": "central", "font-size": size < 320 ? 10 : 12 }));
    const ground = ({ left, top }) => [node("rect", { class: "tvae-ground", x: left, y: top, width: size, height: size, rx: 4 })];
    const follow = (frame) => {
      found.follow = ([first, second]) => point.setAttribute("transform", `translate(${frame.x(first)} ${frame.y(second)})`);
      return [point];
    };
    const svg = chart({ width: size + 24, height: size, look: "tvae-plane", label: "", left: 23, right: 1, top: 1, below: 19,
      x: { ...x, grid: true }, y, marks: [ground, letters, ring("tvae-prior", NORMAL), ring("tvae-latent", plane()), follow] });
    for (const [name, value] of Object.entries({ tabindex: 0, ...native })) svg.setAttribute(name, value);
    const pointed = (event) => {
      const box = svg.getBoundingClientRect();
      moveTo([corner[0] + ((event.clientX - box.left - 23) / size) * side, corner[1] + (1 - (event.clientY - box.top - 1) / size) * side]);
    };
    svg.addEventListener("pointerdown", (event) => {
      svg.setPointerCapture(event.pointerId);
      pointed(event);
    });
    svg.addEventListener("pointermove", (event) => {
      if (svg.hasPointerCapture(event.pointerId)) pointed(event);
    });
    onArrows(svg, (down, across, { shiftKey }) => {
      const step = side / (shiftKey ? 10 : 50);
      moveTo([place()[0] + step * across, place()[1] - step * down]);
    });
    return { ...found, svg };
  }

  function drawMap(width) {
    const size = clamp(width - 24, 200, 440);
    if (map.of !== plane() || map.size !== size) map = mapOf(size);
    map.follow(place());
    map.svg.setAttribute("aria-label", `Latent plane of ${plane().name} with the codes of ${plane().codes.length} images and `
      + `two rings of normal distributions. The point is at ${said()}; drag it, or move it with the arrow keys.`);
    return map.svg;
  }

  function drawPicture() {
    const { name, height, width, decode, points } = plane();
    return [strip([decode(place())], height, width, `Picture that ${name} decodes at ${said()}`, "tvae-picture"),
      node("div", {}, node("p", { class: "tvae-heading" }, `decoded at ${said()}`), note(points > 2
        ? `Decoded beforehand at ${points} × ${points} points; between them, neighbours are mixed.`
        : "This decoder is linear, so mixing its pictures is exact."))];
  }

  const stroke = (look) => [node("line", { x1: 0, x2: 28, y1: 7, y2: 7, class: `tvae-curve ${look}` })];
  const keys = legend([stroke("tvae-prior"), "standard normal"], [stroke("tvae-latent"), "normal fitted to the codes"]);
  keys.prepend(node("span", {}, "each character: the code of an unseen image of that class"));
  keys.append(node("span", {}, "(a ring holds 86 % of its draws)"));
  return {
    reading() {
      const { name, codes, spacing: usual } = plane();
      const image = nearest(codes, place());
      return [`${name} at ${said()}: the nearest code is of class ${labels[image]}, `,
        `${number(distance(codes[image], place()))} away`, ` (half of all codes have a neighbour within ${number(usual)})`];
    },
    // The same image stays in view: the point goes to where the new model puts it.
    controls: { model: { also: (name) => ({ point: planes[name].codes[nearest(plane().codes, place())] }) } },
    beside: [...["first latent, z\u2081", "second latent, z\u2082"].map((name, axis) =>
      field(sliders[axis].slider, name, sliders[axis].output)), buttons],
    figures: [{ draw: drawMap, after: [keys] }, { draw: drawPicture }],
    traits: ["point"],
    painted: () => sliders.forEach(({ show }, axis) =>
      show(Math.round(((place()[axis] - plane().corner[axis]) / plane().side) * STEPS), number(place()[axis]))),
  };
});
