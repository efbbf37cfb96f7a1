// SPDX-License-Identifier: MIT OR Apache-2.0
// Media of a MediaStreamTrack on its way to the worker: by MediaStreamTrackProcessor where the page has it, so that nothing passes
// through the page's thread; else by a video element nobody sees, and by a worklet.
// Tested by tests/browser/publish.mjs.
import { code } from "./collector.ts?worklet";
import type { FromVideoPort, SoundInput, VideoInput } from "./messages.ts";

/** Not in TypeScript's library yet. */
declare const MediaStreamTrackProcessor:
    | (new <T>(init: {
          track: MediaStreamTrack;
          maxBufferSize?: number;
      }) => { readonly readable: ReadableStream<T> })
    | undefined;

/** Pieces of 10 ms that wait for a worker that is busy; then the oldest go. */
const SOUND_BUFFER = 50;
/** Frames on their way to the worker. */
const FRAMES_MAX = 2;
/** Sound that has not begun by then is held back. */
const BLOCKED_MS = 2000;
const SAMPLE_RATE = 48_000;

export interface Captured<Input> {
    readonly input: Input;
    readonly transfer: Transferable[];
    stop(): void;
}

function processorOf<T>(track: MediaStreamTrack, maxBufferSize?: number): ReadableStream<T> | undefined {
    if (typeof MediaStreamTrackProcessor === "undefined") return undefined;
    const init = maxBufferSize === undefined ? { track } : { track, maxBufferSize };
    return new MediaStreamTrackProcessor<T>(init).readable;
}

export function captureVideo(track: MediaStreamTrack): Captured<VideoInput> {
    const stream = processorOf<VideoFrame>(track);
    if (stream) return { input: { kind: "stream", stream }, transfer: [stream], stop() {} };
    const { port1, port2 } = new MessageChannel();
    const stop = sendFrames(track, port1);
    return { input: { kind: "port", port: port2 }, transfer: [port2], stop };
}

/** Each picture that the element shows; while the page is hidden, whenever the worker says so. */
function sendFrames(track: MediaStreamTrack, port: MessagePort): () => void {
    const video = document.createElement("video");
    video.muted = true;
    video.playsInline = true;
    video.srcObject = new MediaStream([track]);
    video.play().catch(() => {}); // the track has ended
    let onTheWay = 0;
    let isStopped = false;
    function send(timeS: number): void {
        if (isStopped || onTheWay >= FRAMES_MAX || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
        const frame = new VideoFrame(video, { timestamp: Math.round(timeS * 1e6) });
        onTheWay++;
        port.postMessage(frame, [frame]);
    }
    function look(_now: number, { mediaTime }: VideoFrameCallbackMetadata): void {
        if (isStopped) return;
        video.requestVideoFrameCallback(look);
        send(mediaTime);
    }
    video.requestVideoFrameCallback(look);
    port.onmessage = ({ data }: MessageEvent<FromVideoPort>) => {
        if (data === "taken") onTheWay--;
        else if (document.hidden) send(video.currentTime);
    };
    return () => {
        isStopped = true;
        video.srcObject = null;
        port.close();
    };
}

/** `onBlocked` is told when the browser holds the sound back, and when it comes after all. */
export function captureSound(
    track: MediaStreamTrack,
    workletUrl: string | undefined,
    onBlocked: (isBlocked: boolean) => void,
): Captured<SoundInput> {
    const stream = processorOf<AudioData>(track, SOUND_BUFFER);
    if (stream) return { input: { kind: "stream", stream }, transfer: [stream], stop() {} };
    const { port1, port2 } = new MessageChannel();
    const stop = sendSound(track, port1, workletUrl, onBlocked);
    return { input: { kind: "port", port: port2 }, transfer: [port2], stop };
}

function sendSound(
    track: MediaStreamTrack,
    port: MessagePort,
    workletUrl: string | undefined,
    onBlocked: (isBlocked: boolean) => void,
): () => void {
    const context = new AudioContext({ sampleRate: SAMPLE_RATE });
    const life = new AbortController();
    async function open(): Promise<void> {
        const url = workletUrl ?? URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
        await context.audioWorklet.addModule(url);
        const node = new AudioWorkletNode(context, "moq-collector", { numberOfOutputs: 0 });
        node.port.postMessage(port, [port]);
        context.createMediaStreamSource(new MediaStream([track])).connect(node);
    }
    open().catch(() => {}); // closed meanwhile
    const tell = () => onBlocked(context.state !== "running");
    context.addEventListener("statechange", tell, { signal: life.signal });
    const timer = setTimeout(tell, BLOCKED_MS);
    // Browsers that let no page begin by itself let it after a click.
    const resume = () => context.resume().catch(() => {});
    for (const event of ["pointerup", "keydown"])
        document.addEventListener(event, resume, { signal: life.signal, capture: true });
    return () => {
        life.abort();
        clearTimeout(timer);
        onBlocked(false);
        if (context.state !== "closed") context.close().catch(() => {});
    };
}
