// SPDX-License-Identifier: MIT OR Apache-2.0
// What is heard, as different browsers tell it.
import { describe, expect, it } from "vitest";
import { whatIsHeard } from "../../../src/player/audio/heard.ts";

const CHROMIUM =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";
const FIREFOX_ON_LINUX = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0";
const FIREFOX_ON_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:153.0) Gecko/20100101 Firefox/153.0";

function contextThatSays(stamp: AudioTimestamp) {
    return { currentTime: 5, baseLatency: 0.01, outputLatency: 0.2, getOutputTimestamp: () => stamp };
}

describe("what is heard", () => {
    it("is what the browser says of its device", () => {
        const context = contextThatSays({ contextTime: 4.9, performanceTime: 990 });
        expect(whatIsHeard(context, 1000, CHROMIUM)).toEqual({ contextMs: 4900, atMs: 990 });
    });

    it("is late by the latency where the device is not known yet, or not any more", () => {
        for (const stamp of [
            {},
            { contextTime: 0, performanceTime: 0 },
            { contextTime: 4.9, performanceTime: 990 - 3000 },
        ])
            expect(whatIsHeard(contextThatSays(stamp), 1000, CHROMIUM)).toEqual({ contextMs: 4800, atMs: 1000 });
        const context = { ...contextThatSays({}), outputLatency: 0 };
        expect(whatIsHeard(context, 1000, CHROMIUM)).toEqual({ contextMs: 4990, atMs: 1000 });
    });

    it("is late by the latency in Firefox, whose stamp forgets it", () => {
        const context = contextThatSays({ contextTime: 5, performanceTime: 1000 });
        expect(whatIsHeard(context, 1000, FIREFOX_ON_WINDOWS)).toEqual({ contextMs: 4800, atMs: 1000 });
    });

    it("is guessed in Firefox on Linux, which hangs when it is asked", () => {
        const ask = () => {
            throw new Error("it is asked");
        };
        const context = {
            currentTime: 5,
            baseLatency: 0,
            get outputLatency(): number {
                return ask();
            },
            getOutputTimestamp: ask,
        };
        const { contextMs, atMs } = whatIsHeard(context, 1000, FIREFOX_ON_LINUX);
        expect(atMs).toBe(1000);
        expect(contextMs).toBeGreaterThan(4900);
        expect(contextMs).toBeLessThan(5000);
    });
});
