// SPDX-License-Identifier: MIT OR Apache-2.0
// Where media comes from: camera, microphone, screen or a file; and what to say when it does not.
// Tested by tests/browser/publish.mjs.
import type { PublishError, PublishErrorCode } from "./state.ts";

export type SourceKind = "none" | "camera" | "microphone" | "screen" | "file";

export interface SourceWish {
    readonly kind: SourceKind;
    readonly width: number;
    readonly height: number;
    readonly framerate: number;
    readonly hasVideo: boolean;
    readonly hasSound: boolean;
    readonly cameraId: string | undefined;
    readonly microphoneId: string | undefined;
    /** A file that was chosen, or the address of one. */
    readonly file: Blob | string | undefined;
}

export interface Source {
    readonly stream: MediaStream;
    close(): void;
}

export class SourceError extends Error implements PublishError {
    override readonly name = "SourceError";
    readonly code: PublishErrorCode;
    readonly isTransient = false;

    constructor(code: PublishErrorCode, message: string) {
        super(message);
        this.code = code;
    }
}

const WORDS: Record<string, [PublishErrorCode, string]> = {
    NotAllowedError: [
        "permission-denied",
        "The browser was not allowed to use it. Allow it, for example by the icon beside the address, then start again",
    ],
    NotFoundError: ["no-device", "There is no such device. Connect one, then start again"],
    NotReadableError: ["device-busy", "The device does not start. Close other programs that use it, then start again"],
    OverconstrainedError: ["no-device", "This device is not there any more. Choose another one"],
    AbortError: ["device-failed", "The device could not be started. Start again"],
    SecurityError: ["permission-denied", "This page may not use it: its Permissions-Policy forbids that"],
};

function errorOf(error: unknown): SourceError {
    if (error instanceof SourceError) return error;
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    const [code, words] = WORDS[name] ?? ["device-failed", `The device could not be started: ${message}`];
    return new SourceError(code, words);
}

/** Rejects with SourceError. */
export async function openSource(wish: SourceWish): Promise<Source> {
    try {
        if (wish.kind === "file") return await openFile(wish.file);
        if (!navigator.mediaDevices)
            throw new SourceError("insecure", "Browsers give devices only to pages opened by https or from localhost");
        const stream = await (wish.kind === "screen" ? openScreen(wish) : openDevices(wish));
        return { stream, close: () => stopTracks(stream) };
    } catch (error) {
        throw errorOf(error);
    }
}

/** A camera that runs already may have what is wished for now; it stays as it is where it has not. */
export function adaptCamera(
    stream: MediaStream,
    { width, height, framerate }: Pick<SourceWish, "width" | "height" | "framerate">,
): void {
    const wish = { width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: framerate } };
    for (const track of stream.getVideoTracks()) track.applyConstraints(wish).catch(() => {});
}

function stopTracks(stream: MediaStream): void {
    for (const track of stream.getTracks()) track.stop();
}

function openScreen({ framerate, hasSound }: SourceWish): Promise<MediaStream> {
    if (!("getDisplayMedia" in navigator.mediaDevices))
        throw new SourceError("no-device", "This browser does not share screens. Choose another source");
    return navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: framerate } }, audio: hasSound });
}

async function openDevices(wish: SourceWish): Promise<MediaStream> {
    const device = (id: string | undefined) => (id ? { deviceId: { exact: id } } : {});
    const size = { width: { ideal: wish.width }, height: { ideal: wish.height } };
    const video = { ...size, frameRate: { ideal: wish.framerate }, ...device(wish.cameraId) };
    const audio = { echoCancellation: true, noiseSuppression: true, ...device(wish.microphoneId) };
    const wanted = { video: wish.kind === "camera" && wish.hasVideo && video, audio: wish.hasSound && audio };
    if (!wanted.video && !wanted.audio) throw new SourceError("no-device", "Picture and sound are both off");
    try {
        return await navigator.mediaDevices.getUserMedia(wanted);
    } catch (error) {
        // A camera without a microphone is better than nothing.
        const isMissing = error instanceof Error && error.name === "NotFoundError";
        if (!isMissing || !wanted.video || !wanted.audio) throw error;
        return await navigator.mediaDevices.getUserMedia({ video });
    }
}

interface Capturing {
    captureStream?(): MediaStream;
    mozCaptureStream?(): MediaStream;
}

/** A file is played, again and again, where nobody sees it. */
async function openFile(file: Blob | string | undefined): Promise<Source> {
    if (!file) throw new SourceError("file", "Choose a file first");
    const video = document.createElement("video");
    video.loop = true;
    video.crossOrigin = "anonymous";
    video.playsInline = true;
    // Chromium would let it be heard here; what is captured is the same.
    video.muted = true;
    const url = typeof file === "string" ? undefined : URL.createObjectURL(file);
    video.src = url ?? String(file);
    const free = () => {
        video.pause();
        video.removeAttribute("src");
        video.load();
        if (url) URL.revokeObjectURL(url);
    };
    try {
        await video.play();
        const capturing: Capturing = video as object;
        const stream = capturing.captureStream?.() ?? capturing.mozCaptureStream?.();
        if (!stream) throw new SourceError("file", "This browser cannot publish from files. Use another browser");
        await whenTracksAreThere(stream);
        return {
            stream,
            close() {
                stopTracks(stream);
                free();
            },
        };
    } catch (error) {
        free();
        throw error instanceof SourceError ? error : new SourceError("file", "This browser cannot play the file");
    }
}

const TRACKS_MS = 2000;

async function whenTracksAreThere(stream: MediaStream): Promise<void> {
    if (stream.getTracks().length > 0) return;
    await new Promise<void>((resolve) => {
        stream.addEventListener("addtrack", () => resolve(), { once: true });
        setTimeout(resolve, TRACKS_MS);
    });
    if (stream.getTracks().length === 0)
        throw new SourceError("file", "There is neither picture nor sound in the file");
}

export type DeviceKind = "videoinput" | "audioinput";

export interface Device {
    readonly id: string;
    readonly name: string;
}

/** Names are missing until the browser was allowed to use a device. */
export async function listDevices(kind: DeviceKind): Promise<Device[]> {
    const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
    const fitting = devices.filter((device) => device.kind === kind && device.deviceId);
    return fitting.map(({ deviceId, label }, i) => ({
        id: deviceId,
        name: label || `${kind === "videoinput" ? "Camera" : "Microphone"} ${i + 1}`,
    }));
}
