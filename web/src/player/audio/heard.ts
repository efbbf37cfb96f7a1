// SPDX-License-Identifier: MIT OR Apache-2.0
// Which time of an audio context is heard now, as far as the browser knows.
// Tested by web/test/player/audio/heard.test.ts.

/** What the browser says of its device is too old after this time. */
const OLD_MS = 2000;
/** How late sound is where nobody may be asked: what Firefox says of pulseaudio and of PipeWire is 20 to 50 ms. */
const GUESS_SECONDS = 0.04;

export interface Heard {
    contextMs: number;
    /** performance.now() when it was heard. */
    atMs: number;
}

type Context = Pick<AudioContext, "currentTime" | "baseLatency" | "outputLatency" | "getOutputTimestamp">;

/**
 * Firefox on Linux holds the lock of its audio graph while it asks the sound server how late sound is. If the server wants sound just
 * then, each waits for the other: the page hangs for good, and sound in all tabs.
 */
export function mayAsk(userAgent: string): boolean {
    return !(userAgent.includes("Linux") && userAgent.includes("Firefox/"));
}

export function whatIsHeard(context: Context, nowMs: number, userAgent = navigator.userAgent): Heard {
    const { currentTime } = context;
    if (!mayAsk(userAgent)) return { contextMs: (currentTime - GUESS_SECONDS) * 1000, atMs: nowMs };
    const { contextTime = 0, performanceTime = 0 } = context.getOutputTimestamp();
    // No browser knows what the device does at the start. In Firefox the time is that of the graph, as if there were no device.
    const isKnown =
        contextTime > 0 && contextTime < currentTime && performanceTime > 0 && nowMs - performanceTime < OLD_MS;
    if (isKnown) return { contextMs: contextTime * 1000, atMs: performanceTime };
    return { contextMs: (currentTime - (context.outputLatency || context.baseLatency || 0)) * 1000, atMs: nowMs };
}
