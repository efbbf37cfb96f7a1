// SPDX-License-Identifier: MIT OR Apache-2.0
// <moq-publish> in a browser with a camera and a microphone that are made up, a real relay, and moq-karp, ffprobe and ffmpeg as
// viewers who notice everything. MOQ_BIN is the folder of moq-relay and moq-karp.
// usage: node publish.mjs [--chromium PATH | --firefox PATH] [--shots FOLDER] [WORD...]; a WORD runs the tests whose names contain it.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs, promisify } from "node:util";
import { checkPicture, checkSound, inspect, keysOf, loudestDb } from "./kit/media.mjs";

const { values: flags, positionals: words } = parseArgs({
    options: {
        chromium: { type: "string", default: "/usr/bin/chromium" },
        firefox: { type: "string" },
        shots: { type: "string" },
    },
    allowPositionals: true,
});
const isFirefox = flags.firefox !== undefined;
const top = resolve(import.meta.dirname, "../..");
const bin = process.env.MOQ_BIN ?? join(top, "build/bin");
const web = join(top, "web");
const require = createRequire(join(web, "package.json"));
const { build } = await import(require.resolve("vite"));
const { bundleWorklet, worklet } = await import(join(web, "worklet.mjs"));
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const run = promisify(execFile);
const scratch = mkdtempSync(join(tmpdir(), "moq-publish-"));

const WAIT_MS = 60_000;
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// ---------------------------------------------------------------------------------------------------------- programs

async function freePort() {
    const server = createServer();
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    const { port } = server.address();
    await new Promise((done) => server.close(done));
    return port;
}

async function startRelay(port) {
    const child = spawn(join(bin, "moq-relay"), ["--dev", "--bind", `[::]:${port}`], { stdio: ["ignore", "ignore", "pipe"] });
    child.stderr.resume();
    await until(async () => (await fetch(`http://localhost:${port}/fingerprint`).catch(() => undefined))?.ok, "the relay");
    return { port, stop: () => end(child) };
}

async function end(child, signal = "SIGTERM") {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const over = new Promise((done) => child.once("exit", done));
    child.kill(signal);
    await over;
}

async function until(condition, what, ms = WAIT_MS) {
    const deadline = Date.now() + ms;
    for (;;) {
        const got = await condition();
        if (got) return got;
        if (Date.now() > deadline) throw new Error(`in vain: ${what}`);
        await sleep(50);
    }
}

/** moq-karp writes what it sees of a broadcast, from now on; stop() returns the file. */
async function record(path, ...options) {
    const file = join(scratch, `${path.replace(/\W/g, "-")}-${Math.random().toString(36).slice(2)}.mp4`);
    const url = `https://localhost:${relay.port}/${path}`;
    const child = spawn(join(bin, "moq-karp"), ["--tls-disable-verify", "subscribe", url, "-o", file, ...options]);
    const said = [];
    child.stderr.on("data", (data) => said.push(String(data)));
    await until(() => said.join("").includes("watching instance"), `moq-karp watches ${path}`);
    return {
        file,
        async stop() {
            await end(child, "SIGINT");
            return file;
        },
    };
}

async function tellCatalog(path) {
    const url = `https://localhost:${relay.port}/${path}`;
    const { stdout } = await run(join(bin, "moq-karp"), ["--tls-disable-verify", "info", "--json", "--duration", "1s", url]);
    return JSON.parse(stdout);
}

// -------------------------------------------------------------------------------------------------------------- page

/** The doors as pages get them, and a clip. */
async function serve() {
    const doors = { publish: "src/publish/index.ts", "publish-worker": "src/publish/engine/worker.ts", video: "src/element/index.ts" };
    for (const [name, entry] of Object.entries(doors))
        await build({
            root: web,
            configFile: false,
            logLevel: "error",
            plugins: [worklet()],
            worker: { format: "es" },
            build: {
                outDir: scratch,
                emptyOutDir: false,
                target: "es2022",
                lib: { entry: join(web, entry), formats: ["es"], fileName: () => `${name}.js` },
            },
        });
    writeFileSync(join(scratch, "publish-worklet.js"), (await bundleWorklet(join(web, "src/publish/collector.ts"))).code);
    writeFileSync(join(scratch, "hear.js"), HEAR);
    writeFileSync(join(scratch, "strict.js"), STRICT);
    const clip = ["-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25", "-f", "lavfi", "-i", "sine=frequency=700:sample_rate=44100"];
    const codec = ["-t", "3", "-c:v", "libvpx", "-deadline", "realtime", "-b:v", "1M", "-c:a", "libopus"];
    await run("ffmpeg", ["-v", "error", ...clip, ...codec, join(scratch, "clip.webm")]);
    const types = { js: "text/javascript", webm: "video/webm" };
    const server = createServer((request, response) => {
        const { pathname, searchParams } = new URL(request.url, "http://localhost");
        const [, name] = /^\/([\w.-]+\.(?:js|webm))$/.exec(pathname) ?? [];
        response.setHeader("content-type", name ? types[name.split(".").at(-1)] : "text/html; charset=utf-8");
        const isStrict = searchParams.has("strict");
        if (isStrict) response.setHeader("content-security-policy", "default-src 'self'; connect-src *; img-src data:");
        if (searchParams.has("policy")) response.setHeader("permissions-policy", "camera=(), microphone=()");
        response.end(name ? readFileSync(join(scratch, name)) : pageOf(searchParams.get("body") ?? "", isStrict));
    });
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    return server;
}

const HEAR = `globalThis.heard = [];
for (const type of ["publish", "unpublish", "error"])
    addEventListener(type, (event) => {
        if (event.target?.localName === "moq-publish") heard.push(type === "error" ? event.error.code : type);
    }, { capture: true });`;

/** For pages that allow no blobs. */
const STRICT = `import { MoqPublishElement } from "/publish.js";
MoqPublishElement.workerUrl = "/publish-worker.js";
MoqPublishElement.workletUrl = "/publish-worklet.js";`;

function pageOf(body, isStrict) {
    return `<!doctype html><html lang="en"><title>publish</title><meta name="viewport" content="width=device-width">
        <meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">
        <script type="module" src="/hear.js"></script><script type="module" src="/${isStrict ? "strict" : "publish"}.js"></script><main><h1>Publish</h1>${body}</main>`;
}

const CHROMIUM_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--use-fake-device-for-media-stream", "--autoplay-policy=no-user-gesture-required"];
const FAKE_UI = ["--use-fake-ui-for-media-stream", "--auto-select-desktop-capture-source=Entire screen"];

/** Firefox has a clock for sound only where something could play it: a sound server of our own, which nobody hears. */
async function startSpeaker() {
    const home = join(scratch, "pulse");
    mkdirSync(home, { mode: 0o700 });
    const words = ["-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--disable-shm=yes", "--realtime=no", "--high-priority=no"];
    const modules = ["-L", "module-null-sink sink_name=nobody", "-L", `module-native-protocol-unix auth-anonymous=1 socket=${home}/socket`];
    const env = { ...process.env, HOME: home, XDG_RUNTIME_DIR: home, PULSE_RUNTIME_PATH: home };
    const child = spawn("pulseaudio", [...words, ...modules], { stdio: "ignore", env });
    await until(() => existsSync(`${home}/socket`), "pulseaudio");
    Object.assign(process.env, { PULSE_SERVER: `unix:${home}/socket`, PULSE_COOKIE: `${home}/cookie` });
    return { stop: () => end(child) };
}

function launch(isAllowed = true) {
    if (isFirefox)
        return require("puppeteer-core").launch({
            browser: "firefox",
            executablePath: flags.firefox,
            headless: true,
            extraPrefsFirefox: {
                "media.navigator.streams.fake": true,
                "media.navigator.permission.disabled": isAllowed,
                "media.autoplay.default": 0,
                ...(isAllowed ? {} : { "permissions.default.camera": 2, "permissions.default.microphone": 2 }),
            },
        });
    const args = [...CHROMIUM_FLAGS, ...(isAllowed ? FAKE_UI : ["--deny-permission-prompts"])];
    return require("playwright-core").chromium.launch({ executablePath: flags.chromium, args });
}

/** Larger pictures are only slower. */
const SIZE = `width="640" height="480"`;

let paths = 0;

/** A path of its own for each test, on the relay. */
function freshPath() {
    return `test/${process.pid}-${++paths}`;
}

function tagFor(path, attributes = "") {
    return `<moq-publish src="http://localhost:${relay.port}/${path}" ${SIZE} ${attributes}></moq-publish>`;
}

const evaluate = (page, act, ...values) => page.evaluate(act, ...values);

/** The two drivers want what is handed in at different places. */
function waitFor(page, condition, value) {
    return isFirefox ? page.waitForFunction(condition, {}, value) : page.waitForFunction(condition, value);
}

async function waitLive(page) {
    await waitFor(page, () => document.querySelector("moq-publish")?.state.status === "live");
}

/** Publishes with these attributes, lets moq-karp see it for a while, and returns what it has seen. */
async function publishAndInspect(open, attributes, seconds = 8, ...options) {
    const path = freshPath();
    const page = await open(tagFor(path, attributes));
    await waitLive(page);
    const recorder = await record(path, ...options);
    await sleep(seconds * 1000);
    const state = await evaluate(page, () => document.querySelector("moq-publish").state);
    const stats = await evaluate(page, () => document.querySelector("moq-publish").stats);
    const file = await recorder.stop();
    return { page, path, file, state, stats, streams: await inspect(file) };
}

// ------------------------------------------------------------------------------------------------------------- tests

const tests = {
    async h264_with_sound({ open }) {
        const { page, state, stats, streams, file } = await publishAndInspect(open, `source="camera" codec="h264"`);
        assert.match(state.renditions[0].codec, /^avc1\.[0-9a-f]{6}$/i);
        assert.ok(!state.isNetworkSlow && stats.framesDropped < 20, `nothing is slow here: ${JSON.stringify([state, stats])}`);
        const [video, sound] = streams;
        checkPicture(video, "h264", 640, 480);
        checkSound(sound);
        assert.equal(video.has_b_frames, 0);
        // Pictures begin with a keyframe; who comes in between may be given the last one.
        const apart = Math.abs(video.packets[0].timeS - sound.packets[0].timeS);
        assert.ok(apart < 2.5, `picture and sound begin ${apart} s apart`);
        assert.ok(stats.framesPerSecond > 5 && stats.bitrateBps > 10_000 && stats.isWatched, JSON.stringify(stats));
        assert.ok((await loudestDb(file)) > -50, "something is heard");
        assert.deepEqual(await evaluate(page, () => heard), ["publish"]);
        await evaluate(page, () => document.querySelector("moq-publish").stop());
        await waitFor(page, () => heard.includes("unpublish"));
    },

    async vp9({ open }) {
        const { streams } = await publishAndInspect(open, `source="camera" codec="vp9"`);
        checkPicture(streams[0], "vp9", 640, 480);
        checkSound(streams[1]);
    },

    async av1({ open }) {
        const { streams } = await publishAndInspect(open, `source="camera" codec="av1"`, 8);
        checkPicture(streams[0], "av1", 640, 480);
        checkSound(streams[1]);
    },

    async vp8({ open }) {
        const { streams } = await publishAndInspect(open, `source="camera" codec="vp8" keyframe-interval="1.5"`);
        checkPicture(streams[0], "vp8", 640, 480, 1.5);
    },

    async a_ladder_has_its_keyframes_at_the_same_times({ open }) {
        const { state, streams, path } = await publishAndInspect(open, `source="camera" ladder bitrate="1000000"`, 9);
        assert.deepEqual(state.renditions.map(({ name, bitrateBps }) => [name, bitrateBps]), [["video", 1e6], ["video-low", 3e5]]);
        const [high, low, sound] = streams;
        checkPicture(high, "h264", 640, 480);
        checkPicture(low, "h264", 320, 240);
        checkSound(sound);
        const [a, b] = [keysOf(high), keysOf(low)].map((times) => times.map((time) => time.toFixed(3)));
        const common = a.filter((time) => b.includes(time));
        assert.ok(common.length >= Math.min(a.length, b.length) - 1 && common.length > 1, `keyframes at ${a} and ${b}`);
        const told = JSON.stringify(await tellCatalog(path));
        assert.match(told, /video-low/);
    },

    async sound_alone({ open }) {
        const { state, streams } = await publishAndInspect(open, `source="microphone"`, 4);
        assert.deepEqual([streams.length, state.hasSound, state.renditions.length], [1, true, 0]);
        checkSound(streams[0]);
    },

    async muted_is_silence_and_goes_on({ open }) {
        const { page, path, file } = await publishAndInspect(open, `source="camera" muted`, 4);
        assert.ok((await loudestDb(file)) < -80, "nothing is heard");
        assert.ok((await evaluate(page, () => document.querySelector("moq-publish").stats)).soundLevel > 0);
        await evaluate(page, () => { document.querySelector("moq-publish").muted = false; });
        await sleep(500);
        const recorder = await record(path);
        await sleep(5000);
        assert.ok((await loudestDb(await recorder.stop())) > -50, "something is heard");
    },

    async a_picture_that_is_off_leaves_the_catalog({ open }) {
        const path = freshPath();
        const page = await open(tagFor(path, `source="camera" audio="on"`));
        await waitLive(page);
        const instance = await evaluate(page, () => document.querySelector("moq-publish").state.instance);
        await evaluate(page, () => document.querySelector("moq-publish").setAttribute("video", "off"));
        await waitFor(page, () => document.querySelector("moq-publish").state.renditions.length === 0);
        const recorder = await record(path);
        await sleep(3000);
        const streams = await inspect(await recorder.stop());
        assert.deepEqual(streams.map(({ codec_type }) => codec_type), ["audio"]);
        await evaluate(page, () => document.querySelector("moq-publish").setAttribute("video", "on"));
        await waitFor(page, () => document.querySelector("moq-publish").state.renditions.length === 1);
        assert.equal(await evaluate(page, () => document.querySelector("moq-publish").state.instance), instance);
    },

    async a_device_that_is_gone_leaves_the_catalog({ open }) {
        const page = await open(tagFor(freshPath(), `source="camera" controls`));
        await waitLive(page);
        // No script can pull a plug: this is what a page sees of it.
        const lose = (kind) => evaluate(page, (kind) => {
            for (const track of document.querySelector("moq-publish").stream.getTracks())
                if (track.kind === kind) {
                    track.stop();
                    track.dispatchEvent(new Event("ended"));
                }
        }, kind);
        const status = () => evaluate(page, () => document.querySelector("moq-publish").shadowRoot.querySelector(".status").textContent);
        await lose("video");
        await waitFor(page, () => document.querySelector("moq-publish").state.renditions.length === 0);
        assert.equal(await status(), "The camera is gone. The rest is still published.");
        assert.equal((await evaluate(page, () => document.querySelector("moq-publish").state)).status, "live");
        await lose("audio");
        await waitFor(page, () => document.querySelector("moq-publish").state.status === "idle");
        assert.equal(await status(), "The microphone is gone. Nothing is published now.");
        assert.deepEqual(await evaluate(page, () => heard), ["publish", "unpublish"]);
    },

    async a_file_is_played_again_and_again({ open }) {
        const { page, streams, state, file } = await publishAndInspect(open, `source="file" file="/clip.webm" codec="h264"`, 8);
        assert.deepEqual([state.renditions[0].width, state.renditions[0].height], [640, 360]);
        const [video, sound] = streams;
        checkPicture(video, "h264", 640, 360);
        assert.equal(sound?.codec_name, "opus");
        assert.ok((await loudestDb(file)) > -50, "something is heard");
        const spanS = video.packets.at(-1).timeS - video.packets[0].timeS;
        assert.ok(spanS > 4, `${spanS} s of a clip of 3 s`);
        assert.equal(await evaluate(page, () => document.querySelector("moq-publish").source), "file");
    },

    async camera_and_screen_change_places_within_an_instance({ open }) {
        if (isFirefox) return; // it has no screen without a head
        const page = await open(tagFor(freshPath(), `source="camera"`));
        await waitLive(page);
        const first = await evaluate(page, () => document.querySelector("moq-publish").state);
        await evaluate(page, () => document.querySelector("moq-publish").publish("screen"));
        await waitFor(page, (height) => {
            const [rendition] = document.querySelector("moq-publish").state.renditions;
            return rendition && rendition.height !== height;
        }, first.renditions[0].height);
        const second = await evaluate(page, () => document.querySelector("moq-publish").state);
        assert.equal(second.instance, first.instance);
        assert.equal(second.renditions[0].name, "video");
        // Somebody presses "Stop sharing".
        await evaluate(page, () => {
            for (const track of document.querySelector("moq-publish").stream.getTracks()) {
                track.stop();
                track.dispatchEvent(new Event("ended"));
            }
        });
        await waitFor(page, () => document.querySelector("moq-publish").state.status === "idle");
    },

    async another_codec_is_another_track_of_the_same_instance({ open }) {
        const page = await open(tagFor(freshPath(), `source="camera" codec="h264"`));
        await waitLive(page);
        const { instance } = await evaluate(page, () => document.querySelector("moq-publish").state);
        await evaluate(page, () => document.querySelector("moq-publish").setAttribute("codec", "vp8"));
        await waitFor(page, () => document.querySelector("moq-publish").state.renditions[0]?.codec === "vp8");
        const state = await evaluate(page, () => document.querySelector("moq-publish").state);
        assert.deepEqual([state.instance, state.renditions[0].name], [instance, "video1"]);
    },

    async a_relay_that_comes_back_gets_a_new_instance({ open }) {
        const path = freshPath();
        const page = await open(tagFor(path, `source="camera"`));
        await waitLive(page);
        const { instance } = await evaluate(page, () => document.querySelector("moq-publish").state);
        await relay.stop();
        await waitFor(page, () => document.querySelector("moq-publish").state.status === "connecting");
        relay = await startRelay(relay.port);
        await waitLive(page);
        const again = await evaluate(page, () => document.querySelector("moq-publish").state);
        assert.ok(Number(again.instance) > Number(instance), `${again.instance} after ${instance}`);
        const isSoundTold = () => tellCatalog(path).then((told) => JSON.stringify(told).includes("opus"), () => false);
        await until(isSoundTold, "a catalog with sound");
        const recorder = await record(path);
        await sleep(4000);
        checkSound((await inspect(await recorder.stop()))[1]);
    },

    async moq_video_watches_it_and_follows_a_second_publisher({ open }) {
        const path = freshPath();
        const page = await open(tagFor(path, `source="camera" ladder`));
        await waitLive(page);
        const viewer = await open(`<moq-video muted src="http://localhost:${relay.port}/${path}"></moq-video>`);
        await evaluate(viewer, () => import("/video.js"));
        const isCamera = () => [480, 240].includes(document.querySelector("moq-video").videoHeight); // whichever rendition
        await waitFor(viewer, isCamera);
        const second = await open(tagFor(path, `source="file" file="/clip.webm"`));
        await waitLive(second);
        // A player that nobody sees does not decode.
        await viewer.bringToFront();
        await waitFor(viewer, () => document.querySelector("moq-video").videoHeight === 360);
        await evaluate(second, () => document.querySelector("moq-publish").stop());
        await waitFor(viewer, isCamera);
        const seen = await evaluate(viewer, () => document.querySelector("moq-video").currentTime);
        await waitFor(viewer, (seen) => document.querySelector("moq-video").currentTime > seen + 1, seen);
    },

    async errors_say_what_is_wrong({ open }) {
        const page = await open(`<moq-publish source="camera" controls></moq-publish>`);
        await waitFor(page, () => heard.includes("bad-url"));
        const other = await open(tagFor(freshPath(), `controls`));
        await evaluate(other, () => document.querySelector("moq-publish").publish("file"));
        assert.deepEqual(await evaluate(other, () => heard), ["file"]);
        assert.equal((await evaluate(other, () => document.querySelector("moq-publish").state)).error.message, "Choose a file first");
        const none = await open(tagFor(freshPath(), `controls camera="nowhere" source="camera"`));
        await waitFor(none, () => heard.includes("no-device"));
        const nobody = await open(`<moq-publish controls source="microphone" src="http://localhost:${await freePort()}/a/b"></moq-publish>`);
        await waitFor(nobody, () => heard.includes("unreachable"));
    },

    async strict_pages_may_use_it({ open }) {
        const page = await open(tagFor(freshPath(), `source="camera" controls`), "&strict");
        await waitLive(page);
        await waitFor(page, () => {
            const { state, stats } = document.querySelector("moq-publish");
            return state.hasSound && state.renditions.length === 1 && stats.soundLevel > 0;
        });
    },

    async a_refusal_is_told() {
        const browser = await launch(false);
        try {
            const page = await browser.newPage();
            const body = tagFor(freshPath(), `source="camera" controls`);
            await page.goto(`http://127.0.0.1:${server.address().port}/?policy&body=${encodeURIComponent(body)}`);
            await waitFor(page, () => globalThis.heard?.includes("permission-denied"));
        } finally {
            await browser.close();
        }
    },

    async a_page_that_nobody_sees_keeps_on() {
        if (isFirefox) return; // nothing hides its tabs
        // Playwright's pages are always visible; and drivers keep hidden pages from being slowed down, as they are outside of tests.
        const args = [...CHROMIUM_FLAGS, ...FAKE_UI];
        const ignoreDefaultArgs = ["background-timer-throttling", "backgrounding-occluded-windows", "renderer-backgrounding"].map((name) => `--disable-${name}`);
        const browser = await require("puppeteer-core").launch({ executablePath: flags.chromium, args, ignoreDefaultArgs });
        try {
            const path = freshPath();
            const page = await browser.newPage();
            await page.goto(`http://127.0.0.1:${server.address().port}/?body=${encodeURIComponent(tagFor(path, `source="camera"`))}`);
            await page.waitForFunction(() => document.querySelector("moq-publish")?.state.status === "live");
            await (await browser.newPage()).bringToFront();
            await until(() => page.evaluate(() => document.hidden), "the page is hidden");
            const recorder = await record(path);
            await sleep(7000);
            const [video, sound] = await inspect(await recorder.stop());
            checkPicture(video, "h264", 640, 480);
            checkSound(sound);
        } finally {
            await browser.close();
        }
    },

    async removal_frees_the_devices_and_moving_does_not({ open }) {
        const page = await open(`<div id="a">${tagFor(freshPath(), `source="camera"`)}</div><div id="b"></div>`);
        await waitLive(page);
        const seen = await evaluate(page, async () => {
            const settle = () => new Promise((done) => setTimeout(done, 50));
            const element = document.querySelector("moq-publish");
            const [track] = element.stream.getTracks();
            document.querySelector("#b").append(element);
            await settle();
            const moved = [track.readyState, element.state.status];
            element.remove();
            await settle();
            const removed = [track.readyState, element.state.status];
            document.querySelector("#a").append(element);
            await settle();
            element.stop();
            element.setAttribute("microphone", "default");
            await settle();
            return [...moved, ...removed, element.source];
        });
        assert.deepEqual(seen, ["live", "live", "ended", "idle", "none"]);
    },

    async keys_and_buttons_drive_it({ open }) {
        if (isFirefox) return; // driven by playwright's locators
        const page = await open(tagFor(freshPath(), "controls"));
        await page.getByRole("button", { name: "Camera" }).press("Enter");
        await waitLive(page);
        await page.getByText(/^Live\.$/).waitFor();
        await page.getByText(/640×480, H\.264/).waitFor();
        await page.getByRole("button", { name: "Mute" }).press("m");
        assert.equal(await evaluate(page, () => document.querySelector("moq-publish").muted), true);
        await page.getByRole("button", { name: "Mute", pressed: true }).click();
        assert.equal(await evaluate(page, () => document.querySelector("moq-publish").muted), false);
        await page.getByRole("meter", { name: "Loudness" }).waitFor();
        await waitFor(page, () =>
            Number(document.querySelector("moq-publish").shadowRoot.querySelector(".meter").getAttribute("aria-valuenow")) > 5);
        const microphones = page.getByRole("combobox", { name: "Microphone" });
        await microphones.selectOption({ index: 1 });
        await waitFor(page, () => {
            const [track] = document.querySelector("moq-publish").stream?.getAudioTracks() ?? [];
            return track?.label === "Fake Audio Input 1";
        });
        await page.getByRole("button", { name: "Picture off" }).press("v");
        await page.getByText("sound only").waitFor();
        await page.getByRole("button", { name: "Picture off", pressed: true }).click();
        await page.getByRole("button", { name: "Stop" }).click();
        await page.getByText("Choose what to publish.").waitFor();
    },

    async nothing_serious_for_axe({ open }) {
        if (isFirefox) return; // the same page
        for (const colorScheme of ["light", "dark"]) {
            const page = await open(tagFor(freshPath(), "controls"));
            await page.emulateMedia({ colorScheme });
            await check(page, `${colorScheme}-idle`);
            await page.getByRole("button", { name: "Camera" }).click();
            await waitLive(page);
            await page.getByText(/H\.264/).waitFor();
            await page.setViewportSize({ width: 340, height: 700 });
            await check(page, `${colorScheme}-live`);
            await evaluate(page, () => document.querySelector("moq-publish").publish("file"));
            await check(page, `${colorScheme}-error`);
        }
    },
};

async function check(page, name) {
    if (flags.shots) {
        mkdirSync(flags.shots, { recursive: true });
        await page.screenshot({ path: join(flags.shots, `${name}.png`) });
    }
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
    const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    assert.deepEqual(grave.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.target} ${node.failureSummary}`)}`), []);
}

// A connection that cannot be made is an error on the console, whoever catches it.
const NOT_OURS = /ERR_CONNECTION_REFUSED|net::ERR|Failed to load resource|WebTransport|Opening handshake/i;

/** Fresh pages for each test; what they do not catch, or say on the console as an error, fails it. */
async function runTest(name, test) {
    const pages = [];
    const complaints = [];
    const open = async (body, more = "") => {
        const page = await browser.newPage();
        pages.push(page);
        page.setDefaultTimeout(WAIT_MS);
        page.on("pageerror", (error) => complaints.push(String(error)));
        page.on("console", (line) => {
            if (line.type() === "error" && !NOT_OURS.test(line.text())) complaints.push(line.text());
        });
        await page.goto(`http://127.0.0.1:${server.address().port}/?body=${encodeURIComponent(body)}${more}`);
        await waitFor(page, () => customElements.get("moq-publish"));
        return page;
    };
    const beganMs = Date.now();
    try {
        await test({ open });
        assert.deepEqual(complaints, []);
        console.log(`ok ${name} (${((Date.now() - beganMs) / 1000).toFixed(1)} s)`);
        return true;
    } catch (error) {
        const states = await Promise.all(pages.map((page) => page.evaluate(() => {
            const element = document.querySelector("moq-publish");
            return JSON.stringify([element?.state ?? document.querySelector("moq-video")?.state, element?.stats, globalThis.heard]);
        }).catch(String)));
        console.log(`FAILED ${name}: ${error.stack}\n${complaints.join("\n")}\n${states.join("\n")}`);
        return false;
    } finally {
        for (const page of pages) await page.close().catch(() => {});
    }
}

const speaker = isFirefox ? await startSpeaker() : undefined;
let relay = await startRelay(await freePort());
const server = await serve();
const browser = await launch();
let failures = 0;
try {
    for (const [name, test] of Object.entries(tests))
        if (words.length === 0 || words.some((word) => name.includes(word)))
            if (!(await runTest(name, test))) failures++;
} finally {
    await browser.close();
    server.close();
    await relay.stop();
    await speaker?.stop();
    rmSync(scratch, { recursive: true, force: true });
}
process.exit(failures ? 1 : 0);
