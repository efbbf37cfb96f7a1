// SPDX-License-Identifier: MIT OR Apache-2.0
import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { commandsFor } from "../../src/demo/commands.ts";

test.each(["http://localhost:4443/demo/bbb", "https://h/a?jwt=x.y&b=1", "https://h/it's here", "https://h/$(reboot)"])(
    "the shell hands %s to moq-karp as it is",
    (url) => {
        for (const { text } of commandsFor(url)) {
            const script = `ffmpeg() { :; }; ffplay() { :; }; moq-karp() { printf '%s' "$2" >&2; }; ${text}`;
            const seen = execFileSync("bash", ["-c", `{ ${script}; } 2>&1 >/dev/null`], { encoding: "utf8" });
            expect(seen).toBe(url);
        }
    },
);
