// SPDX-License-Identifier: MIT OR Apache-2.0
// The priorities that publishers of karp give their tracks; the catalog carries those of media to viewers.
// Tested by web/test/karp/broadcast.test.ts.
export const CATALOG_PRIORITY = -1;
export const AUDIO_PRIORITY = 1;
export const VIDEO_PRIORITY = 2;
