// SPDX-License-Identifier: MIT OR Apache-2.0
// <moq-video>: the life of a player in a page. What HTMLMediaElement has too is in media.ts, how it looks in style.ts.
//
// Attributes: src, token, latency (milliseconds), rendition ("auto" or a name), muted, volume (0 to 1), paused, controls,
// statistics, poster, width, height, workerurl, workleturl. It starts as soon as it is in a document, unless it has `paused`; `autoplay`, `loop`,
// `preload`, `crossorigin` and `playsinline` are taken and change nothing. A new src begins at once. Moving the element
// within a turn of the event loop does not disturb it; removing it ends everything.
// There are no text tracks in karp's catalogs yet: `textTracks` is empty, and there is no button for captions.
// Tested by tests/browser/element.mjs.
import type { PlayerApi, PlayerOptions } from "../player/index.ts";
import * as attributes from "./attributes.ts";
import { buildChrome } from "./chrome.ts";
import { applySheet, make } from "./dom.ts";
import { LiveMediaElement } from "./media.ts";
import { canPictureInPicture, openPip, type Pip } from "./pip.ts";
import { begin, CURRENT_DATA, end, NOTHING } from "./standing.ts";
import { CHROME_CSS, HOST_CSS } from "./style.ts";

const SETTABLE = ["src", "token", "latency", "rendition", "muted", "volume", "paused", "controls", "statistics"];
const MIRRORED_BOOLEANS = {
    autoplay: "autoplay",
    controls: "controls",
    defaultMuted: "muted",
    disablePictureInPicture: "disablepictureinpicture",
    disableRemotePlayback: "disableremoteplayback",
    loop: "loop",
    playsInline: "playsinline",
    statistics: "statistics",
};
const MIRRORED_TEXTS = { poster: "", preload: "auto", rendition: "auto", token: "", workerUrl: "", workletUrl: "" };
const PROPERTIES = [...SETTABLE, ...Object.keys(MIRRORED_BOOLEANS), ...Object.keys(MIRRORED_TEXTS), "width", "height"];

export class MoqVideoElement extends LiveMediaElement {
    static readonly observedAttributes = [
        ...["src", "token", "latency", "rendition", "muted", "volume", "paused"],
        ...["controls", "statistics", "poster", "width", "height"],
    ];
    /** Who plays; set where the element is defined, and by tests. */
    static createPlayer: (options: PlayerOptions) => PlayerApi;

    /** Where player-worker.js and audio-worklet.js are, for all elements that do not say it themselves. */
    static workerUrl: string | undefined;
    static workletUrl: string | undefined;

    declare autoplay: boolean;
    declare controls: boolean;
    declare defaultMuted: boolean;
    declare disablePictureInPicture: boolean;
    declare disableRemotePlayback: boolean;
    declare loop: boolean;
    declare playsInline: boolean;
    declare statistics: boolean;
    declare poster: string;
    declare preload: "none" | "metadata" | "auto" | "";
    declare rendition: string;
    declare token: string;
    declare workerUrl: string;
    declare workletUrl: string;

    readonly #picture = make("div", { class: "picture", part: "picture" }, make("slot", { name: "canvas" }));
    readonly #poster = make("img", { class: "poster", part: "poster", alt: "", hidden: "" });
    readonly #away = make("div", { class: "away", hidden: "" }, "This plays in a window of its own.");
    readonly #chrome = buildChrome(this);
    #size: CSSStyleSheet | undefined;
    #css = "";
    #canvas: HTMLCanvasElement | undefined;
    #isCanvasSpent = false;
    #isLive = false;
    #hasStarted = false;
    #pip: Pip | undefined;

    static {
        attributes.mirrorBooleans(MoqVideoElement.prototype, MIRRORED_BOOLEANS);
        attributes.mirrorTexts(MoqVideoElement.prototype, MIRRORED_TEXTS);
    }

    constructor() {
        super();
        const root = this.attachShadow({ mode: "open" });
        this.#picture.addEventListener("slotchange", () => this.#restoreCanvas());
        const back = make("button", { type: "button" }, "Bring it back");
        back.addEventListener("click", () => this.exitPictureInPicture());
        this.#away.append(back);
        root.append(make("div", { class: "sizer" }), this.#picture, this.#poster, this.#away, this.#chrome.element);
        this.adoptedCallback();
        // What a page says with role and aria-label goes before these.
        const internals = this.attachInternals();
        internals.role = "group";
        internals.ariaLabel = "Live video";
    }

    connectedCallback(): void {
        attributes.takeEarlyProperties(this, PROPERTIES);
        this.#isLive = true;
        this.#start();
        this.update();
    }

    disconnectedCallback(): void {
        // It may come back in this turn: then it has only been moved.
        setTimeout(() => {
            if (!this.isConnected) this.#stop();
        });
    }

    /** Moved by moveBefore(): nothing happens. */
    connectedMoveCallback(): void {}

    /** Sheets stay behind when a page takes the element to another document. */
    adoptedCallback(): void {
        const root = this.shadowRoot;
        if (!root) return;
        root.adoptedStyleSheets = [];
        applySheet(root, HOST_CSS + CHROME_CSS);
        this.#size = applySheet(root, this.#css);
    }

    attributeChangedCallback(name: string, old: string | null, value: string | null): void {
        if (old === value) return;
        const { player } = this;
        if (name === "src") this.#reload();
        else if (name === "muted") this.muted = value !== null;
        else if (name === "volume") this.volume = attributes.readVolume(value) ?? this.volume;
        else if (name === "paused" && this.#hasStarted) this.#setPaused(value !== null);
        else if (name === "token" && player) player.token = this.token;
        else if (name === "rendition" && player) player.rendition = this.rendition;
        else if (name === "latency" && player) player.latencyMs = attributes.readLatencyMs(value) ?? player.latencyMs;
        this.takeState();
        this.update();
    }

    get src(): string {
        return this.#address() ?? "";
    }

    set src(address: string) {
        attributes.setOrRemove(this, "src", address);
    }

    get currentSrc(): string {
        return this.player?.src ?? "";
    }

    override get paused(): boolean {
        return super.paused;
    }

    /** For frameworks; it also sets the attribute. */
    override set paused(isPaused: boolean) {
        this.toggleAttribute("paused", Boolean(isPaused));
        if (this.#hasStarted) this.#setPaused(Boolean(isPaused));
    }

    /** Milliseconds. */
    get latency(): number {
        return attributes.readLatencyMs(this.getAttribute("latency")) ?? this.state.latencyMs;
    }

    set latency(latencyMs: number) {
        attributes.setOrRemove(this, "latency", latencyMs);
    }

    get width(): number {
        return Math.round(attributes.readDimension(this.getAttribute("width"))?.value ?? 0);
    }

    set width(width: number | string) {
        attributes.setOrRemove(this, "width", width);
    }

    get height(): number {
        return Math.round(attributes.readDimension(this.getAttribute("height"))?.value ?? 0);
    }

    set height(height: number | string) {
        attributes.setOrRemove(this, "height", height);
    }

    get crossOrigin(): string | null {
        return this.getAttribute("crossorigin");
    }

    set crossOrigin(value: string | null) {
        attributes.setOrRemove(this, "crossorigin", value);
    }

    /** Begins anew with the present src. */
    load(): void {
        if (!this.player) {
            this.#start();
            return;
        }
        this.step(begin(this.standing));
        this.player.load();
        this.takeState();
    }

    get isInPictureInPicture(): boolean {
        return this.#pip !== undefined;
    }

    /** Must be called in the turn of a click, as that of <video>. */
    async requestPictureInPicture(): Promise<void> {
        const canvas = this.#canvas;
        if (this.#pip) return;
        if (!canPictureInPicture())
            throw new DOMException("This browser has no picture in picture.", "NotSupportedError");
        if (!canvas || this.disablePictureInPicture || this.readyState === NOTHING)
            throw new DOMException("There is no picture to show yet, or the page forbids it.", "InvalidStateError");
        const pip = await openPip({
            canvas,
            chrome: this.#chrome.element,
            captureStream: () => this.captureStream(),
            onClose: () => this.#setPip(undefined),
            onPlay: () => this.#setPaused(false),
            onPause: () => this.pause(),
        });
        this.#setPip(pip);
        if (!this.#isLive) pip.close();
    }

    exitPictureInPicture(): void {
        this.#pip?.close();
    }

    #setPip(pip: Pip | undefined): void {
        this.#pip = pip;
        this.update();
        this.dispatchEvent(new Event(pip ? "enterpictureinpicture" : "leavepictureinpicture"));
    }

    #setPaused(isPaused: boolean): void {
        if (isPaused) this.pause();
        else this.play().catch(() => {});
    }

    #address(): string | undefined {
        return attributes.resolveAddress(this.getAttribute("src"), this.baseURI);
    }

    #start(): void {
        const src = this.#address();
        if (this.player || !this.#isLive || !src) return;
        const { isPaused, isMuted, volume } = this.state;
        const latencyMs = attributes.readLatencyMs(this.getAttribute("latency"));
        this.step(begin(this.standing));
        const player = MoqVideoElement.createPlayer({
            src,
            ...(this.token ? { token: this.token } : {}),
            ...(latencyMs === undefined ? {} : { latencyMs }),
            muted: isMuted,
            volume,
            paused: this.#hasStarted ? isPaused : this.hasAttribute("paused"),
            rendition: this.rendition,
            ...this.#scripts(),
        });
        this.#hasStarted = true;
        this.player = player;
        player.addEventListener("state", this.takeState);
        player.addEventListener("canvaslost", () => this.#replaceCanvas(player));
        this.#giveCanvas(player);
        this.takeState();
    }

    #scripts(): Pick<PlayerOptions, "workerUrl" | "workletUrl"> {
        const workerUrl = attributes.resolveAddress(this.workerUrl || MoqVideoElement.workerUrl, this.baseURI);
        const workletUrl = attributes.resolveAddress(this.workletUrl || MoqVideoElement.workletUrl, this.baseURI);
        return { ...(workerUrl ? { workerUrl } : {}), ...(workletUrl ? { workletUrl } : {}) };
    }

    #reload(): void {
        const { player } = this;
        const src = this.#address();
        if (!player) {
            this.#start();
            return;
        }
        this.step(src ? begin(this.standing) : end(this.standing));
        player.src = src ?? "";
        this.takeState();
    }

    #stop(): void {
        const { player } = this;
        this.#isLive = false;
        this.#chrome.rest();
        this.#pip?.close();
        if (!player) return;
        this.player = undefined;
        player.removeEventListener("state", this.takeState);
        player.close().catch(() => {});
        this.step(end(this.standing));
    }

    /** A browser has taken its context away, as it does when the graphics card's driver restarts. */
    #replaceCanvas(player: PlayerApi): void {
        const give = () => this.player === player && this.#giveCanvas(player);
        if (!this.#pip) give();
        else {
            this.addEventListener("leavepictureinpicture", give, { once: true });
            this.#pip.close();
        }
    }

    /** A canvas serves one player only; the next one gets its likeness. */
    #giveCanvas(player: PlayerApi): void {
        const own = this.querySelector<HTMLCanvasElement>(":scope > canvas");
        if (!own && document.readyState === "loading" && !this.nextSibling) {
            // The parser may be about to bring one.
            document.addEventListener("DOMContentLoaded", () => this.player === player && this.#giveCanvas(player));
            return;
        }
        let canvas = own ?? make("canvas");
        if (canvas === this.#canvas && this.#isCanvasSpent) canvas = replaceByLikeness(canvas);
        this.#keepCanvas(canvas);
        try {
            player.attachCanvas(canvas);
        } catch {
            // Something of the page draws on it.
            this.#keepCanvas(replaceByLikeness(canvas));
            if (this.#canvas) player.attachCanvas(this.#canvas);
        }
    }

    #keepCanvas(canvas: HTMLCanvasElement): void {
        canvas.slot = "canvas";
        if (canvas.parentNode !== this) this.append(canvas);
        this.#canvas = canvas;
        this.#isCanvasSpent = true;
    }

    /** A page that sets what is inside the element has taken the canvas out. The player goes on drawing on it, so it comes back. */
    #restoreCanvas(): void {
        const canvas = this.#canvas;
        if (this.player && this.isConnected && canvas && !canvas.isConnected) this.append(canvas);
    }

    protected override update(): void {
        const { videoWidth, videoHeight } = this;
        const hasPicture = this.readyState >= CURRENT_DATA && videoWidth > 0;
        this.#picture.toggleAttribute("data-shown", hasPicture);
        const poster = this.getAttribute("poster");
        if (this.#poster.getAttribute("src") !== poster) attributes.setOrRemove(this.#poster, "src", poster);
        this.#poster.hidden = !poster || hasPicture;
        this.#away.hidden = !this.#pip;
        const size = { width: videoWidth, height: videoHeight };
        const css = attributes.cssOfSize(this.getAttribute("width"), this.getAttribute("height"), size);
        if (css !== this.#css) this.#size?.replaceSync(css);
        this.#css = css;
        this.#chrome.update();
    }
}

/** A canvas that is given to a player cannot be given to another. */
function replaceByLikeness(canvas: HTMLCanvasElement): HTMLCanvasElement {
    const likeness = make("canvas");
    for (const { name, value } of canvas.attributes) likeness.setAttribute(name, value);
    canvas.replaceWith(likeness);
    return likeness;
}

declare global {
    interface HTMLElementTagNameMap {
        "moq-video": MoqVideoElement;
    }
}
