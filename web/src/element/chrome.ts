// SPDX-License-Identifier: MIT OR Apache-2.0
// Everything over the picture: notices, the invitation to unmute, statistics, and with `controls` bar and settings.
// Tested by tests/browser/element.mjs.
import { buildControls } from "./controls.ts";
import { make, makeIcon } from "./dom.ts";
import { type Notice, noticeOf } from "./errors.ts";
import type { ControlledVideo } from "./host.ts";
import { type Command, commandOf, type Focus } from "./keys.ts";
import { buildSettings, type Settings } from "./settings.ts";
import { buildStatistics } from "./statistics.ts";

const MUTED =
    "M16.5 12A4.5 4.5 0 0 0 14 8v2.2l2.5 2.4zm2.5 0c0 .9-.2 1.8-.5 2.6l1.5 1.5A8.8 8.8 0 0 0 21 12a9 9 0 0 0-7-8.8v2.1a7 7 0 0 1 5 6.7zM4.3 3 3 4.3 7.7 9H3v6h4l5 5v-6.7l4.3 4.2a7 7 0 0 1-2.3 1.2v2.1a9 9 0 0 0 3.7-1.9l2 2.1 1.3-1.3zM12 4 9.9 6.1 12 8.2z";
const VOLUME_STEP = 0.05;
const POLL_MS = 1_000;

export interface Chrome {
    readonly element: HTMLElement;
    /** What the element shows and its attributes say has changed. */
    update(): void;
    /** Stops what asks again and again; `update` starts it again where it is wanted. */
    rest(): void;
}

export function buildChrome(video: ControlledVideo): Chrome {
    const element = make("div", { class: "chrome" });
    const notice = make("div", { class: "notice", part: "notice", role: "status" });
    const statistics = buildStatistics();
    const unmute = buildUnmute(video);
    element.append(statistics.element, unmute, notice);
    let controls: { settings: Settings; nodes: Element[] } | undefined;
    let timer: ReturnType<typeof setInterval> | undefined;
    let shown: string | undefined;

    function setControls(isWanted: boolean): void {
        if (isWanted === (controls !== undefined)) return;
        for (const node of controls?.nodes ?? []) node.remove();
        controls = isWanted ? addControls(video, element, update) : undefined;
        element.toggleAttribute("data-controls", isWanted);
    }

    async function poll(): Promise<void> {
        const stats = await video.getStatistics();
        if (!stats) return;
        statistics.show(stats, video.state);
        statistics.element.hidden = !video.statistics;
        controls?.settings.show(stats, video.state);
    }

    function setPolling(isWanted: boolean): void {
        if (isWanted === (timer !== undefined)) return;
        clearInterval(timer);
        timer = isWanted ? setInterval(poll, POLL_MS) : undefined;
        if (isWanted) void poll();
    }

    function update(): void {
        const { state } = video;
        setControls(video.hasAttribute("controls"));
        controls?.settings.update(state);
        unmute.hidden = !state.isSoundBlocked || state.isMuted || !state.hasAudio || state.isPaused;
        if (!video.statistics) statistics.element.hidden = true;
        const next = noticeOf(state);
        if (JSON.stringify(next) !== shown) fillNotice(notice, next, video);
        shown = JSON.stringify(next);
        element.toggleAttribute("data-notice", next?.isPassing === false);
        element.toggleAttribute("data-loading", controls !== undefined && !next && isLoading(video));
        element.toggleAttribute("data-silent", state.hasVideo && !state.hasAudio);
        setPolling(video.isConnected && (video.statistics || controls?.settings.isOpen === true));
    }

    element.addEventListener("keydown", (event) => {
        if (!controls) return;
        const command = commandOf(event, focusOf(event));
        if (command && run(command, video, controls.settings)) event.preventDefault();
    });
    return { element, update, rest: () => setPolling(false) };
}

function addControls(video: ControlledVideo, element: HTMLElement, onChange: () => void) {
    const settings = buildSettings(video, (isOpen) => {
        element.toggleAttribute("data-open", isOpen);
        onChange();
    });
    const controller = buildControls(video, settings.button);
    const spinner = make("div", { class: "spinner", role: "img", "aria-label": "Loading" });
    controller.addEventListener("pointerdown", () => {
        if (settings.isOpen) settings.close();
    });
    element.prepend(spinner, controller);
    element.append(settings.panel);
    return { settings, nodes: [controller, spinner, settings.panel] };
}

function buildUnmute(video: ControlledVideo): HTMLButtonElement {
    const label = make("span", {}, makeIcon(MUTED), "Tap to unmute");
    const button = make("button", { class: "unmute", part: "unmute", type: "button", hidden: "" }, label);
    button.addEventListener("click", () => {
        video.muted = false;
    });
    return button;
}

function isLoading(video: ControlledVideo): boolean {
    const { status } = video.state;
    return !video.paused && (status === "connecting" || status === "loading" || status === "waiting");
}

function fillNotice(element: HTMLElement, notice: Notice | undefined, video: ControlledVideo): void {
    element.replaceChildren();
    if (!notice) return;
    element.toggleAttribute("data-passing", notice.isPassing);
    element.append(make("p", {}, notice.text));
    if (!notice.canRetry) return;
    const retry = make("button", { type: "button", part: "retry" }, "Try again");
    retry.addEventListener("click", () => video.load());
    element.append(retry);
}

function focusOf(event: Event): Focus {
    const [target] = event.composedPath();
    if (!(target instanceof HTMLElement)) return "picture";
    if (target.matches("input, select")) return "field";
    return target.matches("button, [role=button]") ? "button" : "picture";
}

/** False: it does not apply now, and the key is left to the page. */
function run(command: Command, video: ControlledVideo, settings: Settings): boolean {
    switch (command) {
        case "play":
            if (video.paused) video.play().catch(() => {});
            else video.pause();
            return true;
        case "mute":
            video.muted = !video.muted;
            return true;
        case "louder":
        case "quieter":
            changeVolume(video, command === "louder" ? VOLUME_STEP : -VOLUME_STEP);
            return true;
        case "fullscreen":
            toggleFullscreen(video);
            return true;
        case "picture-in-picture":
            if (video.isInPictureInPicture) video.exitPictureInPicture();
            else video.requestPictureInPicture().catch(() => {});
            return true;
        case "statistics":
            video.statistics = !video.statistics;
            return true;
        case "close":
            if (settings.isOpen) settings.close();
            else if (video.statistics) video.statistics = false;
            else return false;
            return true;
    }
}

function changeVolume(video: ControlledVideo, step: number): void {
    const before = video.muted ? 0 : video.volume;
    video.volume = Math.min(1, Math.max(0, Math.round((before + step) * 100) / 100));
    if (step > 0 && video.muted) video.muted = false;
}

function toggleFullscreen(video: ControlledVideo): void {
    const isFull = video.matches(":fullscreen");
    const done = isFull ? document.exitFullscreen() : video.requestFullscreen?.();
    done?.catch(() => {});
}
