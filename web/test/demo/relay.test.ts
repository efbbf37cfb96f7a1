// SPDX-License-Identifier: MIT OR Apache-2.0
import { expect, test } from "vitest";
import { readAboutRelay, relayOf } from "../../src/demo/relay.ts";

test.each([
    ["http://localhost:4443/", undefined, "http://localhost:4443/"],
    ["http://localhost:8080/#/publish", { port: 4443, isSelfSigned: true }, "http://localhost:4443/"],
    ["https://relay.example/?jwt=a.b", { port: 443, isSelfSigned: false }, "https://relay.example/?jwt=a.b"],
    [
        "http://localhost:8080/?relay=https://other.example:4443",
        { port: 1, isSelfSigned: true },
        "https://other.example:4443/",
    ],
])("from %s it is at %s: %s", (page, about, relay) => {
    const found = relayOf(new URL(page), about);
    expect([found?.players.href, found?.programs.href]).toEqual([relay, relay]);
});

test.each([
    ["https://relay.example:8443/?jwt=a.b", 4443],
    ["https://relay.example/?jwt=a.b", 443],
])("from %s players ask by https:, and programs pin", (page, port) => {
    const found = relayOf(new URL(page), { port, isSelfSigned: true });
    expect(found?.players.href).toBe(`https://relay.example${port === 443 ? "" : `:${port}`}/?jwt=a.b`);
    expect(found?.programs.href).toBe(`http://relay.example:${port}/?jwt=a.b`);
});

test.each(["rubbish", "http://[", "ftp://x/", "javascript:alert(1)", "localhost:4443", ""])(
    "%j is no relay",
    (named) => {
        const page = new URL("http://localhost:4443/");
        page.searchParams.set("relay", named);
        expect(relayOf(page, { port: 4443, isSelfSigned: true })).toBeUndefined();
    },
);

test.each([undefined, null, 5, {}, { port: "4443" }, { port: 0 }, { port: 70000 }, { port: 1.5 }])(
    "%j tells nothing",
    (value) => {
        expect(readAboutRelay(value)).toBeUndefined();
    },
);

test("what the relay tells of itself", () => {
    expect(readAboutRelay({ port: 4443, self_signed: true, version: "0.1.0" })).toEqual({
        port: 4443,
        isSelfSigned: true,
    });
});
