// The WebAssembly, and mail to and from it. Arguments longer than a number go through its inbox, results through its outbox.

// A module of one function with one vector instruction: valid where there are vectors of 128 bits.
const VECTORS = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
]);

export async function load() {
  const wanted = new URLSearchParams(location.search).get("vectors");
  const vectors = wanted === "no" ? false : WebAssembly.validate(VECTORS);
  const file = vectors ? "page.simd128.wasm" : "page.wasm";
  const bytes = await fetchBytes(file);
  const { instance } = await WebAssembly.instantiate(bytes, {});
  return { ...mail(instance.exports), vectors, file };
}

export async function fetchBytes(file) {
  const answer = await fetch(file);
  if (!answer.ok) throw new Error(`${file}: ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

function mail(calls) {
  const memory = () => calls.memory.buffer;
  return {
    calls,
    // Writes bytes for the next call.
    post(bytes) {
      // First the place, for which the memory may grow: then the old buffer is gone.
      const place = calls.inbox(bytes.length);
      if (place === 0) throw new Error("There is not enough memory.");
      new Uint8Array(memory(), place, bytes.length).set(bytes);
    },
    // Writes numbers for the next call.
    postNumbers(numbers) {
      this.post(new Uint8Array(new Float32Array(numbers).buffer));
    },
    // What a call sent: its result is how many.
    bytes(count) {
      const place = calls.outbox();
      return new Uint8Array(memory().slice(place, place + count));
    },
    numbers(count) {
      return new Float32Array(this.bytes(4 * count).buffer);
    },
    text(count) {
      return new TextDecoder().decode(this.bytes(count));
    },
    // Throws the reason, if a call failed.
    check(result) {
      if (result !== 0) throw new Error(this.text(calls.fault()));
    },
  };
}
