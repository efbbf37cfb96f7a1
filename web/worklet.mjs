// SPDX-License-Identifier: MIT OR Apache-2.0
// A vite plugin: `import { code } from "./NAME.ts?worklet"` is the module with all that it imports, as text. An AudioWorklet takes a
// URL only, and vite makes none for a worklet that is to be inside of a library.
import { dirname, resolve } from "node:path";
import { build } from "vite";

const SUFFIX = "?worklet";
const PREFIX = "\0worklet:";

/** The module and what it imports, as one script; `files` are those it was made of. */
export async function bundleWorklet(file) {
    const result = await build({
        configFile: false,
        logLevel: "warn",
        build: { write: false, target: "es2022", modulePreload: false, rolldownOptions: { input: file } },
    });
    const chunk = [result].flat()[0].output[0];
    return { code: chunk.code.trim(), files: chunk.moduleIds };
}

export function worklet() {
    return {
        name: "worklet",
        // Before vite finds the file and takes it for a module.
        enforce: "pre",
        resolveId(id, importer) {
            if (!id.endsWith(SUFFIX) || !importer) return undefined;
            return `${PREFIX}${resolve(dirname(importer.split("?")[0]), id.slice(0, -SUFFIX.length))}`;
        },
        async load(id) {
            if (!id.startsWith(PREFIX)) return undefined;
            const { code, files } = await bundleWorklet(id.slice(PREFIX.length));
            for (const file of files) this.addWatchFile(file);
            return `export const code = ${JSON.stringify(code)};`;
        },
    };
}
