// SPDX-License-Identifier: MIT OR Apache-2.0
import { describe, expect, test } from "vitest";
import { Uplink } from "../../src/publish/engine/uplink.ts";

const TICK_MS = 100;
const SOUND_BPS = 128_000;

/** Encoders that obey, and a network that carries so much. */
class Case {
    readonly uplink = new Uplink();
    #atMs = 0;
    #written = 0;
    #unsent = 0;
    dropped = 0;
    worstS = 0;

    run(seconds: number, carriedBps: number, videoBps = 2_000_000): void {
        for (let i = 0; i < seconds * 10; i++) {
            const video = this.uplink.isFull ? 0 : videoBps * this.uplink.share;
            if (this.uplink.isFull) this.dropped++;
            const made = ((video + SOUND_BPS) * TICK_MS) / 8000;
            this.#written += made;
            this.#unsent = Math.max(0, this.#unsent + made - (carriedBps * TICK_MS) / 8000);
            this.worstS = Math.max(this.worstS, (this.#unsent * 8) / carriedBps);
            this.#atMs += TICK_MS;
            this.uplink.look(this.#atMs, Math.round(this.#written), Math.round(this.#unsent));
        }
    }
}

describe("the way up", () => {
    test("a network that carries it all changes nothing", () => {
        const one = new Case();
        one.run(60, 50e6);
        expect([one.uplink.share, one.dropped]).toEqual([1, 0]);
    });

    test.each([1_000_000, 500_000, 300_000])(
        "what is sent comes down to %i bits per second, and waits not long",
        (carriedBps) => {
            const one = new Case();
            one.run(5, 50e6);
            one.run(40, carriedBps);
            const madeBps = 2_000_000 * one.uplink.share + SOUND_BPS;
            expect(madeBps).toBeLessThan(1.3 * carriedBps);
            expect(madeBps).toBeGreaterThan(0.35 * carriedBps);
            expect(one.worstS).toBeLessThan((2_000_000 / carriedBps) * 1.5);
        },
    );

    test("it goes up again when the network carries more", () => {
        const one = new Case();
        one.run(5, 50e6);
        one.run(20, 500_000);
        expect(one.uplink.share).toBeLessThan(0.4);
        one.run(120, 50e6);
        expect(one.uplink.share).toBe(1);
        expect(one.uplink.isFull).toBe(false);
    });

    test("tries that fail become rare", () => {
        const one = new Case();
        one.run(60, 1_000_000);
        let changes = 0;
        for (let i = 0, before = one.uplink.share; i < 600; i++) {
            one.run(0.1, 1_000_000);
            if (one.uplink.share > before) changes++;
            before = one.uplink.share;
        }
        expect(changes).toBeLessThan(6);
    });

    test("who joins gets a whole group at once, which is no trouble", () => {
        const { uplink } = new Case();
        for (let atMs = 0; atMs < 3000; atMs += TICK_MS) uplink.look(atMs, 0, 0);
        for (let atMs = 3000; atMs < 10_000; atMs += TICK_MS)
            uplink.look(atMs, (atMs - 3000) * 100, Math.max(0, 500_000 - (atMs - 3000) * 300));
        expect([uplink.share, uplink.isFull]).toEqual([1, false]);
    });

    test("another connection begins anew", () => {
        const one = new Case();
        one.run(20, 300_000);
        one.uplink.restart();
        expect([one.uplink.share, one.uplink.isFull]).toEqual([1, false]);
    });
});
