// SPDX-License-Identifier: MIT OR Apache-2.0
// Runs before a page's own scripts: whatever an AudioContext of the page sends to the loudspeaker is also recorded, with the time at
// which it is heard. `heard` is what the tests read; measure.js makes sense of it.
(() => {
    const SECONDS = 20;
    const READING_MS = 50;
    const RECORDER = `registerProcessor("moq-tap", class extends AudioWorkletProcessor {
        process([[left, right]]) {
            if (left) this.port.postMessage({ at: currentTime, left, right });
            return true;
        }
    })`;

    /** Which time of a context is heard when. Chromium says so; of Firefox it is known beforehand (firefox.mjs). */
    function now(context) {
        const late = globalThis.outputLatencySeconds;
        if (late === undefined) return context.getOutputTimestamp();
        return { contextTime: context.currentTime - late, performanceTime: performance.now() };
    }

    const heard = { contexts: [], now };
    Object.defineProperty(globalThis, "heard", { value: heard });
    const taps = new WeakMap();
    const connect = AudioNode.prototype.connect;

    function tapOf(context) {
        if (taps.has(context)) return taps.get(context);
        const gate = new GainNode(context);
        const record = { context, blocks: [], readings: [] };
        setInterval(() => {
            if (context.state !== "running") return;
            record.readings.push(now(context));
            if (record.readings.length > (SECONDS * 1000) / READING_MS) record.readings.shift();
        }, READING_MS);
        heard.contexts.push(record);
        taps.set(context, gate);
        const url = URL.createObjectURL(new Blob([RECORDER], { type: "text/javascript" }));
        const listen = () => {
            const node = new AudioWorkletNode(context, "moq-tap", { numberOfOutputs: 0, channelCount: 2, channelCountMode: "explicit" });
            node.port.onmessage = ({ data }) => {
                record.blocks.push(data);
                if (record.blocks.length > (SECONDS * context.sampleRate) / 128) record.blocks.shift();
            };
            connect.call(gate, node);
        };
        context.audioWorklet.addModule(url).then(listen).catch((error) => {
            // A player that is closed while it begins closes its context before the module is there.
            if (context.state !== "closed") throw error;
        });
        return gate;
    }

    AudioNode.prototype.connect = function (target, ...rest) {
        if (target === this.context.destination && this.context instanceof AudioContext) connect.call(this, tapOf(this.context));
        return connect.call(this, target, ...rest);
    };
})();
