// SPDX-License-Identifier: MIT OR Apache-2.0
// What every view of the demo page is given, and what it gives back.
// Tested by tests/browser/demo.mjs.
import type { Session } from "../transfork/index.ts";

export interface Context {
    /** The relay, as players take it: http: pins the certificate by its fingerprint, https: trusts the browser's authorities. */
    relay: URL;
    /** Calls back with the session that is open, now and whenever that changes. Returns how to stop it. */
    onSession(callback: (session: Session | undefined) => void): () => void;
}

export interface View {
    root: HTMLElement;
    close(): void;
}
