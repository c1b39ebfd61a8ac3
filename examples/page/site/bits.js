// The same bits: the hash of a training here beside those of other processors.

export function bits(engine, recorded) {
  const by = (id) => document.getElementById(id);
  const { calls } = engine;
  let here = null;

  function show() {
    const row = ({ where, hash }) => {
      const cells = [where, hash ?? "not trained yet", here && hash ? (hash === here ? "yes" : "no") : "–"];
      const line = document.createElement("tr");
      for (const text of cells) line.insertCell().textContent = text;
      return line;
    };
    const browser = `This browser, ${engine.vectors ? "WebAssembly with vectors" : "WebAssembly"}`;
    by("hashes").replaceChildren(...recorded.map(row), row({ where: browser, hash: here }));
  }

  by("bits-train").onclick = () => {
    const start = performance.now();
    const losses = engine.numbers(calls.bits_train());
    const time = performance.now() - start;
    const hash = engine.bytes(calls.bits_hash());
    here = [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("") || null;
    const same = here !== null && recorded.every(({ hash }) => hash === here);
    const each = [...losses].map((loss) => loss.toFixed(3)).join(", ");
    by("bits-result").textContent = here
      ? `Trained in ${time.toFixed(0)} ms; losses ${each}. ${same ? "Every weight has the same bits." : "The bits differ."}`
      : "The digits are missing.";
    show();
  };
  show();
}
