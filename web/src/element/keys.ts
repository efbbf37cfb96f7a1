// SPDX-License-Identifier: MIT OR Apache-2.0
// Which key does what. media-chrome has hotkeys too, but takes Ctrl+F for full screen and knows nothing of our panels.
// Tested by web/test/element/words.test.ts.

export type Command =
    | "play"
    | "mute"
    | "louder"
    | "quieter"
    | "fullscreen"
    | "picture-in-picture"
    | "statistics"
    | "close";

/** What has the focus: a button takes Space and Enter itself, a field also arrows and letters. */
export type Focus = "picture" | "button" | "field";

const COMMANDS: Record<string, Command> = {
    " ": "play",
    k: "play",
    m: "mute",
    ArrowUp: "louder",
    ArrowDown: "quieter",
    f: "fullscreen",
    p: "picture-in-picture",
    i: "statistics",
    Escape: "close",
};

type Key = Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "repeat">;

export function commandOf(event: Key, focus: Focus): Command | undefined {
    if (event.ctrlKey || event.metaKey || event.altKey) return undefined;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const command = Object.hasOwn(COMMANDS, key) ? COMMANDS[key] : undefined;
    // Only the volume goes on while a key is held.
    if (event.repeat && command !== "louder" && command !== "quieter") return undefined;
    if (command === "close") return command;
    if (focus === "field" || (focus === "button" && key === " ")) return undefined;
    return command;
}
