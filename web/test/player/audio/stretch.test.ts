// SPDX-License-Identifier: MIT OR Apache-2.0
import { describe, expect, test } from "vitest";
import { Ring } from "../../../src/player/audio/ring.ts";
import { Stretch } from "../../../src/player/audio/stretch.ts";
import { BLOCK, frequencyOf, makeRandom, power, RATE, roughness, tone } from "./rig.ts";

const RATES = [0.5, 0.8, 0.95, 1.05, 1.25, 2];

/** Gives all that can be given at this rate, in blocks. */
function stretchAll(planes: Float32Array[], rate: number): { heard: Float32Array[]; due: number } {
    const length = planes[0]?.length ?? 0;
    const ring = new Ring(planes);
    ring.end = length;
    const stretch = new Stretch(ring, RATE);
    stretch.rate = rate;
    const blocks = Math.floor(length / rate / BLOCK) - 20;
    const heard = planes.map(() => new Float32Array(blocks * BLOCK));
    for (let i = 0; i < blocks; i++) {
        stretch.pull(
            heard.map((plane) => plane.subarray(i * BLOCK, (i + 1) * BLOCK)),
            BLOCK,
        );
    }
    return { heard, due: stretch.due };
}

/** Voiced speech, roughly: pulses of a pitch that moves, which ring at two formants. */
function speech(seconds: number): Float32Array {
    const random = makeRandom(7);
    const out = new Float32Array(seconds * RATE);
    let pitchPhase = 0;
    let age = 0;
    for (let i = 0; i < out.length; i++) {
        pitchPhase += (120 + 40 * Math.sin((2 * Math.PI * 2 * i) / RATE)) / RATE;
        age++;
        if (pitchPhase >= 1) {
            pitchPhase -= 1;
            age = 0;
        }
        const t = age / RATE;
        const voice =
            Math.sin(2 * Math.PI * 600 * t) * Math.exp(-t * 300) +
            0.5 * Math.sin(2 * Math.PI * 1200 * t) * Math.exp(-t * 400);
        out[i] = 0.3 * voice + 0.002 * (random() - 0.5);
    }
    return out;
}

describe.each(RATES)("at rate %d", (rate) => {
    test.each([60, 110, 440, 1000, 4321])("a tone of %d Hz keeps its pitch and strength", (frequency) => {
        const sound = tone(frequency, 4);
        const [heard = sound] = stretchAll([sound], rate).heard;
        expect(Math.abs(frequencyOf(heard) / frequency - 1)).toBeLessThan(0.005);
        expect(Math.abs(10 * Math.log10(power(heard) / power(sound)))).toBeLessThan(1);
        // Also in each piece of it: nothing fades away in between.
        for (let at = 0; at + 2400 <= heard.length; at += 2400) {
            expect(Math.abs(10 * Math.log10(power(heard.subarray(at, at + 2400)) / power(sound)))).toBeLessThan(1);
        }
    });

    test("time passes as it should", () => {
        const { heard, due } = stretchAll([speech(10)], rate);
        const frames = heard[0]?.length ?? 0;
        expect(Math.abs(due / frames / rate - 1)).toBeLessThan(0.01);
    });

    test("speech and sweeps do not click", () => {
        const sweep = Float32Array.from({ length: 4 * RATE }, (_, i) => {
            const t = i / RATE;
            return 0.5 * Math.sin(2 * Math.PI * (80 * t + 120 * t * t));
        });
        for (const sound of [speech(4), sweep]) {
            const [heard = sound] = stretchAll([sound], rate).heard;
            expect(roughness(heard)).toBeLessThan(1.3 * roughness(sound));
        }
    });

    test("channels stay together, also opposite ones", () => {
        const left = speech(3);
        const right = left.map((sample) => -sample);
        const { heard } = stretchAll([left, right], rate);
        expect(heard[0]?.findIndex((sample, i) => sample !== -(heard[1]?.[i] ?? 1))).toBe(-1);
        expect(Math.abs(10 * Math.log10(power(heard[0] ?? left) / power(left)))).toBeLessThan(1.5);
    });
});

test("at rate 1 every bit is kept", () => {
    const sound = speech(2);
    const [heard = sound] = stretchAll([sound], 1).heard;
    expect(heard).toEqual(sound.subarray(0, heard.length));
});

test("silence, noise and what is not a number do no harm", () => {
    const random = makeRandom(3);
    const noise = Float32Array.from({ length: 2 * RATE }, () => random() - 0.5);
    for (const sound of [new Float32Array(2 * RATE), noise]) {
        const [heard = sound] = stretchAll([sound], 1.3).heard;
        expect(Math.sqrt(power(heard))).toBeGreaterThanOrEqual(0.8 * Math.sqrt(power(sound)));
    }
    const broken = tone(440, 2).fill(Number.NaN, 5000, 5100);
    const [heard = broken] = stretchAll([broken], 1.3).heard;
    expect(Math.abs(frequencyOf(heard.subarray(20000)) / 440 - 1)).toBeLessThan(0.005);
});

test("it needs a small part of the time there is", () => {
    for (const channels of [2, 6]) {
        const planes = Array.from({ length: channels }, () => speech(4));
        const beganMs = performance.now();
        const { heard } = stretchAll(planes, 1.5);
        const share = (performance.now() - beganMs) / ((heard[0]?.length ?? 0) / (RATE / 1000));
        // A few percent where nothing else runs.
        expect(share).toBeLessThan(0.5);
    }
});
