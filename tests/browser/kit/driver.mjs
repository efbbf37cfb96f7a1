// SPDX-License-Identifier: MIT OR Apache-2.0
// Drives one browser for a test program: a JSON object per line on standard input, an answer per line on standard output. Everything
// that a page complains about is kept until its test asks.
// usage: node driver.mjs chromium|firefox EXECUTABLE WEB_FOLDER FOLDERS, which is a JSON object of what is served under which name
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { servePages } from "./pages.mjs";

const [kind, executable, web, foldersJson] = process.argv.slice(2);
const require = createRequire(`${web}/package.json`);
const pageTexts = new Map();
const folders = { ...JSON.parse(foldersJson), kit: import.meta.dirname };
const origins = {
    plain: await servePages(folders, pageTexts, false),
    isolated: await servePages(folders, pageTexts, true),
};
const { openBrowser } = await import(`./${kind}.mjs`);
const browser = await openBrowser(require, executable);
const tabs = new Map();
let ids = 0;

function tabOf({ tab }) {
    const found = tabs.get(tab);
    if (!found) throw new Error(`no tab ${tab}`);
    return found;
}

const operations = {
    /**
     * A page of its own context: `html`, or `path` below the origin. `init` runs before each document. `excuse`: whatever certificate a
     * server of HTTPS shows, it is as if the visitor had clicked through the warning.
     */
    async open({ html, path, isolated, init = [], ...options }) {
        const id = `${++ids}`;
        if (html !== undefined) pageTexts.set(id, html);
        const { origin } = isolated ? origins.isolated : origins.plain;
        const scripts = init.map((script) => (script.startsWith("kit:") ? readFileSync(new URL(script.slice(4), import.meta.url), "utf8") : script));
        const complaints = [];
        const tab = await browser.openTab(complaints, scripts, options);
        tabs.set(id, { tab, complaints });
        await tab.goto(/^https?:/.test(path ?? "") ? path : origin + (path ?? `/page/${id}`));
        return { tab: id, origin };
    },
    async close({ tab: id }) {
        const { tab, complaints } = tabOf({ tab: id });
        tabs.delete(id);
        pageTexts.delete(id);
        await tab.close();
        return complaints;
    },
    evaluate: ({ code, args, ...rest }) => tabOf(rest).tab.evaluate(`(${code})(...${JSON.stringify(args ?? [])})`),
    complaints: (request) => tabOf(request).complaints.splice(0),
    screenshot: ({ path, ...rest }) => tabOf(rest).tab.screenshot(path),
    metrics: (request) => tabOf(request).tab.metrics(),
    slow: ({ rate, ...rest }) => tabOf(rest).tab.slow(rate),
    click: ({ at, ...rest }) => tabOf(rest).tab.click(at),
    version: () => browser.version(),
};

function answer(id, body) {
    process.stdout.write(`${JSON.stringify({ id, ...body })}\n`);
}

answer(0, { result: { plain: origins.plain.origin, isolated: origins.isolated.origin, version: await browser.version() } });
const lines = createInterface({ input: process.stdin });
lines.on("line", async (line) => {
    const { id, operation, ...request } = JSON.parse(line);
    try {
        answer(id, { result: (await operations[operation](request)) ?? null });
    } catch (error) {
        answer(id, { error: String(error?.stack ?? error).split("\n").slice(0, 3).join(" ") });
    }
});
lines.on("close", async () => {
    await browser.close();
    process.exit(0);
});
