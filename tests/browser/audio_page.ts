// SPDX-License-Identifier: MIT OR Apache-2.0
// The page of audio.mjs: begins by itself, as pages do, so that the browser's rules for autoplay apply.
import { AudioOutput } from "../../web/src/player/audio/output.ts";

/** What is captured at most. */
const CAPTURE_SECONDS = 8;
/** What is heard, whatever is written. */
const PAGE_CHANNELS = 2;
const SAMPLE_RATE = 48000;

const wishes = new URLSearchParams(location.search);
const workletUrl = wishes.get("worklet") ?? undefined;
const channels = Number(wishes.get("channels") ?? PAGE_CHANNELS);
const output = new AudioOutput({ sampleRate: SAMPLE_RATE, channels, workletUrl });
const states = [output.state];
output.addEventListener("state", () => states.push(output.state));
const worker = new Worker(new URL("./audio_worker.ts", import.meta.url), { type: "module" });
const { link } = output;
worker.postMessage({ link, originMs: performance.timeOrigin }, [link.port]);

/** Asks the worker and waits for its answer. */
function ask(question: Record<string, unknown>): Promise<unknown> {
    return new Promise((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = ({ data }) => resolve(data);
        worker.postMessage({ question, port: port2 }, [port2]);
    });
}

/** The tones that come out, by an AnalyserNode: works in every browser. */
async function analyse(): Promise<{ frequency: number; power: number }[]> {
    const context = new AudioContext({ sampleRate: SAMPLE_RATE });
    const source = context.createMediaStreamSource(new MediaStream([output.captureTrack()]));
    const splitter = context.createChannelSplitter(PAGE_CHANNELS);
    source.connect(splitter);
    const analysers = Array.from({ length: PAGE_CHANNELS }, (_, i) => {
        const analyser = new AnalyserNode(context, { fftSize: 16384, smoothingTimeConstant: 0 });
        splitter.connect(analyser, i);
        return analyser;
    });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const found = analysers.map((analyser) => {
        const spectrum = new Float32Array(analyser.frequencyBinCount);
        analyser.getFloatFrequencyData(spectrum);
        const best = spectrum.reduce((most, value, i) => (value > (spectrum[most] ?? 0) ? i : most), 0);
        return { frequency: (best * SAMPLE_RATE) / analyser.fftSize, power: spectrum[best] ?? 0 };
    });
    await context.close();
    return found;
}

/** Samples of what is played, until `stop` is called. */
function record(): () => Promise<number[][]> {
    const track = output.captureTrack();
    const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
    const planes: number[][] = Array.from({ length: PAGE_CHANNELS }, () => []);
    let isStopped = false;
    const done = (async () => {
        while (!isStopped && (planes[0]?.length ?? 0) < CAPTURE_SECONDS * SAMPLE_RATE) {
            const { value, done } = await reader.read();
            if (done) break;
            const plane = new Float32Array(value.numberOfFrames);
            for (const [planeIndex, samples] of planes.entries()) {
                value.copyTo(plane, { planeIndex: Math.min(planeIndex, value.numberOfChannels - 1), format: "f32-planar" });
                samples.push(...plane);
            }
            value.close();
        }
        await reader.cancel();
        return planes;
    })();
    return () => {
        isStopped = true;
        return done;
    };
}

document.querySelector("button")?.addEventListener("click", () => {
    Object.assign(globalThis, { unlocked: output.unlock() });
});
Object.assign(globalThis, { output, states, ask, analyse, record, link });
