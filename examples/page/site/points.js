// Points of two classes in a plane, x and y of about -1..1.

const COUNT = 400;

// Numbers of 0..1 that follow from a seed: mulberry32, by T. Ettinger.
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const around = (radius, angle) => [radius * Math.cos(angle), radius * Math.sin(angle)];

const PLACES = {
  circle: (blue, draw) => around(blue ? 0.4 * draw() : 0.6 + 0.35 * draw(), 2 * Math.PI * draw()),
  xor(blue, draw) {
    const side = draw() < 0.5 ? 1 : -1;
    return [side * (0.05 + 0.9 * draw()), side * (blue ? 1 : -1) * (0.05 + 0.9 * draw())];
  },
  clouds(blue, draw) {
    const middle = blue ? 0.4 : -0.4;
    return [middle + 0.16 * normal(draw), middle + 0.16 * normal(draw)];
  },
  moons(blue, draw) {
    const [x, y] = around(0.6, Math.PI * draw());
    return blue ? [x - 0.3, y - 0.2] : [x + 0.3, 0.2 - y];
  },
  spiral(blue, draw) {
    const along = 0.05 + 0.95 * draw();
    return around(0.9 * along, 1.6 * 2 * Math.PI * along + (blue ? Math.PI : 0));
  },
};

function normal(draw) {
  return Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());
}

// x, y and label, point after point. By pairs of pairs, so that every fourth point, which is held out, is of either class by turns.
export function make(kind, noise, seed) {
  const draw = random(seed);
  const points = [];
  for (let number = 0; number < COUNT; number += 1) {
    const blue = ((number ^ (number >> 2)) & 1) === 1;
    const [x, y] = PLACES[kind](blue, draw);
    points.push(x + 0.25 * noise * normal(draw), y + 0.25 * noise * normal(draw), blue ? 1 : 0);
  }
  return points;
}
