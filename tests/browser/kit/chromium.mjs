// SPDX-License-Identifier: MIT OR Apache-2.0
// Headless Chromium by playwright-core, as driver.mjs wants a browser: a context per tab, complaints of pages and workers collected.

const ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    ...(process.env.MOQ_AUTOPLAY === "ask" ? [] : ["--autoplay-policy=no-user-gesture-required"]),
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
];

export async function openBrowser(require, executablePath) {
    const { chromium } = require("playwright-core");
    const browser = await chromium.launch({ executablePath, headless: true, args: ARGUMENTS });
    return {
        version: () => `Chromium ${browser.version()}`,
        close: () => browser.close(),
        openTab: (complaints, scripts, options) => openTab(browser, complaints, scripts, options),
    };
}

async function openTab(browser, complaints, scripts, { width = 800, height = 600, dark = false, excuse = false }) {
    const context = await browser.newContext({
        viewport: { width, height },
        colorScheme: dark ? "dark" : "light",
        reducedMotion: "reduce",
        ignoreHTTPSErrors: excuse,
    });
    context.on("weberror", (error) => complaints.push(wordsOf(error.error())));
    context.on("console", (message) => {
        if (message.type() === "error" || message.type() === "warning") complaints.push(`${message.type()}: ${message.text()}`);
    });
    for (const script of scripts) await context.addInitScript({ content: script });
    const page = await context.newPage();
    page.on("crash", () => complaints.push("the page has crashed"));
    const devtools = await context.newCDPSession(page);
    await devtools.send("Performance.enable");
    return {
        goto: (url) => page.goto(url),
        close: () => context.close(),
        evaluate: (code) => page.evaluate(code),
        screenshot: (path) => page.screenshot({ path, fullPage: true }),
        click: (selector) => page.click(selector),
        metrics: () => measure(page, devtools),
        /** The page's own thread is so many times slower from now on; 1: as it is. */
        slow: (rate) => devtools.send("Emulation.setCPUThrottlingRate", { rate }),
    };
}

/** Exceptions of the browser's own making, such as a DOMException, come without a stack. */
function wordsOf(error) {
    return error?.stack || String(error);
}

async function measure(page, devtools) {
    await devtools.send("HeapProfiler.collectGarbage");
    const { metrics } = await devtools.send("Performance.getMetrics");
    const figures = Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
    return { ...figures, Workers: page.workers().length };
}
