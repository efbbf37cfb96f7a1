// SPDX-License-Identifier: MIT OR Apache-2.0
// Writes to a stream towards the peer, no faster than the browser takes it. Every failure is a TransforkError.
// Tested by web/test/transfork/session.test.ts.
import { errorOf, ignore, resetReason, type TransforkError } from "./error.ts";
import { encode, type Field } from "./field.ts";
import type { Meter } from "./reader.ts";

export class Writer {
    readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
    readonly #meter: Meter;
    /** Resolves when all is sent (undefined) or the stream broke: the peer stopped it, or we reset it. Never rejects. */
    readonly ended: Promise<TransforkError | undefined>;

    constructor(stream: WritableStream<Uint8Array>, meter: Meter) {
        this.#writer = stream.getWriter();
        this.#meter = meter;
        this.ended = this.#writer.closed.then(
            () => undefined,
            (error) => errorOf(error, "the stream broke"),
        );
    }

    /** Resolves when the browser has taken the bytes. */
    async write(bytes: Uint8Array): Promise<void> {
        try {
            await this.#writer.ready;
            await this.#writer.write(bytes);
        } catch (error) {
            throw errorOf(error, "the stream broke");
        }
        this.#meter.sent += bytes.length;
    }

    put<T>(field: Field<T>, value: T): Promise<void> {
        return this.write(encode(field, value));
    }

    close(): void {
        this.#writer.close().catch(ignore);
    }

    abort(code: number): void {
        this.#writer.abort(resetReason(code)).catch(ignore);
    }
}
