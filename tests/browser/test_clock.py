# SPDX-License-Identifier: MIT OR Apache-2.0
"""A page without our client opens a WebTransport session to the relay, pins its certificate by hash, speaks just enough transfork to
subscribe to the clock, and reads three seconds of it."""

from browserkit import *

WATCH = """async (port, version) => {
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
}"""


def watch_the_clock_with(version):
    relay = Relay()
    clock = Process([program("moq-clock"), "--tls-disable-verify", relay.url(), "--publish"])
    wait_until(lambda: relay.stats()["announcements"] == 1, 10, f"the clock is not announced: {clock.err[-5:]}")
    with Page() as page:
        lines = page.run(WATCH, relay.port, version)
    check(all(line.startswith("20") and len(line) == 19 for line in lines), f"the page read {lines}")
    relay.stop()


def a_page_watches_the_clock_in_version_02():
    watch_the_clock_with("02")


def a_page_watches_the_clock_in_version_04():
    watch_the_clock_with("04")


TESTS = FIREFOX = [a_page_watches_the_clock_in_version_02, a_page_watches_the_clock_in_version_04]
