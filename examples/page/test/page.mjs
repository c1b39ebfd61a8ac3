// Uses every panel of the page as a person would. Prints what was seen; the first thing that is wrong stops with status 1.
//
//     node page.mjs ADDRESS FOLDER SCREENSHOTS

import assert from "node:assert/strict";
import { mkdir, readFile, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { browser } from "./browser.mjs";
import { DIGITS, HEART, STAIRS, jittered } from "./drawings.mjs";

const [address, folder, pictures] = process.argv.slice(2);
await mkdir(pictures, { recursive: true });
await sizes();

const chromium = await browser();
try {
  for (const vectors of [true, false]) await variant(vectors);
  await small();
} finally {
  await chromium.close();
}

// What is downloaded: two programs of at most 150 kB, 60 kB of text, 120 kB of data.
async function sizes() {
  const sum = { wasm: [], text: 0, data: 0 };
  for (const name of await readdir(folder)) {
    const { size } = await stat(join(folder, name));
    if (name.endsWith(".wasm")) sum.wasm.push(`${name} ${size}`);
    else if (/\.(html|css|js)$/.test(name)) sum.text += size;
    else sum.data += size;
    assert(!name.endsWith(".wasm") || size <= 150_000, `${name} has ${size} bytes`);
  }
  assert(sum.wasm.length === 2 && sum.text <= 60_000 && sum.data <= 120_000, JSON.stringify(sum));
  console.log(`sizes in bytes: ${sum.wasm.join(", ")}, text ${sum.text}, data ${sum.data}`);
}

// A fresh page that must neither complain nor ask anyone else.
async function open(settings = {}, query = "") {
  const context = await chromium.newContext(settings);
  const page = await context.newPage();
  page.on("pageerror", (error) => assert.fail(`the page threw ${error}`));
  page.on("console", (line) => assert(line.type() !== "error", `the page complained: ${line.text()}`));
  page.on("request", (request) => {
    const url = request.url();
    assert(url.startsWith(address) || /^(data|blob):/.test(url), `the page asked for ${url}`);
  });
  await page.goto(address + query);
  await page.waitForFunction(() => /^(Ready|This page)/.test(document.getElementById("status").textContent));
  return { context, page, text: (id) => page.locator(`#${id}`).innerText() };
}

async function variant(vectors) {
  const { context, page, text } = await open({ viewport: { width: 1280, height: 900 } }, vectors ? "" : "?vectors=no");
  assert.match(await text("status"), vectors ? /with vectors/ : /without vectors/);
  const name = vectors ? "simd128" : "plain";
  await playground(page, text, name, vectors ? 5 : 1);
  // Both read the same pictures by the same code; the bits below are of a whole training.
  if (vectors) await handwriting(page, text, name);
  await bits(page, text, name);
  assert.deepEqual(await context.cookies(), []);
  await page.screenshot({ path: join(pictures, `page-${name}.png`), fullPage: true });
  await context.close();
}

// Trains on the first `count` kinds of points, then does all else that can be done there.
async function playground(page, text, name, count) {
  const number = async (id) => Number((await text(id)).replaceAll(",", ""));
  const choose = (id, value) => page.selectOption(`#${id}`, value);
  // The loss of the held-out points that each kind must come below, and what it takes.
  const kinds = [
    ["circle", "0", "0", "1", "0.1", 0.2],
    ["xor", "1", "1", "2", "0.01", 0.2],
    ["clouds", "0", "2", "2", "0.03", 0.2],
    ["moons", "1", "0", "2", "0.01", 0.2],
    ["spiral", "2", "1", "2", "0.01", 0.35],
  ];
  for (const [data, network, activation, optimizer, rate, wanted] of kinds.slice(0, count)) {
    await choose("data", data);
    await choose("network", network);
    await choose("activation", activation);
    await choose("optimizer", optimizer);
    await choose("rate", rate);
    await page.click("#run");
    await page.waitForFunction(
      (wanted) => Number(document.getElementById("held-out").textContent) < wanted,
      wanted,
      { timeout: 60_000 },
    );
    await page.click("#run");
    console.log(
      `${name} ${data}: held-out loss ${await text("held-out")} after ${await text("steps")} steps, ${await text("speed")} a second`,
    );
    if (data === kinds[count - 1][0]) await page.locator("#playground").screenshot({ path: join(pictures, `playground-${name}.png`) });
  }
  // Pause has stopped it; a step is one; a reset begins again, with the same numbers for the same seed.
  const paused = await number("steps");
  await page.waitForTimeout(200);
  assert.equal(await number("steps"), paused);
  const losses = [];
  const seed = async (value) => {
    await page.fill("#seed", value);
    await page.dispatchEvent("#seed", "change");
  };
  const steps = async (count) => {
    assert.equal(await number("steps"), 0);
    for (let step = 0; step < count; step += 1) await page.click("#step");
    assert.equal(await number("steps"), count);
  };
  for (const _ of [1, 2]) {
    await page.click("#reset");
    await steps(3);
    losses.push(await text("loss"));
  }
  assert.equal(losses[0], losses[1]);
  await seed("7");
  await steps(3);
  assert.notEqual(await text("loss"), losses[0]);
  await once(page);

  // A point of one's own by keys, then others by mouse.
  await choose("data", "own");
  await page.focus("#plane");
  await page.keyboard.press("ArrowRight");
  await page.click("#step");
  assert.equal(await text("loss"), "–");
  await page.focus("#plane");
  await page.keyboard.press("Enter");
  await page.click("#step");
  assert.notEqual(await text("loss"), "–");
  assert.equal(await text("held-out"), "–");
  await page.click("#wipe");
  const plane = await page.locator("#plane").boundingBox();
  const click = (x, y) => page.mouse.click(plane.x + x * plane.width, plane.y + y * plane.height);
  for (let at = 0; at < 8; at += 1) await click(0.1 + 0.02 * at, 0.2 + 0.05 * at);
  await page.check("input[name=pen][value='0']");
  for (let at = 0; at < 8; at += 1) await click(0.8 + 0.02 * at, 0.2 + 0.05 * at);
  // They stay with another seed, and noise is not for them.
  await seed("3");
  assert(await page.isDisabled("#noise"));
  await steps(1);
  assert.notEqual(await text("held-out"), "–");
  await page.click("#run");
  await page.waitForFunction(() => Number(document.getElementById("held-out").textContent) < 0.1, null, { timeout: 30_000 });
  await page.click("#run");
  console.log(`${name} own points: held-out loss ${await text("held-out")}`);
  await page.click("#wipe");
  await page.click("#step");
  assert.equal(await text("loss"), "–");
}

// Started, paused and started at once, it learns once in a frame.
async function once(page) {
  const frames = await page.evaluate(async () => {
    const [request, frames] = [window.requestAnimationFrame, []];
    window.requestAnimationFrame = (work) => request((time) => (frames.push(time), work(time)));
    const run = document.getElementById("run");
    for (let press = 0; press < 3; press += 1) run.click();
    await new Promise((done) => setTimeout(done, 500));
    run.click();
    window.requestAnimationFrame = request;
    return frames;
  });
  assert(frames.length > 1 && new Set(frames).size === frames.length, `frames: ${frames}`);
}

async function draw(page, strokes) {
  await page.locator("#paper").scrollIntoViewIfNeeded();
  const box = await page.locator("#paper").boundingBox();
  await page.click("#clear");
  for (const stroke of strokes) {
    const points = stroke.map(([x, y]) => [box.x + x * box.width, box.y + y * box.height]);
    await page.mouse.move(...points[0]);
    await page.mouse.down();
    for (const point of points.slice(1)) await page.mouse.move(...point, { steps: 2 });
    await page.mouse.up();
  }
}

async function teach(page, text, name, strokes) {
  await draw(page, strokes);
  await page.fill("#name", name);
  await page.click("#teach button");
  assert.match(await text("lesson"), /^Learnt/);
}

// How many of ten other drawings are read as what they are.
async function known(page, text, name, sign, seed) {
  let right = 0;
  for (let other = 0; other < 10; other += 1) {
    await draw(page, jittered(sign, seed + other));
    right += (await text("read")) === `This is: ${name}`;
  }
  return right;
}

async function handwriting(page, text, name) {
  let read = 0;
  for (const [digit, strokes] of Object.entries(DIGITS)) {
    await draw(page, strokes);
    const seen = await text("read");
    read += seen === `This is: ${digit}`;
    if (digit === "3") await page.locator("#handwriting").screenshot({ path: join(pictures, `digit-${name}.png`) });
  }
  const digits = Object.keys(DIGITS).length;
  console.log(`${name}: ${read} of ${digits} drawn digits read`);
  assert(read >= digits - 1);

  const accuracy = async () => Number((await text("accuracy")).replace(" %", ""));
  const before = await accuracy();
  for (let drawing = 0; drawing < 5; drawing += 1) await teach(page, text, "heart", jittered(HEART, 100 + drawing));
  const hearts = await known(page, text, "heart", HEART, 200);
  const after = await accuracy();
  console.log(`${name}: ${hearts} of 10 hearts known after five drawings; held-out digits ${before} %, then ${after} %`);
  assert(hearts >= 8 && after >= before - 1);
  await page.locator("#handwriting").screenshot({ path: join(pictures, `sign-${name}.png`) });
  for (let drawing = 0; drawing < 5; drawing += 1) await teach(page, text, "stairs", jittered(STAIRS, 300 + drawing));
  const [stairs, still] = [await known(page, text, "stairs", STAIRS, 400), await known(page, text, "heart", HEART, 500)];
  console.log(`${name}: ${stairs} of 10 stairs known, ${still} of 10 hearts still; held-out digits ${await accuracy()} %`);
  assert(stairs >= 8 && still >= 8 && (await accuracy()) >= before - 1);

  // Names that are refused.
  await draw(page, HEART);
  await page.fill("#name", "7");
  await page.click("#teach button");
  assert.match(await text("lesson"), /Digits are known/);

  // A file, and files that are refused and change nothing.
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save")]);
  const file = await readFile(await download.path());
  await page.click("#forget");
  assert.equal(await page.locator("#signs li").count(), 0);
  const load = async (bytes) => {
    await page.setInputFiles("#load", { name: "weights.fusebox", mimeType: "application/octet-stream", buffer: bytes });
    await page.waitForFunction(() => document.getElementById("lesson").textContent !== "", null);
    return text("lesson");
  };
  const wait = async (bytes, expected) => {
    await page.evaluate(() => (document.getElementById("lesson").textContent = ""));
    assert.match(await load(bytes), expected);
  };
  await wait(file, /^Loaded/);
  assert.equal(await page.locator("#signs li").count(), 2);
  const flipped = Buffer.from(file);
  flipped[5000] ^= 1;
  const foreign = Buffer.from(file);
  foreign.fill(7, 12, 20);
  for (const [bytes, expected] of [
    [file.subarray(0, 100), /cut off/],
    [Buffer.concat([file, file]), /bytes too many/],
    [flipped, /damaged/],
    [foreign, /another network/],
    [Buffer.from("a text that is no file of weights at all"), /not a file of this page/],
    [Buffer.alloc(0), /file/],
  ]) {
    await wait(bytes, expected);
    assert.equal(await page.locator("#signs li").count(), 2);
  }
  // Files that are forged, with the right checksum. The weights follow a header of 20 bytes.
  const forged = (...weights) => {
    const bytes = Buffer.from(file);
    weights.forEach((weight, at) => bytes.writeFloatLE(weight, 20 + 4 * at));
    bytes.writeUInt32LE(crc32(bytes.subarray(0, -4)), bytes.length - 4);
    return bytes;
  };
  for (const weight of [NaN, Infinity, -Infinity]) {
    await wait(forged(0, weight), /weights are no numbers/);
    assert.equal(await page.locator("#signs li").count(), 2);
  }
  assert((await known(page, text, "heart", HEART, 600)) >= 8);
  // Weights so large that what the network says is no number.
  await wait(forged(...Array(64 * 32).fill(3e38)), /^Loaded/);
  await draw(page, HEART);
  assert.match(await text("read"), /network is broken/);
  await wait(file, /^Loaded/);
  assert((await known(page, text, "heart", HEART, 600)) >= 8);
  console.log(`${name}: a file of ${file.length} bytes saved and loaded; nine others refused`);

  // A hand that stays in one place for long, then draws a one.
  await draw(page, []);
  const paper = await page.locator("#paper").boundingBox();
  const move = (x, y) => page.mouse.move(paper.x + x * paper.width, paper.y + y * paper.height, { steps: 10 });
  await move(0.5, 0.1);
  await page.mouse.down();
  await page.evaluate(([x, y]) => {
    const at = (number) => ({ pointerId: 1, clientX: x + (number % 2) / 2, clientY: y });
    const coalescedEvents = [...Array(5000).keys()].map((number) => new PointerEvent("pointermove", at(number)));
    document.getElementById("paper").dispatchEvent(new PointerEvent("pointermove", { ...at(0), coalescedEvents }));
  }, [paper.x + 0.5 * paper.width, paper.y + 0.1 * paper.height]);
  await move(0.5, 0.9);
  await page.mouse.up();
  assert.equal(await text("read"), "This is: 1");

  // With keys alone: a one.
  await page.click("#clear");
  await page.focus("#paper");
  for (let up = 0; up < 7; up += 1) await page.keyboard.press("ArrowUp");
  await page.keyboard.press(" ");
  for (let down = 0; down < 14; down += 1) await page.keyboard.press("ArrowDown");
  await page.keyboard.press(" ");
  assert.match(await text("read"), /^This is: 1/);
}

async function bits(page, text, name) {
  await page.click("#bits-train");
  const result = await text("bits-result");
  console.log(`${name}: ${result}`);
  assert.match(result, /Every weight has the same bits/);
  assert.equal(await page.locator("#hashes tr").count(), JSON.parse(await readFile(join(folder, "bits.json"))).length + 1);
  await page.locator("#bits").screenshot({ path: join(pictures, `bits-${name}.png`) });
}

// A small screen that is touched, in the dark.
async function small() {
  const { context, page, text } = await open({
    viewport: { width: 375, height: 700 },
    hasTouch: true,
    isMobile: true,
    colorScheme: "dark",
  });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert(wide <= 375, `the page is ${wide} pixels wide`);
  await page.locator("#run").tap();
  await page.waitForFunction(() => Number(document.getElementById("held-out").textContent) < 0.4, null, { timeout: 30_000 });
  await page.locator("#run").tap();
  await page.screenshot({ path: join(pictures, "small-dark.png"), fullPage: true });
  // Every control has a name that a screen reader can say.
  const nameless = await page.evaluate(() =>
    [...document.querySelectorAll("button, input, select, canvas")].filter(
      (control) =>
        !(
          control.labels?.length ||
          control.getAttribute("aria-label") ||
          (control.tagName === "BUTTON" && control.textContent.trim())
        ),
    ).map((control) => control.id || control.outerHTML),
  );
  assert.deepEqual(nameless, []);
  console.log(`small and dark: ${await text("steps")} steps, nothing wider than the screen`);
  await fingers(context, page);
  await context.close();
}

// A finger scrolls past the plane unless it can draw there; a second finger draws nothing.
async function fingers(context, page) {
  const plane = () => page.$eval("#plane", (plane) => [getComputedStyle(plane).touchAction, plane.role, plane.tabIndex]);
  assert.deepEqual(await plane(), ["auto", "img", -1]);
  await page.selectOption("#data", "own");
  assert.deepEqual(await plane(), ["none", "application", 0]);
  await page.selectOption("#data", "circle");
  assert.deepEqual(await plane(), ["auto", "img", -1]);

  await page.locator("#paper").scrollIntoViewIfNeeded();
  const paper = await page.locator("#paper").boundingBox();
  const session = await context.newCDPSession(page);
  // The places of the fingers that touch.
  const touch = (type, ...places) =>
    session.send("Input.dispatchTouchEvent", {
      type,
      touchPoints: places.map(([x, y], id) => ({ id, x: paper.x + x * paper.width, y: paper.y + y * paper.height })),
    });
  await touch("touchStart", [0.2, 0.2]);
  await touch("touchStart", [0.2, 0.2], [0.8, 0.2]);
  for (const y of [0.4, 0.6, 0.8]) await touch("touchMove", [0.2, y], [0.8, y]);
  await touch("touchEnd");
  const drawn = (x) =>
    page.$eval(
      "#paper",
      (paper, x) => paper.getContext("2d").getImageData(x * paper.width - 5, 0, 10, paper.height).data.some((byte) => byte > 0),
      x,
    );
  assert.deepEqual([await drawn(0.2), await drawn(0.5), await drawn(0.8)], [true, false, false]);
}
