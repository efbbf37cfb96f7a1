// SPDX-License-Identifier: MIT OR Apache-2.0
// For tests that bundle code of their own.
export function bundleWorklet(file: string): Promise<{ code: string; files: string[] }>;
