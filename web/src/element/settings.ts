// SPDX-License-Identifier: MIT OR Apache-2.0
// The panel behind the gear: rendition, latency, statistics.
// Tested by tests/browser/element.mjs.
import type { PlayerState, PlayerStats, Rendition } from "../player/index.ts";
import { make, makeIcon, setText } from "./dom.ts";
import { hintOf, nameChoice, nameMs, nameRendition } from "./figures.ts";
import type { ControlledVideo } from "./host.ts";

const GEAR =
    "M19.4 13a7.6 7.6 0 0 0 0-2l2.1-1.6-2-3.5-2.5 1a7.6 7.6 0 0 0-1.7-1L15 3.3h-4l-.4 2.6a7.6 7.6 0 0 0-1.7 1l-2.5-1-2 3.5L6.6 11a7.6 7.6 0 0 0 0 2l-2.2 1.6 2 3.5 2.5-1a7.6 7.6 0 0 0 1.7 1l.4 2.6h4l.4-2.6a7.6 7.6 0 0 0 1.7-1l2.5 1 2-3.5zM13 15.5a3.5 3.5 0 1 1 0-7 3.5 3.5 0 0 1 0 7z";

const PRESETS = [
    { name: "Low", latencyMs: 100 },
    { name: "Medium", latencyMs: 300 },
    { name: "Smooth", latencyMs: 1_000 },
    { name: "Safe", latencyMs: 3_000 },
];
/** Of the slider; the attribute allows more. */
const MAX_SLIDER_MS = 5_000;
const SLIDER_STEP_MS = 50;

export interface Settings {
    readonly button: HTMLElement;
    readonly panel: HTMLElement;
    readonly isOpen: boolean;
    open(): void;
    close(): void;
    update(state: PlayerState): void;
    show(stats: PlayerStats, state: PlayerState): void;
}

export function buildSettings(video: ControlledVideo, onToggle: (isOpen: boolean) => void): Settings {
    const quality = buildQuality(video);
    const latency = buildLatency(video);
    const statistics = buildStatisticsSwitch(video);
    const panel = make(
        "div",
        { class: "panel settings", part: "settings", role: "dialog", "aria-label": "Settings", hidden: "" },
        ...quality.elements,
        ...latency.elements,
        statistics.element,
    );
    const button = make(
        "button",
        {
            class: "gear",
            type: "button",
            "aria-label": "Settings",
            "aria-haspopup": "dialog",
            "aria-expanded": "false",
        },
        makeIcon(GEAR),
    );
    function toggle(isOpen: boolean): void {
        panel.hidden = !isOpen;
        button.setAttribute("aria-expanded", String(isOpen));
        onToggle(isOpen);
        if (isOpen) quality.focus();
        else button.focus();
    }
    button.addEventListener("click", () => toggle(panel.hidden !== false));
    return {
        button,
        panel,
        get isOpen() {
            return !panel.hidden;
        },
        open: () => toggle(true),
        close: () => toggle(false),
        update(state) {
            quality.update(state);
            latency.update(state);
            statistics.update();
            button.toggleAttribute("data-hint", hintOf(state) !== "");
        },
        show: latency.show,
    };
}

function buildQuality(video: ControlledVideo) {
    const select = make("select");
    const choice = make("p");
    select.addEventListener("change", () => {
        video.rendition = select.value;
    });
    let listed: readonly Rendition[] | undefined;
    function list(renditions: readonly Rendition[]): void {
        listed = renditions;
        const options = renditions.map((rendition) =>
            make("option", { value: rendition.name }, nameRendition(rendition)),
        );
        select.replaceChildren(make("option", { value: "auto" }, "Automatic"), ...options);
    }
    return {
        elements: [make("label", {}, "Quality", select), choice],
        focus: () => select.focus(),
        update(state: PlayerState): void {
            // A list that is replaced closes under the finger of who chooses.
            if (!isSameList(listed, state.renditions)) list(state.renditions);
            const wish = state.renditions.some((one) => one.name === video.rendition) ? video.rendition : "auto";
            if (select.value !== wish) select.value = wish;
            setText(choice, nameChoice(state));
            choice.hidden = choice.textContent === "";
        },
    };
}

function isSameList(old: readonly Rendition[] | undefined, list: readonly Rendition[]): boolean {
    if (!old || old.length !== list.length) return false;
    return list.every((one, index) => {
        const other = old[index];
        return other?.name === one.name && nameRendition(other) === nameRendition(one);
    });
}

function buildLatency(video: ControlledVideo) {
    const value = make("output");
    const slider = make("input", {
        type: "range",
        min: "0",
        max: String(MAX_SLIDER_MS),
        step: String(SLIDER_STEP_MS),
        "aria-label": "Latency",
    });
    slider.addEventListener("input", () => {
        video.latency = Number(slider.value);
    });
    const presets = PRESETS.map(({ name, latencyMs }) => {
        const button = make("button", { type: "button", title: nameMs(latencyMs) }, name);
        button.addEventListener("click", () => {
            video.latency = latencyMs;
        });
        return { button, latencyMs };
    });
    const group = make("div", { class: "presets", role: "group", "aria-label": "Latency, ready-made" });
    group.append(...presets.map(({ button }) => button));
    const now = make("p", { hidden: "" });
    const hint = make("p", { class: "hint", role: "status" });
    return {
        elements: [make("label", {}, make("span", {}, "Latency"), value, slider), group, now, hint],
        update(state: PlayerState): void {
            setText(value, nameMs(state.latencyMs));
            if (slider.value !== String(state.latencyMs)) slider.value = String(state.latencyMs);
            slider.setAttribute("aria-valuetext", nameMs(state.latencyMs));
            for (const { button, latencyMs } of presets)
                button.setAttribute("aria-pressed", String(latencyMs === state.latencyMs));
            setText(hint, hintOf(state));
            hint.hidden = hint.textContent === "";
        },
        show(stats: PlayerStats, state: PlayerState): void {
            const needed = hintOf(state) ? "" : `, the network needs ${nameMs(state.neededLatencyMs)}`;
            setText(now, `Now ${nameMs(stats.latencyMs)}${needed}.`);
            now.hidden = false;
        },
    };
}

function buildStatisticsSwitch(video: ControlledVideo) {
    const box = make("input", { type: "checkbox" });
    box.addEventListener("change", () => {
        video.statistics = box.checked;
    });
    return {
        element: make("label", {}, make("span", {}, "Statistics ", make("kbd", {}, "i")), box),
        update(): void {
            box.checked = video.statistics;
        },
    };
}
