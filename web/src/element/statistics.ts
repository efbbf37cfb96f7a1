// SPDX-License-Identifier: MIT OR Apache-2.0
// The panel of figures in the corner of the picture.
// Tested by tests/browser/element.mjs.
import type { PlayerState, PlayerStats } from "../player/index.ts";
import { make, setText } from "./dom.ts";
import { rowsOf } from "./figures.ts";

export interface StatisticsPanel {
    readonly element: HTMLElement;
    show(stats: PlayerStats, state: PlayerState): void;
}

export function buildStatistics(): StatisticsPanel {
    const table = make("table");
    const element = make(
        "section",
        { class: "panel statistics", part: "statistics", "aria-label": "Statistics", tabindex: "0", hidden: "" },
        table,
    );
    function show(stats: PlayerStats, state: PlayerState): void {
        const rows = rowsOf(stats, state);
        rows.forEach(({ name, value, about }, index) => {
            const row = table.rows[index] ?? addRow(table);
            if (row.title !== about) row.title = about;
            const [head, cell] = row.cells;
            if (head) setText(head, name);
            if (cell) setText(cell, value);
        });
        while (table.rows.length > rows.length) table.deleteRow(-1);
    }
    return { element, show };
}

function addRow(table: HTMLTableElement): HTMLTableRowElement {
    const row = table.insertRow();
    row.append(make("th", { scope: "row" }), make("td"));
    return row;
}
