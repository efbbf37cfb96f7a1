// SPDX-License-Identifier: MIT OR Apache-2.0
// Serves what tests open: folders by name, and pages that a test writes. Two addresses: at one of them pages are isolated (COOP and
// COEP), so that they have SharedArrayBuffer.
import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".mp4": "video/mp4",
    ".map": "application/json",
    ".svg": "image/svg+xml",
};
const ISOLATED = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

function rangeOf(header, size) {
    const found = /^bytes=(\d+)-(\d*)$/.exec(header ?? "");
    if (!found) return undefined;
    return { start: Number(found[1]), end: found[2] ? Math.min(Number(found[2]), size - 1) : size - 1 };
}

function sendFile(path, request, response) {
    const size = statSync(path).size;
    const range = rangeOf(request.headers.range, size);
    const type = TYPES[extname(path)] ?? "application/octet-stream";
    if (range) {
        const { start, end } = range;
        response.writeHead(206, {
            "Content-Type": type,
            "Content-Range": `bytes ${start}-${end}/${size}`,
            "Content-Length": end - start + 1,
        });
    } else response.writeHead(200, { "Content-Type": type, "Content-Length": size, "Accept-Ranges": "bytes" });
    createReadStream(path, range).on("error", () => response.destroy()).pipe(response);
}

/** `folders`: what `/NAME/` shows; `pages`: what `/page/ID` is, which may grow. */
export async function servePages(folders, pages, isolated) {
    const server = createServer((request, response) => {
        const [, name, ...rest] = decodeURIComponent(new URL(request.url, "http://localhost").pathname).split("/");
        response.setHeader("Cross-Origin-Resource-Policy", "cross-origin");
        response.setHeader("Cache-Control", "no-store");
        if (isolated) for (const [header, value] of Object.entries(ISOLATED)) response.setHeader(header, value);
        try {
            const page = name === "page" ? pages.get(rest[0]) : undefined;
            if (page !== undefined) response.writeHead(200, { "Content-Type": TYPES[".html"] }).end(page);
            else if (folders[name]) sendFile(join(folders[name], normalize(`/${rest.join("/")}`)), request, response);
            else response.writeHead(404).end();
        } catch {
            response.writeHead(404).end();
        }
    });
    await new Promise((done) => server.listen(0, "localhost", done));
    return { origin: `http://localhost:${server.address().port}`, close: () => server.close() };
}
