// SPDX-License-Identifier: MIT OR Apache-2.0
// Headless Firefox by puppeteer-core over WebDriver BiDi, as driver.mjs wants a browser.
import { readFileSync } from "node:fs";

/** Sound without a click, a camera that is made up, no network of its own, and loopback as if it were a network. */
const PREFERENCES = {
    "media.autoplay.default": 0,
    "media.autoplay.blocking_policy": 0,
    "media.navigator.streams.fake": true,
    "media.navigator.permission.disabled": true,
    "network.captive-portal-service.enabled": false,
    "network.connectivity-service.enabled": false,
    "datareporting.policy.dataSubmissionEnabled": false,
    "browser.safebrowsing.downloads.enabled": false,
    "extensions.getAddons.cache.enabled": false,
    "app.update.auto": false,
    "network.proxy.type": 0,
};

/**
 * Asked how late sound is, Firefox on Linux now and then hangs for good (web/src/player/audio/heard.ts), so nobody may ask. What it says
 * of a null sink of pulseaudio differs a little from run to run.
 */
const NO_ASKING = `(() => {
    const complain = (name) => {
        console.error(\`asked for \${name}\`);
        return 0;
    };
    Object.defineProperty(AudioContext.prototype, "outputLatency", { get: () => complain("outputLatency") });
    AudioContext.prototype.getOutputTimestamp = () => complain("getOutputTimestamp");
    globalThis.outputLatencySeconds = 0.035;
})()`;
const DRAWN = readFileSync(new URL("drawn.js", import.meta.url), "utf8");

export async function openBrowser(require, executablePath) {
    const puppeteer = require("puppeteer-core").default ?? require("puppeteer-core");
    const browser = await puppeteer.launch({
        browser: "firefox",
        executablePath,
        headless: true,
        acceptInsecureCerts: true, // of all tabs, whether excused or not: it is known of a whole browser only
        extraPrefsFirefox: PREFERENCES,
    });
    const version = await browser.version();
    return {
        version: () => version.replace("/", " "),
        close: () => browser.close(),
        openTab: (complaints, scripts, options) => openTab(browser, complaints, scripts, options),
    };
}

async function openTab(browser, complaints, scripts, { width = 800, height = 600 }) {
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    await page.setViewport({ width, height });
    page.on("pageerror", (error) => complaints.push(String(error.stack ?? error)));
    page.on("console", (message) => {
        if (message.type() === "error" || message.type() === "warn") complaints.push(`${message.type()}: ${message.text()}`);
    });
    for (const script of [NO_ASKING, ...scripts.toSpliced(1, 0, DRAWN)]) await page.evaluateOnNewDocument(script);
    return {
        goto: (url) => page.goto(url),
        close: () => context.close(),
        evaluate: (code) => page.evaluate(code),
        screenshot: (path) => page.screenshot({ path, fullPage: true }),
        click: (selector) => page.click(selector),
        metrics: () => Promise.resolve({ Workers: page.workers().length }),
    };
}
