// SPDX-License-Identifier: MIT OR Apache-2.0
import { describe, expect, test } from "vitest";
import { FASTEST, SLOWEST } from "../../src/player/engine/control.ts";
import { AUDIO, FakeSource, longestStill, median, Rig, stream, VIDEO } from "./rig.ts";

type Delay = (mediaMs: number, index: number) => number | undefined;

/** Both lanes, joined in the middle of a group. */
function watch(rig: Rig, forMs: number, delayMs: Delay = () => 3, audioDelayMs = delayMs) {
    const video = new FakeSource(VIDEO);
    const audio = new FakeSource(AUDIO);
    const fromMs = rig.world.nowMs - 450;
    const toMs = rig.world.nowMs + forMs;
    rig.feed.rate = 1;
    rig.playback.playVideo(video);
    rig.playback.playSound(audio);
    stream(rig, video, { fromMs, toMs, delayMs });
    stream(rig, audio, { fromMs, toMs, delayMs: audioDelayMs });
    return { video, audio };
}

function agesSince(rig: Rig, fromMs: number): number[] {
    return rig.shown.filter(({ atMs }) => atMs >= fromMs).map(({ ageMs }) => ageMs);
}

/** Always the same one: tests do not roll dice. */
function dice(seed: number): () => number {
    return () => {
        seed = (seed * 1103515245 + 12345) % 2 ** 31;
        return seed / 2 ** 31;
    };
}

describe("joining", () => {
    test("shows the first picture at once, and is at the latency soon", () => {
        const rig = new Rig(200);
        watch(rig, 5000);
        rig.run(20);
        expect(rig.shown[0]?.atMs).toBeLessThan(1010);
        rig.run(4900);
        const ages = agesSince(rig, 1500);
        expect(median(ages)).toBeGreaterThan(180);
        expect(median(ages)).toBeLessThan(240);
        expect(rig.shown.length).toBeGreaterThan(140);
        expect(rig.feed.underruns).toBe(0);
        expect(rig.playback.video.framesLate).toBe(0);
        expect(longestStill(rig.shown, 1300)).toBeLessThan(70);
    });

    test("sound begins with the picture", () => {
        const rig = new Rig(200);
        watch(rig, 5000);
        rig.run(150);
        const heardUs = rig.feed.timeUs() ?? 0;
        expect(Math.abs(heardUs - (rig.playback.clock.timeUs(rig.world.nowMs) ?? 0))).toBeLessThan(20_000);
    });

    test("with a target beyond the group, playback begins anyway, and slows down until it is there", () => {
        const rig = new Rig(2000);
        watch(rig, 30_000);
        rig.run(400);
        expect(rig.playback.status).toBe("playing");
        rig.run(25_000);
        expect(Math.min(...rig.rates)).toBeGreaterThanOrEqual(0.88);
        const ages = agesSince(rig, 24_000);
        expect(median(ages)).toBeGreaterThan(1900);
        expect(median(ages)).toBeLessThan(2100);
        expect(rig.feed.underruns).toBe(0);
    });

    test("picture alone and sound alone play", () => {
        const rig = new Rig(200);
        const video = new FakeSource(VIDEO);
        rig.playback.playVideo(video);
        stream(rig, video, { fromMs: 700, toMs: 4000 });
        rig.run(2500);
        expect(median(agesSince(rig, 1500))).toBeLessThan(240);

        const radio = new Rig(200);
        const audio = new FakeSource(AUDIO);
        radio.feed.rate = 1;
        radio.playback.playSound(audio);
        stream(radio, audio, { fromMs: 700, toMs: 4000 });
        radio.run(2500);
        expect(radio.playback.status).toBe("playing");
        expect(radio.feed.timeUs()).toBeGreaterThan((radio.world.nowMs - 260) * 1000);
    });

    test("sound after a hole is heard at its own time", () => {
        const rig = new Rig(200);
        const isLost = (mediaMs: number) => mediaMs > 2000 && mediaMs < 3500;
        watch(
            rig,
            6000,
            () => 3,
            (mediaMs) => (isLost(mediaMs) ? undefined : 3),
        );
        rig.run(5500);
        const written = rig.feed.written.map((timeUs) => timeUs / 1000);
        expect(written.filter(isLost)).toEqual([]);
        expect(written.filter((ms) => ms >= 3500).length).toBeGreaterThan(80);
        const off = (rig.feed.timeUs() ?? 0) - (rig.playback.clock.timeUs(rig.world.nowMs) ?? 0);
        expect(Math.abs(off)).toBeLessThan(20_000);
    });

    test("sound that joins later does not disturb the picture", () => {
        const rig = new Rig(200);
        const video = new FakeSource(VIDEO);
        const audio = new FakeSource(AUDIO);
        rig.playback.playVideo(video);
        stream(rig, video, { fromMs: 700, toMs: 8000 });
        rig.run(3000);
        rig.feed.delayMs = 40;
        rig.playback.playSound(audio);
        stream(rig, audio, { fromMs: rig.world.nowMs - 700, toMs: 8000 });
        rig.run(3000);
        expect(rig.feed.timeUs()).toBeDefined();
        expect(longestStill(rig.shown, 1500)).toBeLessThan(70);
        expect(Math.abs((rig.feed.timeUs() ?? 0) - (rig.playback.clock.timeUs(rig.world.nowMs) ?? 0))).toBeLessThan(
            15_000,
        );
    });
});

describe("networks", () => {
    test("jitter within the latency is not seen", () => {
        const rig = new Rig(200);
        const random = dice(1);
        watch(rig, 20_000, () => 10 + random() * 120);
        rig.run(19_000);
        expect(longestStill(rig.shown, 2500)).toBeLessThan(90);
        expect(rig.feed.underruns).toBe(0);
        expect(median(agesSince(rig, 3000))).toBeLessThan(260);
    });

    test("more jitter than the latency raises what is needed, and playback follows", () => {
        const rig = new Rig(100);
        const random = dice(2);
        watch(rig, 40_000, () => 10 + random() * 400);
        rig.run(39_000);
        expect(rig.playback.neededMs(rig.world.nowMs)).toBeGreaterThan(250);
        expect(longestStill(rig.shown, 15_000)).toBeLessThan(120);
        expect(median(agesSince(rig, 20_000))).toBeGreaterThan(300);
    });

    test("a stall of half a second: everything that came late is played, then latency is caught up", () => {
        const rig = new Rig(200);
        watch(rig, 25_000, (media) => (media > 5000 && media < 5500 ? 5510 - media : 5));
        rig.run(4600);
        const before = rig.shown.length;
        rig.run(1900);
        expect(longestStill(rig.shown, 5000, 7000)).toBeGreaterThan(250);
        // Nothing was left out: pictures of the stall are shown after it.
        const late = rig.shown.slice(before).map(({ timeUs }) => timeUs);
        for (let i = 1; i < late.length; i++) expect((late[i] ?? 0) - (late[i - 1] ?? 0)).toBeLessThan(70_000);
        rig.run(18_000);
        expect(median(agesSince(rig, 23_500))).toBeLessThan(300);
    });

    test("a stall of five seconds: playback is at live at once after it", () => {
        const rig = new Rig(200);
        watch(rig, 25_000, (media) => (media > 5000 && media < 10_000 ? 10_010 - media : 5));
        rig.run(8000);
        expect(rig.playback.status).toBe("waiting");
        rig.run(4000);
        expect(rig.playback.status).toBe("playing");
        const ages = agesSince(rig, 11_500);
        expect(ages.length).toBeGreaterThan(30);
        expect(Math.max(...ages)).toBeLessThan(1500);
    });

    test("lost groups are skipped without waiting for them", () => {
        const rig = new Rig(200);
        // Of every third group, video loses the second half.
        const lossy: Delay = (media) =>
            Math.floor((media - 550) / 1000) % 3 === 2 && (media - 550) % 1000 > 500 ? undefined : 5;
        watch(rig, 12_000, lossy, () => 5);
        rig.run(11_500);
        expect(longestStill(rig.shown, 2000)).toBeLessThan(600);
        expect(rig.feed.underruns).toBe(0);
        expect(median(agesSince(rig, 2000))).toBeLessThan(240);
    });

    test("a link that is too slow for ten seconds: pictures go on, and all is well soon after", () => {
        const rig = new Rig(200);
        // It carries two thirds: a group falls behind by half of its age, and what is left of it is cut when the next has begun.
        const slow: Delay = (media) => {
            const ageMs = (media - 550) % 1000;
            if (media < 5550 || media >= 15_550) return 5;
            return ageMs < 650 ? 5 + ageMs / 2 : undefined;
        };
        watch(rig, 25_000, slow, () => 5);
        rig.run(24_500);
        expect(longestStill(rig.shown, 5550, 15_500)).toBeLessThan(900);
        expect(rig.shown.filter(({ atMs }) => atMs > 6000 && atMs < 15_500).length).toBeGreaterThan(90);
        expect(Math.max(...agesSince(rig, 2000))).toBeLessThan(1500);
        expect(rig.feed.underruns).toBe(0);
        expect(longestStill(rig.shown, 17_000)).toBeLessThan(90);
        expect(rig.playback.status).toBe("playing");
    });

    test("a publisher that sends whole groups at once", () => {
        const rig = new Rig(100);
        watch(rig, 40_000, (media) => 1000 - ((media - 550) % 1000) + 5);
        rig.run(39_000);
        expect(rig.playback.neededMs(rig.world.nowMs)).toBeGreaterThan(900);
        expect(longestStill(rig.shown, 20_000)).toBeLessThan(120);
    });

    test("a publisher whose clock drifts", () => {
        const rig = new Rig(200);
        const video = new FakeSource(VIDEO);
        rig.playback.playVideo(video);
        // 500 ppm fast, for two minutes: 60 ms.
        stream(rig, video, { fromMs: 700, toMs: 121_000, delayMs: (media) => 60 - (media - 700) * 0.0005 });
        rig.run(119_000);
        expect(rig.playback.behindMs(rig.world.nowMs)).toBeLessThan(260);
        expect(rig.playback.behindMs(rig.world.nowMs)).toBeGreaterThan(140);
        expect(longestStill(rig.shown, 3000)).toBeLessThan(70);
    });

    test("frames that are reordered come out in order", () => {
        const rig = new Rig(200);
        rig.decoding = { eachMs: 2, reorder: 2 };
        const video = new FakeSource(VIDEO);
        rig.playback.playVideo(video);
        // I P B B P B B ...: each P comes in front of the two pictures that are shown before it.
        const reorder = (i: number) => (i === 0 ? 0 : i % 3 === 1 ? 2 : -1);
        stream(rig, video, { fromMs: 700, toMs: 6000, reorder });
        rig.run(5000);
        const times = rig.shown.map(({ timeUs }) => timeUs);
        expect(times).toEqual([...times].sort((a, b) => a - b));
        expect(times.length).toBeGreaterThan(130);
        expect(longestStill(rig.shown, 2000)).toBeLessThan(90);
    });
});

describe("latency", () => {
    test.each([
        [200, 1000],
        [1000, 200],
        [200, 600],
        [3000, 300],
        [200, 2000],
        [2000, 200],
        [200, 9900],
        [5000, 200],
        [700, 1200],
    ])("from %d to %d takes effect within two seconds, without an audible gap", (from, to) => {
        const rig = new Rig(from);
        watch(rig, 60_000);
        rig.run(45_000);
        const { underruns, silentMs } = rig.feed;
        expect(Math.abs((rig.playback.behindMs(rig.world.nowMs) ?? 0) - from)).toBeLessThan(60);
        rig.rates.length = 0;
        rig.playback.setLatency(to, rig.world.nowMs);
        rig.run(2000);
        expect(Math.abs((rig.playback.behindMs(rig.world.nowMs) ?? 0) - to)).toBeLessThan(Math.max(60, to * 0.1));
        const ages = agesSince(rig, rig.world.nowMs - 200);
        expect(Math.abs(median(ages) - to)).toBeLessThan(Math.max(60, to * 0.1));
        expect(longestStill(rig.shown, rig.world.nowMs - 2000)).toBeLessThan(200);
        rig.run(2000);
        expect(rig.feed.underruns).toBe(underruns);
        expect(rig.feed.silentMs).toBe(silentMs);
        expect(rig.playback.clock.rate).toBe(1);
        expect(Math.min(...rig.rates)).toBeGreaterThanOrEqual(SLOWEST);
        expect(Math.max(...rig.rates)).toBeLessThanOrEqual(FASTEST);
    });

    test("a slider that is dragged makes playback jump once, when it stands still", () => {
        const rig = new Rig(200);
        watch(rig, 60_000);
        rig.run(15_000);
        const positions: number[] = [];
        for (let latencyMs = 250; latencyMs <= 3000; latencyMs += 50) {
            rig.playback.setLatency(latencyMs, rig.world.nowMs);
            rig.run(16);
            positions.push(rig.playback.clock.timeUs(rig.world.nowMs) ?? 0);
        }
        expect(positions).toEqual([...positions].sort((a, b) => a - b));
        rig.run(1000);
        expect(rig.playback.clock.timeUs(rig.world.nowMs)).toBeLessThan(positions.at(-1) ?? 0);
        expect(Math.abs((rig.playback.behindMs(rig.world.nowMs) ?? 0) - 3000)).toBeLessThan(100);
        expect(rig.feed.silentMs).toBe(0);
    });

    test("up, down and up again: what was skipped is there as well", () => {
        const rig = new Rig(200);
        watch(rig, 60_000);
        rig.run(15_000);
        const { silentMs } = rig.feed;
        for (const latencyMs of [2500, 200, 2500]) {
            rig.playback.setLatency(latencyMs, rig.world.nowMs);
            rig.run(1500);
            expect(Math.abs((rig.playback.behindMs(rig.world.nowMs) ?? 0) - latencyMs)).toBeLessThan(100);
        }
        rig.run(3000);
        expect(Math.abs(median(agesSince(rig, rig.world.nowMs - 500)) - 2500)).toBeLessThan(100);
        expect([rig.feed.underruns, rig.feed.silentMs]).toEqual([0, silentMs]);
    });

    test("who has just come goes back as far as there is something, and gets there slowly", () => {
        const rig = new Rig(200);
        watch(rig, 60_000);
        rig.run(1500);
        rig.playback.setLatency(4000, rig.world.nowMs);
        rig.run(1000);
        const behindMs = rig.playback.behindMs(rig.world.nowMs) ?? 0;
        expect(behindMs).toBeGreaterThan(1000);
        expect(rig.feed.silentMs).toBe(0);
        rig.run(20_000);
        expect(rig.playback.behindMs(rig.world.nowMs)).toBeGreaterThan(3900);
        expect(Math.min(...rig.rates)).toBeGreaterThanOrEqual(SLOWEST);
    });

    test("a picture without sound, and sound without a picture, jump as well", () => {
        const rig = new Rig(200);
        const video = new FakeSource(VIDEO);
        rig.playback.playVideo(video);
        stream(rig, video, { fromMs: 700, toMs: 20_000 });
        const radio = new Rig(200);
        const audio = new FakeSource(AUDIO);
        radio.feed.rate = 1;
        radio.playback.playSound(audio);
        stream(radio, audio, { fromMs: 700, toMs: 20_000 });
        for (const one of [rig, radio]) {
            one.run(9000);
            one.playback.setLatency(2000, one.world.nowMs);
            one.run(1000);
            expect(Math.abs((one.playback.behindMs(one.world.nowMs) ?? 0) - 2000)).toBeLessThan(60);
        }
        expect(Math.abs(median(agesSince(rig, rig.world.nowMs - 300)) - 2000)).toBeLessThan(60);
        expect(radio.feed.silentMs).toBe(0);
    });
});

describe("sources", () => {
    test("another rendition takes over at a group, and nothing is missing", () => {
        const rig = new Rig(200);
        const { video } = watch(rig, 10_000);
        rig.run(3200);
        const other = new FakeSource({ ...VIDEO, name: "video3", width: 320, height: 180 });
        rig.playback.playVideo(other);
        stream(rig, other, { fromMs: 3550, toMs: 11_000, firstSequence: 3 });
        rig.run(4000);
        expect(video.isClosed).toBe(true);
        expect(rig.shown.at(-1)?.track.name).toBe("video3");
        expect(longestStill(rig.shown, 1500)).toBeLessThan(70);
        const times = rig.shown.map(({ timeUs }) => timeUs);
        expect(times).toEqual([...times].sort((a, b) => a - b));
        expect(rig.videoDecoders.length).toBe(1);
        expect(rig.videoDecoders[0]?.configs.length).toBe(2);
    });

    test("a new session takes over where the old one ended", () => {
        const rig = new Rig(500);
        const { video, audio } = watch(rig, 3000);
        rig.run(3000);
        video.isEnded = audio.isEnded = true;
        rig.run(200);
        const [again, sound] = [new FakeSource(VIDEO), new FakeSource(AUDIO)];
        rig.playback.playVideo(again);
        rig.playback.playSound(sound);
        stream(rig, again, { fromMs: 3550, toMs: 9000, firstSequence: 3 });
        stream(rig, sound, { fromMs: 3550, toMs: 9000, firstSequence: 3 });
        rig.run(4000);
        expect(longestStill(rig.shown, 2000)).toBeLessThan(120);
        expect(median(agesSince(rig, 5000))).toBeLessThan(600);
    });

    test("times that jump begin anew, forwards and backwards", () => {
        for (const by of [3_600_000, -3_600_000]) {
            const rig = new Rig(200);
            rig.zeroMs = -10_000_000;
            const { video, audio } = watch(rig, 2450);
            rig.run(2600);
            rig.zeroMs += by;
            stream(rig, video, { toMs: 9000, firstSequence: 3 });
            stream(rig, audio, { toMs: 9000, firstSequence: 3 });
            rig.run(4000);
            expect(rig.playback.status).toBe("playing");
            expect(median(agesSince(rig, 5000))).toBeLessThan(260);
            expect(agesSince(rig, 5000).length).toBeGreaterThan(40);
        }
    });
});

describe("decoders", () => {
    test("an error costs the rest of its group", () => {
        const rig = new Rig(200);
        const video = new FakeSource(VIDEO);
        rig.playback.playVideo(video);
        stream(rig, video, {
            fromMs: 700,
            toMs: 8000,
            data: (sequence, index) => (sequence === 3 && index === 10 ? 0xff : 1),
        });
        rig.run(7000);
        expect(rig.failures).toEqual(["a broken frame"]);
        expect(longestStill(rig.shown, 1500)).toBeGreaterThan(400);
        expect(longestStill(rig.shown, 1500)).toBeLessThan(800);
        expect(rig.videoDecoders.length).toBe(2);
    });

    test("one that is too slow shows what it can, in time", () => {
        const rig = new Rig(200);
        rig.decoding = { eachMs: 50, reorder: 0 };
        watch(rig, 12_000);
        rig.run(11_000);
        expect(longestStill(rig.shown, 3000)).toBeLessThan(400);
        expect(Math.max(...agesSince(rig, 3000))).toBeLessThan(1300);
        expect(rig.feed.underruns).toBe(0);
    });

    test("every picture is closed, once", () => {
        const rig = new Rig(200);
        watch(rig, 3000);
        rig.run(2500);
        rig.playback.close();
        expect(rig.pictures.length).toBeGreaterThan(70);
        expect(rig.pictures.every(({ isClosed }) => isClosed)).toBe(true);
    });
});
