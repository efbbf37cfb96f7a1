// SPDX-License-Identifier: MIT OR Apache-2.0
// Sends one group of ours on one stream, and gives it up when it falls too far behind.
// Tested by web/test/transfork/session.test.ts.
import { createChange } from "../base/wait.ts";
import { CODE, ignore } from "./error.ts";
import { ABORTED, type Body } from "./track.ts";
import type { Writer } from "./writer.ts";

/** A stream may be so far behind its group. */
const BACKLOG_MAX_BYTES = 16 << 20;

export interface Sending {
    /** Resolves when the stream is over: undefined: all is sent; else the code with which it ended early. Never rejects. */
    readonly ended: Promise<number | undefined>;
    stop(code: number): void;
}

/**
 * Sends `head`, then the frames from `firstFrame` on without their first `skipBytes`. `open` may fail: then it ends with the code of
 * that error. It waits for a stream until its signal says that the group is given up.
 */
export function sendBody(
    body: Body,
    open: (signal: AbortSignal) => Promise<Writer>,
    head: Uint8Array,
    firstFrame = 0,
    skipBytes = 0,
): Sending {
    const change = createChange();
    const abort = new AbortController();
    const opening = open(abort.signal);
    let stopCode: number | undefined;
    /** Bytes that were sent or left out. */
    let done = body.chunks.slice(0, firstFrame).reduce((sum, chunk) => sum + chunk.length, 0);

    function stop(code: number): void {
        stopCode ??= code;
        change.tell();
        abort.abort();
        opening.then((writer) => writer.abort(code)).catch(ignore);
    }
    function onChange(): void {
        // What hangs in a slow network would hold up the news that the rest will not come.
        if (body.end) stop(body.end === ABORTED ? CODE.cancelled : body.end);
        else if (body.bytes - done > BACKLOG_MAX_BYTES) stop(CODE.cancelled);
        else change.tell();
    }

    async function run(): Promise<number | undefined> {
        const writer = await opening;
        writer.ended.then((failure) => stop(failure?.code ?? CODE.cancelled));
        if (head.length) await writer.write(head);
        for (let i = firstFrame; stopCode === undefined; ) {
            const chunk = body.chunks[i];
            if (chunk) {
                const part = chunk.subarray(Math.min(skipBytes, chunk.length));
                skipBytes -= chunk.length - part.length;
                if (part.length) await writer.write(part);
                done += chunk.length;
                i++;
            } else if (body.end === undefined) await change.next();
            else if (body.end === 0) {
                writer.close();
                const failure = await writer.ended;
                return failure?.code;
            } else stop(body.end === ABORTED ? CODE.cancelled : body.end);
        }
        return stopCode;
    }

    // A group that is complete has its end still to be sent.
    const unsent = () => body.bytes - done + (body.end === undefined ? 0 : 1);
    body.readers.add(onChange);
    body.unsent.add(unsent);
    const ended = run()
        .catch((error) => stopCode ?? error.code)
        .finally(() => {
            body.readers.delete(onChange);
            body.unsent.delete(unsent);
        });
    return { ended, stop };
}
