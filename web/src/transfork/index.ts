// SPDX-License-Identifier: MIT OR Apache-2.0
// The door of transfork: sessions, subscriptions and tracks over WebTransport.
export { type ConnectOptions, connect } from "./connect.ts";
export { Connection, type ConnectionOptions, type ConnectionState, FINAL_CODES } from "./connection.ts";
export { CODE, TransforkError } from "./error.ts";
export { pathOfText, pathOfUrl, pathToText, startsWith } from "./path.ts";
export { createTrack } from "./track.ts";
export { adviceOf, sharedTrust, Trust, type TrustNews } from "./trust.ts";
export type * from "./types.ts";
