// The front end of LatentPlaneExplorer, after the text of controls.js. Notebooks run it through
// anywidget; pages without a kernel run the same text from the stored state.
import {
  buttonOf, chooserOf, clamp, decodeBytes, field, freshId, greyImage, keepPainted, menuOf, native,
  node, number, readingLine, sliderOf, text,
} from "tutorial_vae/explorer/controls.js";

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

function render({ model, el }) {
  const { planes, labels } = model.get("data");
  const id = freshId();
  const classes = [...new Set(labels)].sort();
  const byName = new Map(planes.map((plane) => [plane.name,
    { ...plane, decode: decoder(plane), spacing: spacing(plane.codes) }]));
  const plane = () => byName.get(model.get("model"));
  const axes = [0, 1];

  const choose = chooserOf(model);
  const moveTo = (point) => {
    const { corner, side } = plane();
    choose({ point: axes.map((axis) => clamp(point[axis], corner[axis], corner[axis] + side)) });
  };
  const shifted = ({ mean, spread }, [a, b]) =>
    [mean[0] + spread[0][0] * a, mean[1] + spread[1][0] * a + spread[1][1] * b];

  const menu = menuOf(`${id}-model`, planes.map(({ name }) => name), (name) => {
    // The same image stays in view: the point goes to where the new model puts it.
    const image = nearest(plane().codes, model.get("point"));
    choose({ model: name, point: byName.get(name).codes[image] });
  });
  const sliders = axes.map((axis) => sliderOf(`${id}-latent-${axis}`, { max: STEPS }, (step) => {
    const point = [...model.get("point")];
    point[axis] = plane().corner[axis] + (step / STEPS) * plane().side;
    moveTo(point);
  }));
  const names = ["first latent, z\u2081", "second latent, z\u2082"];
  const controls = node("div", { class: "tvae-controls" }, field(menu, "model"),
    ...axes.map((axis) => field(sliders[axis].slider, names[axis], sliders[axis].output)));
  const drawFrom = (from, press) => buttonOf(from, press, { "aria-label": `draw from the ${from}` });
  const buttons = node("div", { class: "tvae-buttons" }, node("span", {}, "Draw from the"),
    drawFrom("standard normal", () => moveTo(draw())),
    drawFrom("fitted normal", () => moveTo(shifted(plane(), draw()))));
  const reading = readingLine();

  // The plane, drawn for the width at hand.
  const map = node("svg", { class: "tvae-plane", role: "img", tabindex: 0, ...native });
  const mapBox = node("div", { class: "tvae-plane-box" }, map);
  let width = 0;
  let point = null;
  let drawn = null; // the plane on the map
  const across = (value) => ((value - plane().corner[0]) / plane().side) * width;
  const down = (value) => width - ((value - plane().corner[1]) / plane().side) * width;

  function ring(name, { mean, spread }) {
    const corners = Array.from({ length: 73 }, (_, step) => {
      const angle = (step / 36) * Math.PI;
      const [x, y] = shifted({ mean, spread },
        [RINGS * Math.cos(angle), RINGS * Math.sin(angle)]);
      return `${across(x).toFixed(1)},${down(y).toFixed(1)}`;
    });
    return node("polyline", { class: name, points: corners.join(" ") });
  }

  function drawMap() {
    drawn = plane();
    const { codes, corner, side } = drawn;
    const unit = side > 16 ? 4 : side > 9 ? 2 : 1;
    const ticks = (low) => Array.from({ length: Math.floor(side / unit) + 1 },
      (_, step) => (Math.ceil(low / unit) + step) * unit).filter((tick) => tick <= low + side);
    const drawing = [node("rect", { class: "tvae-ground", width, height: width, rx: 4 })];
    for (const tick of ticks(corner[0])) {
      const x = across(tick);
      drawing.push(node("line", { class: "tvae-tick", x1: x, x2: x, y1: 0, y2: width }));
      if (x > 14 && x < width - 14) {
        drawing.push(text(number(tick, 0), x, width + 14, { "text-anchor": "middle" }));
      }
    }
    for (const tick of ticks(corner[1])) {
      const y = down(tick);
      drawing.push(node("line", { class: "tvae-tick", x1: 0, x2: width, y1: y, y2: y }));
      if (y > 8 && y < width - 8) {
        drawing.push(text(number(tick, 0), -5, y + 4, { "text-anchor": "end" }));
      }
    }
    const letters = codes.map((code, index) => text(labels[index], across(code[0]), down(code[1]), {
      class: `tvae-code tvae-class-${classes.indexOf(labels[index]) % 10}`,
      "text-anchor": "middle", "dominant-baseline": "central", "font-size": width < 320 ? 10 : 12,
    }));
    point = node("g", { class: "tvae-point" }, node("circle", { r: 9 }),
      node("circle", { r: 2.5 }));
    drawing.push(node("g", {}, ...letters), ring("tvae-prior", { mean: [0, 0], spread: [[1, 0], [0, 1]] }),
      ring("tvae-fitted", plane()), point);
    map.setAttribute("width", width + 24);
    map.setAttribute("height", width + 20);
    map.setAttribute("viewBox", `-23 -1 ${width + 24} ${width + 20}`);
    map.replaceChildren(...drawing);
  }

  const pointed = (event) => {
    const box = map.getBoundingClientRect();
    const { corner, side } = plane();
    const [x, y] = [event.clientX - box.left - 23, event.clientY - box.top - 1];
    moveTo([corner[0] + (x / width) * side, corner[1] + (1 - y / width) * side]);
  };
  map.addEventListener("pointerdown", (event) => {
    map.setPointerCapture(event.pointerId);
    pointed(event);
  });
  map.addEventListener("pointermove", (event) => {
    if (map.hasPointerCapture(event.pointerId)) pointed(event);
  });
  map.addEventListener("keydown", (event) => {
    const steps = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
    if (!(event.key in steps)) return;
    event.preventDefault();
    const step = plane().side / (event.shiftKey ? 10 : 50);
    moveTo(axes.map((axis) => model.get("point")[axis] + step * steps[event.key][axis]));
  });

  const key = (name, text) => node("span", { class: "tvae-key" },
    node("span", { class: `tvae-key-${name}` }), text);
  const legend = node("p", { class: "tvae-legend tvae-keys" },
    node("span", {}, "each character: the code of an unseen image of that class"),
    key("prior", "standard normal"), key("fitted", "normal fitted to the codes"),
    node("span", {}, "(a ring holds 86 % of its draws)"));

  const canvas = node("canvas", { class: "tvae-picture", role: "img" });
  const heading = node("p", { class: "tvae-heading" });
  const note = node("p", { class: "tvae-note" });

  function drawPicture() {
    const { height, width: columns, decode } = plane();
    canvas.width = columns;
    canvas.height = height;
    const context = canvas.getContext("2d");
    context.putImageData(greyImage(decode(model.get("point")), columns, height), 0, 0);
  }

  function paint() {
    if (plane() !== drawn) drawMap();
    const { name, codes, corner, side, points, spacing: usual } = plane();
    const place = model.get("point");
    const [first, second] = place.map((value) => number(value));
    menu.value = name;
    sliders.forEach(({ show }, axis) =>
      show(Math.round(((place[axis] - corner[axis]) / side) * STEPS), number(place[axis])));
    const image = nearest(codes, place);
    const label = labels[image];
    reading.say(`${name} at (${first}, ${second}): the nearest code is of class ${label}, `,
      `${number(distance(codes[image], place))} away`,
      ` (half of all codes have a neighbour within ${number(usual)})`);
    point.setAttribute("transform", `translate(${across(place[0])} ${down(place[1])})`);
    drawPicture();
    heading.textContent = `decoded at (${first}, ${second})`;
    note.textContent = points > 2
      ? `Decoded beforehand at ${points} × ${points} points; between them, neighbours are mixed.`
      : "This decoder is linear, so mixing its pictures is exact.";
    canvas.setAttribute("aria-label", `Picture that ${name} decodes at (${first}, ${second})`);
    map.setAttribute("aria-label", `Latent plane of ${name} with the codes of ${codes.length} ` +
      `images and two rings of normal distributions. The point is at (${first}, ${second}); ` +
      "drag it, or move it with the arrow keys.");
  }

  el.replaceChildren(node("div", { class: "tvae-explorer tvae-latent-plane" }, controls, buttons,
    reading.line, node("div", { class: "tvae-figures" },
      node("div", { class: "tvae-figure" }, mapBox, legend),
      node("div", { class: "tvae-figure tvae-seen" }, canvas,
        node("div", {}, heading, note)))));
  const fit = () => {
    width = clamp((legend.clientWidth || 420) - 24, 200, 440);
    drawMap();
    paint();
  };
  return keepPainted(model, ["model", "point"], paint, legend, fit);
}

export default { render };
