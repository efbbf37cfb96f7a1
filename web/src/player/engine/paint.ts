// SPDX-License-Identifier: MIT OR Apache-2.0
// Two ways to draw a picture into a canvas: by 2D, which is everywhere, and by WebGL, which costs less where a graphics card does it,
// and three times as much where the processor does.
// A canvas that has been drawn on in one way can never be drawn on in the other one.
// Tested by tests/browser/player.mjs.
import type { VideoTrack } from "../../karp/index.ts";
import type { DrawnBy } from "../state.ts";

export interface Painter {
    readonly name: DrawnBy;
    /** Draws it over the whole canvas, which is as large as it is shown; `width` and `height` are those before the turn. False: it cannot. */
    draw(frame: VideoFrame, width: number, height: number, track: VideoTrack): boolean;
    clear(): void;
}

export function make2d(canvas: OffscreenCanvas): Painter | undefined {
    const context = canvas.getContext("2d", { alpha: false, desynchronized: true });
    if (!context) return undefined;
    return {
        name: "2d",
        draw(frame, width, height, track) {
            context.setTransform(1, 0, 0, 1, 0, 0);
            if (track.rotation || track.flip) {
                context.translate(canvas.width / 2, canvas.height / 2);
                if (track.flip) context.scale(-1, 1);
                context.rotate(((track.rotation ?? 0) * Math.PI) / 180);
                context.translate(-width / 2, -height / 2);
            }
            context.drawImage(frame, 0, 0, width, height);
            return true;
        },
        clear: () => context.fillRect(0, 0, canvas.width, canvas.height),
    };
}

const VERTEX = `attribute vec2 at;uniform mat2 turn;varying vec2 place;
void main(){place=vec2(at.x,-at.y)*.5+.5;gl_Position=vec4(turn*at,0,1);}`;
const FRAGMENT = `precision mediump float;uniform sampler2D picture;varying vec2 place;
void main(){gl_FragColor=vec4(texture2D(picture,place).rgb,1);}`;

/** Where x and y of a picture go, in the directions of WebGL: turned clockwise, then mirrored. By columns. */
export function turnOf({ rotation = 0, flip = false }: Pick<VideoTrack, "rotation" | "flip">): number[] {
    const angle = (rotation * Math.PI) / 180;
    const [c, s] = [Math.round(Math.cos(angle)), Math.round(Math.sin(angle))];
    const side = flip ? -1 : 1;
    return [side * c, -s, side * s, c];
}

/** How programs that stand in for a graphics card call themselves. */
const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render|\bwarp\b/i;

/** Whether this WebGL is done by a graphics card. Chromium 156 has SwiftShader also when asked for nothing slow. */
export function isByCard(gl: WebGLRenderingContext): boolean {
    const name = String(gl.getParameter(gl.RENDERER));
    // Firefox says it, and warns of the extension.
    const more = name === "WebKit WebGL" ? gl.getExtension("WEBGL_debug_renderer_info") : null;
    return !SOFTWARE.test(more ? String(gl.getParameter(more.UNMASKED_RENDERER_WEBGL)) : name);
}

/** Asked of another canvas: one with WebGL can never be drawn on by 2D. */
export function isWebglFast(): boolean {
    const gl = new OffscreenCanvas(1, 1).getContext("webgl", { failIfMajorPerformanceCaveat: true });
    const isFast = gl !== null && isByCard(gl);
    gl?.getExtension("WEBGL_lose_context")?.loseContext();
    return isFast;
}

/** Undefined: there is none. */
export function makeWebgl(canvas: OffscreenCanvas): Painter | undefined {
    const shape = { alpha: false, antialias: false, depth: false, stencil: false };
    const gl = canvas.getContext("webgl", { ...shape, powerPreference: "low-power" });
    if (!gl) return undefined;
    const turn = prepare(gl);
    const most: unknown = gl.getParameter(gl.MAX_TEXTURE_SIZE);
    return {
        name: "webgl",
        draw(frame, _width, _height, track) {
            if (gl.isContextLost() || !(Math.max(frame.codedWidth, frame.codedHeight) <= Number(most))) return false;
            gl.viewport(0, 0, canvas.width, canvas.height);
            gl.uniformMatrix2fv(turn, false, turnOf(track));
            gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, frame);
            gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
            return true;
        },
        clear: () => gl.clear(gl.COLOR_BUFFER_BIT),
    };
}

/** Everything but the picture. What fails because the context is lost is found when a picture is drawn. */
function prepare(gl: WebGLRenderingContext): WebGLUniformLocation | null {
    const program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX] as const, [gl.FRAGMENT_SHADER, FRAGMENT] as const]) {
        const shader = gl.createShader(kind);
        if (!shader) return null;
        gl.shaderSource(shader, text);
        gl.compileShader(shader);
        gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    gl.useProgram(program);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, Float32Array.of(-1, -1, 1, -1, -1, 1, 1, 1), gl.STATIC_DRAW);
    const at = gl.getAttribLocation(program, "at");
    gl.enableVertexAttribArray(at);
    gl.vertexAttribPointer(at, 2, gl.FLOAT, false, 0, 0);
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
    return gl.getUniformLocation(program, "turn");
}
