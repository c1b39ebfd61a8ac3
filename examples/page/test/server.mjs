// Serves folders on loopback, as any file server would.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

// `folders` by the first part of the path; "" is the rest. Returns the address and how to stop.
export async function serve(folders) {
  const server = createServer(async (request, answer) => {
    const path = normalize(new URL(request.url, "http://localhost").pathname);
    const [, first] = path.split("/");
    const [folder, rest] = first !== "" && first in folders ? [folders[first], path.slice(first.length + 1)] : [folders[""], path];
    try {
      const bytes = await readFile(join(folder, rest.endsWith("/") ? `${rest}index.html` : rest));
      answer.writeHead(200, { "Content-Type": TYPES[extname(rest)] ?? (rest.endsWith("/") ? TYPES[".html"] : "application/octet-stream") });
      answer.end(bytes);
    } catch {
      answer.writeHead(404).end();
    }
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return { address: `http://127.0.0.1:${server.address().port}/`, stop: () => server.close() };
}
