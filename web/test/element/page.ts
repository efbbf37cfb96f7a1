// SPDX-License-Identifier: MIT OR Apache-2.0
// What the page of tests/browser/element.mjs loads: the element with a player that the test holds in its hand.
import { MoqVideoElement } from "../../src/element/element.ts";
import { FakePlayer } from "./fake_player.ts";

MoqVideoElement.createPlayer = (options) => new FakePlayer(options);
customElements.define("moq-video", MoqVideoElement);
Object.assign(globalThis, { FakePlayer, MoqVideoElement });
