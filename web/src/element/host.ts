// SPDX-License-Identifier: MIT OR Apache-2.0
// What controls and panels see of the element, so that they need not know its class.
import type { PlayerState, PlayerStats } from "../player/index.ts";

export interface ControlledVideo extends HTMLElement {
    readonly state: PlayerState;
    readonly paused: boolean;
    readonly disablePictureInPicture: boolean;
    readonly isInPictureInPicture: boolean;
    muted: boolean;
    volume: number;
    latency: number;
    rendition: string;
    statistics: boolean;
    play(): Promise<void>;
    pause(): void;
    load(): void;
    getStatistics(): Promise<PlayerStats | undefined>;
    requestPictureInPicture(): Promise<unknown>;
    exitPictureInPicture(): void;
}
