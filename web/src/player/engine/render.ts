// SPDX-License-Identifier: MIT OR Apache-2.0
// Draws pictures into the canvas of the page, turned, mirrored and stretched as the catalog says.
import type { VideoTrack } from "../../karp/index.ts";

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
    #canvas: OffscreenCanvas | undefined;
    #context: OffscreenCanvasRenderingContext2D | undefined;
    /** The size of the last picture as it is shown; 0: none yet. */
    width = 0;
    height = 0;
    /** Its size as it was encoded. */
    codedWidth = 0;
    codedHeight = 0;

    get isThere(): boolean {
        return this.#context !== undefined;
    }

    attach(canvas: OffscreenCanvas | undefined): void {
        this.#canvas = canvas;
        this.#context = canvas?.getContext("2d", { alpha: false, desynchronized: true }) ?? undefined;
    }

    /** Gives back the memory of the picture. It takes a picture of the screen until that has come through. */
    clear(): void {
        if (this.#canvas) this.#canvas.width = this.#canvas.height = 1;
        this.#context?.fillRect(0, 0, 1, 1);
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
        const context = this.#context;
        if (!canvas || !context) return;
        // A new size empties the canvas, so it is set only where it differs, and drawn into at once.
        if (canvas.width !== shownWidth) canvas.width = shownWidth;
        if (canvas.height !== shownHeight) canvas.height = shownHeight;
        context.setTransform(1, 0, 0, 1, 0, 0);
        if (track.rotation || track.flip) {
            context.translate(shownWidth / 2, shownHeight / 2);
            if (track.flip) context.scale(-1, 1);
            context.rotate(((track.rotation ?? 0) * Math.PI) / 180);
            context.translate(-width / 2, -height / 2);
        }
        context.drawImage(frame, 0, 0, width, height);
    }
}
