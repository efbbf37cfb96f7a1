// SPDX-License-Identifier: MIT OR Apache-2.0
// The frames of a group, as they come on a stream of their own or as the answer to FETCH.
// Tested by web/test/transfork/session.test.ts.
import { CODE, ignore, TransforkError } from "./error.ts";
import { type Exchange, explain, type Link } from "./link.ts";
import { frameSize } from "./messages.ts";
import type { GroupReader } from "./types.ts";

const GROUP_MAX_BYTES = 64 << 20;
const GROUP_MAX_FRAMES = 1 << 20;

/** Frames of a group or, if there is a `writer`, of the answer to a request. */
type Opened = Pick<Exchange, "reader"> & Partial<Exchange>;

/** Frames from `opening` on; the first `skip` of them are left out. `onEnd`: no more is to come. */
export function readGroup(
    link: Link,
    sequence: number,
    opening: Promise<Opened>,
    skip = 0,
    onEnd: () => void = ignore,
): GroupReader {
    let frames = 0;
    let bytes = 0;
    let last: Promise<Uint8Array | undefined> = Promise.resolve(undefined);

    async function nextFrame({ reader, writer }: Opened): Promise<Uint8Array | undefined> {
        try {
            reader.cutCode = CODE.cut;
            const size = await reader.message(frameSize);
            if (size === undefined) {
                onEnd();
                return undefined;
            }
            bytes += size;
            frames++;
            if (bytes > GROUP_MAX_BYTES || frames > GROUP_MAX_FRAMES)
                throw new TransforkError(CODE.bounds, "the group is too large");
            return await reader.bytes(size);
        } catch (error) {
            const failure = await explain(link, error, writer ? CODE.notFound : CODE.cancelled);
            reader.cancel(failure);
            onEnd();
            throw failure;
        }
    }

    async function readNext(): Promise<Uint8Array | undefined> {
        const opened = await opening;
        for (; skip > 0; skip--) if (!(await nextFrame(opened))) break;
        return nextFrame(opened);
    }

    opening.catch(ignore);
    return {
        sequence,
        readFrame() {
            // One after the other, however they are asked for.
            last = last.then(readNext, readNext);
            return last;
        },
        cancel() {
            onEnd();
            opening.then(({ reader }) => reader.cancel(), ignore);
        },
    };
}
