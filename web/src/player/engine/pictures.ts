// SPDX-License-Identifier: MIT OR Apache-2.0
// Decoded pictures that wait for their time. Each is closed exactly once: by whoever picked it, or here.

export interface Picture {
    /** In microseconds, as VideoFrame has it. */
    readonly timestamp: number;
    close(): void;
}

/** A decoder's pictures are few: more than this would stall some of them. */
export const MAX_PICTURES = 8;
/** A picture that should have been shown longer ago than this, with nothing newer there, is late. */
export const LATE_US = 80_000;

export class Pictures<T extends Picture> {
    #waiting: T[] = [];
    /** The last one that was picked. */
    #shownUs = Number.NEGATIVE_INFINITY;
    late = 0;

    get count(): number {
        return this.#waiting.length;
    }

    get firstUs(): number | undefined {
        return this.#waiting[0]?.timestamp;
    }

    get newestUs(): number | undefined {
        return this.#waiting.at(-1)?.timestamp;
    }

    /** After a change of renditions some pictures are made twice: shown ones are closed, and of those that wait the newer one counts. */
    add(picture: T): void {
        if (picture.timestamp <= this.#shownUs) {
            picture.close();
            return;
        }
        const at = this.#waiting.findLastIndex((other) => other.timestamp < picture.timestamp) + 1;
        const twin = this.#waiting[at]?.timestamp === picture.timestamp ? 1 : 0;
        for (const other of this.#waiting.splice(at, twin, picture)) other.close();
    }

    /** Closes what `positionUs` has passed, without counting it as late: while a decoder catches up. */
    closeBefore(positionUs: number): void {
        while ((this.#waiting[1]?.timestamp ?? positionUs) < positionUs) this.#waiting.shift()?.close();
    }

    /**
     * The newest picture whose time has come; those before it are late. One that is itself late is picked only if `isHungry`: nothing
     * has been shown for so long that a late picture is better than none. `isCatchingUp`: that some are late was to be expected.
     */
    pick(positionUs: number, isHungry: boolean, isCatchingUp = false): T | undefined {
        const due = this.#waiting.findLastIndex((picture) => picture.timestamp <= positionUs);
        if (due < 0) return undefined;
        const passed = this.#waiting.splice(0, due + 1);
        const picture = passed.pop();
        for (const other of passed) other.close();
        if (!isCatchingUp) this.late += passed.length;
        if (!picture) return undefined;
        if (positionUs - picture.timestamp > LATE_US && !isHungry) {
            if (!isCatchingUp) this.late++;
            picture.close();
            return undefined;
        }
        this.#shownUs = picture.timestamp;
        return picture;
    }

    /** The first one whatever the time: a still picture is there before playback begins. */
    pickFirst(): T | undefined {
        const picture = this.#waiting.shift();
        if (picture) this.#shownUs = picture.timestamp;
        return picture;
    }

    /** Closes all; times begin anew. */
    clear(): void {
        for (const picture of this.#waiting.splice(0)) picture.close();
        this.#shownUs = Number.NEGATIVE_INFINITY;
    }
}
