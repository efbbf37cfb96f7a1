// SPDX-License-Identifier: MIT OR Apache-2.0
import { afterEach, describe, expect, test, vi } from "vitest";
import {
    aacConfig,
    audioConfig,
    findUsable,
    nameOfCodec,
    opusHead,
    videoConfig,
} from "../../src/player/engine/configs.ts";
import { AUDIO, VIDEO } from "./rig.ts";

const AAC = { ...AUDIO, codec: "mp4a.40.2" };

describe("configurations", () => {
    test("of AAC come from the catalog, or are made from what it says", () => {
        expect(aacConfig(48000, 2)).toEqual(Uint8Array.of(0x11, 0x90));
        expect(aacConfig(44100, 2)).toEqual(Uint8Array.of(0x12, 0x10));
        expect(aacConfig(48000, 6)).toEqual(Uint8Array.of(0x11, 0xb0));
        expect(aacConfig(12345, 2)).toBeUndefined();
        expect(aacConfig(48000, 9)).toBeUndefined();
        expect(audioConfig({ ...AAC, description: Uint8Array.of(1, 2) })?.description).toEqual(Uint8Array.of(1, 2));
        expect(audioConfig(AAC)?.description).toEqual(Uint8Array.of(0x11, 0x90));
        // What follows an SBR signal cannot be guessed.
        expect(audioConfig({ ...AAC, codec: "mp4a.40.5" })).toBeUndefined();
    });

    test("of Opus have the header that WebCodecs wants, where it is needed", () => {
        const box = Uint8Array.of(0, 6, 1, 0x38, 0, 0, 0xbb, 0x80, 0, 0, 1, 4, 2, 0, 4, 1, 2, 3, 5);
        const head = opusHead(box);
        expect(new TextDecoder().decode(head?.subarray(0, 8))).toBe("OpusHead");
        expect([...(head?.subarray(8, 19) ?? [])]).toEqual([1, 6, 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 1]);
        expect(opusHead(Uint8Array.of(0, 2))).toBeUndefined();
        expect(audioConfig({ ...AUDIO, description: box })?.description).toBeUndefined();
        expect(audioConfig({ ...AUDIO, channelCount: 6, description: box })?.description).toEqual(head);
        expect(audioConfig({ ...AUDIO, channelCount: 6 })).toBeUndefined();
    });

    test("of pictures say nothing of how they are shown, and avoid the graphics card that failed", () => {
        const config = videoConfig({
            ...VIDEO,
            rotation: 90,
            flip: true,
            displayAspectWidth: 4,
            displayAspectHeight: 3,
        });
        expect(config).toEqual({ codec: VIDEO.codec, optimizeForLatency: true });
        expect(videoConfig(VIDEO, 2).hardwareAcceleration).toBe("prefer-software");
        const described = videoConfig({ ...VIDEO, description: Uint8Array.of(1) });
        expect([described.codedWidth, described.codedHeight]).toEqual([640, 360]);
    });
});

describe("what this browser decodes", () => {
    afterEach(() => vi.unstubAllGlobals());

    function stub(supported: RegExp) {
        const isConfigSupported = async ({ codec }: { codec: string }) => ({ supported: supported.test(codec) });
        vi.stubGlobal("VideoDecoder", { isConfigSupported });
        vi.stubGlobal("AudioDecoder", { isConfigSupported });
    }

    test("is played, and nothing is said", async () => {
        stub(/avc|opus/);
        const hevc = { ...VIDEO, name: "hevc", codec: "hev1.1.6.L93.B0" };
        const { usable, problem } = await findUsable({ video: [hevc, VIDEO], audio: [AUDIO] });
        expect(usable.video.map(({ name }) => name)).toEqual(["video1"]);
        expect(problem).toBeUndefined();
    });

    test("is missing by name, and the rest plays", async () => {
        stub(/opus/);
        const { usable, problem } = await findUsable({ video: [VIDEO], audio: [AUDIO] });
        expect([usable.video.length, usable.audio.length]).toEqual([0, 1]);
        expect(problem?.code).toBe("codec-missing");
        expect(problem?.message).toContain("H.264 (avc3.4d401f)");
        expect(problem?.isTransient).toBe(true);
    });

    test("is nothing: playback fails", async () => {
        stub(/nothing/);
        const audio = { ...AAC, codec: "mp4a.40.5" };
        const { problem } = await findUsable({ video: [VIDEO], audio: [audio] });
        expect(problem?.isTransient).toBe(false);
        expect(problem?.message).toContain("AAC (mp4a.40.5) without its configuration in the catalog");
    });

    test("an empty catalog is no problem", async () => {
        expect(await findUsable({ video: [], audio: [] })).toEqual({
            usable: { video: [], audio: [] },
            problem: undefined,
        });
    });
});

test("codecs have names for people", () => {
    expect(nameOfCodec("av01.0.04M.08")).toBe("AV1 (av01.0.04M.08)");
    expect(nameOfCodec("dvh1.05.06")).toBe("dvh1.05.06");
});
