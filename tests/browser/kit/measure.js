// SPDX-License-Identifier: MIT OR Apache-2.0
// What tests see and hear of a page: numbers in pictures, flashes, beeps, samples. clips.py says how the media are marked.

const { BLOCKS, copyMarks } = globalThis.marks;
const BEEP_LEVEL = 0.35;
const QUIET_LEVEL = 0.02;

function sizeOf(source) {
    return { width: source.videoWidth || source.width, height: source.videoHeight || source.height };
}

function contextOf(width, height) {
    return new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
}

const small = contextOf(BLOCKS * 3, 3);

function checkBits(number) {
    let sum = 21;
    for (const shift of [0, 6, 12, 18]) sum += (number >> shift) & 63;
    return sum & 63;
}

/** The number that a row of brightness, three pixels a block, stands for; undefined: it is none. */
function numberOf(pixels) {
    let word = 0n;
    for (let block = 0; block < BLOCKS; block++) word = (word << 1n) | (pixels[(block * 3 + 1) * 4 + 1] > 127 ? 1n : 0n);
    const number = Number((word >> 6n) & 0xffffffn);
    return word >> 30n === 2n && Number(word & 63n) === checkBits(number) ? number : undefined;
}

/** The marks of what a canvas or video shows now, and when it was drawn, where drawn.js tells. */
function marksOf(source) {
    if (globalThis.drawn?.isFarAway(source)) return globalThis.drawn.last;
    const { width, height } = sizeOf(source);
    return width && height ? { pixels: copyMarks(small, source, width, height) } : undefined;
}

/** The number and the flash of what a canvas or video shows now; `at`, on the performance clock, since when. */
export function look(source) {
    const found = marksOf(source);
    if (!found) return { number: undefined, flash: false };
    const { pixels, at = performance.now() } = found;
    return { number: numberOf(pixels), flash: pixels[BLOCKS * 3 * 4 + 1] > 127, at };
}

/** The whole picture, as base64 of RGB, with its number. */
export async function takePicture(source) {
    const image = globalThis.drawn?.isFarAway(source) ? await drawn.take() : undefined;
    const { width, height } = image ?? sizeOf(source);
    const whole = contextOf(width, height);
    if (image) whole.putImageData(image, 0, 0);
    else whole.drawImage(source, 0, 0, width, height);
    const pixels = whole.getImageData(0, 0, width, height).data;
    const rgb = new Uint8Array(width * height * 3);
    for (let from = 0, to = 0; from < pixels.length; from += 4, to += 3) rgb.set(pixels.subarray(from, from + 3), to);
    let text = "";
    for (let at = 0; at < rgb.length; at += 32768) text += String.fromCharCode(...rgb.subarray(at, at + 32768));
    return { width, height, number: look(whole.canvas).number, rgb: btoa(text) };
}

/** Looks at each repaint, until stopped; keeps what has changed, with the time of both clocks. `more` adds to each. */
export class Watch {
    seen = [];
    looks = 0;
    unreadable = 0;
    #over = false;

    constructor(source, more = () => ({})) {
        const step = () => {
            if (this.#over) return;
            const what = look(source());
            const last = this.seen.at(-1);
            this.looks++;
            if (what.number === undefined) this.unreadable++;
            else if (last?.number !== what.number) this.seen.push({ ...what, wall: performance.timeOrigin + what.at, ...more() });
            requestAnimationFrame(step);
        };
        requestAnimationFrame(step);
    }

    stop() {
        this.#over = true;
        return { seen: this.seen, looks: this.looks, unreadable: this.unreadable };
    }
}

/** Readings from this long before and after a sound tell when it was heard: a device that stands still is late from then on. */
const AROUND_S = 1;

/** When a context's time was heard, on the performance clock. The time that a page reads may be old, but is never too new. */
function clockOf({ context, readings }) {
    const offsetOf = ({ contextTime, performanceTime }) => performanceTime - contextTime * 1000;
    return (time) => {
        const near = readings.filter(({ contextTime }) => Math.abs(contextTime - time) < AROUND_S);
        return time * 1000 + Math.min(...(near.length > 0 ? near : [heard.now(context)]).map(offsetOf));
    };
}

function recordOf(index) {
    const record = globalThis.heard.contexts[index];
    if (!record) throw new Error("no sound has been played");
    return record;
}

/** When beeps began, on the performance clock. */
export function beeps(index = 0) {
    const record = recordOf(index);
    const { context, blocks } = record;
    const clock = clockOf(record);
    const found = [];
    let quietSince = -1;
    for (const { at, left } of blocks)
        for (let i = 0; i < left.length; i++) {
            if (Math.abs(left[i]) < BEEP_LEVEL) continue;
            const time = at + i / context.sampleRate;
            if (time - quietSince > 0.3) found.push(clock(time));
            quietSince = time;
        }
    return found;
}

/** The last seconds heard, mixed to one channel at 8 kHz, as base64 of 16-bit samples; and the loudest of each channel. */
export function sound(seconds, index = 0) {
    const { context, blocks } = recordOf(index);
    const last = blocks.slice(-Math.ceil((seconds * context.sampleRate) / 128));
    const step = context.sampleRate / 8000;
    const all = new Float32Array(last.length * 128);
    const peaks = [0, 0];
    last.forEach(({ left, right }, at) => {
        for (let i = 0; i < 128; i++) {
            all[at * 128 + i] = (left[i] + (right ?? left)[i]) / 2;
            peaks[0] = Math.max(peaks[0], Math.abs(left[i]));
            peaks[1] = Math.max(peaks[1], Math.abs((right ?? left)[i]));
        }
    });
    const samples = new Int16Array(Math.floor(all.length / step));
    for (let i = 0; i < samples.length; i++) {
        let sum = 0;
        for (let j = Math.floor(i * step); j < Math.floor((i + 1) * step); j++) sum += all[j];
        samples[i] = Math.round((sum / step) * 32767);
    }
    const text = String.fromCharCode(...new Uint8Array(samples.buffer));
    return { samples: btoa(text), peaks };
}

/** Of the last seconds heard: the longest time without sound, in milliseconds, and the lowest and highest tone of a quarter of a second. */
export function evenness(seconds, index = 0) {
    const { context, blocks } = recordOf(index);
    const rate = context.sampleRate;
    const all = blocks.slice(-Math.ceil((seconds * rate) / 128)).flatMap(({ left }) => [...left]);
    let quiet = 0;
    let longest = 0;
    for (const sample of all) {
        quiet = Math.abs(sample) < QUIET_LEVEL ? quiet + 1 : 0;
        longest = Math.max(longest, quiet);
    }
    const tones = [];
    for (let from = 0; from + rate / 4 <= all.length; from += rate / 4) {
        const rises = [];
        for (let i = from + 1; i < from + rate / 4; i++) if (all[i - 1] < 0 && all[i] >= 0) rises.push(i);
        tones.push(rises.length > 1 ? ((rises.length - 1) * rate) / (rises.at(-1) - rises[0]) : 0);
    }
    return { silentMs: (longest / rate) * 1000, lowest: Math.min(...tones), highest: Math.max(...tones) };
}

function samplesOf(text) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return Float32Array.from(new Int16Array(bytes.buffer));
}

/** How much `part` is like its best place in `whole`, -1 to 1, and where that is, in samples. Both loop to no other place. */
export function correlate(partText, wholeText) {
    const part = samplesOf(partText);
    const whole = samplesOf(wholeText);
    let energy = 0;
    for (const value of part) energy += value * value;
    let best = { likeness: -1, at: 0 };
    let around = 0;
    for (let i = 0; i < part.length; i++) around += whole[i] * whole[i];
    for (let at = 0; at + part.length <= whole.length; at++) {
        let sum = 0;
        for (let i = 0; i < part.length; i++) sum += part[i] * whole[at + i];
        const likeness = sum / Math.sqrt(energy * around || 1);
        if (likeness > best.likeness) best = { likeness, at };
        around += (whole[at + part.length] ?? 0) ** 2 - whole[at] ** 2;
    }
    return best;
}
