// SPDX-License-Identifier: MIT OR Apache-2.0
// The door of this room.
export { Broadcast } from "./broadcast.ts";
export { CatalogError, parseCatalog, printCatalog } from "./catalog.ts";
export { readMediaFrame, writeMediaFrame } from "./frame.ts";
export { compareInstances, isInstance, nextInstance } from "./instances.ts";
export { isAutomatic, ladderFor, laddersOf } from "./ladder.ts";
export * from "./priority.ts";
export type * from "./types.ts";
export { BroadcastWriter } from "./writer.ts";
