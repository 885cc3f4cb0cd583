// What explorers of noise share besides the text of controls.js. Nothing but a seed travels: the noise
// is made here, the same numbers as `seeded_noise` makes in the package.
import { meanOf } from "tutorial_vae/explorer/controls.js";

// `count` numbers from position `start` on, both even.
export function seededNoise(start, count, seed) {
  const uniform = (position) => {
    const state = (seed + Math.imul(position, 0x6d2b79f5)) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (((mixed ^ (mixed >>> 14)) >>> 0) + 0.5) / 2 ** 32;
  };
  const noise = new Float64Array(count);
  for (let at = 0; at < count; at += 2) {
    const radius = Math.sqrt(-2 * Math.log(uniform(start + at + 1)));
    const angle = 2 * Math.PI * uniform(start + at + 2);
    noise[at] = radius * Math.cos(angle);
    noise[at + 1] = radius * Math.sin(angle);
  }
  return noise;
}

// Mean, standard deviation, lowest and highest of a sample.
export function sampleOf(values) {
  const mean = meanOf(values);
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / (values.length - 1)),
    low: Math.min(...values), high: Math.max(...values) };
}
