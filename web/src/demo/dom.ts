// SPDX-License-Identifier: MIT OR Apache-2.0
// Elements in one call. Texts become text nodes, so nothing that a peer names can become markup.
// Tested by tests/browser/test_demo.py.

type Child = Node | string | undefined;

/** `attributes` without a value (undefined) are left out; true is an attribute without a value. */
export function make<Name extends keyof HTMLElementTagNameMap>(
    name: Name,
    attributes: Record<string, string | number | boolean | undefined> = {},
    ...children: Child[]
): HTMLElementTagNameMap[Name] {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes))
        if (value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : String(value));
    made.append(...children.filter((child) => child !== undefined));
    return made;
}

/** The element of the page with this id, which index.html has. */
export function byId(id: string): HTMLElement {
    const found = document.getElementById(id);
    if (!found) throw new Error(`index.html has no #${id}`);
    return found;
}

/** A text to be copied, with a button that does so. */
export function copyable(title: string, text: string): HTMLElement {
    const button = make("button", { type: "button", "aria-label": `Copy: ${title}` }, "Copy");
    button.addEventListener("click", () => {
        navigator.clipboard.writeText(text).then(
            () => showFor(button, "Copied"),
            () => showFor(button, "Select and copy it by hand"),
        );
    });
    return make(
        "div",
        { class: "command" },
        make("div", { class: "head" }, make("h3", {}, title), button),
        make("pre", { tabindex: 0 }, text),
    );
}

function showFor(button: HTMLElement, text: string): void {
    const before = button.textContent;
    button.textContent = text;
    setTimeout(() => {
        button.textContent = before;
    }, 1500);
}

/** Something to know and to do. */
export function message(kind: "plain" | "bad", title: string, ...children: Child[]): HTMLElement {
    return make(
        "div",
        { class: "message", "data-kind": kind, role: kind === "bad" ? "alert" : "status" },
        make("h2", {}, title),
        ...children,
    );
}
