// SPDX-License-Identifier: MIT OR Apache-2.0
// Writes package-lock.json anew without addresses of people who fund a package, so that it names no host at all.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

execFileSync("npm", ["install", "--package-lock-only"], { stdio: "inherit" });
const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
for (const entry of Object.values(lock.packages)) {
    delete entry.funding;
    delete entry.deprecated;
    delete entry.resolved;
}
writeFileSync("package-lock.json", `${JSON.stringify(lock, null, 4)}\n`);
