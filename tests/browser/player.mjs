// SPDX-License-Identifier: MIT OR Apache-2.0
// The player in a browser, with a real relay: picture, sound, latency, hidden pages, pauses, renditions, a relay that restarts, errors,
// strict pages, and what is left when it is closed. usage: node player.mjs CHROMIUM PROGRAMS [WORD]
// PROGRAMS is the folder of moq-relay; ffmpeg makes the clips. A WORD runs the tests whose names contain it.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [executablePath, programs, word = ""] = process.argv.slice(2);
const web = join(import.meta.dirname, "../../web");
const require = createRequire(`${web}/`);
const { chromium } = require("playwright-core");
const { build } = await import(require.resolve("vite").replace(/index\.cjs$/, "dist/node/index.js"));
const { bundleWorklet, worklet } = await import(join(web, "worklet.mjs"));
const folder = mkdtempSync(join(tmpdir(), "moq-player-"));

async function bundle(entry) {
    const [{ output }] = await build({
        root: web,
        configFile: false,
        logLevel: "warn",
        plugins: [worklet()],
        worker: { format: "es" },
        build: { write: false, target: "es2022", lib: { entry: join(web, entry), formats: ["es"], fileName: "it" } },
    });
    return output[0].code;
}

// The player's worker, whose WebGL is lost after some pictures.
const LOSING_WORKER = `import "/player-worker.js";
const { getContext } = OffscreenCanvas.prototype;
OffscreenCanvas.prototype.getContext = function (kind, ...rest) {
    const context = getContext.call(this, kind, ...rest);
    if (kind !== "webgl") return context;
    let left = 60;
    const { drawArrays } = context;
    context.drawArrays = (...args) => {
        drawArrays.apply(context, args);
        if (--left === 0) context.getExtension("WEBGL_lose_context").loseContext();
    };
    return context;
};`;

/** ?csp=... is the policy of the page. */
async function servePages() {
    const files = new Map([
        ["/player.js", await bundle("src/player/index.ts")],
        ["/player-worker.js", await bundle("src/player/engine/worker.ts")],
        ["/losing-worker.js", LOSING_WORKER],
        ["/audio-worklet.js", (await bundleWorklet(join(web, "src/player/audio/processor.ts"))).code],
        ["/page.js", 'import { Player } from "/player.js"; window.Player = Player;'],
        ["/", '<!doctype html><title>player</title><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>'],
    ]);
    const server = createServer((request, response) => {
        const url = new URL(request.url, "http://localhost");
        const policy = url.searchParams.get("csp");
        response.writeHead(files.has(url.pathname) ? 200 : 404, {
            "content-type": url.pathname.endsWith(".js") ? "text/javascript" : "text/html",
            ...(policy && { "content-security-policy": policy }),
        });
        response.end(files.get(url.pathname));
    });
    await new Promise((resolve) => server.listen(0, "localhost", resolve));
    return server;
}

/** Twenty seconds of moving picture and a tone. */
function makeClip(name, ...codecs) {
    const fragmented = ["-movflags", "cmaf+separate_moof+delay_moov+skip_trailer", "-frag_duration", "1"];
    const inputs = ["-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"];
    execFileSync("ffmpeg", ["-v", "error", "-y", ...inputs, "-t", "20", ...codecs, ...fragmented, join(folder, name)]);
}

const H264 = ["-c:v", "libx264", "-preset", "veryfast", "-g", "30", "-bf", "0", "-sc_threshold", "0", "-pix_fmt", "yuv420p", "-c:a", "aac"];

function makeClips() {
    makeClip("plain.mp4", ...H264);
    const scale = "[0:v]split=2[a][b];[b]scale=320:180[small]";
    const maps = ["-filter_complex", scale, "-map", "[a]", "-map", "[small]", "-map", "1:a"];
    makeClip("two.mp4", ...maps, ...H264, "-b:v:0", "1500k", "-b:v:1", "300k");
    makeClip("vp9.mp4", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "30", "-b:v", "300k", "-s", "480x270", "-c:a", "libopus");
    makeClip("still.mp4", "-vf", "loop=-1:1", ...H264);
}

async function freePort() {
    const server = createServer();
    await new Promise((resolve) => server.listen(0, "::", resolve));
    const { port } = server.address();
    await new Promise((resolve) => server.close(resolve));
    return port;
}

class Relay {
    async start(port) {
        this.port = port ?? (await freePort());
        const sources = ["plain", "two", "vp9", "still"].map((name) => `        - { path: demo/${name}, file: ${folder}/${name}.mp4, loop: true }`);
        const lines = ["listen:", `  - address: "[::]:${this.port}"`, "    self_signed: [localhost]", "http:", "  address: listen"];
        writeFileSync(join(folder, "relay.yaml"), [...lines, "modules:", "  - karp:", "      sources:", ...sources, ""].join("\n"));
        this.process = spawn(join(programs, "moq-relay"), [join(folder, "relay.yaml")], { stdio: "ignore" });
        for (let i = 0; i < 200; i++) {
            if (await fetch(`http://localhost:${this.port}/fingerprint`).then((answer) => answer.ok, () => false)) return this;
            await new Promise((resolve) => setTimeout(resolve, 50));
        }
        throw new Error("the relay does not answer");
    }

    async stop() {
        const ended = new Promise((resolve) => this.process.once("exit", resolve));
        this.process.kill();
        await ended;
    }
}

// What pages have at hand. Everything in here runs in the page.
function prepare() {
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    const until = async (what, words, ms = 15_000) => {
        for (const end = performance.now() + ms; performance.now() < end; await sleep(20)) if (await what()) return;
        throw new Error(`not within ${ms} ms: ${words}`);
    };
    /** Pixels of what is shown. */
    const look = (player) => {
        const copy = new OffscreenCanvas(64, 36).getContext("2d");
        copy.drawImage(player.canvas, 0, 0, 64, 36);
        return copy.getImageData(0, 0, 64, 36).data.join();
    };
    const make = (options, isDrawn = true) => {
        const player = new window.Player({ latencyMs: 200, ...options });
        if (isDrawn) player.attachCanvas(document.body.appendChild(document.createElement("canvas")));
        return player;
    };
    const isMoving = async (player) => {
        const before = look(player);
        await until(() => look(player) !== before, "the picture moves");
    };
    /** How loud it is, from 0 to 1. */
    const loudness = async (stream) => {
        const context = new AudioContext();
        const analyser = context.createAnalyser();
        context.createMediaStreamSource(stream).connect(analyser);
        await context.resume();
        await sleep(300);
        const samples = new Float32Array(analyser.fftSize);
        analyser.getFloatTimeDomainData(samples);
        await context.close();
        return Math.max(...samples.map(Math.abs));
    };
    const plays = (player) => until(() => player.state.status === "playing" && player.state.videoWidth > 0, "it plays");
    Object.assign(window, { sleep, until, look, make, isMoving, loudness, plays });
}

/** Each runs in a page of its own, with the address of the relay; `relay(verb)` stops and starts it. */
const TESTS = {
    async "shows a moving picture at the latency, with sound"(url) {
        const player = make({ src: `${url}/demo/plain` });
        await plays(player);
        await isMoving(player);
        const { state } = player;
        const latencies = [];
        for (let i = 0; i < 15; i++, await sleep(200)) latencies.push((await player.stats()).latencyMs);
        const stats = await player.stats();
        const loud = await loudness(player.captureStream());
        const { buffered, currentTime } = player.times;
        await player.close();
        latencies.sort((a, b) => a - b);
        return { size: [state.videoWidth, state.videoHeight], error: state.error, latency: latencies[10], stats, loud, buffered, currentTime };
    },

    async "plays VP9 and Opus"(url) {
        const player = make({ src: `${url}/demo/vp9` });
        await plays(player);
        await isMoving(player);
        await until(() => player.times.currentTime > 0 && player.state.hasAudio, "sound is there");
        const { videoCodec, audioCodec } = await player.stats();
        await player.close();
        return { videoCodec, audioCodec };
    },

    async "takes another latency"(url) {
        const player = make({ src: `${url}/demo/plain` });
        await plays(player);
        await sleep(1000);
        const reached = async (ms) =>
            until(async () => Math.abs((await player.stats()).latencyMs - Math.max(ms, player.state.neededLatencyMs)) < 120, `${ms} ms`);
        player.latencyMs = 1000;
        await reached(1000);
        player.latencyMs = 200;
        await reached(200);
        await player.close();
    },

    async "decodes nothing while it is hidden, and is back at live"(url) {
        let state = "visible";
        Object.defineProperty(document, "visibilityState", { get: () => state });
        const show = (next) => {
            state = next;
            document.dispatchEvent(new Event("visibilitychange"));
        };
        const player = make({ src: `${url}/demo/plain` });
        await plays(player);
        show("hidden");
        await sleep(300);
        const before = (await player.stats()).framesShown;
        await sleep(4500);
        const after = (await player.stats()).framesShown;
        const { status } = player.state;
        show("visible");
        await isMoving(player);
        const { latencyMs } = await player.stats();
        await player.close();
        return { shown: after - before, status, latencyMs };
    },

    async "pauses and goes on at live"(url) {
        const player = make({ src: `${url}/demo/plain` });
        await plays(player);
        player.pause();
        await until(() => player.state.status === "paused", "it pauses");
        await sleep(300);
        const still = look(player);
        await sleep(1000);
        const isStill = look(player) === still;
        player.play();
        await plays(player);
        await isMoving(player);
        const { latencyMs } = await player.stats();
        await player.close();
        return { isStill, latencyMs };
    },

    async "changes renditions by hand without a break"(url) {
        const player = make({ src: `${url}/demo/two` });
        await plays(player);
        const { renditions } = player.state;
        const sizes = [];
        for (const { name, width } of [...renditions].reverse()) {
            player.rendition = name;
            await until(() => player.state.videoWidth === width, `${name} is shown`);
            sizes.push(player.state.videoWidth);
        }
        const { rendition, status } = player.state;
        await player.close();
        return { sizes, rendition, status };
    },

    async "comes back after the relay was restarted"(url) {
        const player = make({ src: `${url}/demo/plain` });
        let reconnects = 0;
        player.addEventListener("reconnect", () => reconnects++);
        await plays(player);
        await relay("stop");
        await until(() => player.state.status === "connecting", "it notices");
        const { error } = player.state;
        await relay("start");
        await plays(player);
        await isMoving(player);
        await player.close();
        return { reconnects, code: error?.code };
    },

    async "begins when somebody publishes, and says what is wrong"(url) {
        const offline = make({ src: `${url}/demo/nobody` });
        await until(() => offline.state.status === "offline", "it is offline");
        await offline.close();
        const codes = [];
        for (const src of ["nonsense", url, "https://localhost:1/demo/plain"]) {
            const player = make({ src });
            await until(() => player.state.error, "there is an error");
            codes.push([player.state.error.code, player.state.status]);
            await player.close();
        }
        return codes;
    },

    async "plays on a page that allows no blobs"(url) {
        const player = make({ src: `${url}/demo/plain`, workerUrl: "/player-worker.js", workletUrl: "/audio-worklet.js" });
        await plays(player);
        await isMoving(player);
        const loud = await loudness(player.captureStream());
        await player.close();
        return { loud };
    },

    async "another src begins without the size of the last one"(url) {
        const player = make({ src: `${url}/demo/plain` });
        await plays(player);
        const sizes = [];
        player.addEventListener("state", () => {
            const { videoWidth, videoHeight } = player.state;
            const size = `${videoWidth}x${videoHeight}`;
            if (sizes.at(-1) !== size) sizes.push(size);
        });
        player.src = `${url}/demo/vp9`;
        await until(() => player.state.videoWidth === 480, "the other one is shown");
        player.load();
        await until(() => player.state.videoWidth === 0, "it begins anew");
        await until(() => player.state.videoWidth === 480, "it is shown again");
        await player.close();
        return sizes;
    },

    async "draws by WebGL what 2D draws"(url) {
        const names = [];
        const pictures = [];
        for (const drawing of ["auto", "2d", "webgl"]) {
            const player = make({ src: `${url}/demo/still`, drawing });
            await until(() => new Set(look(player).split(",")).size > 20, "there is a picture");
            names.push((await player.stats()).drawnBy);
            pictures.push(look(player).split(",").map(Number));
            await player.close();
        }
        const [, one, other] = pictures;
        return { names, difference: one.reduce((sum, value, i) => sum + Math.abs(value - other[i]), 0) / one.length };
    },

    async "goes on by 2D on another canvas when the context is lost"(url) {
        const player = make({ src: `${url}/demo/plain`, drawing: "webgl", workerUrl: "/losing-worker.js" });
        player.addEventListener("canvaslost", () => {
            player.canvas.remove();
            player.attachCanvas(document.body.appendChild(document.createElement("canvas")));
        });
        const names = [];
        await plays(player);
        await until(async () => {
            const { drawnBy } = await player.stats();
            if (names.at(-1) !== drawnBy) names.push(drawnBy);
            return drawnBy === "2d";
        }, "the context is lost");
        await isMoving(player);
        const { status } = player.state;
        await player.close();
        return { names, status };
    },

    async "leaves nothing when it is closed"(url) {
        for (let i = 0; i < 10; i++) {
            const player = make({ src: `${url}/demo/plain` });
            if (i % 2) await plays(player);
            await player.close();
            player.canvas.remove();
        }
    },
};

const CHECKS = {
    "shows a moving picture at the latency, with sound": ({ size, error, latency, stats, loud, buffered, currentTime }) => {
        assert.deepEqual(size, [640, 360]);
        assert.equal(error, undefined);
        assert(latency > 120 && latency < 600, `the latency is ${latency} ms`);
        assert(stats.framesShown > 60 && stats.version === "03" && stats.rateBps > 100_000, JSON.stringify(stats));
        assert(loud > 0.02, `it is silent: ${loud}`);
        assert(currentTime > 0 && buffered.end >= buffered.start, "there are times");
    },
    "plays VP9 and Opus": ({ videoCodec, audioCodec }) => assert(videoCodec.startsWith("vp09") && audioCodec === "opus"),
    "decodes nothing while it is hidden, and is back at live": ({ shown, status, latencyMs }) => {
        assert(shown <= 1, `${shown} pictures were shown`);
        assert.equal(status, "playing");
        assert(latencyMs < 1500, `${latencyMs} ms behind`);
    },
    "pauses and goes on at live": ({ isStill, latencyMs }) => assert(isStill && latencyMs < 1500, `${isStill} ${latencyMs}`),
    "changes renditions by hand without a break": ({ sizes, rendition, status }) => {
        assert.deepEqual(sizes, [320, 640]);
        assert.deepEqual([rendition.chosenBy, status], ["viewer", "playing"]);
    },
    "comes back after the relay was restarted": ({ reconnects, code }) => {
        assert.equal(reconnects, 1);
        assert(code === undefined || code === "unreachable", code);
    },
    "begins when somebody publishes, and says what is wrong": (codes) =>
        assert.deepEqual(codes, [["bad-url", "failed"], ["bad-url", "failed"], ["unreachable", "connecting"]]),
    "another src begins without the size of the last one": (sizes) => assert.deepEqual(sizes, ["0x0", "480x270", "0x0", "480x270"]),
    "draws by WebGL what 2D draws": ({ names, difference }) => {
        // Headless Chromium has no graphics card.
        assert.deepEqual(names, ["2d", "2d", "webgl"]);
        assert(difference < 3, `they differ by ${difference} of 255`);
    },
    "goes on by 2D on another canvas when the context is lost": (seen) => assert.deepEqual(seen, { names: ["webgl", "2d"], status: "playing" }),
    "plays on a page that allows no blobs": ({ loud }) => assert(loud > 0.02, `it is silent: ${loud}`),
};

const STRICT = "default-src 'self'; connect-src *; img-src data:";
const pages = await servePages();
makeClips();
const relay = await new Relay().start();
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"] });
let failed = 0;
for (const [name, test] of Object.entries(TESTS).filter(([name]) => name.includes(word))) {
    const page = await (await browser.newContext()).newPage();
    const complaints = [];
    page.on("pageerror", (error) => complaints.push(String(error)));
    // Browsers complain about connections that do not come about, which cannot be helped.
    page.on("console", (message) => {
        if (message.type() === "error" && !/connection|ERR_|Failed to load/.test(message.text())) complaints.push(message.text());
    });
    await page.exposeFunction("relay", (verb) => (verb === "stop" ? relay.stop() : relay.start(relay.port).then(() => {})));
    await page.addInitScript(prepare);
    const query = name.includes("blobs") ? `?csp=${encodeURIComponent(STRICT)}` : "";
    try {
        await page.goto(`http://localhost:${pages.address().port}/${query}`);
        await page.waitForFunction(() => window.Player !== undefined);
        const result = await page.evaluate(`(${test.toString().replace(/^async "[^"]*"/, "async function")})("http://localhost:${relay.port}")`);
        CHECKS[name]?.(result);
        assert.deepEqual(complaints, []);
        for (let i = 0; i < 100 && page.workers().length > 0; i++) await new Promise((resolve) => setTimeout(resolve, 50));
        assert.equal(page.workers().length, 0, "a worker is left");
        console.log(`ok ${name}`);
    } catch (error) {
        failed++;
        console.log(`FAILED ${name}: ${error.message}`);
    }
    await page.context().close();
}
await browser.close();
await relay.stop();
pages.close();
rmSync(folder, { recursive: true });
process.exit(failed ? 1 : 0);
