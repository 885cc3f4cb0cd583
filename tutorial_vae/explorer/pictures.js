// Grey pictures in the page, from levels between 0 and 255 or from text.
import { decodeBytes, greyImage, node } from "tutorial_vae/explorer/controls.js";

// Pictures that `pack_pictures` of the package made a text of: sixteen levels, two pixels a byte. Gives
// a function from a place among all but the last two axes, row by row, to levels from 0 to 255.
export function unpackPictures({ shape, greys }) {
  const [height, width] = shape.slice(-2);
  const levels = Array.from(decodeBytes(greys)).flatMap((byte) => [(byte >> 4) * 17, (byte & 15) * 17]);
  return (at) => levels.slice(at * height * width, (at + 1) * height * width);
}

// Pictures side by side on one canvas, with a gap of one pixel.
export function strip(pictures, height, width, label, look = "") {
  const canvas = node("canvas", { class: `tvae-strip ${look}`, role: "img", "aria-label": label,
    width: pictures.length * (width + 1) - 1, height });
  const context = canvas.getContext("2d");
  pictures.forEach((levels, i) => context.putImageData(greyImage(levels, width, height), i * (width + 1), 0));
  return canvas;
}
