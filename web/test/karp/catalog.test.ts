// SPDX-License-Identifier: MIT OR Apache-2.0
import { describe, expect, test } from "vitest";
import { CATALOG_MAX_BYTES, CatalogError, parseCatalog, printCatalog } from "../../src/karp/catalog.ts";

function parse(json: string) {
    return parseCatalog(new TextEncoder().encode(json));
}

const REFERENCE =
    '{"video":[{"track":{"name":"video","priority":2},"codec":"avc1.64001f","resolution":{"width":1280,"height":720},' +
    '"bitrate":6000000}],"audio":[{"track":{"name":"audio","priority":1},"codec":"opus","sample_rate":48000,' +
    '"channel_count":2,"bitrate":128000}]}';

function shown(members: string): string {
    return `{"video":[{"track":{"name":"v","priority":2},"codec":"vp8","resolution":{"width":720,"height":576}${members}}]}`;
}

describe("a catalog", () => {
    test.each([
        REFERENCE,
        "{}",
        '{"start":0}',
        '{"audio":[{"track":{"name":"a","priority":-128},"codec":"mp4a.40.2","description":"131056e598","sample_rate":96000,"channel_count":6}]}',
        shown(',"timescale":15360,"language":"deu","languageTag":"de-AT","rotation":90,"flip":true'),
        shown(',"ladder":"auto","displayAspectWidth":16,"displayAspectHeight":9'),
        shown(',"colorSpace":{"primaries":"bt2020","transfer":"pq","matrix":"bt2020-ncl","fullRange":false}'),
    ])("survives to the byte: %s", (json) => {
        expect(new TextDecoder().decode(printCatalog(parse(json)))).toBe(json);
    });

    test("has what it says", () => {
        const catalog = parse(REFERENCE);
        expect(catalog.video[0]).toEqual({
            kind: "video",
            name: "video",
            priority: 2,
            codec: "avc1.64001f",
            width: 1280,
            height: 720,
            bitrateBps: 6000000,
        });
        expect(catalog.audio[0]).toMatchObject({ kind: "audio", sampleRate: 48000, channelCount: 2 });
    });

    test("may have members that are null or unknown", () => {
        const json = REFERENCE.replace('"bitrate":6000000', '"bitrate":null,"description":null,"colour":{"a":[1]}');
        expect(parse(json).video[0]?.bitrateBps).toBeUndefined();
        expect(parse('{"video":null,"audio":[],"x":1,"start":null}')).toEqual({ video: [], audio: [] });
    });

    test.each([
        ',"language":"german"',
        ',"language":7,"languageTag":""',
        ',"ladder":7',
        ',"rotation":45',
        ',"rotation":-90,"flip":1',
        ',"displayAspectWidth":16',
        ',"displayAspectWidth":16,"displayAspectHeight":0',
        ',"colorSpace":"bt709"',
        ',"colorSpace":{"primaries":"red","transfer":256,"matrix":null}',
        ',"timescale":-1',
    ])("is shown as usual where it makes no sense: %s", (members) => {
        expect(parse(shown(members))).toEqual(parse(shown("")));
    });

    test.each([
        ["", "no JSON"],
        ["[]", "must be an object"],
        ["{", "no JSON"],
        ['{"video":{}}', "video must be a list"],
        ['{"video":[7]}', "video[0] must be an object"],
        ['{"audio":[{}]}', "audio[0].track must be an object"],
        [REFERENCE.replace('"priority":2', '"priority":128'), "video[0].track.priority is out of range"],
        [REFERENCE.replace('"priority":1', '"priority":1.5'), "audio[0].track.priority must be an integer"],
        [REFERENCE.replace('"opus"', "null"), "audio[0].codec must be a string"],
        [REFERENCE.replace('"width":1280', '"width":-1'), "video[0].resolution.width is out of range"],
        [REFERENCE.replace("48000", '"48000"'), "audio[0].sample_rate must be an integer"],
        [REFERENCE.replace('"audio","priority"', '"video","priority"'), 'two tracks are named "video"'],
        [shown(',"description":"0g"'), "video[0].description must be pairs of hex digits"],
        [shown(',"description":"123"'), "video[0].description must be pairs of hex digits"],
        [shown(`,"description":"${"00".repeat(70000)}"`), "video[0].description is too long"],
        [`{"video":[${Array(65).fill("{}")}]}`, "more than 64 tracks"],
    ])("is refused with the place and the reason: %s", (json, reason) => {
        expect(() => parse(json)).toThrow(CatalogError);
        expect(() => parse(json)).toThrow(reason);
    });

    test("is bounded, and is UTF-8", () => {
        expect(() => parseCatalog(new Uint8Array(CATALOG_MAX_BYTES + 1))).toThrow(CatalogError);
        expect(() => parseCatalog(Uint8Array.of(0x7b, 0xff, 0x7d))).toThrow(CatalogError);
    });

    test("that is cut or changed anywhere is refused or read, and nothing else happens", () => {
        const bytes = new TextEncoder().encode(REFERENCE);
        for (let i = 0; i < bytes.length; i++)
            for (const hostile of [bytes.subarray(0, i), bytes.map((byte, at) => (at === i ? 0x2d : byte))])
                try {
                    parseCatalog(hostile);
                } catch (error) {
                    expect(error).toBeInstanceOf(CatalogError);
                }
    });
});
