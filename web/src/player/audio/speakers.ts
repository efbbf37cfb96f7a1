// SPDX-License-Identifier: MIT OR Apache-2.0
// Web Audio mixes 1, 2, 4 and 6 channels for the speakers there are, and would drop channels of other layouts. Those are put on
// six here: left, right, centre, low frequencies, surround left, surround right, the order of WebCodecs as well.
// Tested by web/test/player/audio/feed.test.ts.

export const MAX_CHANNELS = 8;

/** For each channel of the source a mask of the speakers that get it. */
const LAYOUTS: Record<number, readonly number[]> = {
    3: [1, 2, 4],
    5: [1, 2, 4, 16, 32],
    7: [1, 2, 4, 8, 48, 16, 32],
    8: [1, 2, 4, 8, 16, 32, 16, 32],
};

/** How many channels are played. */
export function speakerCount(channels: number): number {
    return LAYOUTS[channels] ? 6 : channels;
}

/** Copies of `frames` frames from `from` on, for so many speakers. A single plane is heard left and right, too many are not. */
export function mapChannels(
    planes: readonly Float32Array[],
    speakers: number,
    from: number,
    frames: number,
): Float32Array[] {
    const isMono = planes.length === 1;
    const layout = speakers === 6 ? LAYOUTS[planes.length] : undefined;
    const out = Array.from({ length: speakers }, () => new Float32Array(frames));
    for (const [s, plane] of out.entries()) {
        const sources = planes.filter((_, c) => (layout ? (layout[c] ?? 0) & (1 << s) : c === s || (isMono && s < 2)));
        // Two signals on one speaker keep their power.
        const gain = sources.length > 1 ? Math.SQRT1_2 : 1;
        for (const source of sources)
            for (let i = 0; i < frames; i++) plane[i] = (plane[i] ?? 0) + gain * (source[from + i] ?? 0);
    }
    return out;
}
