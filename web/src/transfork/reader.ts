// SPDX-License-Identifier: MIT OR Apache-2.0
// Reads messages and frames from a stream of the peer. Every failure is a TransforkError; the stream's bytes are copied once, into
// the frame.
// Tested by web/test/transfork/session.test.ts.
import { joinBytes } from "../base/bytes.ts";
import { CODE, errorOf, ignore, resetReason, TransforkError } from "./error.ts";
import { decode, type Field } from "./field.ts";

/** A message that is longer is refused; frames are no messages. */
export const MESSAGE_MAX_BYTES = 16 << 10;
/** A larger frame gets its memory as its bytes come, so that nobody claims memory with a number. */
const EAGER_BYTES = 1 << 20;
/** Of a session's frames that are larger and not whole yet. The one that would exceed it is refused. */
export const UNFINISHED_MAX_BYTES = 64 << 20;
const NO_BYTES = new Uint8Array(0);

/** Bytes of all streams of a session. */
export interface Meter {
    received: number;
    sent: number;
    /** Memory of large frames that are not whole yet. */
    unfinished: number;
}

export function createMeter(): Meter {
    return { received: 0, sent: 0, unfinished: 0 };
}

export class Reader {
    readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
    readonly #meter: Meter;
    #chunk = NO_BYTES as Uint8Array;
    #failure: TransforkError | undefined;
    /** The code of a stream that ends within a message. */
    cutCode: number = CODE.decode;

    constructor(stream: ReadableStream<Uint8Array>, meter: Meter) {
        this.#reader = stream.getReader();
        this.#reader.closed.catch(ignore);
        this.#meter = meter;
    }

    /** The next message; undefined: the stream has ended before it. `last` reads one after which the stream ends. */
    async message<T>(field: Field<T>, last = field): Promise<T | undefined> {
        for (;;) {
            const got = decode(field, this.#chunk) ?? (await this.#more(last));
            if (!got) return undefined;
            if (got === "more") continue;
            this.#chunk = this.#chunk.subarray(got.used);
            return got.value;
        }
    }

    /** Exactly `count` bytes, in memory of their own. */
    async bytes(count: number): Promise<Uint8Array> {
        let out = new Uint8Array(Math.min(count, EAGER_BYTES));
        let held = 0;
        try {
            for (let at = 0; ; ) {
                const part = this.#chunk.subarray(0, out.length - at);
                out.set(part, at);
                at += part.length;
                this.#chunk = this.#chunk.subarray(part.length);
                if (at === count) return out;
                if (at === out.length) {
                    const larger = Math.min(count, 2 * at);
                    held += this.#hold(larger - at);
                    const before = out;
                    out = new Uint8Array(larger);
                    out.set(before);
                } else if (!(await this.#pull())) throw new TransforkError(CODE.cut, "a frame is cut");
            }
        } finally {
            this.#meter.unfinished -= held;
        }
    }

    #hold(bytes: number): number {
        if (this.#meter.unfinished + bytes > UNFINISHED_MAX_BYTES)
            throw new TransforkError(CODE.bounds, "too many large frames come at once");
        this.#meter.unfinished += bytes;
        return bytes;
    }

    /** Nobody wants the rest, because of `failure` or for no particular reason. */
    cancel(failure = new TransforkError(CODE.cancelled)): void {
        if (this.#failure) return;
        this.#failure = failure;
        this.#chunk = NO_BYTES;
        this.#reader.cancel(resetReason(failure.code)).catch(ignore);
    }

    /** After a decoder asked for more. */
    async #more<T>(last: Field<T>): Promise<{ value: T; used: number } | "more" | undefined> {
        if (this.#chunk.length >= MESSAGE_MAX_BYTES) throw new TransforkError(CODE.bounds, "a message is too long");
        if (await this.#pull()) return "more";
        if (this.#chunk.length === 0) return undefined;
        const got = decode(last, this.#chunk);
        if (!got) throw new TransforkError(this.cutCode, "the stream ends within a message");
        return got;
    }

    /** Adds what comes next to the chunk; false: nothing comes. */
    async #pull(): Promise<boolean> {
        let result: ReadableStreamReadResult<Uint8Array> | undefined;
        try {
            if (!this.#failure) result = await this.#reader.read();
        } catch (error) {
            this.#failure ??= errorOf(error, "the stream broke");
        }
        if (this.#failure) throw this.#failure;
        if (!result?.value) return false;
        this.#meter.received += result.value.length;
        this.#chunk = this.#chunk.length ? joinBytes(this.#chunk, result.value) : result.value;
        return true;
    }
}
