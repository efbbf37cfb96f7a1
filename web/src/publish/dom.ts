// SPDX-License-Identifier: MIT OR Apache-2.0
// Elements in one call; texts become text nodes.
// Tested by tests/browser/publish.mjs.
export function make<Name extends keyof HTMLElementTagNameMap>(
    name: Name,
    attributes: Record<string, string> = {},
    ...children: (Node | string)[]
): HTMLElementTagNameMap[Name] {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
}

/** Screen readers read again what is set, even to the same. */
export function setText(element: Element, text: string): void {
    if (element.textContent !== text) element.textContent = text;
}
