// Loads the WebAssembly and the data, then fills the panels.

import { bits } from "./bits.js";
import { fetchBytes, load } from "./engine.js";
import { handwriting } from "./handwriting.js";
import { playground } from "./playground.js";

const status = document.getElementById("status");

// What nobody caught, such as the WebAssembly's own stop: nothing works after it.
function stopped(fault) {
  status.textContent = `This page stopped: ${fault?.message ?? fault}. Load it again.`;
  status.classList.add("fault");
}
addEventListener("error", (event) => stopped(event.error));
addEventListener("unhandledrejection", (event) => stopped(event.reason));

try {
  const [engine, digits, network, recorded] = await Promise.all([
    load(),
    fetchBytes("digits.bin"),
    fetchBytes("reader.bin"),
    fetchBytes("bits.json").then((bytes) => JSON.parse(new TextDecoder().decode(bytes))),
  ]);
  engine.post(digits);
  engine.check(engine.calls.digits_load());
  playground(engine);
  handwriting(engine, network);
  bits(engine, recorded);
  document.querySelector("main").hidden = false;
  status.textContent = `Ready: ${engine.vectors ? "with vectors of 128 bits" : "without vectors"}.`;
} catch (fault) {
  status.textContent = `This page could not start: ${fault.message}`;
  status.classList.add("fault");
}
