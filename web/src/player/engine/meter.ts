// SPDX-License-Identifier: MIT OR Apache-2.0
// How much arrives per second.

const WINDOW_MS = 2000;
const PIECE_MS = 100;

export class RateMeter {
    #pieces: { atMs: number; bytes: number }[] = [];

    add(bytes: number, nowMs: number): void {
        const last = this.#pieces.at(-1);
        if (last && nowMs - last.atMs < PIECE_MS) last.bytes += bytes;
        else this.#pieces.push({ atMs: nowMs, bytes });
        while ((this.#pieces[0]?.atMs ?? nowMs) < nowMs - WINDOW_MS) this.#pieces.shift();
    }

    rateBps(nowMs: number): number {
        let bytes = 0;
        for (const piece of this.#pieces) if (piece.atMs >= nowMs - WINDOW_MS) bytes += piece.bytes;
        return (bytes * 8000) / WINDOW_MS;
    }
}
