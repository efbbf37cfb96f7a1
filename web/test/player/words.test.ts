// SPDX-License-Identifier: MIT OR Apache-2.0
import { describe, expect, test } from "vitest";
import { plainWords } from "../../src/base/plain.ts";
import * as words from "../../src/player/engine/words.ts";
import { CODE } from "../../src/transfork/index.ts";

/** A place with these globals. */
function scopeWith(...names: string[]): typeof globalThis {
    const scope: object = { isSecureContext: !names.includes("insecure") };
    for (const name of names) Object.defineProperty(scope, name, { value: class {} });
    return scope as typeof globalThis;
}

const ALL = scopeWith("WebTransport", "VideoDecoder", "AudioDecoder");

describe("obstacles", () => {
    test("none", () => {
        expect(words.findObstacle("https://relay.example/demo/bbb", ALL)).toBeUndefined();
        expect(words.findObstacle("http://localhost:4443/demo/bbb", ALL)).toBeUndefined();
    });

    test.each([
        ["nonsense", "bad-url", /https:\/\//],
        ["moqf://relay.example/demo", "bad-url", /not the address/],
        ["https://relay.example", "bad-url", /Add its path/],
    ])("%s is %s", (src, code, message) => {
        const error = words.findObstacle(src, ALL);
        expect(error?.code).toBe(code);
        expect(error?.message).toMatch(message);
        expect(error?.isTransient).toBe(false);
    });

    test("a browser that lacks something", () => {
        const src = "https://relay.example/demo/bbb";
        expect(words.findObstacle(src, scopeWith("VideoDecoder"))?.message).toContain("no WebTransport");
        expect(words.findObstacle(src, scopeWith("insecure"))?.message).toContain("by https, or from localhost");
        expect(words.findObstacle(src, scopeWith("WebTransport"))?.code).toBe("no-webcodecs");
        expect(words.findObstacle(src, scopeWith("WebTransport", "AudioDecoder"))).toBeUndefined();
    });
});

describe("a session that does not come about", () => {
    const failed = { code: CODE.failed, message: "no answer" };
    const token = (exp: number) => `e30.${btoa(JSON.stringify({ exp }))}.c2ln`;

    test("is tried again if the relay is silent, and self-signed certificates are thought of", () => {
        const error = words.explain(failed, new URL("https://relay.example/a"), "", 1000);
        expect([error.code, error.isTransient]).toEqual(["unreachable", true]);
        expect(error.message).toContain("(no answer)");
        expect(error.message).toMatch(
            /check the address and the network; if .* self-signed .*, write http: in the address$/,
        );
        expect(words.explain(failed, new URL("http://relay.example/a"), token(2000), 1000).message).not.toContain(
            "self-signed",
        );
    });

    test("is refused with the relay's words", () => {
        for (const code of [CODE.unauthorized, CODE.notFound]) {
            const error = words.explain({ code, message: "unknown key" }, new URL("https://r/a"), "", 1000);
            expect([error.code, error.isTransient]).toEqual(["refused", false]);
            expect(error.message).toContain("unknown key");
            const rude = words.explain(
                { code, message: `\u202e${"x".repeat(5000)}` },
                new URL("https://r/a"),
                "",
                1000,
            );
            expect([rude.message.includes("\u202e"), rude.message.length < 400]).toEqual([false, true]);
        }
        const busy = words.explain({ code: CODE.bounds, message: "too busy" }, new URL("https://r/a"), "", 1000);
        expect([busy.code, busy.isTransient]).toEqual(["unreachable", true]);
    });

    test("may need a new token", () => {
        const url = new URL(`https://r/a?jwt=${token(999)}`);
        const told = { code: CODE.unauthorized, message: "token expired" };
        const hidden = { code: CODE.unauthorized, message: "no valid credentials" };
        for (const error of [
            words.explain(told, new URL("https://r/a"), "", 1000),
            words.explain(hidden, url, "", 1000),
            words.explain(hidden, new URL("https://r/a"), token(999), 1000),
        ])
            expect([error.code, error.isTransient]).toEqual(["token-expired", false]);
    });

    test("is tried again where only this machine's clock says that the token has expired", () => {
        const error = words.explain(failed, new URL(`https://r/a?jwt=${token(999)}`), "", 1000);
        expect([error.code, error.isTransient]).toEqual(["token-expired", true]);
        expect(error.message).toContain("the clock of this machine");
    });
});

test("a token says when it ends, if it says anything", () => {
    const token = (claims: unknown) => `e30.${btoa(JSON.stringify(claims)).replace(/=+$/, "")}.c2ln`;
    expect(words.expiryOfToken(token({ exp: 1800000000 }))).toBe(1800000000);
    for (const odd of ["", "a.b", "a.%%%.c", token(7), token({ exp: "soon" }), token(null)])
        expect(words.expiryOfToken(odd)).toBeUndefined();
});

test("what peers and browsers say is told without what no person reads", () => {
    expect(plainWords("Failed to execute 'decode' on 'VideoDecoder': A key frame is required.")).toBe(
        "A key frame is required",
    );
    expect(plainWords("evil\u202e\n\u0000")).toBe("evil\u00b7\u00b7\u00b7");
    expect(plainWords("x".repeat(5000)).length).toBe(201);
    const many = words.codecMissing(
        Array.from({ length: 64 }, (_, i) => `rubbish${i}`.repeat(7)),
        true,
    );
    expect(many.message).toContain("and 61 more. Use another browser");
    expect(many.message.length).toBeLessThan(400);
    expect(words.codecMissing([""], true).message).toContain("cannot decode a codec without a name.");
    expect(words.decodeFailed("VP8", "Decoding error.").message).toContain("VP8: Decoding error. Trying again");
});
