// SPDX-License-Identifier: MIT OR Apache-2.0
// Draws pictures into the canvas of the page, turned, mirrored and stretched as the catalog says.
import type { VideoTrack } from "../../karp/index.ts";
import type { Drawing, DrawnBy } from "../state.ts";
import { isWebglFast, make2d, makeWebgl, type Painter } from "./paint.ts";

/** A side of a canvas. Larger pictures are drawn smaller. */
const MAX_SIDE = 8192;

/** How a picture is shown: its size before and after the turn. */
export interface Shape {
    width: number;
    height: number;
    shownWidth: number;
    shownHeight: number;
}

/** `displayWidth` and `displayHeight`: what the decoder says, with the shape of pixels that is in the stream. */
export function shapeOf(displayWidth: number, displayHeight: number, track: VideoTrack): Shape {
    let width = displayWidth;
    let height = displayHeight;
    if (track.displayAspectWidth && track.displayAspectHeight)
        width = Math.round((height * track.displayAspectWidth) / track.displayAspectHeight);
    const scale = Math.min(1, MAX_SIDE / Math.max(width, height, 1));
    width = Math.max(1, Math.round(width * scale));
    height = Math.max(1, Math.round(height * scale));
    const isTurned = track.rotation === 90 || track.rotation === 270;
    return { width, height, shownWidth: isTurned ? height : width, shownHeight: isTurned ? width : height };
}

export class Screen {
    readonly #onLost: () => void;
    #canvas: OffscreenCanvas | undefined;
    #painter: Painter | undefined;
    #isLost = false;
    /** The size of the last picture as it is shown; 0: none yet. */
    width = 0;
    height = 0;
    /** Its size as it was encoded. */
    codedWidth = 0;
    codedHeight = 0;

    /** `onLost`: the canvas cannot be drawn on any more, and another one is needed. */
    constructor(onLost: () => void = () => {}) {
        this.#onLost = onLost;
    }

    get isThere(): boolean {
        return this.#painter !== undefined;
    }

    get drawnBy(): DrawnBy | undefined {
        return this.#painter?.name;
    }

    attach(canvas: OffscreenCanvas, drawing: Drawing): void {
        this.#canvas = canvas;
        this.#isLost = false;
        const isWebgl = drawing === "webgl" || (drawing === "auto" && isWebglFast());
        this.#painter = (isWebgl ? makeWebgl(canvas) : undefined) ?? make2d(canvas);
    }

    /** Gives back the memory of the picture. It takes a picture of the screen until that has come through. */
    clear(): void {
        if (this.#canvas) this.#canvas.width = this.#canvas.height = 1;
        this.#painter?.clear();
    }

    /** Another broadcast begins. The last picture stays on the canvas, but its size is not that of the next one. */
    forget(): void {
        this.width = this.height = this.codedWidth = this.codedHeight = 0;
    }

    draw(frame: VideoFrame, track: VideoTrack): void {
        const { width, height, shownWidth, shownHeight } = shapeOf(frame.displayWidth, frame.displayHeight, track);
        this.width = shownWidth;
        this.height = shownHeight;
        this.codedWidth = frame.visibleRect?.width ?? frame.codedWidth;
        this.codedHeight = frame.visibleRect?.height ?? frame.codedHeight;
        const canvas = this.#canvas;
        if (!canvas || !this.#painter || this.#isLost) return;
        // A new size empties the canvas, so it is set only where it differs, and drawn into at once.
        if (canvas.width !== shownWidth) canvas.width = shownWidth;
        if (canvas.height !== shownHeight) canvas.height = shownHeight;
        if (this.#paint(this.#painter, frame, width, height, track)) return;
        this.#isLost = true;
        this.#onLost();
    }

    #paint(painter: Painter, frame: VideoFrame, width: number, height: number, track: VideoTrack): boolean {
        try {
            return painter.draw(frame, width, height, track);
        } catch (error) {
            // Browsers that have WebGL need not take pictures of a decoder for textures.
            if (painter.name === "2d") throw error;
            return false;
        }
    }
}
