// SPDX-License-Identifier: MIT OR Apache-2.0
// Every message of versions 02 and 03. Numbers stay as they are on the wire, because INFO has to echo them; wishOfWire and its
// like translate. Which message comes is known from the stream's type, the direction and the place.
// Tested by web/test/transfork/vectors.test.ts.
import { CODE, TransforkError } from "./error.ts";
import { atMost, blob, byte, decode, type Field, list, optional, path, struct, varint } from "./field.ts";
import type { Gap, Info, Path, Wish } from "./types.ts";
import type { VersionRow } from "./version.ts";

/** The first varint of a bidirectional stream. Unidirectional streams have one type only: a group. */
export const STREAM = { session: 0, announce: 1, subscribe: 2, fetch: 3, info: 4 } as const;
export const GROUP_STREAM = 0;

export const FRAME_MAX_BYTES = 16 << 20;
const MAX_VERSIONS = 64;
const MAX_EXTENSIONS = 64;
const MAX_EXTENSION_BYTES = 4096;
const NEUTRAL_PRIORITY = 128;

export const STATUS = { ended: 0, active: 1, live: 2 } as const;

export interface Extension {
    id: number;
    data: Uint8Array;
}
export interface WireAnnounce {
    status: number;
    /** Empty with "live". */
    suffix: Path;
}
/** What SUBSCRIBE and INFO share; `priority` is biased by 128. */
export interface WireRanks {
    priority: number;
    order: number;
    expiresMs: number;
}
export interface WireWish extends WireRanks {
    from: number | undefined;
    to: number | undefined;
}
export interface WireSubscribe extends WireWish {
    id: number;
    path: Path;
}
export interface WireInfo extends WireRanks {
    latest: number;
}
export interface WireFetch {
    path: Path;
    priority: number;
    group: number;
    offset: number;
}

const anyExtensions = list(struct<Extension>({ id: varint, data: blob(MAX_EXTENSION_BYTES) }), MAX_EXTENSIONS);
const extensions: Field<readonly Extension[]> = {
    take(input) {
        const found = anyExtensions.take(input);
        if (new Set(found.map((one) => one.id)).size < found.length)
            throw new TransforkError(CODE.decode, "an extension comes twice");
        return found;
    },
    put: (out, value) => anyExtensions.put(out, value),
};

export const streamType = varint;
export const sessionClient = struct<{ versions: readonly number[]; extensions: readonly Extension[] }>({
    versions: list(varint, MAX_VERSIONS),
    extensions,
});
export const sessionServer = struct<{ version: number; extensions: readonly Extension[] }>({
    version: varint,
    extensions,
});
/** Bits per second that the peer could send. */
export const sessionUpdate = varint;
export const announcePlease = path(0);
export const infoPlease = path(1);
export const fetchUpdate = varint;
export const groupHeader = struct<{ subscription: number; sequence: number }>({
    subscription: varint,
    sequence: varint,
});
export const frameSize = atMost(FRAME_MAX_BYTES, CODE.bounds);

const wireGap = struct<{ start: number; count: number; code: number }>({
    start: varint,
    count: varint,
    code: varint,
});
export const gap: Field<Gap> = {
    take(input) {
        const { start, count, code } = wireGap.take(input);
        if (!Number.isSafeInteger(start + count)) throw new TransforkError(CODE.bounds, "a gap without an end");
        return { first: start, last: start + count, code };
    },
    put: (out, { first, last, code }) => wireGap.put(out, { start: first, count: last - first, code }),
};

/** The messages whose layout differs between versions. */
export interface Messages {
    announce: Field<WireAnnounce>;
    subscribe: Field<WireSubscribe>;
    update: Field<WireWish>;
    /** The update after which the stream ends. */
    lastUpdate: Field<WireWish>;
    info: Field<WireInfo>;
    fetch: Field<WireFetch>;
}

export function messagesOf(row: VersionRow): Messages {
    const short = row.hasVarints ? varint : byte;
    const order = atMost(2, CODE.decode);
    const wish = { order, expiresMs: varint, from: optional, to: optional };
    const update = struct<WireWish>({ priority: varint, ...wish });
    return {
        announce: announceOf(row, short),
        subscribe: struct<WireSubscribe>({ id: varint, path: path(1), priority: short, ...wish }),
        update,
        lastUpdate: row.mayLackExpires ? lastUpdateOf(update) : update,
        // INFO's order is not looked at before it is needed: some publishers write what they should not.
        info: row.isLatestFirst
            ? struct<WireInfo>({ priority: short, latest: varint, order: varint, expiresMs: varint })
            : struct<WireInfo>({ priority: short, order: varint, expiresMs: varint, latest: varint }),
        fetch: struct<WireFetch>({ path: path(1), priority: short, group: varint, offset: varint }),
    };
}

const shortUpdate = struct<Omit<WireWish, "expiresMs">>({
    priority: varint,
    order: atMost(2, CODE.decode),
    from: optional,
    to: optional,
});

function lastUpdateOf(update: Field<WireWish>): Field<WireWish> {
    return {
        take(input) {
            const whole = decode(update, input.bytes.subarray(input.at));
            if (!whole) return { expiresMs: 0, ...shortUpdate.take(input) };
            input.at += whole.used;
            return whole.value;
        },
        put: update.put,
    };
}

function announceOf(row: VersionRow, short: Field<number>): Field<WireAnnounce> {
    const status = atMost(STATUS.live, CODE.decode, short);
    return {
        take(input) {
            const value = status.take(input);
            return { status: value, suffix: value === STATUS.live ? [] : announcePlease.take(input) };
        },
        put(out, value) {
            if (value.status === STATUS.live && !row.hasLive) throw new RangeError(`${row.name} has no Live`);
            status.put(out, value.status);
            if (value.status !== STATUS.live) announcePlease.put(out, value.suffix);
        },
    };
}

/** Biased, as it is on the wire. */
export function wirePriority(priority: number): number {
    return Math.min(255, Math.max(0, Math.round(priority) + NEUTRAL_PRIORITY));
}

export function priorityOfWire(priority: number): number {
    return Math.min(priority, 255) - NEUTRAL_PRIORITY;
}

export function wireOfWish(row: VersionRow, wish: Wish): WireWish {
    return {
        priority: wirePriority(wish.priority),
        order: row.orderOldest + (wish.order === "oldest" ? 0 : 1),
        expiresMs: Math.max(0, Math.round(wish.expiresMs)),
        from: wish.from,
        to: wish.to,
    };
}

export function orderOfWire(row: VersionRow, order: number): Info["order"] {
    if (order < row.orderOldest) return "any";
    return order === row.orderOldest ? "oldest" : "newest";
}

export function infoOfWire(row: VersionRow, info: WireInfo): Info {
    return {
        priority: priorityOfWire(info.priority),
        order: orderOfWire(row, info.order),
        expiresMs: info.expiresMs,
        latest: info.latest,
    };
}
