// SPDX-License-Identifier: MIT OR Apache-2.0
// Sound, from decoded samples to the loudspeaker.
export { AudioFeed } from "./feed.ts";
export type { AudioFeedApi, AudioLink, AudioOutputApi } from "./link.ts";
export { AudioOutput } from "./output.ts";
