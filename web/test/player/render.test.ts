// SPDX-License-Identifier: MIT OR Apache-2.0
import { expect, test } from "vitest";
import { isByCard, turnOf } from "../../src/player/engine/paint.ts";
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
    const canvas = { width: 1, height: 1, getContext: (kind: string) => (kind === "2d" ? context : null) };
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
    screen.attach(offscreen, "2d");
    expect(screen.drawnBy).toBe("2d");
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

test("WebGL turns and mirrors as 2D does", () => {
    // Where the upper and the right edge of the picture go.
    const edges = (rotation: 0 | 90 | 180 | 270, flip: boolean) => {
        const [xx = 0, xy = 0, yx = 0, yy = 0] = turnOf({ rotation, flip });
        const name = (x: number, y: number) => (x ? (x > 0 ? "right" : "left") : y > 0 ? "up" : "down");
        return [name(yx, yy), name(xx, xy)];
    };
    expect(edges(0, false)).toEqual(["up", "right"]);
    expect(edges(90, false)).toEqual(["right", "down"]);
    expect(edges(180, false)).toEqual(["down", "left"]);
    expect(edges(270, false)).toEqual(["left", "up"]);
    expect(edges(0, true)).toEqual(["up", "left"]);
    expect(edges(90, true)).toEqual(["left", "down"]);
});

/** A canvas with WebGL alone, whose context is lost when told, or takes no pictures. */
function fakeWebgl() {
    const state = { isLost: false, isRefused: false, drawn: 0 };
    const functions: Record<string, unknown> = {
        isContextLost: () => state.isLost,
        getParameter: () => 4096,
        createShader: () => ({}),
        texImage2D: () => {
            if (state.isRefused) throw new TypeError("not a picture");
        },
        drawArrays: () => state.drawn++,
    };
    const gl = new Proxy({}, { get: (_, name) => functions[String(name)] ?? (() => null) });
    const canvas = { width: 1, height: 1, getContext: (kind: string) => (kind === "webgl" ? gl : null) };
    return { state, offscreen: canvas as unknown as OffscreenCanvas };
}

test("a lost context, a picture that WebGL does not take, and one that is too large ask for another canvas, once", () => {
    for (const what of ["isLost", "isRefused", "large"] as const) {
        let asked = 0;
        const screen = new Screen(() => asked++);
        const { state, offscreen } = fakeWebgl();
        screen.attach(offscreen, "webgl");
        expect(screen.drawnBy).toBe("webgl");
        screen.draw(FRAME as unknown as VideoFrame, VIDEO);
        expect([state.drawn, asked]).toEqual([1, 0]);
        if (what !== "large") state[what] = true;
        const frame = what === "large" ? { ...FRAME, codedWidth: 5000 } : FRAME;
        for (let i = 0; i < 3; i++) screen.draw(frame as unknown as VideoFrame, VIDEO);
        expect([state.drawn, asked]).toEqual([1, 1]);
        const { calls, offscreen: other } = fakeCanvas();
        screen.attach(other, "2d");
        screen.draw(FRAME as unknown as VideoFrame, VIDEO);
        expect([screen.drawnBy, calls.at(-1)]).toEqual(["2d", "drawImage 0.00,0.00,640.00,360.00"]);
    }
});

test("programs that stand in for a graphics card are known by their names", () => {
    const named = (name: string, unmasked?: string) =>
        isByCard({
            RENDERER: 1,
            getParameter: (what: number) => (what === 1 ? name : unmasked),
            getExtension: () => (unmasked ? { UNMASKED_RENDERER_WEBGL: 2 } : null),
        } as unknown as WebGLRenderingContext);
    expect(
        named("WebKit WebGL", "ANGLE (Google, Vulkan 1.3.0 (SwiftShader Device (Subzero)), SwiftShader driver)"),
    ).toBe(false);
    expect(named("WebKit WebGL", "ANGLE (Microsoft, Microsoft Basic Render Driver Direct3D11)")).toBe(false);
    expect(named("llvmpipe, or similar")).toBe(false);
    expect(named("WebKit WebGL", "ANGLE (Intel, Mesa Intel(R) UHD Graphics 620 (KBL GT2), OpenGL 4.6)")).toBe(true);
    expect(named("Apple GPU")).toBe(true);
    expect(named("WebKit WebGL")).toBe(true);
});
