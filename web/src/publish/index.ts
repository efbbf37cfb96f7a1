// SPDX-License-Identifier: MIT OR Apache-2.0
// The door of this room: importing it defines <moq-publish>.
// Tested by tests/browser/publish.mjs.
import { MoqPublishElement } from "./element.ts";

export { Publisher } from "./publisher.ts";
export type { SourceKind } from "./sources.ts";
export type * from "./state.ts";
export { MoqPublishElement };

declare global {
    interface HTMLElementTagNameMap {
        "moq-publish": MoqPublishElement;
    }
}

if (globalThis.customElements && !customElements.get("moq-publish"))
    customElements.define("moq-publish", MoqPublishElement);
