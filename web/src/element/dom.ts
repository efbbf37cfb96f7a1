// SPDX-License-Identifier: MIT OR Apache-2.0
// Makes elements in one call, without markup in text, which strict pages forbid.
// Tested by tests/browser/element.mjs.

type Attributes = Record<string, string>;

export function make<K extends keyof HTMLElementTagNameMap>(
    tag: K,
    attributes: Attributes = {},
    ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** An icon of 24 by 24 from one path. */
export function makeIcon(path: string): SVGSVGElement {
    const icon = document.createElementNS(SVG, "svg");
    icon.setAttribute("viewBox", "0 0 24 24");
    icon.setAttribute("aria-hidden", "true");
    const shape = document.createElementNS(SVG, "path");
    shape.setAttribute("d", path);
    icon.append(shape);
    return icon;
}

/** Frameworks and screen readers are spared what has not changed. */
export function setText(element: HTMLElement, text: string): void {
    if (element.textContent !== text) element.textContent = text;
}

/** A sheet belongs to the document that it was made in, so one that moves to another needs a new one. */
export function applySheet(target: Document | ShadowRoot, css: string): CSSStyleSheet {
    const owner = "defaultView" in target ? target : target.ownerDocument;
    const Sheet = owner.defaultView?.CSSStyleSheet ?? CSSStyleSheet;
    const sheet = new Sheet();
    sheet.replaceSync(css);
    target.adoptedStyleSheets.push(sheet);
    return sheet;
}
