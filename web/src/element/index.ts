// SPDX-License-Identifier: MIT OR Apache-2.0
// The door of this room: importing it defines <moq-video>.
//
// TypeScript knows the element by its tag. JSX wants to be told once per page, here for React 19:
//   declare module "react" { namespace JSX { interface IntrinsicElements {
//     "moq-video": React.HTMLAttributes<MoqVideoElement> & MoqVideoAttributes & { ref?: React.Ref<MoqVideoElement> };
//   } } }
//
// A page whose policy forbids scripts from blobs sets MoqVideoElement.workerUrl and workletUrl; one that plays in another way,
// MoqVideoElement.createPlayer.
// Tested by tests/browser/element.mjs.
import { Player } from "../player/index.ts";
import { MoqVideoElement } from "./element.ts";

export type { MoqVideoAttributes } from "./attributes.ts";
export type { VideoError } from "./errors.ts";
export { MoqVideoElement };

MoqVideoElement.createPlayer = (options) => new Player(options);
// A page may load this twice, and a server has no elements.
if (globalThis.customElements && !customElements.get("moq-video")) customElements.define("moq-video", MoqVideoElement);
