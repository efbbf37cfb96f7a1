// SPDX-License-Identifier: MIT OR Apache-2.0
import { expect, test } from "vitest";
import { SoundClock } from "../../src/publish/engine/soundclock.ts";

/** Pieces of 10 ms go in at `placeUs`, packets of 20 ms come out; returns the places of all packets. */
function run(pieces: number, placeUs: (i: number) => number | undefined, sampleRate = 48_000): number[] {
    const clock = new SoundClock(sampleRate);
    const places: number[] = [];
    let pushed = 0;
    for (let i = 0; i < pieces; i++) {
        const us = placeUs(i);
        if (us === undefined) continue;
        clock.push(us, sampleRate / 100);
        const place = ++pushed % 2 === 0 ? clock.pull(20_000) : undefined;
        if (place !== undefined) places.push(place);
    }
    return places;
}

test("packets are where their samples were", () => {
    const places = run(100, (i) => 700_000 + i * 10_000, 44_100);
    expect(places.length).toBe(50);
    expect(places.every((us, i) => us === 700_000 + i * 20_000)).toBe(true);
});

test("the encoder is given times without gaps, whatever comes", () => {
    const clock = new SoundClock(48_000);
    expect([clock.push(5_000_000, 480), clock.push(9_000_000, 480), clock.push(9_010_000, 480)]).toEqual([
        0, 10_000, 20_000,
    ]);
});

test("jitter does not reach the packets", () => {
    const places = run(1000, (i) => 1_000_000 + i * 10_000 + ((i * 7) % 5) * 3000);
    const steps = places.slice(1).map((us, i) => us - (places[i] ?? 0));
    expect(Math.max(...steps.map((us) => Math.abs(us - 20_000)))).toBeLessThan(600);
});

test("samples that are missing are a gap", () => {
    const places = run(400, (i) => (i >= 100 && i < 130 ? undefined : i * 10_000));
    expect(places[49]).toBe(980_000);
    expect(places[50]).toBe(1_300_000);
});

test("drift is followed without a jump", () => {
    const places = run(60_000, (i) => i * 10_000 * 1.0002);
    const last = places.length - 1;
    expect(Math.abs((places[last] ?? 0) - last * 20_000 * 1.0002)).toBeLessThan(2000);
    const steps = places.slice(1).map((us, i) => us - (places[i] ?? 0));
    expect(Math.max(...steps) - Math.min(...steps)).toBeLessThan(20);
});

test("what steps back is left out until there is room again", () => {
    const places = run(200, (i) => (i < 100 ? i * 10_000 - 30_000 : i * 10_000 - 500_000));
    const steps = places.slice(1).map((us, i) => us - (places[i] ?? 0));
    expect(places[0]).toBe(0);
    expect(Math.min(...steps)).toBeGreaterThanOrEqual(10_000);
    expect(places.length).toBeLessThan(80);
    expect(places.length).toBeGreaterThan(70);
});
