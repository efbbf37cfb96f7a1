// SPDX-License-Identifier: MIT OR Apache-2.0
import { expect, test } from "vitest";
import { findObstacle, refused, unreachable } from "../../src/publish/engine/words.ts";

/** A scope with these names in it. */
function scopeWith(...names: string[]): typeof globalThis {
    return Object.fromEntries(names.map((name) => [name, true])) as unknown as typeof globalThis;
}
const GOOD = "https://relay.example/my/show";

test("what is missing is told in the order in which people can help it", () => {
    const all = scopeWith("WebTransport", "VideoEncoder", "isSecureContext");
    expect(findObstacle(GOOD, all)).toBeUndefined();
    for (const address of ["", "my/show", "ftp://relay.example/x", "https://relay.example/"])
        expect(findObstacle(address, all)?.code).toBe("bad-url");
    expect(findObstacle("", all)?.message).toContain("Set src");
    expect(findObstacle(GOOD, scopeWith("VideoEncoder"))?.message).toContain("secure page");
    expect(findObstacle(GOOD, scopeWith("VideoEncoder", "isSecureContext"))?.message).toContain("Use a current");
    expect(findObstacle(GOOD, scopeWith("WebTransport"))?.code).toBe("no-webcodecs");
});

test("troubles of the connection say what to do", () => {
    const failure = { code: 4, message: "lost" };
    expect(unreachable(GOOD, failure).message).toContain("write http:");
    expect(unreachable("http://localhost:4443/x", failure).message).not.toContain("write http:");
    expect(unreachable(GOOD, failure).isTransient).toBe(true);
    expect([refused(failure, false).code, refused(failure, true).code]).toEqual(["refused", "token-expired"]);
});
