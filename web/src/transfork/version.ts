// SPDX-License-Identifier: MIT OR Apache-2.0
// The table of versions: the one place that knows how they differ. 02 has few abilities because of the Rust programs that speak
// it: they take Live for an error, and read SESSION_UPDATE as INFO.
// Tested by web/test/transfork/vectors.test.ts.
import type { Version } from "./types.ts";

export interface VersionRow {
    readonly name: Version;
    /** Its number in SESSION. */
    readonly wire: number;
    /** Priorities and the status of announcements are varints, not bytes. */
    readonly hasVarints: boolean;
    /** The number of "oldest first"; "newest first" is one more, and smaller ones leave it to the publisher. */
    readonly orderOldest: number;
    /** INFO tells the newest group before order and expiry. */
    readonly isLatestFirst: boolean;
    /** The offset of FETCH counts frames, not bytes. */
    readonly isOffsetInFrames: boolean;
    /** The last SUBSCRIBE_UPDATE of a stream may lack the expiry, as the Rust crate writes it. */
    readonly mayLackExpires: boolean;
    /** There is a marker after the first announcements. */
    readonly hasLive: boolean;
}

const ROWS: readonly VersionRow[] = [
    {
        name: "03",
        wire: 0xff0bad03,
        hasVarints: true,
        orderOldest: 1,
        isLatestFirst: true,
        isOffsetInFrames: true,
        mayLackExpires: false,
        hasLive: true,
    },
    {
        name: "02",
        wire: 0xff0bad02,
        hasVarints: false,
        orderOldest: 0,
        isLatestFirst: false,
        isOffsetInFrames: false,
        mayLackExpires: true,
        hasLive: false,
    },
];

export const ALL_VERSIONS: readonly Version[] = ROWS.map((row) => row.name);

export function versionByName(name: string): VersionRow | undefined {
    return ROWS.find((row) => row.name === name);
}

export function versionByWire(wire: number): VersionRow | undefined {
    return ROWS.find((row) => row.wire === wire);
}
