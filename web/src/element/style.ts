// SPDX-License-Identifier: MIT OR Apache-2.0
// How the element looks. What a page may change:
// - object-fit and object-position of the element, as of <video>; "contain" (letterbox) is the default;
// - background of the element, black unless set; --moq-video-accent, the colour of what is chosen;
// - parts: picture, poster, notice, retry, unmute, statistics, settings, bar, controls (media-chrome's controller);
// - the variables of media-chrome, such as --media-primary-color, reach its controls.
// The CSP of a page needs style-src 'unsafe-inline' with `controls` only, because of media-chrome.
// Tested by tests/browser/element.mjs.

/** The picture stands in a box that does not depend on it, so that the page does not jump when it comes. */
export const HOST_CSS = `
:host { display: block; position: relative; box-sizing: border-box; max-width: 100%; overflow: hidden; background: #000;
  aspect-ratio: 16 / 9; object-fit: contain; object-position: 50% 50% }
:host([hidden]) { display: none }
:host(:fullscreen) { width: 100%; height: 100%; max-width: none; aspect-ratio: auto }
.picture, .poster, .chrome { position: absolute; inset: 0; width: 100%; height: 100% }
.picture, .poster, slot, ::slotted(canvas) { object-fit: inherit; object-position: inherit }
::slotted(canvas) { display: block; width: 100%; height: 100% }
.sizer { max-width: 100% }
.picture:not([data-shown]) { visibility: hidden }
.poster[hidden], .away[hidden] { display: none }
.away { position: absolute; inset: 0; display: grid; place-content: center; justify-items: center; gap: 12px;
  color: #eee; font: 14px/1.4 system-ui, sans-serif; text-align: center; background: #000 }
.away button { font: inherit; padding: 8px 14px; border: 0; border-radius: 6px; background: #eee; color: #111; cursor: pointer }
`;

/** Everything above the picture. It moves to the window of picture in picture, so nothing here may need the host. */
export const CHROME_CSS = `
.chrome { position: absolute; inset: 0; pointer-events: none; overflow: hidden; color: #eee; color-scheme: dark;
  font: 14px/1.4 system-ui, sans-serif; --accent: var(--moq-video-accent, #6cb4ff);
  --media-focus-box-shadow: inset 0 0 0 2px var(--accent); --media-control-background: none;
  --media-control-hover-background: rgb(255 255 255 / .16); --media-background-color: transparent;
  --media-tooltip-background-color: rgb(20 20 30 / .92); --media-font-family: system-ui, sans-serif }
.chrome [hidden] { display: none !important }
.chrome button, .chrome select, .chrome input { font: inherit }
.chrome :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
media-controller { position: absolute !important; inset: 0; pointer-events: auto; display: block !important }
media-controller:focus-visible { outline-offset: -3px !important }
.bar { align-self: stretch; display: flex; align-items: center; padding: 20px 4px 2px;
  background: linear-gradient(transparent, rgb(0 0 0 / .75) 45%); text-shadow: 0 0 3px #000 }
.bar:has(:focus-visible), .chrome[data-open] .bar { opacity: 1 !important }
.bar > * { flex: none; border-radius: 6px }
.space { flex: 1 }
media-volume-range { width: 84px }
media-controller:not([breakpointsm]) media-volume-range, .chrome[data-silent] :is(media-volume-range, media-mute-button) { display: none }
media-live-button { --media-live-button-icon-color: #b0b0b0; --media-live-button-indicator-color: #ff5a5a; font-size: 13px }
.chrome[data-pip] media-fullscreen-button { display: none }
.gear { position: relative; width: 44px; height: 44px; padding: 10px; border: 0; background: none; color: inherit; cursor: pointer }
.gear:hover { background: var(--media-control-hover-background) }
.gear:focus-visible { outline-offset: -2px !important }
.gear svg, .unmute svg { width: 24px; height: 24px; fill: currentColor; display: block }
.gear[data-hint]::after { content: ""; position: absolute; top: 9px; right: 9px; width: 8px; height: 8px; border-radius: 50%; background: #ffc24d }
.panel { position: absolute; box-sizing: border-box; max-width: calc(100% - 16px); padding: 12px 14px; border-radius: 8px;
  background: rgb(20 20 30 / .92); pointer-events: auto; overflow: auto; overscroll-behavior: contain }
.settings { right: 8px; bottom: 52px; width: 304px; max-height: calc(100% - 60px); display: grid; gap: 10px }
.settings label { display: grid; grid-template-columns: 1fr auto; align-items: center; gap: 4px 12px }
.settings select { max-width: 190px; padding: 5px 8px; border: 1px solid #8a8a96; border-radius: 6px; background: #14141e; color: inherit }
.settings input[type=range] { grid-column: 1 / -1; width: 100%; margin: 4px 0; accent-color: var(--accent) }
.settings input[type=checkbox] { width: 18px; height: 18px; margin: 3px; accent-color: var(--accent) }
.settings p { margin: 0; color: #c4c4cc; font-size: 12.5px }
.settings .hint { color: #ffd27a }
.presets { display: flex; gap: 6px }
.presets button { flex: 1; padding: 6px 2px; border: 1px solid #8a8a96; border-radius: 6px; background: none; color: inherit; cursor: pointer; font-size: 13px }
.presets button[aria-pressed=true] { border-color: var(--accent); background: var(--accent); color: #0b1420 }
kbd { padding: 0 5px; border: 1px solid #8a8a96; border-radius: 4px; font: 12px/1.5 ui-monospace, monospace }
.statistics { top: 8px; left: 8px; max-height: calc(100% - 68px); padding: 8px 12px; font-size: 12px;
  font-variant-numeric: tabular-nums }
.statistics table { border-spacing: 0 }
.statistics th { padding: 0 12px 0 0; color: #c4c4cc; font-weight: normal; text-align: left; vertical-align: top; white-space: nowrap }
.statistics td { padding: 0 }
.notice { position: absolute; inset: 0; display: grid; place-content: center; justify-items: center; gap: 12px; padding: 16px;
  text-align: center; background: rgb(0 0 0 / .72) }
.notice p { margin: 0; max-width: 44ch; padding: 6px 10px; border-radius: 8px; background: rgb(20 20 30 / .92); text-wrap: balance }
.notice button { pointer-events: auto; padding: 8px 16px; border: 0; border-radius: 6px; background: #eee; color: #111; cursor: pointer }
.notice[data-passing] { inset: 8px 8px auto auto; padding: 0; background: none;
  max-width: calc(100% - 40px); animation: moq-pass 0s 10s forwards }
.notice:empty { display: none }
@keyframes moq-pass { to { visibility: hidden } }
.unmute { position: absolute; inset: 0; display: grid; place-items: end center; padding: 0 0 16px; border: 0; background: none;
  color: #111; cursor: pointer; pointer-events: auto }
.chrome[data-controls] :is(.unmute, .notice:not([data-passing])) { bottom: 48px; background: none }
.chrome[data-notice] media-controller { background: rgb(0 0 0 / .72) }
.unmute span { display: flex; align-items: center; gap: 8px; padding: 8px 16px 8px 12px; border-radius: 24px; background: #f4f4f4;
  font-weight: 600; box-shadow: 0 1px 6px rgb(0 0 0 / .5) }
.unmute:focus-visible { outline-offset: -3px !important }
.spinner { position: absolute; inset: 0; margin: auto; width: 44px; height: 44px; box-sizing: border-box; border: 4px solid rgb(255 255 255 / .3);
  border-top-color: #fff; border-radius: 50%; visibility: hidden }
.chrome[data-loading] .spinner { visibility: visible; transition: visibility 0s .5s; animation: moq-turn 1s linear infinite }
@keyframes moq-turn { to { rotate: 1turn } }
@media (prefers-reduced-motion: reduce) {
  .chrome { --media-control-transition-in: none; --media-control-transition-out: none; --media-range-thumb-transition: none }
  .chrome[data-loading] .spinner { animation: moq-fade 2s ease-in-out infinite; border-color: #fff }
  @keyframes moq-fade { 50% { opacity: .35 } }
}
@media (forced-colors: active) { .gear svg, .unmute svg { fill: ButtonText } }
`;

/** In the window of picture in picture. */
export const PIP_CSS = `html, body { height: 100%; margin: 0; background: #000; overflow: hidden }
body > canvas { display: block; width: 100%; height: 100%; object-fit: contain }${CHROME_CSS}`;
