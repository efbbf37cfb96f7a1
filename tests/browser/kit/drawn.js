// SPDX-License-Identifier: MIT OR Apache-2.0
// Runs in Firefox before a page's own scripts. A canvas that a worker draws into must not be read from the page there, nor in a
// screenshot: whoever reads waits for the worker, which waits for memory that it is not given when the machine is busy, and its pictures
// stand still for good. So the worker, whose code comes from a blob, tells what it has drawn: the marks of each picture, and a whole one
// when it is asked.
(() => {
    const CHANNEL = "moq-drawn";

    function tellWhatIsDrawn(channelName) {
        const { BLOCKS, copyMarks } = globalThis.marks;
        const channel = new BroadcastChannel(channelName);
        const small = new OffscreenCanvas(BLOCKS * 3, 2).getContext("2d", { willReadFrequently: true });
        const draw = OffscreenCanvasRenderingContext2D.prototype.drawImage;
        let isAsked = false;
        channel.onmessage = () => {
            isAsked = true;
        };
        function copyWhole(canvas, width, height) {
            const whole = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
            draw.call(whole, canvas, 0, 0);
            return whole.getImageData(0, 0, width, height);
        }
        OffscreenCanvasRenderingContext2D.prototype.drawImage = function (image, ...rest) {
            draw.call(this, image, ...rest);
            if (!(image instanceof VideoFrame)) return;
            const { width, height } = this.canvas;
            const pixels = copyMarks(small, this.canvas, width, height);
            const whole = isAsked ? copyWhole(this.canvas, width, height) : undefined;
            isAsked = false;
            channel.postMessage({ pixels, whole, wall: performance.timeOrigin + performance.now() });
        };
    }

    const copy = `globalThis.marks = { BLOCKS: ${marks.BLOCKS}, ${marks.copyMarks} };`;
    const tap = `if (globalThis.WorkerGlobalScope && globalThis.VideoFrame) { ${copy} (${tellWhatIsDrawn})("${CHANNEL}"); }\n`;
    globalThis.Blob = class extends Blob {
        constructor(parts = [], options = {}) {
            super(options.type?.startsWith("text/javascript") ? [tap, ...parts] : parts, options);
        }
    };

    const farAway = new WeakSet();
    const transfer = HTMLCanvasElement.prototype.transferControlToOffscreen;
    HTMLCanvasElement.prototype.transferControlToOffscreen = function () {
        farAway.add(this);
        return transfer.call(this);
    };

    const channel = new BroadcastChannel(CHANNEL);
    const waiting = [];
    channel.onmessage = ({ data: { pixels, whole, wall } }) => {
        drawn.last = { pixels, at: wall - performance.timeOrigin };
        if (whole) for (const resolve of waiting.splice(0)) resolve(whole);
    };
    /** What the workers of this page have drawn: it has one player. */
    globalThis.drawn = {
        last: undefined,
        isFarAway: (canvas) => farAway.has(canvas),
        /** The whole of the next picture, as ImageData. */
        take() {
            channel.postMessage("take");
            return new Promise((resolve) => {
                waiting.push(resolve);
            });
        },
    };
})();
