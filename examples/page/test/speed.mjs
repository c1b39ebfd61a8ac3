// Measures fusebox in WebAssembly beside TensorFlow.js, in one page of headless Chromium: a training step of 64-32-10, and a product
// of 64 x 64 matrices beside the multiplications and additions that the processor can do there.
//
//     node speed.mjs ADDRESS FOLDER SPEED.wasm

import { readFile } from "node:fs/promises";
import { cpus } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { browser } from "./browser.mjs";

const [address, , wasm] = process.argv.slice(2);
const modules = join(dirname(fileURLToPath(import.meta.url)), "node_modules", "@tensorflow");
const chromium = await browser();
try {
  const page = await (await chromium.newContext({ bypassCSP: true })).newPage();
  // What TensorFlow.js loads itself.
  await page.route(`${address}tf/*`, (route) => {
    const name = new URL(route.request().url()).pathname.split("/").at(-1);
    return route.fulfill({ path: join(modules, "tfjs-backend-wasm", "dist", name), contentType: "application/wasm" });
  });
  await page.goto(address);
  for (const name of ["tfjs-core/dist/tf-core", "tfjs-layers/dist/tf-layers", "tfjs-backend-cpu/dist/tf-backend-cpu", "tfjs-backend-wasm/dist/tf-backend-wasm"]) {
    await page.addScriptTag({ path: join(modules, `${name}.min.js`) });
  }
  const found = await page.evaluate(measure, { bytes: [...(await readFile(wasm))], at: `${address}tf/` });
  print(found);
} finally {
  await chromium.close();
}

function print({ limit, product, best, step, others }) {
  const percent = (product, limit) => `${((100 * product) / limit).toFixed(0)} %`;
  console.log(`${cpus()[0].model}, ${cpus().length} processors; medians of rounds that take turns`);
  console.log(`multiply and add, vectors of four: ${limit.toFixed(1)} Gflop/s; 64 x 64 x 64: ${product.toFixed(1)} Gflop/s, ${percent(product, limit)}`);
  console.log(`the best rounds of both: ${best.limit.toFixed(1)} and ${best.product.toFixed(1)} Gflop/s, ${percent(best.product, best.limit)}`);
  console.log(`training step of 64-32-10, 32 rows: fusebox ${step.toFixed(1)} us`);
  for (const [backend, time] of Object.entries(others)) {
    console.log(typeof time === "number" ? `TensorFlow.js, ${backend}: ${time.toFixed(0)} us, ${(time / step).toFixed(0)} times as long` : `TensorFlow.js, ${backend}: ${time}`);
  }
}

// In the page.
async function measure({ bytes, at }) {
  const { instance } = await WebAssembly.instantiate(new Uint8Array(bytes), {});
  const { speed_limit, speed_product, speed_train } = instance.exports;
  const median = (times) => times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
  // The times of each, in microseconds a unit, in rounds that take turns.
  const turns = (works, rounds) => {
    const times = works.map(() => []);
    for (let round = 0; round < rounds + 5; round += 1) {
      works.forEach(([work, count], of) => {
        const start = performance.now();
        work(count);
        if (round >= 5) times[of].push((1000 * (performance.now() - start)) / count);
      });
    }
    return times;
  };
  const all = turns(
    [
      [speed_limit, 400_000],
      [speed_product, 400],
      [speed_train, 1000],
    ],
    31,
  );
  const others = {};
  for (const backend of ["wasm", "cpu"]) {
    try {
      if (backend === "wasm") tf.wasm.setWasmPaths(at);
      if (!(await tf.setBackend(backend))) throw new Error("it does not start");
      const model = tf.sequential();
      model.add(tf.layers.dense({ inputShape: [64], units: 32, activation: "relu" }));
      model.add(tf.layers.dense({ units: 10 }));
      const optimizer = tf.train.sgd(0.05);
      const x = tf.randomUniform([32, 64]);
      const labels = tf.oneHot(tf.tensor1d([...Array(32).keys()].map((row) => row % 10), "int32"), 10);
      const loss = () => tf.losses.softmaxCrossEntropy(labels, model.apply(x, { training: true }));
      const train = (count) => {
        for (let step = 0; step < count; step += 1) optimizer.minimize(loss, false);
      };
      const weights = async () => (await model.getWeights()[0].data())[0];
      // Warm; then thousands of steps, and one wait at the end.
      train(200);
      await weights();
      const times = [];
      for (let round = 0; round < 3; round += 1) {
        const start = performance.now();
        train(1000);
        await weights();
        times.push(performance.now() - start);
      }
      others[backend] = median(times);
    } catch (fault) {
      others[backend] = `cannot train it: ${fault.message.split("\n")[0]}`;
    }
  }
  const speeds = ([limit, product]) => ({ limit: (12 * 8) / (1000 * limit), product: (2 * 64 ** 3) / (1000 * product) });
  const best = speeds(all.map((times) => Math.min(...times)));
  const medians = all.map(median);
  return { ...speeds(medians), best, step: medians[2], others };
}
