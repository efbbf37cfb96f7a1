// SPDX-License-Identifier: MIT OR Apache-2.0
import { expect, test } from "vitest";
import { Screen, shapeOf } from "../../src/player/engine/render.ts";
import { VIDEO } from "./rig.ts";

/** A canvas that notes what is drawn where. */
function fakeCanvas() {
    const calls: string[] = [];
    const note =
        (name: string) =>
        (...args: unknown[]) =>
            calls.push(`${name} ${args.filter((arg) => typeof arg === "number").map((n) => Number(n).toFixed(2))}`);
    const names = ["setTransform", "translate", "scale", "rotate", "drawImage", "fillRect"];
    const context = Object.fromEntries(names.map((name) => [name, note(name)]));
    const canvas = { width: 1, height: 1, getContext: () => context };
    return { canvas, calls, offscreen: canvas as unknown as OffscreenCanvas };
}

const FRAME = {
    displayWidth: 640,
    displayHeight: 360,
    codedWidth: 640,
    codedHeight: 368,
    visibleRect: { width: 640, height: 360 },
};

test("a picture is as large as the decoder says, or as its shape in the catalog makes it", () => {
    expect(shapeOf(640, 360, VIDEO)).toEqual({ width: 640, height: 360, shownWidth: 640, shownHeight: 360 });
    const anamorphic = { ...VIDEO, displayAspectWidth: 4, displayAspectHeight: 3 };
    expect(shapeOf(704, 576, anamorphic).width).toBe(768);
    expect(shapeOf(640, 360, { ...VIDEO, rotation: 90 })).toMatchObject({ shownWidth: 360, shownHeight: 640 });
    expect(shapeOf(16384, 8192, VIDEO)).toMatchObject({ width: 8192, height: 4096 });
});

test("it is drawn upright, and the canvas follows its size", () => {
    const { canvas, calls, offscreen } = fakeCanvas();
    const screen = new Screen();
    screen.attach(offscreen);
    screen.draw(FRAME as unknown as VideoFrame, VIDEO);
    expect([canvas.width, canvas.height]).toEqual([640, 360]);
    expect(calls.at(-1)).toBe("drawImage 0.00,0.00,640.00,360.00");
    screen.draw(FRAME as unknown as VideoFrame, { ...VIDEO, rotation: 90, flip: true });
    expect([canvas.width, canvas.height]).toEqual([360, 640]);
    expect(calls.slice(-5, -1)).toEqual([
        "translate 180.00,320.00",
        "scale -1.00,1.00",
        "rotate 1.57",
        "translate -320.00,-180.00",
    ]);
    expect([screen.codedWidth, screen.codedHeight]).toEqual([640, 360]);
    screen.clear();
    expect([canvas.width, canvas.height]).toEqual([1, 1]);
});

test("without a canvas only its size is known", () => {
    const screen = new Screen();
    expect(screen.isThere).toBe(false);
    screen.draw(FRAME as unknown as VideoFrame, VIDEO);
    expect([screen.width, screen.height]).toEqual([640, 360]);
});
