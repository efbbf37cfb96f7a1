// SPDX-License-Identifier: MIT OR Apache-2.0
// The controls of <moq-publish>: what to publish, from which devices, how loud it is, what is off.
// Tested by tests/browser/publish.mjs.
import { make } from "./dom.ts";
import { type Device, type DeviceKind, listDevices, type SourceKind } from "./sources.ts";

const SOURCES: readonly [SourceKind, string][] = [
    ["camera", "Camera"],
    ["microphone", "Microphone"],
    ["screen", "Screen"],
    ["file", "File\u2026"],
];
/** From here on sound is about to be cut off. */
const LOUD = 0.95;
/** What the meter shows as nothing, in decibels below the loudest. */
const METER_DB = 48;

export interface PanelActions {
    choose(kind: SourceKind): void;
    chooseFile(file: File): void;
    chooseDevice(kind: DeviceKind, id: string): void;
    toggleMuted(): void;
    togglePicture(): void;
    stop(): void;
}

export interface PanelState {
    readonly source: SourceKind;
    readonly isMuted: boolean;
    readonly isPictureOff: boolean;
    readonly hasSound: boolean;
    readonly hasVideo: boolean;
    readonly level: number;
}

/** A text for a state that is on or off, read as such. */
function makeToggle(name: string, key: string): HTMLButtonElement {
    return make("button", { type: "button", "aria-pressed": "false", "aria-keyshortcuts": key }, name);
}

export class Panel {
    readonly element: HTMLElement;
    readonly #buttons = new Map<SourceKind, HTMLButtonElement>();
    readonly #mute = makeToggle("Mute", "m");
    readonly #picture = makeToggle("Picture off", "v");
    readonly #stop = make("button", { type: "button", class: "stop" }, "Stop");
    readonly #bar = make("i");
    readonly #meter = make("div", { class: "meter", role: "meter", "aria-label": "Loudness" }, this.#bar);
    readonly #camera = make("select");
    readonly #microphone = make("select");
    readonly #cameraLabel = make("label", {}, "Camera", this.#camera);
    readonly #microphoneLabel = make("label", {}, "Microphone", this.#microphone);
    readonly #devices = make("div", { class: "devices" }, this.#cameraLabel, this.#microphoneLabel);

    constructor(actions: PanelActions) {
        const file = make("input", { type: "file", accept: "video/*,audio/*", hidden: "", "aria-label": "File" });
        file.addEventListener("change", () => {
            const [chosen] = file.files ?? [];
            if (chosen) actions.chooseFile(chosen);
            file.value = "";
        });
        for (const [kind, name] of SOURCES) {
            const button = make("button", { type: "button", "aria-pressed": "false" }, name);
            button.addEventListener("click", () => (kind === "file" ? file.click() : actions.choose(kind)));
            this.#buttons.set(kind, button);
        }
        this.#mute.addEventListener("click", () => actions.toggleMuted());
        this.#picture.addEventListener("click", () => actions.togglePicture());
        this.#stop.addEventListener("click", () => actions.stop());
        this.#camera.addEventListener("change", () => actions.chooseDevice("videoinput", this.#camera.value));
        this.#microphone.addEventListener("change", () => actions.chooseDevice("audioinput", this.#microphone.value));
        const sources = make("div", { class: "sources", role: "group", "aria-label": "What to publish" });
        sources.append(...this.#buttons.values(), file);
        this.element = make("div", { class: "controls", part: "controls" }, sources, make("span", { class: "space" }));
        this.element.append(this.#meter, this.#mute, this.#picture, this.#stop, this.#devices);
        this.element.addEventListener("keydown", (event) => this.#takeKey(event, actions));
    }

    #takeKey(event: KeyboardEvent, actions: PanelActions): void {
        if (event.ctrlKey || event.metaKey || event.altKey || event.target instanceof HTMLSelectElement) return;
        if (event.key === "m" && !this.#mute.hidden) actions.toggleMuted();
        else if (event.key === "v" && !this.#picture.hidden) actions.togglePicture();
    }

    update(state: PanelState): void {
        const { source, hasSound, hasVideo } = state;
        const isOn = source !== "none";
        for (const [kind, button] of this.#buttons) button.setAttribute("aria-pressed", String(kind === source));
        this.#mute.setAttribute("aria-pressed", String(state.isMuted));
        this.#mute.hidden = this.#meter.hidden = !hasSound;
        this.#picture.setAttribute("aria-pressed", String(state.isPictureOff));
        this.#picture.hidden = !isOn || source === "microphone" || (!hasVideo && !state.isPictureOff);
        this.#stop.hidden = !isOn;
        this.#cameraLabel.hidden = source !== "camera" || this.#camera.options.length < 2;
        const hasMicrophone = source === "camera" || source === "microphone";
        this.#microphoneLabel.hidden = !hasMicrophone || this.#microphone.options.length < 2;
        this.#devices.hidden = this.#cameraLabel.hidden && this.#microphoneLabel.hidden;
        this.showLevel(state.level);
    }

    showLevel(level: number): void {
        const shown = Math.max(0, Math.min(1, 1 + (20 * Math.log10(Math.max(level, 1e-6))) / METER_DB));
        this.#bar.style.transform = `scaleX(${shown.toFixed(3)})`;
        this.#meter.toggleAttribute("data-loud", level >= LOUD);
        this.#meter.setAttribute("aria-valuenow", String(Math.round(shown * 100)));
    }

    async listDevices(cameraId: string | undefined, microphoneId: string | undefined): Promise<void> {
        fill(this.#camera, await listDevices("videoinput"), cameraId);
        fill(this.#microphone, await listDevices("audioinput"), microphoneId);
    }
}

function fill(select: HTMLSelectElement, devices: readonly Device[], chosen: string | undefined): void {
    const same = devices.every(
        ({ id, name }, i) => select.options[i]?.value === id && select.options[i]?.text === name,
    );
    // A list that is replaced closes under the finger of who chooses.
    if (!same || devices.length !== select.options.length)
        select.replaceChildren(...devices.map(({ id, name }) => make("option", { value: id }, name)));
    if (chosen) select.value = chosen;
}
