// The playground: points in a plane, a network, and what it makes of them while it learns.

import * as paint from "./paint.js";
import { make } from "./points.js";

const SURFACE = 64;
const NEURON = 20;
// Milliseconds of a frame for learning; the rest is for drawing.
const LEARNING = 9;
const KEPT = 300;

export function playground(engine) {
  const by = (id) => document.getElementById(id);
  const { calls } = engine;
  const [plane, net, curve] = ["plane", "net", "curve"].map(by);
  const state = { running: false, steps: 0, points: [], losses: [], heldOut: [], cursor: null, speed: 0 };

  const number = (id) => Number(by(id).value);

  function begin() {
    calls.playground_begin(number("network"), number("activation"), number("optimizer"), number("seed") >>> 0);
    Object.assign(state, { steps: 0, losses: [], heldOut: [], speed: 0 });
    show();
  }

  const own = () => by("data").value === "own";

  function points() {
    by("pens").hidden = !own();
    by("noise").disabled = own();
    // Only where there is something to draw: else it is a picture, which a finger scrolls past and keys pass over.
    plane.setAttribute("role", own() ? "application" : "img");
    plane.setAttribute("aria-describedby", own() ? "plane-keys" : "");
    plane.tabIndex = own() ? 0 : -1;
    state.points = own() ? [] : make(by("data").value, number("noise") / 100, number("seed"));
    tell();
    begin();
  }

  function tell() {
    engine.postNumbers(state.points);
    calls.playground_points();
  }

  function learn(steps) {
    const loss = calls.playground_train(steps, number("rate"), number("batch"));
    state.steps += steps;
    return loss;
  }

  // Draws everything; after steps, with their loss.
  function show(loss) {
    if (state.points.length > 0 && loss !== undefined) {
      // Both at once, so that they have one axis; NaN while no point is held out.
      state.losses.push(loss);
      state.heldOut.push(calls.playground_held_out());
      // Of long curves every second place is enough.
      const second = (_, at) => at % 2 === 0;
      if (state.losses.length > KEPT) {
        [state.losses, state.heldOut] = [state.losses.filter(second), state.heldOut.filter(second)];
      }
    }
    const text = (losses) => (Number.isNaN(losses.at(-1) ?? NaN) ? "–" : losses.at(-1).toFixed(4));
    by("steps").textContent = state.steps.toLocaleString("en");
    by("loss").textContent = text(state.losses);
    by("held-out").textContent = text(state.heldOut);
    by("speed").textContent = state.speed ? Math.round(state.speed).toLocaleString("en") : "–";
    drawPlane();
    drawNet();
    paint.curves(curve, [
      { losses: state.losses, colour: paint.ink() },
      { losses: state.heldOut, colour: paint.BLUE_CSS, dash: paint.DASH },
    ]);
  }

  function drawPlane() {
    const pen = plane.getContext("2d");
    const { width } = plane;
    const surface = engine.numbers(calls.playground_surface(SURFACE)).map((likely) => 2 * likely - 1);
    pen.drawImage(paint.square(surface, SURFACE), 0, 0, width, width);
    for (let at = 0; at < state.points.length; at += 3) {
      const [x, y, label] = state.points.slice(at, at + 3);
      // Every fourth point, which is held out, is smaller.
      paint.mark(pen, ((x + 1) / 2) * width, ((1 - y) / 2) * width, (at / 3) % 4 === 3 ? 2.8 : 3.8, label > 0.5);
      pen.strokeStyle = paint.OUTLINE;
      pen.lineWidth = 1;
      pen.stroke();
    }
    if (state.cursor) {
      const [x, y] = state.cursor;
      pen.strokeStyle = paint.ink();
      pen.strokeRect(x - 5, y - 5, 10, 10);
    }
  }

  // Columns of neurons: the inputs, which see one coordinate, the hidden ones, and the outcome.
  function drawNet() {
    const pen = net.getContext("2d");
    const { width, height } = net;
    pen.clearRect(0, 0, width, height);
    const shape = [...engine.numbers(calls.playground_shape())];
    const weights = engine.numbers(calls.playground_weights());
    const seen = engine.numbers(calls.playground_neurons(NEURON));
    const side = 36;
    const at = (layer, neuron) => [
      side + (layer * (width - 2 * side)) / (shape.length - 1),
      ((neuron + 0.5) * height) / shape[layer],
    ];
    let next = 0;
    for (let layer = 0; layer + 1 < shape.length; layer += 1) {
      const scale = Math.max(...weights.slice(next, next + shape[layer] * shape[layer + 1]).map(Math.abs)) || 1;
      for (let from = 0; from < shape[layer]; from += 1) {
        for (let to = 0; to < shape[layer + 1]; to += 1) {
          const weight = weights[next];
          next += 1;
          pen.strokeStyle = weight > 0 ? paint.BLUE_CSS : paint.ORANGE_CSS;
          pen.setLineDash(weight > 0 ? [] : paint.DASH);
          pen.globalAlpha = 0.15 + (0.85 * Math.abs(weight)) / scale;
          pen.lineWidth = 0.3 + (3 * Math.abs(weight)) / scale;
          pen.beginPath();
          pen.moveTo(...at(layer, from));
          pen.lineTo(...at(layer + 1, to));
          pen.stroke();
        }
      }
    }
    pen.globalAlpha = 1;
    pen.setLineDash([]);
    const tile = (layer, neuron, numbers) => {
      const [x, y] = at(layer, neuron);
      pen.drawImage(paint.square(numbers, NEURON), x - side / 2, y - side / 2, side, side);
      pen.strokeStyle = paint.edge();
      pen.lineWidth = 1;
      pen.strokeRect(x - side / 2, y - side / 2, side, side);
    };
    const places = [...Array(NEURON * NEURON).keys()];
    const along = (place) => (2 * place + 1) / NEURON - 1;
    tile(0, 0, places.map((place) => along(place % NEURON)));
    tile(0, 1, places.map((place) => -along(Math.floor(place / NEURON))));
    let neuron = 0;
    for (let layer = 1; layer + 1 < shape.length; layer += 1) {
      for (let of = 0; of < shape[layer]; of += 1, neuron += 1) {
        const numbers = seen.slice(neuron * NEURON * NEURON, (neuron + 1) * NEURON * NEURON);
        const most = Math.max(1, ...numbers.map(Math.abs));
        tile(layer, of, numbers.map((value) => value / most));
      }
    }
    pen.fillStyle = paint.ink();
    pen.font = "13px system-ui, sans-serif";
    ["orange", "blue"].forEach((name, of) => {
      const [x, y] = at(shape.length - 1, of);
      paint.mark(pen, x, y, side / 3, of === 1);
      pen.fillStyle = paint.ink();
      pen.textAlign = "center";
      pen.fillText(name, x, y + side / 2 + 11);
    });
  }

  let pending = 0;

  function frame() {
    if (state.points.length > 0) {
      const start = performance.now();
      let [steps, loss] = [0, NaN];
      do {
        loss = learn(10);
        steps += 10;
      } while (performance.now() - start < LEARNING);
      const speed = (1000 * steps) / (performance.now() - start);
      state.speed = state.speed ? 0.9 * state.speed + 0.1 * speed : speed;
      show(loss);
    }
    pending = requestAnimationFrame(frame);
  }

  function run(running) {
    state.running = running;
    by("run").textContent = running ? "Pause" : "Start";
    // Also the one before: two of them would go on side by side.
    cancelAnimationFrame(pending);
    if (running) pending = requestAnimationFrame(frame);
  }

  function add(x, y) {
    if (!own()) return;
    const label = Number(document.querySelector("input[name=pen]:checked").value);
    state.points.push((2 * x) / plane.width - 1, 1 - (2 * y) / plane.height, label);
    tell();
    drawPlane();
  }

  by("run").onclick = () => run(!state.running);
  by("step").onclick = () => {
    run(false);
    show(learn(1));
  };
  by("reset").onclick = begin;
  by("wipe").onclick = points;
  by("choices").onsubmit = (event) => event.preventDefault();
  by("data").onchange = points;
  // Points of one's own stay.
  for (const id of ["noise", "seed"]) by(id).onchange = () => (own() ? begin() : points());
  for (const id of ["network", "activation", "optimizer"]) by(id).onchange = begin;
  plane.onpointerdown = (event) => {
    plane.setPointerCapture(event.pointerId);
    add(...paint.place(plane, event));
  };
  let last = 0;
  plane.onpointermove = (event) => {
    if (!plane.hasPointerCapture(event.pointerId) || event.timeStamp - last < 40) return;
    last = event.timeStamp;
    add(...paint.place(plane, event));
  };
  plane.onkeydown = (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || !own()) return;
    const move = { ArrowLeft: [-10, 0], ArrowRight: [10, 0], ArrowUp: [0, -10], ArrowDown: [0, 10] }[event.key];
    if (!move && event.key !== "Enter") return;
    state.cursor ??= [plane.width / 2, plane.height / 2];
    if (move) state.cursor = state.cursor.map((at, axis) => Math.min(plane.width, Math.max(0, at + move[axis])));
    else add(...state.cursor);
    event.preventDefault();
    drawPlane();
  };
  plane.onblur = () => {
    state.cursor = null;
    drawPlane();
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => show());
  points();
}
