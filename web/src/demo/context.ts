// SPDX-License-Identifier: MIT OR Apache-2.0
// What every view of the demo page is given, and what it gives back.
// Tested by tests/browser/demo.mjs.
import type { Session } from "../transfork/index.ts";
import type { RelayAddresses } from "./relay.ts";

export interface Context {
    relay: RelayAddresses;
    /** Calls back with the session that is open, now and whenever that changes. Returns how to stop it. */
    onSession(callback: (session: Session | undefined) => void): () => void;
}

export interface View {
    root: HTMLElement;
    close(): void;
}
