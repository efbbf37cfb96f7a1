// SPDX-License-Identifier: MIT OR Apache-2.0
import { describe, expect, test } from "vitest";
import type { AudioLink, AudioOutputApi } from "../../src/player/audio/link.ts";
import { Sound } from "../../src/player/output.ts";

class FakeOutput extends EventTarget implements AudioOutputApi {
    state: AudioOutputApi["state"] = "blocked";
    reason: string | undefined;
    volume = 1;
    muted = false;
    isClosed = false;
    readonly link = { sampleRate: 48000 } as AudioLink;

    become(state: AudioOutputApi["state"]): void {
        this.state = state;
        this.dispatchEvent(new Event("state"));
    }

    async unlock(): Promise<boolean> {
        this.become("running");
        return true;
    }

    captureTrack(): MediaStreamTrack {
        throw new Error("not here");
    }

    async close(): Promise<void> {
        this.isClosed = true;
    }
}

function soundWith({ isMuted = false, hasClicked = false, hasNone = false } = {}) {
    const outputs: FakeOutput[] = [];
    const sent: (AudioLink | undefined)[] = [];
    const sound = new Sound(
        {
            create: () => {
                if (hasNone) throw new Error("no sound");
                const output = new FakeOutput();
                outputs.push(output);
                return output;
            },
            send: (link) => sent.push(link),
            changed: () => {},
            hasClicked: () => hasClicked,
        },
        isMuted,
        0.5,
    );
    return { sound, outputs, sent };
}

const STEREO = { sampleRate: 48000, channels: 2 };

describe("sound on the page", () => {
    test("goes to the worker when it runs, once", () => {
        const { sound, outputs, sent } = soundWith();
        sound.want(STEREO);
        sound.want({ ...STEREO });
        expect(outputs.length).toBe(1);
        expect(outputs[0]?.volume).toBe(0.5);
        expect(sent).toEqual([]);
        expect(sound.isBlocked).toBe(true);
        outputs[0]?.become("running");
        outputs[0]?.become("blocked");
        outputs[0]?.become("running");
        expect(sent.length).toBe(1);
        expect(sound.isBlocked).toBe(false);
    });

    test("of a muted player waits for a click", () => {
        const { sound, outputs, sent } = soundWith({ isMuted: true });
        sound.want(STEREO);
        expect(outputs.length).toBe(0);
        expect(sound.isBlocked).toBe(false);
        sound.setMuted(false);
        sound.unlock();
        expect(outputs.length).toBe(1);
        expect(sent.length).toBe(1);
    });

    test("of a muted player begins if there was a click, with volume 0", () => {
        const { sound, outputs } = soundWith({ isMuted: true, hasClicked: true });
        sound.want(STEREO);
        expect(outputs[0]?.muted).toBe(true);
    });

    test("of another format gets another output", () => {
        const { sound, outputs, sent } = soundWith();
        sound.want(STEREO);
        outputs[0]?.become("running");
        sound.want({ sampleRate: 44100, channels: 2 });
        expect(outputs[0]?.isClosed).toBe(true);
        outputs[1]?.become("running");
        expect(sent.map((link) => link !== undefined)).toEqual([true, false, true]);
        sound.want(undefined);
        expect(outputs[1]?.isClosed).toBe(true);
        expect(sound.isBlocked).toBe(false);
    });

    test("may not be there at all", () => {
        const none = soundWith({ hasNone: true });
        none.sound.want(STEREO);
        expect(none.sound.failure).toMatch(/no sound/);
        const failed = soundWith();
        failed.sound.want(STEREO);
        failed.outputs[0]?.become("failed");
        expect(failed.sound.failure).toBe("there is no audio device");
        expect(failed.sent).toEqual([]);
    });
});
