// SPDX-License-Identifier: MIT OR Apache-2.0
// Opens a page in Chromium that speaks just enough transfork to read the clock. Prints three lines of time.
// usage: node clock.mjs RELAY_PORT VERSION BROWSER NODE_MODULES
import { createServer } from "node:http";
import { createRequire } from "node:module";

const [relayPort, version, executablePath, modules] = process.argv.slice(2);
const { chromium } = createRequire(`${modules}/`)("playwright-core");

// Runs inside the page: everything it needs has to be in here.
async function watch([port, version]) {
    const hex = (await (await fetch(`http://localhost:${port}/fingerprint`)).text()).trim();
    const hash = Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));
    const transport = new WebTransport(`https://localhost:${port}/`, {
        serverCertificateHashes: [{ algorithm: "sha-256", value: hash }],
    });
    await transport.ready;

    const send = async (bytes) => {
        const stream = await transport.createBidirectionalStream();
        await stream.writable.getWriter().write(new Uint8Array(bytes));
        return stream.readable.getReader();
    };
    // Session: offers one version and expects it back.
    const code = [0xc0, 0, 0, 0, 0xff, 0x0b, 0xad, parseInt(version, 16)];
    const session = await send([0, 1, ...code, 0]);
    const answer = (await session.read()).value;
    if (code.some((byte, i) => answer[i] !== byte)) throw new Error(`the relay answered ${answer}`);

    // Subscribe 0 to [clock], neutral priority, newest first; version 02 has an expiry.
    await send([2, 0, 1, 5, ...new TextEncoder().encode("clock"), 0x80, 1, ...(version === "02" ? [0] : []), 0, 0]);

    // Groups: stream type, subscription, sequence, then sized frames; the first is the minute, the others seconds.
    const lines = [];
    const groups = transport.incomingUnidirectionalStreams.getReader();
    while (lines.length < 3) {
        const { value: stream } = await groups.read();
        const reader = stream.getReader();
        let bytes = [], minute = "", header = 3;
        while (lines.length < 3) {
            const { value, done } = await reader.read();
            if (done) break;
            bytes.push(...value);
            if (header && bytes.length >= header) { bytes.splice(0, header); header = 0; }
            while (!header && bytes.length > 0 && bytes.length > bytes[0]) {
                const text = String.fromCharCode(...bytes.splice(0, bytes[0] + 1).slice(1));
                if (minute) lines.push(minute + text); else minute = text;
            }
        }
    }
    transport.close({ closeCode: 0, reason: "" });
    return lines;
}

const page = createServer((_, response) => response.end("<!doctype html><title>clock</title>"));
await new Promise((resolve) => page.listen(0, "localhost", resolve));
const browser = await chromium.launch({
    executablePath,
    headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync"],
});
try {
    const tab = await browser.newPage();
    await tab.goto(`http://localhost:${page.address().port}/`);
    console.log((await tab.evaluate(watch, [relayPort, version])).join("\n"));
} finally {
    await browser.close();
    page.close();
}
