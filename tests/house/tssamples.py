"""Samples for the rules of web/, in the form of those of samples.py: bad trees, each with the rule that has to catch it, and a good
one that nobody may blame."""

HEAD = "// SPDX-License-Identifier: MIT OR Apache-2.0\n// A sample that is here to be judged by the rules.\n"
DEEP = "{ for (const x of y) { if (x) { while (x) { if (x > 1) go(x); } } } }"


def lines(count):
    return "".join("    x++;\n" for _ in range(count))


def source(text, path="web/src/base/a.ts"):
    return {path: HEAD + text}


def tested_by(*tests):
    return f"{HEAD}// Tested by {' and '.join(tests)}.\n"


BAD = [
    ("ts file", source("\n" * 400)),
    ("ts function", source("export function f<T extends Map<string, number>>(x: T): { a: T } | undefined {\n" + lines(59) + "}\n")),
    ("ts function", source("class A {\n    static async *#f(x: number): AsyncGenerator<{ a: 1 }> {\n" + lines(59) + "    }\n}\n")),
    ("ts function", source("class A {\n    get x(): () => void {\n" + lines(59) + "    }\n}\n")),
    ("ts function", source("class A {\n    async *[Symbol.asyncIterator]() {\n" + lines(59) + "    }\n}\n")),
    ("ts function", source("const f = async (x: number): Promise<void> => {\n" + lines(59) + "};\n")),
    ("ts function", source("const f = (x: number) =>\n    [\n" + "        1,\n" * 59 + "    ];\n")),
    ("ts function", source("go(`${list.map((x) => {\n" + lines(59) + "})}`);\n")),
    ("ts function", source("function f() {\n" + lines(30) + "    function g() {\n" + lines(30) + "    }\n" + lines(30) + "}\n")),
    ("ts function", source("function f() {\n    function g() {\n" + lines(59) + "    }\n}\n")),
    ("ts function", source("function f() {\n    go(() => {\n" + lines(58) + "    });\n}\n")),
    ("ts parameters", source("function f(a: 1, b: 2, c: 3, d: () => 4, e = { a: 1, b: 2 }, { g, h }: G, i?: 7) {}\n")),
    ("ts parameters", source("const f = (a: Map<string, 1>, b, c, d, e, g, ...h: number[]) => 1;\n")),
    ("ts parameters", source("class A {\n    constructor(a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, g: 7) {}\n}\n")),
    ("ts nesting", source(f"function f(y: X): void {DEEP}\n")),
    ("ts nesting", source(f"go(async (y) => {DEEP});\n")),
    ("ts nesting", source("class A {\n    f() { try { for await (const x of y) switch (x) { case g(1): do { if (x) h(); } while (x); } }"
                          " catch (e) {} }\n}\n")),
    ("ts nesting", source("const x = a / b;\nfunction f(y) { const r = /[/{]/g; if (r) for (;;) { if (y) { i++; } else if (z) while (1) i--; } }\n")),
    ("ts imports", source('import { f } from "./gone.ts";\n')),
    ("ts imports", {**source('import { f } from "../karp/index.ts";\n', "web/src/transfork/a.ts"), **source("", "web/src/karp/index.ts")}),
    ("ts imports", {**source('export type { F } from "../karp/inside.ts";\n', "web/src/player/a.ts"), **source("", "web/src/karp/inside.ts")}),
    ("ts imports", {**source('const f = await import("../karp/inside.ts");\n', "web/src/player/a.ts"), **source("", "web/src/karp/inside.ts")}),
    ("ts imports", {**source('import "../player/index.ts";\n', "web/src/publish/a.ts"), **source("", "web/src/player/index.ts")}),
    ("ts imports", {**source('new Worker(new URL("../player/worker.ts", import.meta.url));\n', "web/src/element/a.ts"),
                    **source("", "web/src/player/worker.ts")}),
    ("ts imports", {**source('import W from "../player/worker.ts?worker&inline";\n', "web/src/element/a.ts"),
                    **source("", "web/src/player/worker.ts")}),
    ("ts imports", {**source('import { f } from "../../test/base/a.test.ts";\n'), "web/test/base/a.test.ts": HEAD}),
    ("ts imports", source('import { x } from "media-chrome/dist/x.js";\n', "web/src/player/a.ts")),
    ("ts imports", source('import {\n    x,\n} from "left-pad";\n', "web/src/element/a.ts")),
    ("ts imports", source("", "web/src/kitchen/a.ts")),
    ("ts circles", {**source('import { b } from "./b.ts";\n'), **source('import type { C } from "./deep/c.ts";\n', "web/src/base/b.ts"),
                    **source('export * from "../a.ts";\n', "web/src/base/deep/c.ts")}),
    ("ts circles", source('import { a } from "./a.ts";\n')),
    ("ts comment", {"web/src/base/a.ts": "// A sample without the line about its licence.\n"}),
    ("ts comment", {"web/build.mjs": "// SPDX-License-Identifier: MIT OR Apache-2.0\nimport {} from 'vite';\n"}),
    ("ts comment", {"web/test/base/a.test.ts": "// A test without the line about its licence.\n"}),
    ("ts comment", {"tests/browser/a.mjs": "// It reads the clock with a browser.\n"}),
    ("ts tested", source("export const x = 1;\n")),
    ("ts tested", source("export type A = 1;\nexport interface B {\n    f(): { a: 1 };\n}\nlet x = 2;\n")),
    ("ts tested", {"web/src/base/a.ts": tested_by("tests/browser/a.mjs") + "f();\n", "tests/browser/run": ""}),
    ("ts tested", {"web/src/base/a.ts": tested_by("tests/browser/a.mjs") + "f();\n", "tests/browser/a.mjs": HEAD}),
    ("ts tested", {"web/src/base/a.ts": tested_by("web/test/base/words.ts") + "f();\n", "web/test/base/words.ts": HEAD}),
    ("ts tested", {"web/src/base/a.ts": tested_by("web/test/base/b.test.ts", "web/test/base/gone.test.ts") + "f();\n",
                   "web/test/base/b.test.ts": HEAD}),
]

CALM = """import { b } from "../base/b.ts";
import { karp } from "../karp/index.ts";
import { worker } from "./deep/worker.ts?worker&inline";

// import { gone } from "./gone.ts";
const text = 'import { gone } from "./gone.ts";', pattern = /from "\\.\\/gone"/;
export class A {
    readonly f = (x: number, y = [1, 2, 3, 4, 5, 6, 7]): Promise<void> => go(x, y, 1, 2, 3, 4, 5);
    #g(map: Map<string, [1, 2, 3, 4, 5, 6, 7]>, { a, b, c, d, e, f, g }: G): asserts map is H {
        for (const x of map) {
            if (x) { while (a / b / c) x.list.map((y) => { if (y) for (;;) z(`${y} { ${"{"} if`); }); }
            else if (a) go(); else if (b) go(); else if (c) go(); else go();
        }
        return a ? { b: 1 } : (c) ? (d) : e;
    }
}
"""

GOOD = {
    "web/src/base/b.ts": tested_by("web/test/base/words.test.ts") + "export const b = 1;\n",
    "web/test/base/words.test.ts": HEAD,
    "web/src/karp/index.ts": HEAD + 'export { C } from "./types.ts";\nexport type * from "./types.ts";\n',
    "web/src/karp/types.ts": HEAD + 'import type { X } from "../transfork/index.ts";\nexport interface C { f(): { x: X }; }\ntype D = { a: 1; b: 2 };\n',
    "web/src/transfork/index.ts": HEAD + "export {};\n",
    "web/src/player/a.ts": HEAD + CALM, "web/test/player/a.test.ts": HEAD,
    "web/src/player/deep/worker.ts": tested_by("tests/browser/player.mjs") + "go();\n",
    "tests/browser/player.mjs": HEAD, "tests/browser/run": "",
    "web/src/player/deep/c.ts": HEAD + "export function f(): X {\n    function g() {\n" + lines(50) + "    }\n    return {\n        h() {\n"
    + lines(50) + "        },\n    };\n}\n", "web/test/player/deep/c.test.ts": HEAD,
    "web/src/element/a.ts": HEAD + 'import "media-chrome/dist/media-controller.js";\n', "web/test/element/a.test.ts": HEAD,
}
