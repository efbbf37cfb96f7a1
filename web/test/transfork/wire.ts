// SPDX-License-Identifier: MIT OR Apache-2.0
// Two ends of WebTransport in memory: streams with windows, resets, stops and limits, bytes cut at random, sessions that end as
// those of browsers do.
import { randomInt } from "./random.ts";

export class FakeError extends Error {
    readonly source: "stream" | "session";
    readonly streamErrorCode: number | null;

    constructor(message = "", init: { source?: "stream" | "session"; streamErrorCode?: number | null } = {}) {
        super(message);
        this.source = init.source ?? "stream";
        this.streamErrorCode = init.streamErrorCode ?? null;
    }
}
// Node has no WebTransport; the code under test makes its errors by this name.
Object.assign(globalThis, { WebTransportError: FakeError });

export interface WireOptions {
    /** Bytes that a stream holds before its writer waits. */
    windowBytes?: number;
    /** Streams of each kind that one end may have open. */
    streamsMax?: number;
    /** What a browser does at that limit. */
    atLimit?: "reject" | "wait";
    /** Cuts what is written into pieces of 1 to so many bytes; 0: as it was written. */
    pieceMax?: number;
}

interface Pipe {
    readable: ReadableStream<Uint8Array>;
    writable: WritableStream<Uint8Array>;
    fail(error: FakeError): void;
}

const codeOf = (reason: unknown) => (reason instanceof FakeError ? reason.streamErrorCode : null);
const reset = (reason: unknown) => new FakeError("reset", { source: "stream", streamErrorCode: codeOf(reason) });

/** Guards against a stream that is over already: it stays as it ended. */
function quietly(act: () => void): void {
    try {
        act();
    } catch {
        // It is over.
    }
}

function openPipe({ windowBytes = 64 << 10, pieceMax = 0 }: WireOptions, onEnd: () => void): Pipe {
    let read!: ReadableStreamDefaultController<Uint8Array>;
    let write!: WritableStreamDefaultController;
    let wake: () => void = () => {};
    const readable = new ReadableStream<Uint8Array>(
        {
            start: (controller) => {
                read = controller;
            },
            pull: () => wake(),
            cancel(reason) {
                quietly(() => write.error(reset(reason)));
                wake();
                onEnd();
            },
        },
        { highWaterMark: windowBytes, size: (chunk) => chunk?.length ?? 0 },
    );
    async function send(bytes: Uint8Array): Promise<void> {
        for (let at = 0; at < bytes.length; ) {
            while ((read.desiredSize ?? 1) <= 0 && !write.signal.aborted)
                await new Promise<void>((resolve) => {
                    wake = resolve;
                });
            if (write.signal.aborted) return;
            const end = Math.min(bytes.length, pieceMax ? at + 1 + randomInt(pieceMax) : bytes.length);
            read.enqueue(bytes.slice(at, end));
            at = end;
        }
    }
    const writable = new WritableStream<Uint8Array>({
        start(controller) {
            write = controller;
            controller.signal.addEventListener("abort", () => {
                quietly(() => read.error(reset(controller.signal.reason)));
                wake();
            });
        },
        write: send,
        close() {
            quietly(() => read.close());
            onEnd();
        },
        abort: onEnd,
    });
    return {
        readable,
        writable,
        fail(error) {
            quietly(() => read.error(error));
            quietly(() => write.error(error));
            wake();
        },
    };
}

type Incoming<T> = ReadableStreamDefaultController<T>;

/** One end. */
export class FakeTransport {
    ready: Promise<void> = Promise.resolve();
    readonly closed: Promise<WebTransportCloseInfo>;
    readonly incomingBidirectionalStreams: ReadableStream<WebTransportBidirectionalStream>;
    readonly incomingUnidirectionalStreams: ReadableStream<ReadableStream<Uint8Array>>;
    readonly draining: Promise<void>;
    drain!: () => void;
    /** Streams that this end has opened and that are not over. */
    openStreams = 0;
    sendOrders: number[] = [];
    peer!: FakeTransport;
    options: WireOptions;
    #settle!: { resolve(info: WebTransportCloseInfo): void; reject(error: unknown): void };
    #bidi!: Incoming<WebTransportBidirectionalStream>;
    #uni!: Incoming<ReadableStream<Uint8Array>>;
    #pipes = new Set<Pipe>();
    #waiting: (() => void)[] = [];
    hasClosed = false;

    constructor(options: WireOptions) {
        this.options = options;
        this.closed = new Promise((resolve, reject) => {
            this.#settle = { resolve, reject };
        });
        this.draining = new Promise((resolve) => {
            this.drain = resolve;
        });
        this.incomingBidirectionalStreams = new ReadableStream({
            start: (controller) => {
                this.#bidi = controller;
            },
        });
        this.incomingUnidirectionalStreams = new ReadableStream({
            start: (controller) => {
                this.#uni = controller;
            },
        });
    }

    get pipes(): number {
        return this.#pipes.size;
    }

    /** `count` is 0 for the second direction of a stream. */
    #pipe(count: number): Pipe {
        const pipe: Pipe = openPipe(this.options, () => {
            if (!this.#pipes.delete(pipe)) return;
            this.openStreams -= count;
            this.#waiting.shift()?.();
        });
        this.#pipes.add(pipe);
        this.openStreams += count;
        return pipe;
    }

    async #room(): Promise<void> {
        await Promise.resolve();
        while (!this.hasClosed && this.openStreams >= (this.options.streamsMax ?? Number.POSITIVE_INFINITY)) {
            if (this.options.atLimit !== "wait") throw new DOMException("too many streams", "QuotaExceededError");
            await new Promise<void>((resolve) => this.#waiting.push(resolve));
        }
        if (this.hasClosed) throw new FakeError("closed", { source: "session" });
    }

    async createBidirectionalStream(): Promise<WebTransportBidirectionalStream> {
        await this.#room();
        const there = this.#pipe(1);
        const back = this.peer.#pipe(0);
        this.peer.#bidi.enqueue({
            readable: there.readable,
            writable: back.writable,
        } as WebTransportBidirectionalStream);
        return { readable: back.readable, writable: there.writable } as WebTransportBidirectionalStream;
    }

    async createUnidirectionalStream(options: { sendOrder?: number } = {}): Promise<WritableStream<Uint8Array>> {
        await this.#room();
        this.sendOrders.push(options.sendOrder ?? 0);
        const pipe = this.#pipe(1);
        this.peer.#uni.enqueue(pipe.readable);
        return pipe.writable;
    }

    close(info: WebTransportCloseInfo = {}): void {
        if (this.hasClosed) throw new DOMException("closed", "InvalidStateError");
        this.#end(info);
        queueMicrotask(() => this.peer.#end(info));
    }

    /** As when the network goes away, for both. */
    lose(): void {
        const error = new FakeError("Connection lost.", { source: "session" });
        this.#end(error);
        this.peer.#end(error);
    }

    #end(how: WebTransportCloseInfo | FakeError): void {
        if (this.hasClosed) return;
        this.hasClosed = true;
        const error = how instanceof FakeError ? how : new FakeError("closed", { source: "session" });
        for (const pipe of this.#pipes) pipe.fail(error);
        this.#pipes.clear();
        quietly(() => (how === error ? this.#bidi.error(error) : this.#bidi.close()));
        quietly(() => (how === error ? this.#uni.error(error) : this.#uni.close()));
        for (const wake of this.#waiting.splice(0)) wake();
        if (how instanceof FakeError) this.#settle.reject(how);
        else this.#settle.resolve({ closeCode: how.closeCode ?? 0, reason: how.reason ?? "" });
    }
}

/** Two ends that are connected. */
export function createWire(options: WireOptions = {}): [FakeTransport, FakeTransport] {
    const a = new FakeTransport(options);
    const b = new FakeTransport(options);
    a.peer = b;
    b.peer = a;
    a.closed.catch(() => {});
    b.closed.catch(() => {});
    return [a, b];
}
