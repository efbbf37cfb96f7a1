// SPDX-License-Identifier: MIT OR Apache-2.0
// Picture in picture. Where a document may have a window of its own, canvas and controls move there and back. Elsewhere
// a <video> that nobody sees shows the picture as a stream, because browsers take only a <video>.
// Tested by tests/browser/element.mjs.
import { applySheet, make } from "./dom.ts";
import { PIP_CSS } from "./style.ts";

interface PipWindows {
    requestWindow(options: { width: number; height: number }): Promise<Window>;
}

export interface Pip {
    close(): void;
}

export interface PipParts {
    canvas: HTMLCanvasElement;
    chrome: HTMLElement;
    captureStream(): MediaStream;
    /** The window is gone, by whoever's will. */
    onClose(): void;
    /** The window of the stream has buttons of its own. */
    onPlay(): void;
    onPause(): void;
}

function isPipWindows(value: unknown): value is PipWindows {
    return typeof value === "object" && value !== null && "requestWindow" in value;
}

function pipWindows(): PipWindows | undefined {
    const windows: unknown = Reflect.get(globalThis, "documentPictureInPicture");
    // Only the page on top may open one.
    return isPipWindows(windows) && globalThis.top === globalThis.self ? windows : undefined;
}

export function canPictureInPicture(): boolean {
    return pipWindows() !== undefined || document.pictureInPictureEnabled === true;
}

/** Must be called in the turn of a click. */
export function openPip(parts: PipParts): Promise<Pip> {
    const windows = pipWindows();
    return windows ? openWindow(windows, parts) : openStream(parts);
}

async function openWindow(windows: PipWindows, parts: PipParts): Promise<Pip> {
    const { canvas, chrome } = parts;
    const box = canvas.getBoundingClientRect();
    const window = await windows.requestWindow({
        width: Math.max(240, Math.round(box.width)),
        height: Math.max(135, Math.round(box.height)),
    });
    const back = [canvas, chrome].map((element) => {
        const mark = document.createComment("");
        element.replaceWith(mark);
        return { element, mark };
    });
    applySheet(window.document, PIP_CSS);
    window.document.title = document.title;
    window.document.body.append(canvas, chrome);
    chrome.toggleAttribute("data-pip", true);
    window.addEventListener("pagehide", () => {
        for (const { element, mark } of back) mark.replaceWith(element);
        chrome.toggleAttribute("data-pip", false);
        parts.onClose();
    });
    return { close: () => window.close() };
}

async function openStream(parts: PipParts): Promise<Pip> {
    const stream = parts.captureStream();
    // The sound goes on in the page.
    const video = make("video", { playsinline: "", muted: "", "aria-hidden": "true", tabindex: "-1" });
    video.style.cssText = "position:absolute;width:1px;height:1px;opacity:0;pointer-events:none";
    video.muted = true;
    video.srcObject = stream;
    parts.chrome.before(video);
    function end(): void {
        for (const track of stream.getTracks()) track.stop();
        video.srcObject = null;
        video.remove();
    }
    try {
        await video.play();
        await video.requestPictureInPicture();
    } catch (error) {
        end();
        throw error;
    }
    video.addEventListener("pause", parts.onPause);
    video.addEventListener("play", parts.onPlay);
    video.addEventListener("leavepictureinpicture", () => {
        video.removeEventListener("pause", parts.onPause);
        end();
        parts.onClose();
    });
    return { close: () => void document.exitPictureInPicture().catch(() => {}) };
}
