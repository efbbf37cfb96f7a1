// SPDX-License-Identifier: MIT OR Apache-2.0
// Attributes of the element: what their text means, and properties that mirror them as those of HTML do.
// Tested by web/test/element/words.test.ts.

/** What can be written in a tag, for frameworks with types. */
export interface MoqVideoAttributes {
    src?: string;
    token?: string;
    /** Milliseconds. */
    latency?: number | string;
    /** "auto", or the name of a rendition. */
    rendition?: string;
    muted?: boolean;
    /** 0 to 1. */
    volume?: number | string;
    /** It starts by itself without. */
    paused?: boolean;
    controls?: boolean;
    statistics?: boolean;
    poster?: string;
    /** Where player-worker.js and audio-worklet.js are, for pages that allow no scripts from blobs. */
    workerurl?: string;
    workleturl?: string;
    width?: number | string;
    height?: number | string;
    autoplay?: boolean;
    playsinline?: boolean;
    disablepictureinpicture?: boolean;
}

/** More than this is no live viewing any more, and more than a player should hold. */
export const MAX_LATENCY_MS = 10_000;

/** A size as HTML reads it: "640", "640px" and "640.5" are pixels, "50%" is a part of the parent's. */
export function readDimension(text: string | null): { value: number; unit: "px" | "%" } | undefined {
    const match = /^\s*(\d+(?:\.\d*)?)(%?)/.exec(text ?? "");
    const value = Number(match?.[1]);
    if (!match || !(value > 0)) return undefined;
    return { value, unit: match[2] ? "%" : "px" };
}

/** 0 to 1; text that is no number says nothing. */
export function readVolume(text: string | null): number | undefined {
    const value = Number.parseFloat(text ?? "");
    return Number.isNaN(value) ? undefined : Math.min(1, Math.max(0, value));
}

/** Whole milliseconds within bounds; text that is no number says nothing. */
export function readLatencyMs(text: string | null): number | undefined {
    const value = Number.parseFloat(text ?? "");
    return Number.isNaN(value) ? undefined : Math.round(Math.min(MAX_LATENCY_MS, Math.max(0, value)));
}

/** An address as the player wants it: whole, relative ones seen from the page; undefined: there is none. */
export function resolveAddress(text: string | null | undefined, base: string): string | undefined {
    const trimmed = text?.trim();
    if (!trimmed) return undefined;
    try {
        return new URL(trimmed, base).href;
    } catch {
        // The player says what is wrong with it.
        return trimmed;
    }
}

/** Defines properties that are true when their attribute is there. Keys are properties, values are attributes. */
export function mirrorBooleans(prototype: HTMLElement, names: Record<string, string>): void {
    for (const [property, attribute] of Object.entries(names))
        Object.defineProperty(prototype, property, {
            configurable: true,
            enumerable: true,
            get(this: HTMLElement) {
                return this.hasAttribute(attribute);
            },
            set(this: HTMLElement, value: unknown) {
                this.toggleAttribute(attribute, Boolean(value));
            },
        });
}

/** Defines properties that are the text of their attribute, or a value in its place where it is missing. */
export function mirrorTexts(prototype: HTMLElement, names: Record<string, string>): void {
    for (const [name, missing] of Object.entries(names))
        Object.defineProperty(prototype, name, {
            configurable: true,
            enumerable: true,
            get(this: HTMLElement) {
                return this.getAttribute(name) ?? missing;
            },
            set(this: HTMLElement, value: unknown) {
                setOrRemove(this, name, value);
            },
        });
}

/** Frameworks set undefined or null when they mean that the attribute should go. */
export function setOrRemove(element: HTMLElement, name: string, value: unknown): void {
    if (value === undefined || value === null) element.removeAttribute(name);
    else element.setAttribute(name, String(value));
}

/** Frameworks set properties before the class is known; such values hide those of the class until they are set again. */
export function takeEarlyProperties(element: HTMLElement, names: readonly string[]): void {
    for (const name of names) {
        if (!Object.hasOwn(element, name)) continue;
        const value: unknown = Reflect.get(element, name);
        Reflect.deleteProperty(element, name);
        Reflect.set(element, name, value);
    }
}

interface Size {
    width: number;
    height: number;
}

/**
 * How large the element is: as <video>, but a picture that is not known yet is taken for 16:9. Where both are given,
 * the height follows from the width, so that a narrow page shrinks both.
 */
export function cssOfSize(widthText: string | null, heightText: string | null, picture: Size): string {
    const width = readDimension(widthText);
    const height = readDimension(heightText);
    const isFixed = width?.unit === "px" && height?.unit === "px";
    const ratio = isFixed ? { width: width.value, height: height.value } : picture.width > 0 ? picture : UNKNOWN;
    const rules = [`aspect-ratio:${ratio.width}/${ratio.height}`];
    if (width) rules.push(`width:${width.value}${width.unit}`);
    if (height && !isFixed) rules.push(`height:${height.value}${height.unit}`);
    if (height?.unit === "px" && !width) rules.push(`width:${(height.value * ratio.width) / ratio.height}px`);
    // The box in a box that shrinks to what it holds: an inline block, an item of a flex container.
    return `:host{${rules.join(";")}}.sizer{width:${picture.width || UNKNOWN_WIDTH}px}`;
}

const UNKNOWN: Size = { width: 16, height: 9 };
/** That of a <video> without one. */
const UNKNOWN_WIDTH = 300;
