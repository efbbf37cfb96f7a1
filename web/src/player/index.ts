// SPDX-License-Identifier: MIT OR Apache-2.0
// The door of this room.
export { DEFAULT_LATENCY_MS, Player } from "./player.ts";
export type * from "./state.ts";
