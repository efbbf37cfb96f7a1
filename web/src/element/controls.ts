// SPDX-License-Identifier: MIT OR Apache-2.0
// The bar of controls: media-chrome's, over the picture, driven by the element through media-chrome's store.
// Tested by tests/browser/element.mjs.
import "media-chrome/dist/media-fullscreen-button.js";
import "media-chrome/dist/media-live-button.js";
import "media-chrome/dist/media-mute-button.js";
import "media-chrome/dist/media-pip-button.js";
import "media-chrome/dist/media-play-button.js";
import "media-chrome/dist/media-volume-range.js";
import { MediaController } from "media-chrome/dist/media-controller.js";
import { createMediaStore } from "media-chrome/dist/media-store/media-store.js";
import { stateMediator } from "media-chrome/dist/media-store/state-mediator.js";
import { make } from "./dom.ts";
import type { ControlledVideo } from "./host.ts";
import { canPictureInPicture } from "./pip.ts";

export function buildControls(video: ControlledVideo, gear: HTMLElement): HTMLElement {
    const controller = new MediaController();
    // Keys are ours, see keys.ts; the store is given, because the picture is no child of the controller.
    for (const name of ["nohotkeys", "nodefaultstore"]) controller.setAttribute(name, "");
    controller.setAttribute("part", "controls");
    controller.fullscreenElement = video;
    controller.mediaStore = buildStore(video);
    const bar = make("div", { class: "bar", part: "bar" });
    bar.append(
        ...["media-play-button", "media-mute-button", "media-volume-range", "media-live-button"].map(makeControl),
        make("span", { class: "space" }),
        gear,
        ...["media-pip-button", "media-fullscreen-button"].map(makeControl),
    );
    controller.append(bar);
    return controller;
}

function makeControl(tag: string): HTMLElement {
    return document.createElement(tag);
}

/** media-chrome knows neither a document as picture in picture, nor that a page may not want its wishes stored. */
function buildStore(video: ControlledVideo) {
    return createMediaStore({
        media: video,
        fullscreenElement: video,
        documentElement: document,
        stateMediator: {
            ...stateMediator,
            mediaMuted: {
                get: () => video.muted,
                set: (isMuted) => {
                    video.muted = isMuted;
                },
                mediaEvents: ["volumechange"],
            },
            mediaVolume: {
                get: () => video.volume,
                set: (volume) => {
                    video.volume = Math.min(1, Math.max(0, Number(volume) || 0));
                },
                mediaEvents: ["volumechange"],
            },
            mediaTimeIsLive: { ...stateMediator.mediaTimeIsLive, mediaEvents: ["statechange", "timeupdate"] },
            mediaIsPip: {
                get: () => video.isInPictureInPicture,
                set: (isWanted) => {
                    if (!isWanted) video.exitPictureInPicture();
                    // Refused by the browser or the viewer: the button stays as it is.
                    else video.requestPictureInPicture().catch(() => {});
                },
                mediaEvents: ["enterpictureinpicture", "leavepictureinpicture"],
            },
            mediaPipUnavailable: {
                get: () => (canPictureInPicture() && !video.disablePictureInPicture ? undefined : "unsupported"),
            },
        },
    });
}
