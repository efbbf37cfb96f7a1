// SPDX-License-Identifier: MIT OR Apache-2.0
// How <moq-publish> looks. A page may set --moq-publish-accent, --moq-publish-panel, --moq-publish-text and --moq-publish-line; parts
// are preview, badge, notice, controls, status, figures. Light and dark follow the color-scheme of the page.
// Tested by tests/browser/publish.mjs.
export const CSS = `
:host { display: block; position: relative; max-width: 100%; font: 15px/1.4 system-ui, sans-serif;
  --accent: var(--moq-publish-accent, light-dark(#0b5cad, #7ab8ff)); --panel: var(--moq-publish-panel, light-dark(#f2f4f7, #1c1e23));
  --text: var(--moq-publish-text, light-dark(#16181d, #eceef2)); --line: var(--moq-publish-line, light-dark(#757c88, #868d99));
  color: var(--text) }
:host([hidden]), [hidden] { display: none !important }
.picture { position: relative; background: #000; aspect-ratio: 16 / 9; max-height: 70vh; overflow: hidden; width: 100% }
video { display: block; width: 100%; height: 100%; object-fit: contain }
.badge { position: absolute; top: 10px; left: 10px; padding: 1px 8px; border-radius: 5px; background: #c21f2b; color: #fff; font-weight: 650; font-size: 13px }
.badge[data-kind=connecting] { background: #4a4f59 }
.notice { position: absolute; inset: 0; display: grid; place-content: center; margin: 0; padding: 16px; text-align: center; text-wrap: balance; color: #eceef2 }
.controls { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; padding: 10px; background: var(--panel) }
.sources { display: flex; flex-wrap: wrap; gap: 8px }
.space { flex: 1 }
button, select { font: inherit; min-height: 40px; padding: 4px 12px; border: 1px solid var(--line); border-radius: 8px; background: none;
  color: inherit; max-width: 100% }
select { max-width: 16em }
option { background: Canvas; color: CanvasText }
button { cursor: pointer }
button:hover { border-color: var(--accent) }
button[aria-pressed=true] { border-color: var(--accent); background: var(--accent); color: light-dark(#fff, #0b1a2b) }
button.stop { border-color: #c21f2b; background: #c21f2b; color: #fff }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
.meter { width: 90px; height: 10px; border: 1px solid var(--line); border-radius: 6px; overflow: hidden }
.meter i { display: block; height: 100%; width: 100%; transform-origin: left; transform: scaleX(0); background: light-dark(#1a7f37, #3fb950) }
.meter[data-loud] i { background: #d1242f }
.devices { display: flex; flex-wrap: wrap; gap: 8px 14px; flex-basis: 100% }
label { display: inline-flex; gap: 6px; align-items: center; max-width: 100% }
label select { min-width: 0 }
.status, .figures { margin: 0; padding: 0 10px 10px; background: var(--panel); font-size: 14px; font-variant-numeric: tabular-nums }
.status[data-kind=bad] { color: light-dark(#b3141f, #ff9d94) }
@media (forced-colors: active) { .meter i { background: Highlight } }
`;

/** A sheet passes where the policy of a page forbids style elements. */
export function applySheet(root: ShadowRoot): void {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
    root.adoptedStyleSheets = [sheet];
}
