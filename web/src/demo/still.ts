// SPDX-License-Identifier: MIT OR Apache-2.0
// A small picture of a broadcast, made anew now and then: the first frame of the newest group, which is a keyframe. It is read from
// the smallest rendition, and only while the card is in view.
// Tested by tests/browser/test_demo.py.
import { Broadcast, type Catalog, readMediaFrame, type VideoTrack } from "../karp/index.ts";
import type { Path, Session } from "../transfork/index.ts";

const AGAIN_MS = 10_000;
const WAIT_MS = 8_000;
const WIDTH = 320;

function smallestOf(catalog: Catalog): VideoTrack | undefined {
    return [...catalog.video].sort((a, b) => a.width * a.height - b.width * b.height)[0];
}

export class Still {
    readonly #canvas: HTMLCanvasElement;
    readonly #broadcast: Broadcast;
    readonly #observer: IntersectionObserver;
    #session: Session | undefined;
    #track: { path: Path; video: VideoTrack } | undefined;
    #timer: ReturnType<typeof setTimeout> | undefined;
    #isVisible = false;
    #isClosed = false;
    #isBusy = false;

    constructor(canvas: HTMLCanvasElement, path: Path) {
        this.#canvas = canvas;
        this.#broadcast = new Broadcast(path, (event) => {
            const video = event.kind === "catalog" ? smallestOf(event.catalog) : undefined;
            this.#track = event.kind === "catalog" && video ? { path: [...event.path, video.name], video } : undefined;
            this.#look();
        });
        this.#observer = new IntersectionObserver((entries) => {
            this.#isVisible = entries.at(-1)?.isIntersecting ?? false;
            this.#look();
        });
        this.#observer.observe(canvas);
    }

    use(session: Session | undefined): void {
        this.#session = session;
        this.#broadcast.use(session);
    }

    close(): void {
        this.#isClosed = true;
        clearTimeout(this.#timer);
        this.#observer.disconnect();
        this.#broadcast.close();
    }

    #look(): void {
        if (this.#isBusy || this.#isClosed || !this.#isVisible || !this.#session || !this.#track) return;
        this.#isBusy = true;
        const { path, video } = this.#track;
        this.#draw(this.#session, path, video)
            .catch(() => {}) // no picture then; the card has its name
            .finally(() => {
                this.#isBusy = false;
                clearTimeout(this.#timer);
                if (!this.#isClosed) this.#timer = setTimeout(() => this.#look(), AGAIN_MS);
            });
    }

    async #draw(session: Session, path: Path, video: VideoTrack): Promise<void> {
        const frame = await firstFrame(session, path);
        if (!frame || this.#isClosed) return;
        const picture = await decodeOne(video, frame);
        const { displayWidth, displayHeight } = picture;
        this.#canvas.width = WIDTH;
        this.#canvas.height = Math.max(1, Math.round((WIDTH * displayHeight) / displayWidth));
        this.#canvas.getContext("2d")?.drawImage(picture, 0, 0, this.#canvas.width, this.#canvas.height);
        picture.close();
    }
}

/** Of the newest group; undefined: none came in time. */
async function firstFrame(session: Session, path: Path): Promise<Uint8Array | undefined> {
    const subscription = session.subscribe(path, { priority: -2, order: "newest", expiresMs: 0 });
    const timer = setTimeout(() => subscription.close(), WAIT_MS);
    try {
        for await (const group of subscription.groups) {
            const frame = await group.readFrame();
            group.cancel();
            return frame;
        }
        return undefined;
    } finally {
        clearTimeout(timer);
        subscription.close();
    }
}

async function decodeOne(video: VideoTrack, frame: Uint8Array): Promise<VideoFrame> {
    const { timeUs, data } = readMediaFrame(frame);
    let picture: VideoFrame | undefined;
    let failure: unknown;
    const decoder = new VideoDecoder({
        output: (output) => {
            picture?.close();
            picture = output;
        },
        error: (error) => {
            failure = error;
        },
    });
    try {
        const config: VideoDecoderConfig = { codec: video.codec, codedWidth: video.width, codedHeight: video.height };
        if (video.description) config.description = video.description;
        decoder.configure(config);
        decoder.decode(new EncodedVideoChunk({ type: "key", timestamp: timeUs, data }));
        await decoder.flush();
    } finally {
        if (decoder.state !== "closed") decoder.close();
    }
    if (!picture) throw failure ?? new Error("no picture");
    return picture;
}
