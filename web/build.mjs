// SPDX-License-Identifier: MIT OR Apache-2.0
// Builds what is served and published: one file per door, the demo page, types, sizes. usage: node build.mjs [FOLDER]
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "vite";
import { bundleWorklet, worklet } from "./worklet.mjs";

const out = resolve(process.argv[2] ?? "dist");
const root = import.meta.dirname;

// Compressed, in bytes. Whoever puts a player on a page pays for it.
const BUDGETS = { "player.js": 45 << 10, "moq-video.js": 85 << 10 };

const DOORS = {
    transfork: "src/transfork/index.ts",
    karp: "src/karp/index.ts",
    player: "src/player/index.ts",
    "player-worker": "src/player/engine/worker.ts",
    "moq-video": "src/element/index.ts",
    "moq-publish": "src/publish/index.ts",
    "publish-worker": "src/publish/engine/worker.ts",
};

// Whoever passes a file on passes on what the licenses of its parts want to be told.
const NOTICES = { "moq-video": "/*! Contains media-chrome, see moq-video.js.LICENSE.txt */" };

/** Each door is one file that needs no other, so that a page can take it from anywhere. */
async function buildDoor(name, entry) {
    await build({
        root,
        configFile: false,
        logLevel: "warn",
        plugins: [worklet()],
        build: {
            outDir: out,
            emptyOutDir: false,
            sourcemap: true,
            target: "es2022",
            // Of a library vite keeps the white space otherwise.
            rolldownOptions: { output: { minify: true, postBanner: NOTICES[name] ?? "" } },
            lib: { entry: join(root, entry), formats: ["es"], fileName: () => `${name}.js` },
        },
        worker: { format: "es" },
    });
}

function checkSizes() {
    for (const [name, limit] of Object.entries(BUDGETS)) {
        const size = gzipSync(readFileSync(join(out, name)), { level: 9 }).length;
        console.log(`${name}: ${(size / 1024).toFixed(1)} KB gzipped of ${limit / 1024}`);
        if (size > limit) throw new Error(`${name} is over its budget`);
    }
}

/** The HTTP door sends what lies compressed beside a file. */
function compressFiles(folder) {
    for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
        const path = join(entry.parentPath, entry.name);
        if (!entry.isFile() || !/\.(js|css|html|svg|json|map)$/.test(entry.name)) continue;
        const bytes = readFileSync(path);
        writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
        writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 10 } }));
    }
}

rmSync(out, { recursive: true, force: true });
for (const [name, entry] of Object.entries(DOORS)) await buildDoor(name, entry);
// For pages that allow no scripts from blob: (option workletUrl).
const WORKLETS = { "audio-worklet": "src/player/audio/processor.ts", "publish-worklet": "src/publish/collector.ts" };
for (const [name, entry] of Object.entries(WORKLETS)) {
    const { code } = await bundleWorklet(join(root, entry));
    writeFileSync(join(out, `${name}.js`), `${code}\n`);
}
if (existsSync(join(root, "src/demo/index.html")))
    await build({
        root: join(root, "src/demo"),
        configFile: false,
        logLevel: "warn",
        base: "./",
        plugins: [worklet()],
        build: { outDir: out, emptyOutDir: false, target: "es2022", sourcemap: true },
        worker: { format: "es" },
    });
copyFileSync(join(root, "node_modules/media-chrome/LICENSE"), join(out, "moq-video.js.LICENSE.txt"));
checkSizes();
compressFiles(out);
const tsc = join(root, "node_modules/typescript/bin/tsc");
execFileSync(process.execPath, [tsc, "-p", join(root, "tsconfig.build.json"), "--outDir", join(out, "types")], {
    stdio: "inherit",
});
