// SPDX-License-Identifier: MIT OR Apache-2.0
// A module for an AudioWorklet as text, with what it imports: see web/worklet.mjs.
declare module "*?worklet" {
    export const code: string;
}
