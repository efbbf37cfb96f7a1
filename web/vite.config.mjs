// SPDX-License-Identifier: MIT OR Apache-2.0
// For `vite` and `vitest`; what is published is built by build.mjs.
import { defineConfig } from "vite";
import { worklet } from "./worklet.mjs";

export default defineConfig({ plugins: [worklet()] });
