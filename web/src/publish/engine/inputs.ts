// SPDX-License-Identifier: MIT OR Apache-2.0
// Media as it comes from the page: frames that the receiver closes, and samples as planes. Each function returns how to stop it.
// Tested by tests/browser/publish.mjs.
import type { FromVideoPort, Samples, SoundInput, VideoInput } from "../messages.ts";

/** The sound that is encoded has so many channels, whatever comes in. */
export const CHANNELS = 2;

function readStream<T>(stream: ReadableStream<T>, onValue: (value: T) => void): () => void {
    const reader = stream.getReader();
    async function pump(): Promise<void> {
        for (;;) {
            const { done, value } = await reader.read();
            if (done) return;
            onValue(value);
        }
    }
    pump().catch(() => {}); // the device is gone: the page hears of that
    return () => {
        reader.cancel().catch(() => {});
    };
}

export function readVideo(input: VideoInput, framerate: number, onFrame: (frame: VideoFrame) => void): () => void {
    if (input.kind === "stream") return readStream(input.stream, onFrame);
    const { port } = input;
    const tell = (word: FromVideoPort) => port.postMessage(word);
    port.onmessage = ({ data }: MessageEvent<VideoFrame>) => {
        onFrame(data);
        tell("taken");
    };
    // A hidden page has no timer that keeps up.
    const timer = setInterval(tell, 1000 / framerate, "look");
    return () => {
        clearInterval(timer);
        port.close();
    };
}

export function readSound(input: SoundInput, onSamples: (samples: Samples) => void): () => void {
    if (input.kind === "stream") return readStream(input.stream, (data) => onSamples(samplesOf(data)));
    const { port } = input;
    port.onmessage = ({ data }: MessageEvent<Samples>) => onSamples(data);
    return () => port.close();
}

function samplesOf(data: AudioData): Samples {
    const planes = Array.from({ length: Math.min(CHANNELS, data.numberOfChannels) }, (_, planeIndex) => {
        const plane = new Float32Array(data.numberOfFrames);
        data.copyTo(plane, { planeIndex, format: "f32-planar" });
        return plane;
    });
    const samples = { planes, sampleRate: data.sampleRate, timestampUs: data.timestamp };
    data.close();
    return samples;
}
