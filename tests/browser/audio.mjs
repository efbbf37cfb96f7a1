// SPDX-License-Identifier: MIT OR Apache-2.0
// Sound in a browser: what a worker writes comes out as it was meant to, with and without shared memory; the clock runs with the
// wall; autoplay rules and content security policies are met. usage: node audio.mjs CHROMIUM [WORD]
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";

const [executablePath, word = ""] = process.argv.slice(2);
/** What the worker writes to the left and to the right. */
const TONES = [440, 1000];
const here = import.meta.dirname;
const web = join(here, "../../web");
const require = createRequire(`${web}/`);
const { chromium } = require("playwright-core");
const { build } = await import(require.resolve("vite").replace(/index\.cjs$/, "dist/node/index.js"));
const { bundleWorklet, worklet } = await import(join(web, "worklet.mjs"));

async function bundle() {
    const { output } = await build({
        root: here,
        base: "./",
        configFile: false,
        logLevel: "warn",
        plugins: [worklet()],
        worker: { format: "es" },
        build: {
            write: false,
            target: "es2022",
            modulePreload: false,
            minify: true,
            rolldownOptions: {
                input: { page: join(here, "audio_page.ts") },
                output: { entryFileNames: "[name].js" },
            },
        },
    });
    const files = new Map(output.map((file) => [`/${file.fileName}`, file.code ?? file.source]));
    files.set("/", readFileSync(join(here, "audio.html"), "utf8"));
    files.set("/audio-worklet.js", (await bundleWorklet(join(web, "src/player/audio/processor.ts"))).code);
    return files;
}

/** /isolated/... gets shared memory; ?csp=... is the policy of the page. */
async function serve(files) {
    const server = createServer((request, response) => {
        const url = new URL(request.url, "http://localhost");
        const isIsolated = url.pathname.startsWith("/isolated/");
        const body = files.get(url.pathname.replace(/^\/(isolated|plain)/, ""));
        const policy = url.searchParams.get("csp");
        response.writeHead(body === undefined ? 404 : 200, {
            "content-type": url.pathname.endsWith(".js") ? "text/javascript" : "text/html",
            ...(isIsolated && { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" }),
            ...(policy && { "content-security-policy": policy }),
        });
        response.end(body);
    });
    await new Promise((resolve) => server.listen(0, "localhost", resolve));
    return server;
}

async function open(browser, path) {
    const page = await (await browser.newContext()).newPage();
    page.errors = [];
    page.on("pageerror", (error) => page.errors.push(String(error)));
    await page.goto(`http://localhost:${server.address().port}${path}`);
    await page.waitForFunction(() => globalThis.ask !== undefined);
    return page;
}

function state(page) {
    return page.evaluate(() => globalThis.output.state);
}

function ask(page, question) {
    return page.evaluate((question) => globalThis.ask(question), question);
}

async function waitFor(page, wanted) {
    await page.waitForFunction((wanted) => globalThis.output.state === wanted, wanted, { timeout: 30_000 }).catch(() => {});
    assert.equal(await state(page), wanted, await page.evaluate(() => globalThis.output.reason));
}

async function waitForTime(page) {
    for (let i = 0; i < 200; i++) {
        if ((await ask(page, {})).timeUs !== undefined) return;
        await sleep(50);
    }
    assert.fail("the clock does not run");
}

function sleep(ms) {
    return new Promise((resolve) => setTimeout(resolve, ms));
}

function roughness(samples) {
    let most = 0;
    for (let i = 2; i < samples.length; i++) most = Math.max(most, Math.abs(samples[i] - 2 * samples[i - 1] + samples[i - 2]));
    return most;
}

/** Zero crossings upwards per second, where there is sound. */
function frequencyOf(samples) {
    const from = samples.findIndex((sample) => Math.abs(sample) > 0.1);
    const sound = samples.slice(from);
    let crossings = 0;
    for (let i = 1; i < sound.length; i++) if (sound[i - 1] < 0 && sound[i] >= 0) crossings++;
    return (crossings * 48000) / sound.length;
}

/** How the clock ran; it never goes back. */
function readClock(notes) {
    const known = notes.filter(([, timeUs]) => timeUs !== undefined);
    assert.ok(known.length > 10, `the clock was defined ${known.length} of ${notes.length} times`);
    for (let i = 1; i < known.length; i++) assert.ok(known[i][1] >= known[i - 1][1], `a step back: ${known[i - 1]} to ${known[i]}`);
    const [first, last] = [known[0], known.at(-1)];
    const slope = (last[1] - first[1]) / 1000 / (last[0] - first[0]);
    const offs = known.map(([wallMs, timeUs]) => (timeUs - first[1]) / 1000 - slope * (wallMs - first[0]));
    return { slope, off: `${Math.min(...offs).toFixed(2)} to ${Math.max(...offs).toFixed(2)} ms` };
}

/** A busy machine stops the thread of sound now and then, and the clock with it. It is enough if it runs evenly once. */
async function checkClock(page) {
    const seen = [];
    while (seen.length < 5) {
        await ask(page, { takeNotes: true });
        await sleep(2000);
        seen.push(readClock((await ask(page, { takeNotes: true })).notes));
        const { slope, off } = seen.at(-1);
        if (Math.abs(slope - 1) < 0.02) return `the clock runs at ${slope.toFixed(4)}, off by ${off}`;
    }
    assert.fail(`the clock runs at ${seen.map(({ slope }) => slope)}`);
}

/** Rates change and playback jumps. Returns how much rougher that is than the tones; a click is ten times as rough. A busy machine
 *  may lose blocks of a recording, which no fade can hide: it is enough if it is smooth once. */
async function playRoughly(page) {
    let rough = Number.POSITIVE_INFINITY;
    for (let tries = 0; tries < 12 && rough > 5; tries++) {
        const planes = await page.evaluate(async () => {
            const stop = globalThis.record();
            const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
            for (const rate of [1.05, 0.95, 1.5, 0.6, 1]) await globalThis.ask({ rate }).then(() => pause(500));
            for (const jumpUs of [300_300, 1_000_700, 40_000]) await globalThis.ask({ jumpUs }).then(() => pause(400));
            return stop();
        });
        rough = Math.max(...planes.map((plane, i) => roughness(plane) / (0.5 * ((2 * Math.PI * TONES[i]) / 48000) ** 2)));
        for (const [i, frequency] of TONES.entries()) {
            const heard = frequencyOf(planes[i]);
            assert.ok(Math.abs(heard / frequency - 1) < 0.05, `${heard} Hz instead of ${frequency}`);
        }
    }
    assert.ok(rough < 5, `it clicks: ${rough} times as rough as the tones`);
    return rough;
}

async function soundComesOut(path) {
    const page = await open(browsers.free, path);
    await waitFor(page, "running");
    assert.equal(await page.evaluate(() => globalThis.link.shared !== undefined), path.startsWith("/isolated"));
    await ask(page, { playFrom: 0 });
    await waitForTime(page);
    const tones = await page.evaluate(() => globalThis.analyse());
    for (const [i, frequency] of TONES.entries()) {
        assert.ok(Math.abs(tones[i].frequency - frequency) < 5, `${tones[i].frequency} Hz instead of ${frequency}`);
    }
    const clock = await checkClock(page);

    const rough = await playRoughly(page);
    const { underruns, dropped } = await ask(page, {});
    assert.equal(underruns, 0);
    assert.equal(dropped, 0);
    assert.deepEqual(page.errors, []);
    await page.evaluate(() => globalThis.output.close());
    assert.equal(await state(page), "closed");
    assert.equal((await ask(page, {})).timeUs, undefined);
    await page.context().close();
    return `${clock}; ${rough.toFixed(2)} times as rough as the tones`;
}

async function theCentreIsHeardOnBothSides() {
    const page = await open(browsers.free, "/plain/?channels=6");
    await ask(page, { playFrom: 0 });
    await waitForTime(page);
    const tones = await page.evaluate(() => globalThis.analyse());
    for (const { frequency } of tones) assert.ok(Math.abs(frequency - 440) < 5, `${frequency} Hz instead of 440`);
    assert.ok(Math.abs(tones[0].power - tones[1].power) < 0.1);
    assert.deepEqual(page.errors, []);
    await page.context().close();
    return `${tones[0].power.toFixed(1)} dB`;
}

async function withoutAClickItIsBlocked() {
    const page = await open(browsers.strict, "/isolated/");
    await waitFor(page, "blocked");
    await ask(page, { playFrom: 0 });
    await sleep(1000);
    const { timeUs, bufferedUs } = await ask(page, {});
    assert.equal(timeUs, undefined);
    assert.ok(bufferedUs > 0 && bufferedUs <= 4e6);
    assert.equal(await state(page), "blocked");
    await page.click("button");
    assert.equal(await page.evaluate(() => globalThis.unlocked), true);
    await waitFor(page, "running");
    await waitForTime(page);
    assert.deepEqual(page.errors, []);
    await page.context().close();
    return "then a click unlocks it";
}

async function aPolicyWithoutBlobsNeedsAUrl() {
    const policy = `csp=${encodeURIComponent("default-src 'self'")}`;
    const refused = await open(browsers.free, `/plain/?${policy}`);
    await waitFor(refused, "failed");
    const reason = await refused.evaluate(() => globalThis.output.reason);
    assert.match(reason, /script-src/);
    assert.deepEqual(refused.errors, []);
    const withBlobs = `csp=${encodeURIComponent("default-src 'self'; script-src 'self' blob:")}`;
    for (const path of [`/plain/?${withBlobs}`, `/plain/?${policy}&worklet=/audio-worklet.js`]) {
        const page = await open(browsers.free, path);
        await ask(page, { playFrom: 0 });
        await waitForTime(page);
        await page.context().close();
    }
    await refused.context().close();
    return reason;
}

const TESTS = [
    ["sound comes out over shared memory", () => soundComesOut("/isolated/")],
    ["sound comes out over messages", () => soundComesOut("/plain/")],
    ["the centre of six channels is heard on both sides", theCentreIsHeardOnBothSides],
    ["without a click it is blocked", withoutAClickItIsBlocked],
    ["a policy without blobs needs a URL", aPolicyWithoutBlobsNeedsAUrl],
];
const server = await serve(await bundle());
const launch = (...args) => chromium.launch({ executablePath, headless: true, args: ["--no-sandbox", "--disable-gpu", ...args] });
const browsers = { free: await launch("--autoplay-policy=no-user-gesture-required"), strict: await launch() };
let failures = 0;
for (const [name, test] of TESTS.filter(([name]) => name.includes(word))) {
    try {
        console.log(`ok: ${name} (${await test()})`);
    } catch (error) {
        failures++;
        console.log(`FAILED: ${name}\n${error.stack}`);
    }
}
await Promise.all(Object.values(browsers).map((browser) => browser.close()));
server.close();
process.exit(failures ? 1 : 0);
