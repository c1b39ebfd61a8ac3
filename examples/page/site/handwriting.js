// Handwriting: drawings are read, and signs are taught and learnt.

import * as paint from "./paint.js";

const DIGITS = 10;
const SIGNS = 6;
const SIDE = 8;
// Training steps after each drawing, of 32 pictures each.
const STEPS = 150;

export function handwriting(engine, network) {
  const by = (id) => document.getElementById(id);
  const { calls } = engine;
  const paper = by("paper");
  const pen = paper.getContext("2d");
  let strokes = [];
  // What a finger, mouse or pen draws: its number, and its stroke. A second finger at the same time draws nothing.
  let drawn = null;
  // The pen of the keyboard.
  const keys = { at: null, down: false };

  engine.post(network);
  engine.check(calls.handwriting_network());

  // x and y of each point; two numbers that are none lift the pen.
  const numbers = () => strokes.flatMap((stroke) => [...stroke.flat(), NaN, NaN]);

  const name = (sign) => engine.text(calls.handwriting_name_of(sign));
  const names = () => [...Array(SIGNS).keys()].map(name);
  const label = (of) => (of < DIGITS ? String(of) : name(of - DIGITS));

  function draw() {
    pen.clearRect(0, 0, paper.width, paper.height);
    pen.strokeStyle = paint.ink();
    pen.lineWidth = 18;
    pen.lineCap = pen.lineJoin = "round";
    for (const stroke of strokes) {
      pen.beginPath();
      pen.moveTo(...stroke[0]);
      for (const point of stroke) pen.lineTo(...point);
      pen.stroke();
    }
    if (keys.at) {
      pen.lineWidth = 2;
      const [x, y] = keys.at;
      pen.strokeRect(x - 8, y - 8, 16, 16);
    }
  }

  // Logits as likelihoods: the softmax of the digits and the signs that have a name.
  function likelihoods(logits) {
    const known = names();
    const counts = (of) => of < DIGITS || known[of - DIGITS] !== "";
    const most = Math.max(...logits.filter((_, of) => counts(of)));
    const powers = [...logits].map((logit, of) => (counts(of) ? Math.exp(logit - most) : 0));
    const sum = powers.reduce((sum, power) => sum + power, 0);
    return powers.map((power) => power / sum);
  }

  function read() {
    engine.postNumbers(numbers());
    const logits = engine.numbers(calls.handwriting_read());
    const list = by("classes");
    list.replaceChildren();
    const picture = by("seen").getContext("2d");
    picture.imageSmoothingEnabled = false;
    picture.clearRect(0, 0, 96, 96);
    if (logits.length === 0) {
      by("read").textContent = "Nothing drawn yet.";
      return;
    }
    engine.postNumbers(numbers());
    const seen = engine.numbers(calls.handwriting_picture());
    picture.drawImage(paint.square(seen, SIDE), 0, 0, 96, 96);
    const likely = likelihoods(logits);
    if (!likely.every(Number.isFinite)) {
      by("read").textContent = "The network is broken: what it says is no number. Forget all signs, or load another file.";
      return;
    }
    const order = [...likely.keys()].sort((a, b) => likely[b] - likely[a]);
    by("read").textContent = `This is: ${label(order[0])}`;
    for (const of of order.slice(0, 4)) {
      const item = document.createElement("li");
      const [what, meter, percent] = ["span", "meter", "span"].map((tag) => document.createElement(tag));
      what.textContent = label(of);
      meter.value = likely[of];
      meter.setAttribute("aria-label", label(of));
      percent.textContent = `${(100 * likely[of]).toFixed(0)} %`;
      item.append(what, meter, percent);
      list.append(item);
    }
  }

  function showSigns() {
    by("signs").replaceChildren(
      ...names().flatMap((name, sign) => {
        if (name === "") return [];
        const item = document.createElement("li");
        const drawings = calls.handwriting_taught(sign);
        item.textContent = `${name}: ${drawings} drawing${drawings === 1 ? "" : "s"}`;
        return [item];
      }),
    );
    by("accuracy").textContent = `${(100 * calls.handwriting_held_out()).toFixed(1)} %`;
  }

  function clear() {
    strokes = [];
    keys.down = false;
    draw();
    read();
  }

  // The sign of a name: the one that has it, or the first free one.
  function sign(wanted) {
    const all = names();
    const found = all.indexOf(wanted);
    return found >= 0 ? found : all.indexOf("");
  }

  function say(text, fault = false) {
    by("lesson").textContent = text;
    by("lesson").classList.toggle("fault", fault);
  }

  // Does something that may be refused; then says why, and nothing has changed.
  function attempt(work) {
    try {
      say(work());
    } catch (fault) {
      if (fault instanceof WebAssembly.RuntimeError) throw fault;
      say(fault.message, true);
    }
    showSigns();
    read();
  }

  by("teach").onsubmit = (event) => {
    event.preventDefault();
    attempt(() => {
      const wanted = by("name").value.trim();
      const of = sign(wanted);
      if (wanted === "") throw new Error("The sign needs a name.");
      if (/^\d$/.test(wanted)) throw new Error("Digits are known already: choose another name.");
      if (of < 0) throw new Error(`There is room for ${SIGNS} signs.`);
      engine.postNumbers(numbers());
      engine.check(calls.handwriting_teach(of));
      engine.post(new TextEncoder().encode(wanted));
      engine.check(calls.handwriting_name(of));
      const start = performance.now();
      const loss = calls.handwriting_learn(STEPS);
      const time = performance.now() - start;
      const drawings = calls.handwriting_taught(of);
      const more = drawings < 5 ? ` ${5 - drawings} more to draw.` : "";
      strokes = [];
      draw();
      return `Learnt in ${time.toFixed(0)} ms (${STEPS} steps, loss ${loss.toFixed(3)}).${more}`;
    });
  };

  by("clear").onclick = clear;
  by("forget").onclick = () =>
    attempt(() => {
      engine.post(network);
      engine.check(calls.handwriting_network());
      return "All signs are forgotten.";
    });
  by("save").onclick = () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([engine.bytes(calls.handwriting_save())]));
    link.download = "handwriting.fusebox";
    link.click();
    // Some browsers begin to download later.
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };
  by("load").onchange = async (event) => {
    const [file] = event.target.files;
    event.target.value = "";
    if (!file) return;
    let bytes;
    try {
      bytes = new Uint8Array(await file.slice(0, 1 << 20).arrayBuffer());
    } catch (fault) {
      say(`${file.name} could not be read: ${fault.message}`, true);
      return;
    }
    attempt(() => {
      engine.post(bytes);
      engine.check(calls.handwriting_load());
      return `Loaded ${file.name}.`;
    });
  };

  paper.onpointerdown = (event) => {
    if (!event.isPrimary) return;
    paper.setPointerCapture(event.pointerId);
    drawn = { pointer: event.pointerId, stroke: [paint.place(paper, event)] };
    strokes.push(drawn.stroke);
    keys.down = false;
    draw();
  };
  paper.onpointermove = (event) => {
    if (event.pointerId !== drawn?.pointer) return;
    for (const one of event.getCoalescedEvents?.() ?? [event]) {
      const [[x, y], [right, down]] = [drawn.stroke.at(-1), paint.place(paper, one)];
      // Nearer points say nothing, and a drawing has a most of 4096.
      if (Math.hypot(right - x, down - y) >= 2) drawn.stroke.push([right, down]);
    }
    draw();
  };
  paper.onpointerup = paper.onpointercancel = (event) => {
    if (event.pointerId !== drawn?.pointer) return;
    drawn = null;
    read();
  };
  paper.onkeydown = (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const move = { ArrowLeft: [-14, 0], ArrowRight: [14, 0], ArrowUp: [0, -14], ArrowDown: [0, 14] }[event.key];
    if (!move && event.key !== " ") return;
    keys.at ??= [paper.width / 2, paper.height / 2];
    if (move) {
      keys.at = keys.at.map((at, axis) => Math.min(paper.width, Math.max(0, at + move[axis])));
      if (keys.down) strokes.at(-1).push([...keys.at]);
    } else {
      keys.down = !keys.down;
      if (keys.down) strokes.push([[...keys.at]]);
    }
    event.preventDefault();
    draw();
    read();
  };
  paper.onblur = () => {
    Object.assign(keys, { at: null, down: false });
    draw();
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  clear();
  showSigns();
}
