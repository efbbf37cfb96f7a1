// SPDX-License-Identifier: MIT OR Apache-2.0
// <moq-publish>: a camera, a microphone, the screen or a file becomes a broadcast.
//
// Attributes: src (address of the broadcast), token, source (camera, microphone, screen, file; without it nothing is published until
// somebody chooses), file (address of one), camera and microphone (ids of devices), audio and video ("off"), muted, controls; and of
// the picture: codec (h264, vp9, av1, vp8; without it the first that the browser has), width, height, framerate, bitrate (bits per
// second), keyframe-interval (seconds), ladder (a second rendition of half the size).
// Events: statechange; publish and unpublish, when an instance begins and ends; error, whose `error` has a code and a message.
// Tested by tests/browser/publish.mjs.
import { make, setText } from "./dom.ts";
import { isOn, nameFigures, nameStatus, readSettings } from "./figures.ts";
import { Panel } from "./panel.ts";
import { Publisher } from "./publisher.ts";
import { adaptCamera, type DeviceKind, openSource, type Source, SourceError, type SourceKind } from "./sources.ts";
import { NO_STATS, NOTHING_PUBLISHED, type PublishError, type PublishState, type PublishStats } from "./state.ts";
import { applySheet } from "./style.ts";

const KINDS: readonly SourceKind[] = ["camera", "microphone", "screen", "file"];
const OF_PICTURE = ["codec", "width", "height", "framerate", "bitrate", "keyframe-interval", "ladder"];
const OF_SOURCE = ["source", "file", "camera", "microphone"];

// Servers that render pages import this too; they have no elements.
const Base: typeof HTMLElement = globalThis.HTMLElement ?? Object;

export class MoqPublishElement extends Base {
    static readonly observedAttributes = [
        ...["src", "token", "audio", "video", "muted", "controls"],
        ...OF_SOURCE,
        ...OF_PICTURE,
    ];
    /** Where the worker and the worklet are, for pages whose policy allows no blob: there. */
    static workerUrl: string | undefined;
    static workletUrl: string | undefined;

    readonly #preview = make("video", { part: "preview", playsinline: "", "aria-label": "What is published" });
    readonly #badge = make("div", { class: "badge", part: "badge", hidden: "" });
    readonly #notice = make("p", { class: "notice", part: "notice" });
    readonly #status = make("p", { class: "status", part: "status", role: "status" });
    readonly #figures = make("p", { class: "figures", part: "figures" });
    readonly #panel: Panel;
    #publisher: Publisher | undefined;
    #source: Source | undefined;
    #kind: SourceKind = "none";
    #file: Blob | undefined;
    #chosen: Partial<Record<DeviceKind, string>> = {};
    #error: PublishError | undefined;
    #toldError: PublishError | undefined;
    #note = "";
    #instance: string | undefined;
    /** Of opening a source: a later one wins. */
    #turn = 0;
    /** Attributes that are set together begin one source. */
    #isDue = false;

    constructor() {
        super();
        this.#preview.muted = true;
        this.#panel = new Panel({
            choose: (kind) => void this.publish(kind),
            chooseFile: (file) => void this.publish("file", file),
            chooseDevice: (kind, id) => {
                this.#chosen[kind] = id;
                void this.publish(this.#kind);
            },
            toggleMuted: () => this.toggleAttribute("muted"),
            togglePicture: () => this.setAttribute("video", isOn(this.getAttribute("video")) ? "off" : "on"),
            stop: () => this.stop(),
        });
        const root = this.attachShadow({ mode: "open" });
        applySheet(root);
        const picture = make("div", { class: "picture" }, this.#preview, this.#badge, this.#notice);
        root.append(picture, this.#panel.element, this.#figures, this.#status);
    }

    connectedCallback(): void {
        navigator.mediaDevices?.addEventListener("devicechange", this.#list);
        if (this.#kind === "none") this.#beginSoon();
        this.#show();
    }

    disconnectedCallback(): void {
        navigator.mediaDevices?.removeEventListener("devicechange", this.#list);
        // It may come back in this turn: then it has only been moved.
        setTimeout(() => {
            if (!this.isConnected) this.stop();
        });
    }

    /** Sheets stay behind when a page takes the element to another document. */
    adoptedCallback(): void {
        if (this.shadowRoot) applySheet(this.shadowRoot);
    }

    attributeChangedCallback(name: string, old: string | null, value: string | null): void {
        if (old === value) return;
        const publisher = this.#publisher;
        if (name === "source" || (OF_SOURCE.includes(name) && this.#mayBegin(name))) this.#beginSoon();
        else if (OF_PICTURE.includes(name)) this.#changePicture();
        else if (name === "muted" && publisher) publisher.muted = value !== null;
        else if (name === "token" && publisher) publisher.token = value ?? "";
        else if (name === "src" && this.#source) this.#beginPublisher();
        else if (name === "audio" || name === "video") this.#giveTracks();
        this.#show();
    }

    /** The publisher's, with what is wrong with the source. */
    get state(): PublishState {
        const state = this.#publisher?.state ?? NOTHING_PUBLISHED;
        return this.#error ? { ...state, error: this.#error } : state;
    }

    get stats(): PublishStats {
        return this.#publisher?.stats ?? NO_STATS;
    }

    get source(): SourceKind {
        return this.#kind;
    }

    /** What is captured; undefined: nothing. */
    get stream(): MediaStream | undefined {
        return this.#source?.stream;
    }

    get muted(): boolean {
        return this.hasAttribute("muted");
    }

    set muted(isMuted: boolean) {
        this.toggleAttribute("muted", isMuted);
    }

    /** Publishes this from now on, in place of what was published before. Never rejects: see `state` and the event error. */
    async publish(kind: SourceKind, file?: Blob): Promise<void> {
        if (kind === "none") return this.stop();
        const turn = ++this.#turn;
        this.#file = file ?? (kind === "file" ? this.#file : undefined);
        // Few devices can be opened twice.
        if (kind === this.#kind && kind !== "screen") this.#source?.close();
        let source: Source;
        try {
            source = await openSource(this.#wishFor(kind));
        } catch (error) {
            if (turn === this.#turn && error instanceof SourceError) this.#fail(error);
            return;
        }
        if (turn !== this.#turn || !this.isConnected) return source.close();
        this.#source?.close();
        this.#source = source;
        this.#kind = kind;
        this.#error = undefined;
        this.#note = "";
        this.#preview.srcObject = source.stream;
        this.#preview.play().catch(() => {}); // removed meanwhile
        source.stream.addEventListener("addtrack", () => this.#follow(source));
        this.#follow(source);
        if (!this.#publisher) this.#beginPublisher();
        this.#list();
        this.#show();
    }

    /** Ends the broadcast and gives the devices back. */
    stop(): void {
        this.#turn++;
        this.#kind = "none";
        this.#error = undefined;
        this.#note = "";
        this.#source?.close();
        this.#source = undefined;
        this.#preview.srcObject = null;
        this.#endPublisher();
        this.#show();
    }

    #wishFor(kind: SourceKind) {
        const { width, height, framerate } = readSettings((key) => this.getAttribute(key));
        return {
            kind,
            width,
            height,
            framerate,
            hasVideo: isOn(this.getAttribute("video")),
            hasSound: isOn(this.getAttribute("audio")),
            cameraId: this.#chosen.videoinput ?? this.getAttribute("camera") ?? undefined,
            microphoneId: this.#chosen.audioinput ?? this.getAttribute("microphone") ?? undefined,
            file: this.#file ?? this.getAttribute("file") ?? undefined,
        };
    }

    /** A device that somebody has stopped does not begin because another one is named. */
    #mayBegin(name: string): boolean {
        return this.#kind !== "none" || (name === "file" && this.getAttribute("source") === "file");
    }

    #beginSoon(): void {
        if (this.#isDue) return;
        this.#isDue = true;
        queueMicrotask(() => {
            this.#isDue = false;
            if (!this.isConnected) return;
            const kind = KINDS.find((known) => known === (this.getAttribute("source") ?? this.#kind));
            if (kind) void this.publish(kind);
            else if (this.#kind !== "none" && this.hasAttribute("source")) this.stop();
        });
    }

    readonly #list = () => {
        const { cameraId, microphoneId } = this.#wishFor(this.#kind);
        const using = (tracks: MediaStreamTrack[] = []) => tracks[0]?.getSettings().deviceId;
        const { stream } = this;
        void this.#panel
            .listDevices(using(stream?.getVideoTracks()) ?? cameraId, using(stream?.getAudioTracks()) ?? microphoneId)
            .then(() => this.#show());
    };

    /** Hears when tracks of the source end: the user stops sharing, or a device is gone. */
    #follow(source: Source): void {
        for (const track of source.stream.getTracks()) track.onended = () => this.#noteEnd(source, track);
        this.#giveTracks();
    }

    #noteEnd(source: Source, track: MediaStreamTrack): void {
        if (source !== this.#source) return;
        const isLeft = source.stream.getTracks().some((other) => other.readyState === "live");
        const what = this.#kind === "screen" ? "screen" : track.kind === "video" ? "camera" : "microphone";
        const note = what === "screen" ? "The screen is not shared any more." : `The ${what} is gone.`;
        if (isLeft) this.#giveTracks();
        else if (this.#kind !== "file") this.stop();
        else return; // it begins again
        this.#note = isLeft ? `${note} The rest is still published.` : `${note} Nothing is published now.`;
        this.#show();
    }

    #giveTracks(): void {
        const { stream } = this;
        const live = (tracks: MediaStreamTrack[] = []) => tracks.find((track) => track.readyState === "live");
        const [video, sound] = [live(stream?.getVideoTracks()), live(stream?.getAudioTracks())];
        const hasVideo = isOn(this.getAttribute("video"));
        // The light of the camera goes out.
        if (video) video.enabled = hasVideo;
        this.#publisher?.setTracks(hasVideo ? video : undefined, isOn(this.getAttribute("audio")) ? sound : undefined);
        this.#show();
    }

    #changePicture(): void {
        const settings = readSettings((key) => this.getAttribute(key));
        if (this.#kind === "camera" && this.#source) adaptCamera(this.#source.stream, settings);
        this.#publisher?.configure(settings);
    }

    #beginPublisher(): void {
        this.#endPublisher();
        const address = this.getAttribute("src")?.trim() ?? "";
        const isWhole = address === "" || !URL.canParse(address, this.baseURI);
        const url = isWhole ? address : new URL(address, this.baseURI).href;
        const publisher = new Publisher({
            url,
            token: this.getAttribute("token") ?? "",
            ...readSettings((key) => this.getAttribute(key)),
            ...(MoqPublishElement.workerUrl ? { workerUrl: MoqPublishElement.workerUrl } : {}),
            ...(MoqPublishElement.workletUrl ? { workletUrl: MoqPublishElement.workletUrl } : {}),
        });
        this.#publisher = publisher;
        publisher.muted = this.muted;
        publisher.addEventListener("statechange", () => this.#show());
        publisher.addEventListener("statschange", () => this.#showFigures());
        this.#giveTracks();
    }

    #endPublisher(): void {
        this.#publisher?.close();
        this.#publisher = undefined;
    }

    #fail({ code, message, isTransient }: SourceError): void {
        const error = { code, message, isTransient };
        this.#error = error;
        // What was closed for the new one is over.
        if (this.#source && !this.#source.stream.getTracks().some((track) => track.readyState === "live")) {
            this.stop();
            this.#error = error;
        }
        this.#show();
    }

    /** Tells the page what has changed, and shows it. */
    #show(): void {
        const { state } = this;
        const hasControls = this.hasAttribute("controls");
        this.#panel.element.hidden = this.#status.hidden = !hasControls;
        this.#badge.hidden = state.status !== "live" && state.status !== "connecting";
        this.#badge.dataset.kind = state.status;
        setText(this.#badge, state.status === "live" ? "LIVE" : "Connecting");
        setText(this.#notice, hasControls ? "" : (state.error?.message ?? this.#note));
        this.#notice.hidden = this.#notice.textContent === "";
        this.#status.dataset.kind = state.error ? "bad" : "good";
        setText(this.#status, nameStatus(state, this.#note));
        this.#panel.update({
            source: this.#kind,
            isMuted: this.muted,
            isPictureOff: !isOn(this.getAttribute("video")),
            hasSound: this.#has("audio") && isOn(this.getAttribute("audio")),
            hasVideo: this.#has("video"),
            level: this.stats.soundLevel,
        });
        this.#showFigures();
        this.#tell(state);
    }

    #has(kind: string): boolean {
        return this.stream?.getTracks().some((track) => track.kind === kind && track.readyState === "live") ?? false;
    }

    #showFigures(): void {
        const { state, stats } = this;
        this.#panel.showLevel(stats.soundLevel);
        this.#figures.hidden = !this.hasAttribute("controls") || state.status !== "live";
        if (!this.#figures.hidden) setText(this.#figures, nameFigures(state, stats));
    }

    #told = "";

    #tell(state: PublishState): void {
        const text = JSON.stringify([state, this.#kind]);
        if (text === this.#told) return;
        this.#told = text;
        this.dispatchEvent(new Event("statechange"));
        if (state.instance !== this.#instance) {
            if (this.#instance) this.dispatchEvent(new Event("unpublish"));
            this.#instance = state.instance;
            if (state.instance) this.dispatchEvent(new Event("publish"));
        }
        const { error } = state;
        if (error && error.message !== this.#toldError?.message)
            this.dispatchEvent(new ErrorEvent("error", { message: error.message, error }));
        this.#toldError = error;
    }
}
