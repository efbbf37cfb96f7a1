// SPDX-License-Identifier: MIT OR Apache-2.0
import { expect, test } from "vitest";
import { TransforkError } from "../../src/transfork/error.ts";
import { adviceOf, Trust } from "../../src/transfork/trust.ts";

const ORIGIN = "https://relay.example:4443";

/** A relay, and all that is tried with it, in order. */
class Relay {
    readonly said: string[] = [];
    isKnown = false;
    isPinEnough = false;
    hasFingerprint = true;
    failure = (what: string): Error => new Error(`not ${what}`);

    open(trust: Trust, origin = ORIGIN): Promise<string> {
        const begin = async (fingerprint?: string) => {
            const what = fingerprint ?? "plain";
            this.said.push(what);
            if (fingerprint ? this.isPinEnough : this.isKnown) return what;
            throw this.failure(what);
        };
        const ask = async () => {
            this.said.push("ask");
            if (!this.hasFingerprint) throw new Error("no answer");
            return "print";
        };
        return trust.open(origin, begin, ask);
    }

    /** What was tried since the last time. */
    tried(): string {
        return this.said.splice(0).join(" ");
    }
}

function relayThat(is: Partial<Relay>): Relay {
    return Object.assign(new Relay(), is);
}

test("a relay that is known is not asked", async () => {
    const relay = relayThat({ isKnown: true });
    const trust = new Trust();
    expect([await relay.open(trust), await relay.open(trust)]).toEqual(["plain", "plain"]);
    expect(relay.tried()).toBe("plain plain");
});

test("each way is tried once, and the first error is told", async () => {
    const relay = relayThat({});
    const trust = new Trust();
    for (let i = 0; i < 2; i++) await expect(relay.open(trust)).rejects.toThrow("not plain");
    expect(relay.tried()).toBe("plain ask print plain ask print");
    relay.hasFingerprint = false;
    await expect(relay.open(trust)).rejects.toThrow("not plain");
    expect(relay.tried()).toBe("plain ask");
});

test("what we say ourselves is not about certificates", async () => {
    const relay = relayThat({ failure: () => new TransforkError(15, "no WebTransport") });
    await expect(relay.open(new Trust())).rejects.toThrow("no WebTransport");
    expect(relay.tried()).toBe("plain");
});

test("where a pin has worked it is the only way, for that relay, until it fails", async () => {
    const relay = relayThat({ isPinEnough: true });
    const trust = new Trust();
    expect([await relay.open(trust), await relay.open(trust)]).toEqual(["print", "print"]);
    expect(relay.tried()).toBe("plain ask print ask print");
    await relay.open(trust, "https://other.example");
    expect(relay.tried()).toBe("plain ask print");
    relay.isPinEnough = false;
    await expect(relay.open(trust)).rejects.toThrow("not print");
    expect(relay.tried()).toBe("ask print");
    relay.isKnown = true;
    expect(await relay.open(trust)).toBe("plain");
    expect(relay.tried()).toBe("plain");
});

test("a relay that is away is remembered, and one that has another certificate meanwhile is found", async () => {
    const relay = relayThat({ isPinEnough: true });
    const trust = new Trust();
    await relay.open(trust);
    relay.tried();
    relay.hasFingerprint = false;
    await expect(relay.open(trust)).rejects.toThrow("not plain");
    relay.hasFingerprint = true;
    await relay.open(trust);
    expect(relay.tried()).toBe("ask plain ask print");
    relay.hasFingerprint = false;
    relay.isKnown = true;
    await relay.open(trust);
    await relay.open(trust);
    expect(relay.tried()).toBe("ask plain plain");
});

test("a page and its workers know the same", async () => {
    const page = new Trust();
    const first = new Trust();
    first.onNews = (news) => page.hear(structuredClone(news));
    page.onNews = (news) => first.hear(structuredClone(news));
    const relay = relayThat({ isPinEnough: true });
    await relay.open(first);
    const second = new Trust();
    for (const news of page.news) second.hear(structuredClone(news));
    relay.tried();
    await relay.open(second);
    expect(relay.tried()).toBe("ask print");
    relay.isPinEnough = false;
    await expect(relay.open(first)).rejects.toThrow();
    expect(page.news).toEqual([]);
});

test("advice is such that the page can follow it", () => {
    const relay = new URL(`${ORIGIN}/demo/x?jwt=secret`);
    expect(adviceOf(relay, "http://localhost:8080")).toMatch(/self-signed certificate, write http:/);
    expect(adviceOf(relay, "https://page.example")).toMatch(
        /accept it once at https:\/\/relay.example:4443\/fingerprint$/,
    );
    expect(adviceOf(new URL("http://localhost:4443/x"), "http://localhost:4443")).toBe("");
});
