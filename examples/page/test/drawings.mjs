// Digits and signs as a person would draw them: strokes of points in a square of 0..1, and small changes of them.

import { random } from "../site/points.js";

const arc = (x, y, wide, high, from, to, points = 16) =>
  [...Array(points + 1).keys()].map((at) => {
    const angle = 2 * Math.PI * (from + ((to - from) * at) / points);
    return [x + wide * Math.cos(angle), y + high * Math.sin(angle)];
  });

export const DIGITS = {
  0: [arc(0.5, 0.5, 0.26, 0.38, -0.25, 0.75)],
  1: [[[0.42, 0.25], [0.54, 0.1], [0.54, 0.9]]],
  2: [[...arc(0.5, 0.3, 0.22, 0.2, -0.5, 0.12), [0.3, 0.88], [0.75, 0.88]]],
  3: [[...arc(0.46, 0.3, 0.22, 0.2, -0.42, 0.25), ...arc(0.46, 0.7, 0.25, 0.2, -0.25, 0.42)]],
  4: [[[0.55, 0.1], [0.25, 0.6], [0.8, 0.6]], [[0.62, 0.4], [0.6, 0.92]]],
  5: [[[0.72, 0.12], [0.36, 0.12], [0.33, 0.45], ...arc(0.48, 0.64, 0.24, 0.24, -0.28, 0.4)]],
  6: [[[0.6, 0.1], [0.38, 0.45], ...arc(0.5, 0.68, 0.2, 0.22, -0.5, 0.5)]],
  7: [[[0.25, 0.12], [0.75, 0.12], [0.42, 0.9]]],
};

export const HEART = [
  [[0.5, 0.35], ...arc(0.33, 0.3, 0.17, 0.17, -0.05, -0.5), [0.2, 0.5], [0.5, 0.9], [0.8, 0.5], ...arc(0.67, 0.3, 0.17, 0.17, 0, -0.45)],
];
export const STAIRS = [[[0.12, 0.88], [0.12, 0.6], [0.4, 0.6], [0.4, 0.35], [0.66, 0.35], [0.66, 0.1], [0.92, 0.1]]];

// Turned by up to 10 degrees, stretched by up to 15 %, and every point a little off.
export function jittered(strokes, seed) {
  const draw = random(seed);
  const between = (most) => most * (2 * draw() - 1);
  const [angle, wide, high] = [between(0.17), 1 + between(0.15), 1 + between(0.15)];
  return strokes.map((stroke) =>
    stroke.map(([x, y]) => {
      const [right, down] = [(x - 0.5) * wide + between(0.015), (y - 0.5) * high + between(0.015)];
      return [
        0.5 + 0.9 * (right * Math.cos(angle) - down * Math.sin(angle)),
        0.5 + 0.9 * (right * Math.sin(angle) + down * Math.cos(angle)),
      ];
    }),
  );
}
