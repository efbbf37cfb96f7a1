// SPDX-License-Identifier: MIT OR Apache-2.0
// Feed and worklet together, over shared memory and over messages.
import { describe, expect, test } from "vitest";
import { BLOCK, makeRandom, peak, RATE, Rig, roughness, sweep, tone } from "./rig.ts";

/** A 440 Hz tone at 0.5 is this rough by itself. Fades and edges may be a little rougher; a click is 0.1 and more. */
const CLICK = 4 * 0.5 * ((2 * Math.PI * 440) / RATE) ** 2;
const FADE = 384;

/** Each frame says its number. */
function ramp(frames: number, from = 0): Float32Array {
    return Float32Array.from({ length: frames }, (_, i) => ((from + i) % 2 ** 20) / 2 ** 20);
}

function frameUs(frame: number): number {
    return Math.floor((frame * 1e6) / RATE);
}

/** Where sound begins and ends. */
function extent(samples: Float32Array): [number, number] {
    return [samples.findIndex((sample) => sample !== 0), samples.findLastIndex((sample) => sample !== 0)];
}

/** The first sample that differs from the beginning of what is expected; -1: none. */
function difference(heard: Float32Array | undefined, expected: Float32Array | undefined): number {
    if (!heard?.length || !expected || expected.length < heard.length) return 0;
    return heard.findIndex((sample, i) => sample !== expected[i]);
}

describe.each([
    ["shared memory", true],
    ["messages", false],
])("over %s", (_, isShared) => {
    test("what is written is played bit by bit, after a fade", () => {
        const rig = new Rig(isShared, 2);
        const planes = [tone(440, 1), tone(330, 1)];
        rig.write(1e6, planes);
        rig.feed.playFrom(1e6);
        for (const [c, plane] of rig.play(0.9).entries()) {
            expect(difference(plane.subarray(FADE), planes[c]?.subarray(FADE, plane.length))).toBe(-1);
            expect(roughness(plane)).toBeLessThan(CLICK);
        }
        expect(rig.feed.underruns).toBe(0);
    });

    test("each sample is played once, in chunks of any size, while messages come late", () => {
        const random = makeRandom(1);
        const rig = new Rig(isShared);
        let written = 0;
        let played = 0;
        rig.feed.playFrom(0);
        while (played < 15 * RATE) {
            rig.isDelivering = random() < 0.5;
            while (written - played < 0.25 * RATE) {
                const frames = 1 + Math.floor(random() * 3000);
                rig.feed.write(frameUs(written), [ramp(frames, written)]);
                written += frames;
            }
            if (played === 0) rig.isDelivering = true;
            const [heard = ramp(0)] = rig.play(BLOCK / RATE);
            if (played >= FADE) expect(difference(heard, ramp(BLOCK, played))).toBe(-1);
            played += BLOCK;
        }
        expect(rig.feed.underruns).toBe(0);
        expect(rig.feed.dropped).toBe(0);
    });

    test("playing begins with the time that was asked for, or with what there is", () => {
        const rig = new Rig(isShared);
        rig.feed.playFrom(5e6);
        rig.play(0.1);
        rig.write(5e6 - 100_000, [ramp(RATE)]);
        const [late = ramp(0)] = rig.play(0.1);
        expect(difference(late.subarray(FADE), ramp(late.length - FADE, 4800 + FADE))).toBe(-1);

        rig.feed.playFrom(4.5e6);
        const [early = ramp(0)] = rig.play(0.5);
        expect(peak(early.subarray(FADE, 0.4 * RATE - 1))).toBe(0);
        expect(difference(early.subarray(0.4 * RATE, 0.5 * RATE), ramp(0.1 * RATE))).toBe(-1);

        rig.feed.playFrom(1e6);
        const [first = ramp(0)] = rig.play(0.1);
        expect(difference(first.subarray(FADE), ramp(first.length - FADE, FADE))).toBe(-1);
        expect(rig.feed.underruns).toBe(0);
    });

    test("it runs dry once, quietly, and goes on where it stopped", () => {
        const rig = new Rig(isShared);
        const sound = sweep(2);
        rig.write(0, [sound.subarray(0, 0.3 * RATE)]);
        rig.feed.playFrom(0);
        const [dry = ramp(0)] = rig.play(1);
        expect(rig.feed.underruns).toBe(1);
        expect(rig.feed.timeUs(rig.nowMs)).toBeUndefined();
        expect(roughness(dry)).toBeLessThan(CLICK);
        const [, end] = extent(dry);
        expect(Math.abs(end - 0.3 * RATE)).toBeLessThanOrEqual(2 * BLOCK);

        // Too little to begin again.
        rig.write(0.3e6, [sound.subarray(0.3 * RATE, 0.33 * RATE)]);
        expect(peak(rig.play(0.1)[0] ?? dry)).toBe(0);
        rig.write(0.33e6, [sound.subarray(0.33 * RATE)]);
        const [again = ramp(0)] = rig.play(1);
        expect(roughness(again)).toBeLessThan(CLICK);
        const from = sound.indexOf(again[FADE] ?? 0, end);
        expect(from - FADE).toBeGreaterThan(end - FADE);
        expect(from - FADE).toBeLessThanOrEqual(0.3 * RATE);
        expect(difference(again.subarray(FADE), sound.subarray(from, from + again.length - FADE))).toBe(-1);
        expect(rig.feed.underruns).toBe(1);
    });

    test("jumps, also two at once, blend", () => {
        const rig = new Rig(isShared);
        const sound = tone(440, 3);
        rig.write(0, [sound]);
        rig.feed.playFrom(0);
        rig.play(0.5);
        for (const target of [1.0003, 0.2001, 2.1234]) {
            rig.feed.playFrom(target * 1e6);
            rig.feed.playFrom(target * 1e6 + 700);
            const [first = sound] = rig.play(BLOCK / RATE);
            rig.feed.playFrom(target * 1e6);
            const [heard = sound] = rig.play(0.3);
            expect(roughness(Float32Array.from([...first, ...heard]))).toBeLessThan(CLICK);
            const from = Math.round(target * RATE) + FADE;
            expect(difference(heard.subarray(FADE), sound.subarray(from, from + heard.length - FADE))).toBe(-1);
        }
        expect(rig.feed.underruns).toBe(0);
    });

    test("a start with other sounds blends, also when blocks are asked for between its messages", () => {
        const rig = new Rig(isShared);
        const sound = tone(440, 1);
        rig.write(0, [sound]);
        rig.feed.playFrom(0);
        rig.play(0.5);
        for (const target of [60e6, 3e6]) {
            rig.isDelivering = false;
            const piece = RATE / 50;
            const placed = Array.from({ length: 20 }, (_, i) => ({
                timeUs: target + i * 20_000,
                planes: [sound.subarray(i * piece, (i + 1) * piece)],
            }));
            rig.feed.startWith(placed, target + 40_000);
            const heard: number[] = [];
            do {
                rig.deliverOne();
                heard.push(...(rig.play(BLOCK / RATE)[0] ?? []));
            } while (rig.waiting > 0);
            rig.isDelivering = true;
            heard.push(...(rig.play(0.1)[0] ?? []));
            expect(roughness(Float32Array.from(heard))).toBeLessThan(CLICK);
            // Two halves of a crossfade may cancel out for a moment; half a period of the tone is 55 samples.
            for (let i = 0; i + 400 < heard.length; i += 100)
                expect(peak(Float32Array.from(heard.slice(i, i + 400)))).toBeGreaterThan(0.05);
            expect(Math.abs((rig.feed.timeUs(rig.nowMs) ?? 0) - target - 140_000)).toBeLessThan(20_000);
        }
        expect(rig.feed.underruns).toBe(0);
    });

    test("pause and flush are quiet and need a playFrom", () => {
        const rig = new Rig(isShared);
        const sound = tone(440, 3);
        rig.write(0, [sound]);
        rig.feed.playFrom(0);
        const heard = [...(rig.play(0.5)[0] ?? [])];
        rig.feed.pause();
        expect(rig.feed.timeUs(rig.nowMs)).toBeUndefined();
        const [paused = sound] = rig.play(0.2);
        expect(peak(paused.subarray(FADE))).toBe(0);
        rig.feed.playFrom(0.5e6);
        const [resumed = sound] = rig.play(0.2);
        expect(difference(resumed.subarray(FADE), sound.subarray(0.5 * RATE + FADE, 0.5 * RATE + resumed.length))).toBe(
            -1,
        );
        expect(rig.feed.bufferedUs).toBeGreaterThan(2e6);
        rig.feed.flush();
        expect(rig.feed.bufferedUs).toBe(0);
        const [flushed = sound] = rig.play(0.2);
        rig.write(100e6, [sound]);
        const [after = sound] = rig.play(0.2);
        expect(peak(flushed.subarray(FADE))).toBe(0);
        expect(peak(after)).toBe(0);
        expect(rig.feed.bufferedUs).toBeCloseTo(3e6, -1);
        expect(roughness(Float32Array.from([...heard, ...paused, ...resumed, ...flushed]))).toBeLessThan(CLICK);
        rig.feed.playFrom(101e6);
        expect(difference(rig.play(0.1)[0]?.subarray(FADE), sound.subarray(RATE + FADE, 1.2 * RATE))).toBe(-1);
        expect(rig.feed.underruns).toBe(0);
    });

    test("a hole is silent for as long as it is, and its edges do not click", () => {
        const rig = new Rig(isShared);
        const sound = tone(440, 3);
        rig.write(0, [sound.subarray(0, 0.5 * RATE)]);
        rig.write(1.5e6, [sound.subarray(1.5 * RATE)]);
        rig.feed.playFrom(0);
        const [heard = sound] = rig.play(2.5);
        expect(difference(heard.subarray(FADE, 0.5 * RATE), sound.subarray(FADE, 0.5 * RATE))).toBe(-1);
        expect(peak(heard.subarray(0.51 * RATE, 1.5 * RATE))).toBe(0);
        expect(difference(heard.subarray(1.51 * RATE), sound.subarray(1.51 * RATE, heard.length))).toBe(-1);
        expect(roughness(heard)).toBeLessThan(CLICK);
        expect(rig.feed.underruns).toBe(0);
    });

    test("what comes twice is played once", () => {
        const rig = new Rig(isShared);
        const sound = ramp(2 * RATE);
        rig.write(0, [sound.subarray(0, RATE)]);
        rig.write(0.5e6, [sound.subarray(0.5 * RATE, 0.9 * RATE)]);
        expect(rig.feed.bufferedUs).toBeCloseTo(1e6, -1);
        rig.write(0.945e6, [sound.subarray(0.945 * RATE)]);
        rig.feed.playFrom(0.5e6);
        const [heard = sound] = rig.play(1);
        expect(difference(heard.subarray(FADE, 0.5 * RATE), sound.subarray(0.5 * RATE + FADE, RATE))).toBe(-1);
        expect(difference(heard.subarray(0.51 * RATE), sound.subarray(1.01 * RATE, 0.5 * RATE + heard.length))).toBe(
            -1,
        );
    });

    test.each([10e6, 0])("a jump of times to %d begins anew and goes on by itself", (timeUs) => {
        const rig = new Rig(isShared);
        const sound = tone(440, 2);
        rig.write(5e6, [sound]);
        rig.feed.playFrom(5e6);
        const [before = sound] = rig.play(0.5);
        rig.write(timeUs, [sound]);
        const [after = sound] = rig.play(0.5);
        expect(difference(after.subarray(FADE), sound.subarray(FADE, after.length))).toBe(-1);
        expect(roughness(Float32Array.from([...before, ...after]))).toBeLessThan(CLICK);
        expect(rig.feed.timeUs(rig.nowMs)).toBeCloseTo(timeUs + frameUs(after.length), -2);
        expect(rig.feed.underruns).toBe(0);
    });

    test("too much throws away the oldest, whether it plays or not", () => {
        const rig = new Rig(isShared);
        for (let second = 0; second < 10; second++) {
            rig.write(second * 1e6, [ramp(RATE, second * RATE)]);
            rig.play(0.01);
        }
        expect(rig.feed.bufferedUs).toBeCloseTo(4e6, -1);
        rig.feed.playFrom(8e6);
        const [heard = ramp(0)] = rig.play(1);
        expect(difference(heard.subarray(FADE), ramp(heard.length - FADE, 8 * RATE + FADE))).toBe(-1);
        for (let second = 10; second < 20; second++) {
            rig.write(second * 1e6, [ramp(RATE, second * RATE)]);
            rig.play(0.01);
        }
        const [later = ramp(0)] = rig.play(1);
        const from = Math.round((later[0] ?? 0) * 2 ** 20);
        expect(difference(later, ramp(later.length, from))).toBe(-1);
        expect(from).toBeGreaterThan((15 * RATE) % 2 ** 20);
        expect(rig.feed.dropped).toBeGreaterThan(5 * RATE);
        expect(rig.feed.underruns).toBe(0);
    });

    test("rates change at once, without a click, and nothing is lost", () => {
        const rig = new Rig(isShared, 2);
        const sound = tone(440, 4);
        rig.write(0, [sound, tone(220, 4)]);
        rig.feed.playFrom(0);
        const heard: number[] = [];
        for (const rate of [1, 1.05, 0.95, 1, 2, 1, 0.5, 0.8, 1]) {
            rig.feed.setRate(rate);
            const beforeUs = rig.feed.bufferedUs;
            const [plane = sound] = rig.play(0.3);
            heard.push(...plane);
            // A hop is as it was, and sound may be a search away from where it is due.
            expect(Math.abs((beforeUs - rig.feed.bufferedUs) / 0.3e6 - rate)).toBeLessThan(0.2);
        }
        expect(roughness(Float32Array.from(heard))).toBeLessThan(CLICK);
        const [plain = sound] = rig.play(0.1);
        const from = sound.findIndex((_, i) => plain.every((sample, k) => sample === sound[i + k]));
        expect(from).toBeGreaterThan(0);
        expect(rig.feed.underruns).toBe(0);
    });

    test("values from outside are bounded", () => {
        const rig = new Rig(isShared, 2);
        const { feed } = rig;
        feed.write(Number.NaN, [tone(440, 1)]);
        feed.write(0, []);
        feed.write(0, [new Float32Array(0), tone(440, 1)]);
        expect(feed.bufferedUs).toBe(0);
        feed.setRate(Number.NaN);
        feed.playFrom(Number.NaN);
        feed.write(0, [tone(440, 30), tone(440, 31), tone(440, 30)]);
        expect(feed.bufferedUs).toBeCloseTo(4e6, -1);
        feed.playFrom(28e6);
        const [left, right] = rig.play(0.5);
        expect(difference(left?.subarray(FADE), tone(440, 30).subarray(28 * RATE + FADE, 29 * RATE))).toBe(-1);
        expect(difference(right, left)).toBe(-1);
        feed.setRate(100);
        const beforeUs = feed.bufferedUs;
        rig.play(0.5);
        expect(beforeUs - feed.bufferedUs).toBeLessThan(1.1e6);
    });

    test("after close it is quiet for ever", () => {
        const rig = new Rig(isShared);
        rig.write(0, [tone(440, 1)]);
        rig.feed.playFrom(0);
        rig.play(0.1);
        rig.feed.close();
        rig.feed.close();
        rig.feed.playFrom(0);
        rig.feed.write(1e6, [tone(440, 1)]);
        expect(rig.feed.timeUs(rig.nowMs)).toBeUndefined();
        expect(rig.block([new Float32Array(BLOCK)])).toBe(false);
    });
});

test("a worklet that takes no messages is sent no more than the ring holds", () => {
    const rig = new Rig(false);
    rig.isDelivering = false;
    for (let i = 0; i < 1000; i++) rig.feed.write(i * 20_000, [tone(440, 0.02)]);
    expect(rig.waiting).toBeLessThan(220);
    expect(rig.feed.dropped).toBeGreaterThan(15 * RATE);
    rig.isDelivering = true;
    rig.play(0.1);
    rig.write(20e6, [ramp(RATE)]);
    rig.feed.playFrom(20e6);
    expect(difference(rig.play(0.1)[0]?.subarray(FADE), ramp(RATE, FADE))).toBe(-1);
});

describe("channels", () => {
    const quiet = new Float32Array(RATE);
    const LAYOUTS: [number, number, number[]][] = [
        [1, 0, [1]],
        [2, 1, [0, 1]],
        [3, 2, [0, 0, 1, 0, 0, 0]],
        [4, 3, [0, 0, 0, 1]],
        [5, 4, [0, 0, 0, 0, 0, 1]],
        [6, 3, [0, 0, 0, 1, 0, 0]],
        [8, 6, [0, 0, 0, 0, 1, 0]],
    ];
    test.each(LAYOUTS)("of %d, number %d is heard at %o", (channels, one, speakers) => {
        const rig = new Rig(true, channels);
        const sound = ramp(RATE);
        rig.write(
            0,
            Array.from({ length: channels }, (_, i) => (i === one ? sound : quiet)),
        );
        rig.feed.playFrom(0);
        const heard = rig.play(0.5);
        expect(heard.length).toBe(speakers.length);
        for (const [s, plane] of heard.entries()) {
            const at = Math.round((plane[20000] ?? 0) * 2 ** 20);
            if (speakers[s] === 0) expect(at).toBe(0);
            // Two channels share a speaker in a layout of eight.
            else expect([20000, Math.round(20000 * Math.SQRT1_2)]).toContain(at);
        }
    });

    test("a single plane is heard left and right", () => {
        const rig = new Rig(false, 2);
        rig.write(0, [ramp(RATE)]);
        rig.feed.playFrom(0);
        const [left, right] = rig.play(0.5);
        expect(left?.[20000]).toBe(20000 / 2 ** 20);
        expect(difference(right, left)).toBe(-1);
    });
});
