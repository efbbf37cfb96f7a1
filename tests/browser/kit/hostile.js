// SPDX-License-Identifier: MIT OR Apache-2.0
// A publisher that sends what it likes: names, catalogs and frames of all kinds. A page loads it and calls `hostile.open(relay, dist)`.

const FRAMES = 30;
const FRAME_US = 33_333;

/** A second of VP8: a key frame and what follows it. */
async function encodeSecond() {
    const frames = [];
    const encoder = new VideoEncoder({
        output: (chunk) => {
            const bytes = new Uint8Array(chunk.byteLength);
            chunk.copyTo(bytes);
            frames.push(bytes);
        },
        error: (error) => console.error(error),
    });
    encoder.configure({ codec: "vp8", width: 320, height: 180, bitrate: 300_000, framerate: 30 });
    const canvas = new OffscreenCanvas(320, 180);
    const context = canvas.getContext("2d");
    for (let i = 0; i < FRAMES; i++) {
        context.fillStyle = `hsl(${i * 12} 80% 50%)`;
        context.fillRect(0, 0, 320, 180);
        const frame = new VideoFrame(canvas, { timestamp: i * FRAME_US });
        encoder.encode(frame, { keyFrame: i === 0 });
        frame.close();
    }
    await encoder.flush();
    encoder.close();
    return frames;
}

globalThis.hostile = {
    VIDEO: { track: { name: "v", priority: 1 }, codec: "vp8", resolution: { width: 320, height: 180 } },

    async open(relay, dist) {
        const [{ connect, createTrack }, { writeMediaFrame }] = await Promise.all([
            import(`${dist}/transfork.js`),
            import(`${dist}/karp.js`),
        ]);
        Object.assign(this, { createTrack, writeMediaFrame });
        this.session = await connect(relay);
        this.second = await encodeSecond();
    },

    track(path) {
        const track = this.createTrack(path);
        this.session.publish(track);
        return track;
    },

    /** One frame of text or bytes, in a group of its own. */
    say(track, content) {
        const group = track.openGroup();
        group.writeFrame(typeof content === "string" ? new TextEncoder().encode(content) : content);
        return group;
    },

    /** A broadcast with this catalog, which may be anything. */
    tell(path, catalog) {
        this.say(this.track([...path, "5"]), catalog instanceof Uint8Array ? catalog : JSON.stringify(catalog)).close();
    },

    /** Thirty frames a second; `bytesOf(i, data)` makes each. */
    play(path, bytesOf = (i, data) => this.writeMediaFrame(i * FRAME_US, data)) {
        this.tell(path, { video: [this.VIDEO] });
        const track = this.track([...path, "5", "v"]);
        const beganMs = performance.now();
        let group;
        let i = 0;
        setInterval(() => {
            for (; i < (performance.now() - beganMs) / 33.333; i++) {
                if (i % FRAMES === 0) group = track.openGroup();
                const bytes = bytesOf(i, this.second[i % FRAMES]);
                if (bytes) group.writeFrame(bytes);
            }
        }, 10);
    },
};
