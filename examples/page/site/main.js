// Loads the WebAssembly and the data, then fills the panels.

import { bits } from "./bits.js";
import { fetchBytes, load } from "./engine.js";
import { handwriting } from "./handwriting.js";
import { playground } from "./playground.js";

const status = document.getElementById("status");
try {
  const [engine, digits, network, recorded] = await Promise.all([
    load(),
    fetchBytes("digits.bin"),
    fetchBytes("reader.bin"),
    fetch("bits.json").then((answer) => answer.json()),
  ]);
  document.querySelector("main").hidden = false;
  engine.post(digits);
  engine.check(engine.calls.digits_load());
  playground(engine);
  handwriting(engine, network);
  bits(engine, recorded);
  status.textContent = `Ready: ${engine.vectors ? "with vectors of 128 bits" : "without vectors"}.`;
} catch (fault) {
  status.textContent = `This page could not start: ${fault.message}`;
  status.classList.add("fault");
}
