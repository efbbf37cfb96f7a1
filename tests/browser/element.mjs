// SPDX-License-Identifier: MIT OR Apache-2.0
// <moq-video> in a browser, with a player that does what the test says (web/test/element/fake_player.ts): attributes,
// events, controls by mouse and keys, life in the document, pages written for the seed, accessibility, screenshots.
// usage: node element.mjs [--chromium PATH] [--shots FOLDER] [WORD...]; a WORD runs the tests whose names contain it.
import { createRequire } from "node:module";
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

const { values: flags, positionals: words } = parseArgs({
    options: { chromium: { type: "string", default: "/usr/bin/chromium" }, shots: { type: "string" } },
    allowPositionals: true,
});
const web = resolve(import.meta.dirname, "../../web");
const require = createRequire(join(web, "package.json"));
const { chromium } = require("playwright-core");
const { build } = await import(require.resolve("vite"));
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const WAIT_MS = 10_000;
const ALL_EVENTS = `abort emptied durationchange loadstart resize loadedmetadata loadeddata canplay canplaythrough play
    playing pause waiting stalled seeking seeked volumechange ratechange error`.split(/\s+/);

/** The page loads one script; everything else is what a test writes into its body. */
async function serve() {
    const out = mkdtempSync(join(tmpdir(), "moq-element-"));
    await build({
        root: web,
        configFile: false,
        logLevel: "error",
        build: {
            outDir: out,
            emptyOutDir: false,
            target: "es2022",
            lib: { entry: join(web, "test/element/page.ts"), formats: ["es"], fileName: () => "page.js" },
        },
    });
    const script = readFileSync(join(out, "page.js"));
    rmSync(out, { recursive: true });
    const server = createServer((request, response) => {
        const isScript = request.url === "/page.js";
        response.setHeader("content-type", isScript ? "text/javascript" : "text/html; charset=utf-8");
        const query = new URL(request.url, "http://localhost").searchParams;
        // The styles of the page itself are in the way of such a policy, those of the element are not.
        if (query.has("strict")) response.setHeader("content-security-policy", "default-src 'self'; img-src data:");
        const body = query.get("body") ?? "";
        response.end(isScript ? script : query.has("strict") ? pageOf(body).replace(/<style>.*<\/style>/s, "") : pageOf(body));
    });
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    return server;
}

function pageOf(body) {
    return `<!doctype html><html lang="en"><title>element</title><meta name="viewport" content="width=device-width">
        <link rel="icon" href="data:,"><style>body { margin: 0; background: #fff }
        @media (prefers-color-scheme: dark) { body { background: #111; color: #eee } }</style>
        <script type="module" src="/page.js"></script><main>${body}</main>`;
}

const tests = {
    async attributes_reach_the_player({ open }) {
        const page = await open(`<moq-video src="https://relay.example/demo" token="t" latency="250" volume="0.5" muted
            rendition="sd" width="320" workerurl="/w.js"></moq-video>`);
        const told = await page.evaluate(() => {
            const [player] = FakePlayer.all;
            const { isMuted, volume, latencyMs, isPaused } = player.state;
            const { src, token, rendition, options } = player;
            return [src, token, rendition, isMuted, volume, latencyMs, isPaused, player.calls.join(), new URL(options.workerUrl).pathname];
        });
        assert.deepEqual(told, ["https://relay.example/demo", "t", "sd", true, 0.5, 250, false, "canvas", "/w.js"]);
        const box = await page.locator("moq-video").boundingBox();
        assert.deepEqual([box.width, box.height], [320, 180]);
        const calls = await page.evaluate(() => {
            const video = document.querySelector("moq-video");
            const [player] = FakePlayer.all;
            player.calls.length = 0;
            video.removeAttribute("muted");
            video.setAttribute("volume", "0.25");
            video.latency = 400;
            video.rendition = "auto";
            video.token = "u";
            video.setAttribute("paused", "");
            video.paused = false;
            video.src = "/other";
            return [...player.calls, video.getAttribute("latency"), video.hasAttribute("paused")];
        });
        const src = new URL("/other", page.url()).href;
        assert.deepEqual(calls.slice(0, 6), ["unmute", "volume 0.25", "latency 400", "rendition auto", "token u", "pause"]);
        assert.deepEqual([...new Set(calls.slice(6))], ["play", `src ${src}`, "400", false]);
    },

    async paused_waits_and_early_properties_count({ open }) {
        const page = await open("");
        const seen = await page.evaluate(() => {
            const video = document.createElement("moq-video");
            Object.assign(video, { src: "https://relay.example/demo", muted: true, paused: true });
            video.constructor.workerUrl = "/all.js";
            video.workletUrl = "https://other.example/one.js";
            document.body.append(video);
            const [{ state, options: { workerUrl, workletUrl } }] = FakePlayer.all;
            return [state.isPaused, state.isMuted, video.paused, FakePlayer.all.length, new URL(workerUrl).pathname, workletUrl];
        });
        assert.deepEqual(seen, [true, true, true, 1, "/all.js", "https://other.example/one.js"]);
    },

    async events_come_as_from_a_video({ open }) {
        const page = await open("");
        const seen = await page.evaluate(async (names) => {
            const video = document.createElement("moq-video");
            const heard = [];
            for (const name of names) video.addEventListener(name, () => heard.push(name));
            video.src = "https://relay.example/demo";
            document.body.append(video);
            const [player] = FakePlayer.all;
            const settle = () => new Promise((done) => setTimeout(done));
            await settle();
            player.show();
            await settle();
            const first = heard.splice(0);
            const ticks = [];
            video.addEventListener("timeupdate", () => ticks.push(video.currentTime));
            await new Promise((done) => setTimeout(done, 1_500));
            const { readyState, duration, videoWidth, ended, paused, currentTime, networkState } = video;
            const live = video.seekable.end(0) >= video.liveEdgeStart && currentTime >= video.liveEdgeStart;
            video.src = "/second";
            await settle();
            const codes = [];
            video.addEventListener("error", () => codes.push(video.error.code, video.error.reason, video.error.message));
            player.fail({ code: "refused", message: "The relay refuses.", isTransient: false });
            await settle();
            return { first, heard, ticks: ticks.length, live, codes, values: [readyState, duration, videoWidth, ended, paused, networkState] };
        }, ALL_EVENTS);
        assert.equal(seen.first.join(" "), "loadstart play waiting durationchange resize loadedmetadata loadeddata canplay playing canplaythrough");
        assert.equal(seen.heard.join(" "), "abort emptied durationchange loadstart error");
        assert.ok(seen.ticks >= 2, `${seen.ticks} ticks`);
        assert.equal(seen.live, true);
        assert.deepEqual(seen.values, [4, Number.POSITIVE_INFINITY, 1280, false, false, 2]);
        assert.deepEqual(seen.codes, [2, "refused", "The relay refuses."]);
    },

    async the_time_stays_while_nothing_is_held({ open }) {
        const page = await open(`<moq-video src="https://relay.example/demo"></moq-video>`);
        await show(page);
        const [before, after, seekable] = await page.evaluate(() => {
            const video = document.querySelector("moq-video");
            video.pause();
            const before = video.currentTime;
            FakePlayer.all[0].times = { currentTime: 0, buffered: undefined };
            return [before, video.currentTime, video.seekable.end(0)];
        });
        assert.ok(before >= 100);
        assert.deepEqual([after, seekable], [before, before]);
    },

    async play_is_a_promise_as_that_of_a_video({ open }) {
        const page = await open(`<moq-video src="https://relay.example/demo"></moq-video>`);
        const seen = await page.evaluate(async () => {
            const video = document.querySelector("moq-video");
            const [player] = FakePlayer.all;
            const outcome = (promise) => promise.then(() => "plays", (error) => `${error.constructor.name} ${error.name}`);
            const seen = [];
            let play = outcome(video.play());
            video.pause();
            seen.push(await play);
            play = outcome(video.play());
            player.show();
            seen.push(await play, await outcome(video.play()));
            player.set({ status: "waiting" });
            play = outcome(video.play());
            video.load();
            seen.push(await play);
            play = outcome(video.play());
            player.fail({ code: "codec-missing", message: "No codec.", isTransient: false });
            seen.push(await play, await outcome(video.play()));
            return seen;
        });
        const no = "DOMException NotSupportedError";
        assert.deepEqual(seen, ["DOMException AbortError", "plays", "plays", "DOMException AbortError", no, no]);
    },

    async without_controls_there_are_none({ open }) {
        const page = await open(`<moq-video src="https://relay.example/demo" poster="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'/>"></moq-video>`);
        const count = () => page.evaluate(() => document.querySelector("moq-video").shadowRoot.querySelectorAll("media-controller").length);
        assert.equal(await count(), 0);
        assert.equal(await page.locator("moq-video .poster").isVisible(), true);
        await show(page);
        assert.equal(await page.locator("moq-video .poster").isVisible(), false);
        await page.locator("moq-video").click();
        assert.equal(await calls(page), "canvas");
        await page.evaluate(() => { document.querySelector("moq-video").controls = true; });
        assert.equal(await count(), 1);
        await page.evaluate(() => { document.querySelector("moq-video").controls = false; });
        assert.equal(await count(), 0);
    },

    async buttons_drive_it({ open }) {
        const page = await open(VIDEO);
        await show(page);
        const bar = page.locator("moq-video");
        await bar.hover();
        await page.locator("media-play-button").click();
        await page.waitForFunction(() => document.querySelector("moq-video").paused);
        await page.locator("media-live-button").click();
        await page.waitForFunction(() => !document.querySelector("moq-video").paused);
        assert.equal(await page.locator("media-live-button").getAttribute("aria-label"), "playing live");
        await page.locator("media-mute-button").click();
        await page.locator("media-mute-button[mediavolumelevel=off]").waitFor();
        await page.locator("media-mute-button").click();
        const range = await page.locator("media-volume-range").boundingBox();
        await page.mouse.click(range.x + range.width / 2, range.y + range.height / 2);
        const heard = await calls(page);
        assert.match(heard, /^canvas,pause,play,mute,unmute,volume 0\.[456]\d*$/);
        await page.mouse.click(range.x + 150, range.y - 200);
        await page.waitForFunction(() => document.querySelector("moq-video").paused);
    },

    async full_screen_is_the_element({ open }) {
        const page = await open(VIDEO);
        await show(page);
        await page.locator("moq-video").hover();
        await page.locator("media-fullscreen-button").click();
        await page.waitForFunction(() => document.fullscreenElement?.localName === "moq-video");
        await page.locator("media-fullscreen-button[mediaisfullscreen]").waitFor();
        await page.keyboard.press("f");
        await page.waitForFunction(() => !document.fullscreenElement);
    },

    async settings_choose_rendition_latency_and_statistics({ open }) {
        const page = await open(VIDEO);
        await show(page, { latencyMs: 100, neededLatencyMs: 450 });
        await page.locator("moq-video").hover();
        await page.getByRole("button", { name: "Settings" }).click();
        const panel = page.getByRole("dialog", { name: "Settings" });
        await panel.getByText("The network needs 450 ms at the moment").waitFor();
        await panel.getByText("Now 284 ms").waitFor();
        await panel.getByLabel("Quality").selectOption("ld");
        await panel.getByText("360p, 600 kbit/s, chosen by you").waitFor();
        await panel.getByRole("button", { name: "Smooth" }).click();
        assert.equal(await panel.getByRole("slider").inputValue(), "1000");
        await panel.getByRole("slider").press("ArrowRight");
        await panel.getByText("1.05 s").waitFor();
        assert.equal(await calls(page), "canvas,rendition ld,latency 1000,latency 1050");
        await panel.getByLabel("Statistics").check();
        await page.getByRole("region", { name: "Statistics" }).getByText("5321 shown, 4 late, 12 dropped").waitFor();
        await page.getByTitle("To the relay and back").getByText("23 ms").waitFor();
        await page.keyboard.press("Escape");
        await panel.waitFor({ state: "hidden" });
        assert.equal(await page.evaluate(() => document.querySelector("moq-video").shadowRoot.activeElement.className), "gear");
        await page.keyboard.press("i");
        await page.locator(".statistics").waitFor({ state: "hidden" });
    },

    async keys_drive_it({ open }) {
        const page = await open(`<input id="before">${VIDEO}`);
        await show(page);
        await page.locator("#before").focus();
        await page.keyboard.press("k");
        await page.keyboard.press("Tab");
        for (const key of [" ", "k", "m", "m", "ArrowDown", "ArrowUp", "Control+m"]) await page.keyboard.press(key);
        assert.equal(await calls(page), "canvas,pause,play,mute,unmute,volume 0.95,volume 1");
        await page.keyboard.press("i");
        await page.locator(".statistics").waitFor();
        // A button takes the space bar itself, and only once.
        await page.keyboard.press("Tab");
        await page.keyboard.press(" ");
        assert.match(await calls(page), /volume 1,pause$/);
        await page.keyboard.press("Escape");
        await page.locator(".statistics").waitFor({ state: "hidden" });
    },

    async picture_in_picture_goes_and_comes_back({ open, context }) {
        const page = await open(VIDEO);
        await show(page);
        await page.locator("moq-video").hover();
        const has = await page.evaluate(() => "documentPictureInPicture" in window);
        const [pip] = await Promise.all([has ? context.waitForEvent("page") : null, page.locator("media-pip-button").click()]);
        await page.waitForFunction(() => document.querySelector("moq-video").isInPictureInPicture);
        assert.equal(await page.getByText("window of its own").isVisible(), true);
        if (pip) {
            await pip.locator("body > canvas").waitFor();
            if (flags.shots) await pip.screenshot({ path: join(flags.shots, "pip.png") });
            await pip.locator("media-play-button").dispatchEvent("click");
            await page.waitForFunction(() => document.querySelector("moq-video").paused);
        }
        await page.getByRole("button", { name: "Bring it back" }).click();
        await page.waitForFunction(() => document.querySelector("moq-video > canvas"));
        await page.locator("media-play-button").click();
        await page.waitForFunction(() => !document.querySelector("moq-video").paused);
        assert.equal(await page.evaluate(() => document.querySelector("moq-video").isInPictureInPicture), false);
    },

    async picture_in_picture_by_a_stream({ open }) {
        const page = await open(VIDEO);
        await page.evaluate(() => Reflect.deleteProperty(window, "documentPictureInPicture"));
        await show(page);
        await page.locator("moq-video").hover();
        await page.locator("media-pip-button").click();
        await page.waitForFunction(() => document.querySelector("moq-video").isInPictureInPicture);
        const [muted, same] = await page.evaluate(() => {
            const root = document.querySelector("moq-video").shadowRoot;
            const video = root.querySelector("video");
            return [video.muted, root.pictureInPictureElement === video];
        });
        assert.deepEqual([muted, same], [true, true]);
        await page.evaluate(() => document.querySelector("moq-video").shadowRoot.querySelector("video").pause());
        await page.waitForFunction(() => document.querySelector("moq-video").paused);
        await page.evaluate(() => document.querySelector("moq-video").remove());
        await page.waitForFunction(() => !document.pictureInPictureElement && FakePlayer.all[0].isClosed);
    },

    async a_click_unmutes_what_the_browser_holds_back({ open }) {
        const page = await open(VIDEO);
        await show(page, { isSoundBlocked: true });
        await page.getByRole("button", { name: "Tap to unmute" }).click();
        assert.equal(await calls(page), "canvas,unmute");
        await page.getByRole("button", { name: "Tap to unmute" }).waitFor({ state: "hidden" });
    },

    async fingers_drive_it({ browser, open }) {
        const context = await browser.newContext({ viewport: { width: 320, height: 568 }, hasTouch: true, isMobile: true });
        const page = await open(VIDEO, context);
        await show(page);
        const shown = () => page.locator("media-controller:not([userinactive])").waitFor();
        await page.touchscreen.tap(160, 60);
        await shown();
        await page.locator("media-play-button").tap();
        await page.waitForFunction(() => document.querySelector("moq-video").paused);
        await page.getByRole("button", { name: "Settings" }).tap();
        const panel = await page.getByRole("dialog", { name: "Settings" }).boundingBox();
        assert.ok(panel.x >= 0 && panel.x + panel.width <= 320 && panel.y >= 0, `the panel is at ${JSON.stringify(panel)}`);
        for (const name of ["media-play-button", "media-mute-button", "media-live-button", ".gear", "media-pip-button", "media-fullscreen-button"]) {
            const box = await page.locator(`moq-video ${name}`).boundingBox();
            const fits = box.x >= 0 && box.x + box.width <= 320 && box.width >= 40 && box.height >= 40;
            assert.ok(fits, `${name} is at ${JSON.stringify(box)}`);
        }
        await context.close();
    },

    async a_lost_canvas_is_replaced({ open }) {
        const page = await open(VIDEO);
        await show(page);
        const seen = await page.evaluate(() => {
            const [player] = FakePlayer.all;
            const before = player.canvas;
            player.dispatchEvent(new Event("canvaslost"));
            return [document.querySelectorAll("canvas").length, document.querySelector("canvas") === player.canvas, player.canvas !== before];
        });
        assert.deepEqual(seen, [1, true, true]);
    },

    async strict_pages_may_show_it({ open }) {
        const page = await open(`<moq-video src="https://relay.example/demo" width="320" statistics></moq-video>`, undefined, "&strict");
        await show(page);
        await page.locator(".statistics td").first().waitFor();
        assert.equal((await page.locator("moq-video").boundingBox()).height, 180);
        await page.evaluate(() => FakePlayer.all[0].fail({ code: "refused", message: "No.", isTransient: false }));
        await page.getByText("No.").waitFor();
    },

    async motion_is_reduced_on_wish({ open }) {
        const page = await open(VIDEO);
        const animation = () => page.evaluate(() => getComputedStyle(document.querySelector("moq-video").shadowRoot.querySelector(".spinner")).animationName);
        assert.equal(await animation(), "moq-turn");
        await page.emulateMedia({ reducedMotion: "reduce" });
        assert.equal(await animation(), "moq-fade");
    },

    async errors_say_what_to_do({ open }) {
        const page = await open(VIDEO);
        await page.evaluate(() => FakePlayer.all[0].set({ status: "offline" }));
        await page.getByText("Nobody is broadcasting here now").waitFor();
        await page.evaluate(() => FakePlayer.all[0].fail({ code: "token-expired", message: "The link has expired. Ask for a new one.", isTransient: false }));
        await page.getByText("The link has expired").waitFor();
        await page.getByRole("button", { name: "Try again" }).click();
        await page.getByText("The link has expired").waitFor({ state: "detached" });
        assert.equal(await calls(page), "canvas,load");
    },

    async removal_frees_and_moving_does_not({ open }) {
        const page = await open(`<div id="a"></div><div id="b"></div>`);
        const seen = await page.evaluate(async () => {
            const settle = () => new Promise((done) => setTimeout(done, 5));
            const [a, b] = [document.querySelector("#a"), document.querySelector("#b")];
            for (let round = 0; round < 100; round++) {
                const video = document.createElement("moq-video");
                video.controls = round % 2 === 0;
                video.src = "https://relay.example/demo";
                a.append(video);
                FakePlayer.all.at(-1).show();
                b.append(video);
                await settle();
                if (FakePlayer.all.at(-1).isClosed) return "closed by moving";
                video.remove();
                await settle();
            }
            const closed = FakePlayer.all.filter((player) => player.isClosed).length;
            const again = document.createElement("moq-video");
            again.src = "https://relay.example/demo";
            a.append(again);
            again.pause();
            again.remove();
            await settle();
            const wasIdle = again.readyState === 0 && again.networkState === 0;
            a.append(again);
            const { canvas, state } = FakePlayer.all.at(-1);
            const isOwn = canvas === again.querySelector("canvas") && again.querySelectorAll("canvas").length === 1;
            return [FakePlayer.all.length, closed, wasIdle, isOwn, state.isPaused];
        });
        assert.deepEqual(seen, [102, 100, true, true, true]);
    },

    async what_is_removed_is_forgotten({ open }) {
        const page = await open("");
        const left = await page.evaluate(async () => {
            const pause = (ms) => new Promise((done) => setTimeout(done, ms));
            const refs = [];
            const add = () => {
                const video = document.createElement("moq-video");
                video.controls = video.statistics = true;
                video.src = "https://relay.example/demo";
                document.body.append(video);
                FakePlayer.all.at(-1).show();
                refs.push(new WeakRef(video));
            };
            for (let round = 0; round < 50; round++) {
                add();
                await pause(10);
                document.querySelector("moq-video").remove();
                await pause(5);
                FakePlayer.all.length = 0;
            }
            const count = () => refs.filter((ref) => ref.deref()).length;
            for (let tries = 0; tries < 20 && count() > 2; tries++) {
                await pause(250);
                gc();
            }
            return count();
        });
        assert.ok(left <= 2, `${left} of 50 are still in memory`);
    },

    async pages_of_the_seed_work({ open }) {
        const page = await open(`<moq-video id="v" src="http://localhost:4443/demo/bbb" autoplay loop playsinline>
            <canvas slot="canvas" id="mine"></canvas></moq-video>`);
        await show(page);
        const seen = await page.evaluate(() => {
            const video = document.querySelector("#v");
            const [player] = FakePlayer.all;
            video.playbackRate = 2;
            video.defaultPlaybackRate = 1;
            video.srcObject = null;
            video.loop = false;
            video.currentTime = 5;
            video.fastSeek(1);
            video.preload = "none";
            video.crossOrigin = "anonymous";
            video.poster = "";
            return [
                video instanceof MoqVideoElement,
                video.shadowRoot.mode,
                video.shadowRoot.querySelector('slot[name="canvas"]').assignedElements()[0].id,
                player.canvas.id,
                player.src,
                video.canPlayType("video/mp4"),
                video.textTracks.length,
                video.loop,
            ];
        });
        assert.deepEqual(seen, [true, "open", "mine", "mine", "http://localhost:4443/demo/bbb", "", 0, false]);
    },

    async media_chrome_of_the_page_drives_it({ open }) {
        const page = await open(`<media-controller><moq-video slot="media" src="https://relay.example/demo"></moq-video>
            <div><media-play-button></media-play-button><media-mute-button></media-mute-button>
            <media-live-button></media-live-button></div></media-controller>`);
        await show(page);
        await page.locator("media-live-button[mediatimeislive]").waitFor();
        await page.locator("media-controller[mediastreamtype=live]").waitFor();
        await page.locator("media-controller").hover();
        await page.locator("media-play-button").click();
        await page.locator("media-mute-button").click();
        assert.equal(await calls(page), "canvas,pause,mute");
    },

    async nothing_serious_for_axe({ open }) {
        for (const colorScheme of ["light", "dark"])
            for (const width of [320, 1280]) {
                const page = await open(`<h1>Live</h1>${VIDEO}`);
                await page.emulateMedia({ colorScheme });
                await page.setViewportSize({ width, height: 800 });
                await show(page, { latencyMs: 100, neededLatencyMs: 450 });
                await check(page);
                await page.locator("moq-video").hover();
                await page.getByRole("button", { name: "Settings" }).click();
                await page.evaluate(() => { document.querySelector("moq-video").statistics = true; });
                await page.locator(".statistics td").first().waitFor();
                await check(page);
                await page.evaluate(() => FakePlayer.all[0].fail({ code: "refused", message: "No.", isTransient: false }));
                await check(page);
                await page.close();
            }
    },

    async pictures({ open }) {
        if (!flags.shots) return;
        mkdirSync(flags.shots, { recursive: true });
        for (const width of [320, 640, 1280]) {
            const page = await open(VIDEO);
            const shoot = async (name) => {
                await page.locator("moq-video").hover({ position: { x: width / 2, y: 20 } });
                await page.waitForTimeout(400);
                await page.screenshot({ path: join(flags.shots, `${width}-${name}.png`) });
            };
            await page.setViewportSize({ width, height: Math.round((width * 9) / 16) });
            await page.waitForTimeout(800);
            await shoot("loading");
            await page.evaluate(() => FakePlayer.all[0].set({ status: "offline" }));
            await shoot("offline");
            await show(page, { latencyMs: 300, neededLatencyMs: 450, isSoundBlocked: true });
            await shoot("blocked");
            await page.evaluate(() => FakePlayer.all[0].set({ isSoundBlocked: false }));
            await shoot("bar");
            await page.getByRole("button", { name: "Settings" }).click();
            await page.waitForTimeout(300);
            await shoot("settings");
            await page.evaluate(() => { document.querySelector("moq-video").statistics = true; });
            await page.keyboard.press("Escape");
            await page.waitForTimeout(300);
            await shoot("statistics");
            await page.evaluate(() => {
                document.querySelector("moq-video").statistics = false;
                FakePlayer.all[0].fail({ code: "refused", message: "The relay does not let you watch this broadcast. Ask whoever sent you the link for a new one.", isTransient: false });
            });
            await shoot("failed");
            await page.close();
        }
    },
};

const VIDEO = `<moq-video controls src="https://relay.example/demo"></moq-video>`;

async function show(page, change = {}) {
    await page.waitForFunction(() => globalThis.FakePlayer?.all.length > 0);
    await page.evaluate((change) => FakePlayer.all[0].show(change), change);
}

async function calls(page) {
    return (await page.evaluate(() => FakePlayer.all[0].calls)).join();
}

async function check(page) {
    // A bar that fades in has too little contrast for a moment.
    await page.waitForTimeout(400);
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
    const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    const words = grave.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => `${node.target} ${node.failureSummary}`)}`);
    assert.deepEqual(words, []);
}

/** A fresh page each; whatever it says on the console as an error, or does not catch, fails the test. */
async function run(name, test, browser, port) {
    const context = await browser.newContext({ viewport: { width: 800, height: 600 } });
    const complaints = [];
    const open = async (body, home = context, more = "") => {
        const page = await home.newPage();
        page.setDefaultTimeout(WAIT_MS);
        page.on("pageerror", (error) => complaints.push(String(error)));
        page.on("console", (line) => {
            if (line.type() === "error" || line.type() === "warning") complaints.push(line.text());
        });
        await page.goto(`http://127.0.0.1:${port}/?body=${encodeURIComponent(body)}${more}`);
        await page.waitForFunction(() => customElements.get("moq-video"));
        return page;
    };
    try {
        await test({ open, context, browser });
        assert.deepEqual(complaints, []);
        console.log(`ok ${name}`);
        return true;
    } catch (error) {
        console.log(`FAILED ${name}: ${error.stack}\n${complaints.join("\n")}`);
        return false;
    } finally {
        await context.close();
    }
}

const server = await serve();
const browser = await chromium.launch({ executablePath: flags.chromium, args: ["--no-sandbox", "--js-flags=--expose-gc", "--autoplay-policy=no-user-gesture-required"] });
let failures = 0;
for (const [name, test] of Object.entries(tests))
    if (words.length === 0 || words.some((word) => name.includes(word)))
        if (!(await run(name, test, browser, server.address().port))) failures++;
await browser.close();
server.close();
process.exit(failures ? 1 : 0);
