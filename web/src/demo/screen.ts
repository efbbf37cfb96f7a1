// SPDX-License-Identifier: MIT OR Apache-2.0
// A player with its latency, rendition and figures beside it, whose effect is seen at once.
// Tested by tests/browser/test_demo.py.
import type { MoqVideoElement } from "../element/index.ts";
import { make } from "./dom.ts";

const LOOK_MS = 250;
const LATENCY_MAX_MS = 5000;

export interface Screen {
    root: HTMLElement;
    video: MoqVideoElement;
    close(): void;
}

export interface ScreenOptions {
    url: string;
    title: string;
    latencyMs: number;
    /** A second player on a page has no sound of its own. */
    hasControls: boolean;
}

function showMs(ms: number): string {
    return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

export function makeScreen({ url, title, latencyMs, hasControls }: ScreenOptions): Screen {
    const video = make("moq-video", { src: url, latency: latencyMs, muted: true, controls: hasControls });
    const latency = makeLatency(video, latencyMs);
    const rendition = makeRendition(video);
    const figures = make("dl", { class: "figures" });
    const root = make(
        "section",
        { class: "panel", "aria-label": title },
        make("div", { class: "head" }, make("h1", {}, title)),
        video,
        make("div", { class: "controls" }, latency, rendition.root),
        figures,
    );
    const timer = setInterval(() => {
        rendition.update();
        void showFigures(video, figures);
    }, LOOK_MS);
    return {
        root,
        video,
        close() {
            clearInterval(timer);
            video.remove();
        },
    };
}

function makeLatency(video: MoqVideoElement, latencyMs: number): HTMLElement {
    const slider = make("input", { type: "range", min: 0, max: LATENCY_MAX_MS, step: 50, value: latencyMs });
    const output = make("output", {}, showMs(latencyMs));
    slider.addEventListener("input", () => {
        video.latency = Number(slider.value);
        output.textContent = showMs(Number(slider.value));
    });
    return make("label", {}, "Latency", slider, output);
}

function makeRendition(video: MoqVideoElement): { root: HTMLElement; update(): void } {
    const select = make("select", {});
    const root = make("label", {}, "Rendition", select);
    let shown = "";
    select.addEventListener("change", () => {
        video.rendition = select.value;
    });
    return {
        root,
        update() {
            const { renditions } = video.state;
            const names = renditions.map(({ name, width, height }) => `${name} ${width}\u00d7${height}`).join();
            root.hidden = renditions.length < 2;
            if (names === shown) return;
            shown = names;
            const options = renditions.map(({ name, width, height }) =>
                make("option", { value: name }, `${Math.min(width, height)}p (${name})`),
            );
            select.replaceChildren(make("option", { value: "auto" }, "Automatic"), ...options);
            select.value = video.rendition;
        },
    };
}

const CHOOSERS = { viewer: "you", player: "the player", relay: "the relay" };

/** Of one rendition nobody chooses. */
function renditionOf({ rendition, renditions }: MoqVideoElement["state"]): string {
    if (!rendition) return "\u2013";
    return renditions.length < 2 ? rendition.name : `${rendition.name}, by ${CHOOSERS[rendition.chosenBy]}`;
}

async function showFigures(video: MoqVideoElement, list: HTMLElement): Promise<void> {
    const stats = await video.getStatistics();
    const { state } = video;
    if (!stats) return;
    const rows: [string, string][] = [
        ["Delay in the player", showMs(stats.latencyMs)],
        ["Buffer", showMs(stats.bufferMs)],
        ["Round trip", stats.rttMs === undefined ? "\u2013" : showMs(stats.rttMs)],
        ["Bit rate", `${(stats.rateBps / 1e6).toFixed(2)} Mb/s`],
        ["Picture", state.videoWidth ? `${state.videoWidth} \u00d7 ${state.videoHeight}` : "\u2013"],
        ["Late, dropped", `${stats.framesLate}, ${stats.framesDropped}`],
        ["Rendition", renditionOf(state)],
    ];
    if (list.children.length !== rows.length)
        list.replaceChildren(...rows.map(([name]) => make("div", {}, make("dt", {}, name), make("dd", {}))));
    rows.forEach(([, value], i) => {
        const cell = list.children[i]?.querySelector("dd");
        if (cell && cell.textContent !== value) cell.textContent = value;
    });
}
