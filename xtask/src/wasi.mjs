// Runs a module of wasm32-wasip1 in Node: `node wasi.mjs MODULE ARGUMENTS..`. A test that fails traps, and Node ends with an error.
// The module sees the folder that it runs in, with what tests compare with.
import { readFile } from "node:fs/promises";
import { cwd, env, argv } from "node:process";
import { WASI } from "node:wasi";

const args = argv.slice(2);
const wasi = new WASI({ version: "preview1", args, env, preopens: { [cwd()]: cwd() } });
const module = await WebAssembly.compile(await readFile(args[0]));
process.exitCode = wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject()));
