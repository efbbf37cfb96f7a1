// SPDX-License-Identifier: MIT OR Apache-2.0
// Messages of every kind as words, as tests/vectors/transfork.txt writes them.
import type { Field } from "../../src/transfork/field.ts";
import * as m from "../../src/transfork/messages.ts";
import { pathToText } from "../../src/transfork/path.ts";
import type { Path } from "../../src/transfork/types.ts";
import type { VersionRow } from "../../src/transfork/version.ts";

/** A kind of message whose value only this file looks into. */
export interface Kind {
    field: Field<unknown>;
    words(value: unknown): string;
}

function kind<T>(field: Field<T>, words: (value: T) => string): Kind {
    // Values come from the same field, so they are of its type.
    return { field: field as Field<unknown>, words: (value) => words(value as T) };
}

const pathWords = (path: Path) => `[${path.length}] ${pathToText(path)}`.trim();
const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const extensionWords = (all: readonly m.Extension[]) => all.map(({ id, data }) => ` ext ${id}=${hex(data)}`).join("");
const rankWords = (is: m.WireRanks) => `priority ${is.priority} order ${is.order} expires ${is.expiresMs}`;
const wishWords = (is: m.WireWish) =>
    rankWords(is) + (is.from === undefined ? "" : ` from ${is.from}`) + (is.to === undefined ? "" : ` to ${is.to}`);
const statusWords = ["ended", "active", "live"];

export function kindsOf(row: VersionRow): Record<string, Kind> {
    const of = m.messagesOf(row);
    return {
        stream_type: kind(m.streamType, String),
        session_client: kind(
            m.sessionClient,
            (is) =>
                `offers${is.versions.map((one) => ` ${one.toString(16)}`).join("")}${extensionWords(is.extensions)}`,
        ),
        session_server: kind(
            m.sessionServer,
            (is) => `picks ${is.version.toString(16)}${extensionWords(is.extensions)}`,
        ),
        session_update: kind(m.sessionUpdate, String),
        announce_please: kind(m.announcePlease, pathWords),
        announce: kind(of.announce, (is) =>
            is.status === m.STATUS.live ? "live" : `${statusWords[is.status]} ${pathWords(is.suffix)}`,
        ),
        subscribe: kind(of.subscribe, (is) => `id ${is.id} ${wishWords(is)} path ${pathWords(is.path)}`),
        update: kind(of.update, wishWords),
        last_update: kind(of.lastUpdate, wishWords),
        info: kind(of.info, (is) => `${rankWords(is)} latest ${is.latest}`),
        gap: kind(m.gap, (is) => `start ${is.first} count ${is.last - is.first} code ${is.code}`),
        group: kind(m.groupHeader, (is) => `subscription ${is.subscription} sequence ${is.sequence}`),
        frame: kind(m.frameSize, String),
        fetch: kind(
            of.fetch,
            (is) => `priority ${is.priority} group ${is.group} offset ${is.offset} path ${pathWords(is.path)}`,
        ),
        fetch_update: kind(m.fetchUpdate, String),
        info_please: kind(m.infoPlease, pathWords),
    };
}
