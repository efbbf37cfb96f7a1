// SPDX-License-Identifier: MIT OR Apache-2.0
// The groups of one track that have arrived and wait for a decoder, and the rule when to leave one for the next.
//
// A group is finished before the next one begins, also when the next one is there already. It is left unfinished when frames are missing
// and it is time for a later group's first frame, or when playback has passed into a later group anyway. Frames come out in decode order,
// and what follows a skip is the first frame of a group, which a decoder can begin at.
import type { AudioTrack, VideoTrack } from "../../karp/index.ts";

export interface EncodedFrame<T = VideoTrack | AudioTrack> {
    timeUs: number;
    data: Uint8Array;
    /** The first of its group. */
    isKey: boolean;
    track: T;
}

/** More than this is not kept: the oldest group goes first. */
export const MAX_QUEUE_BYTES = 48 << 20;
export const MAX_QUEUE_GROUPS = 64;
export const MAX_QUEUE_FRAMES = 8192;

interface Group<T> {
    sequence: number;
    /** What has been taken is no longer here. */
    frames: EncodedFrame<T>[];
    /** Of its first frame; undefined: nothing has arrived. */
    firstUs: number | undefined;
    /** Frames that have arrived. */
    count: number;
    /** No more will come: it is complete, or was cut. */
    isClosed: boolean;
}

export class GroupQueue<T = VideoTrack | AudioTrack> {
    /** By sequence. The first is the one that is being taken from. */
    #groups: Group<T>[] = [];
    /** Groups below this are history. */
    #oldest = 0;
    /** Sequences that will not come, as ranges; as many as there can be groups. */
    #gaps: { first: number; last: number }[] = [];
    #bytes = 0;
    #frames = 0;
    groupsSkipped = 0;
    framesDropped = 0;

    get bytes(): number {
        return this.#bytes;
    }

    get frames(): number {
        return this.#frames;
    }

    /** The group has begun to arrive. False: nobody wants it any more. */
    open(sequence: number): boolean {
        if (sequence < this.#oldest || this.#groups.some((group) => group.sequence === sequence)) return false;
        const at = this.#groups.findLastIndex((group) => group.sequence < sequence) + 1;
        this.#groups.splice(at, 0, { sequence, frames: [], firstUs: undefined, count: 0, isClosed: false });
        if (this.#groups.length > MAX_QUEUE_GROUPS) this.#leaveFirst();
        return sequence >= this.#oldest;
    }

    /** A frame of a group that is open. False: nobody wants the group any more. */
    push(sequence: number, timeUs: number, data: Uint8Array, track: T): boolean {
        const group = this.#groups.find((candidate) => candidate.sequence === sequence);
        if (!group || group.isClosed) return false;
        group.frames.push({ timeUs, data, isKey: group.count === 0, track });
        group.count++;
        group.firstUs ??= timeUs;
        this.#bytes += data.length;
        this.#frames++;
        while (this.#bytes > MAX_QUEUE_BYTES || this.#frames > MAX_QUEUE_FRAMES) this.#leaveFirst();
        return sequence >= this.#oldest;
    }

    /** No more frames of this group will come. */
    close(sequence: number): void {
        const group = this.#groups.find((candidate) => candidate.sequence === sequence);
        if (group) group.isClosed = true;
    }

    /** These groups will not come. */
    noteGap(first: number, last: number): void {
        this.#gaps.push({ first, last });
        if (this.#gaps.length > MAX_QUEUE_GROUPS) this.#gaps.shift();
    }

    /** Leaves the first group, whatever it still has. */
    #leaveFirst(): void {
        const group = this.#groups.shift();
        if (!group) return;
        if (group.frames.length > 0 || group.count === 0) this.groupsSkipped++;
        this.framesDropped += group.frames.length;
        this.#frames -= group.frames.length;
        for (const frame of group.frames) this.#bytes -= frame.data.length;
        this.#oldest = group.sequence + 1;
    }

    /** Begins with this group: those in front of it were never meant to be played. */
    beginWith(sequence: number): void {
        const { groupsSkipped, framesDropped } = this;
        while ((this.#groups[0]?.sequence ?? sequence) < sequence) this.#leaveFirst();
        this.#oldest = Math.max(this.#oldest, sequence);
        this.groupsSkipped = groupsSkipped;
        this.framesDropped = framesDropped;
    }

    /** Whether all groups between these two are known not to come. */
    #isGap(after: number, before: number): boolean {
        let next = after + 1;
        for (const gap of [...this.#gaps].sort((a, b) => a.first - b.first))
            if (gap.first <= next && gap.last >= next) next = gap.last + 1;
        return next >= before;
    }

    /**
     * Takes the next frame to decode. `positionUs`: what is played now; `dueUs`: what a decoder has to get now to be in time. Without
     * them, playback has not begun: nothing is late, and nothing that is missing is waited for.
     */
    take(positionUs?: number, dueUs?: number): EncodedFrame<T> | undefined {
        const group = this.#advance(positionUs, dueUs);
        const frame = group?.frames.shift();
        if (!group || !frame) return undefined;
        this.#oldest = group.sequence; // a group that comes so late that it was overtaken is not begun
        this.#frames--;
        this.#bytes -= frame.data.length;
        return frame;
    }

    /** The frame that `take` would give, left where it is. */
    peek(positionUs?: number, dueUs?: number): EncodedFrame<T> | undefined {
        return this.#advance(positionUs, dueUs)?.frames[0];
    }

    /** Makes the group to take from the first one. Undefined: there is nothing to take now. */
    #advance(positionUs = Number.NEGATIVE_INFINITY, dueUs = Number.POSITIVE_INFINITY): Group<T> | undefined {
        const passed = this.#groups.findLastIndex(
            (group) => group.firstUs !== undefined && group.firstUs <= positionUs,
        );
        for (let i = 0; i < passed; i++) this.#leaveFirst();
        for (;;) {
            const group = this.#groups[0];
            if (!group) return undefined;
            if (group.frames.length > 0) return group;
            const next = this.#groups.findIndex((other, i) => i > 0 && other.frames.length > 0);
            const later = this.#groups[next];
            if (later?.firstUs === undefined) {
                // An empty end in front of a group that has not begun to arrive: it is only in the way.
                if (group.isClosed && this.#groups[1]?.sequence === group.sequence + 1) this.#leaveFirst();
                else return undefined;
                continue;
            }
            const isEnd = group.isClosed && (next === 1 ? this.#isGap(group.sequence, later.sequence) : false);
            if (!isEnd && later.firstUs > dueUs) return undefined;
            this.groupsSkipped += Math.min(MAX_QUEUE_GROUPS, later.sequence - group.sequence - next);
            for (let i = 0; i < next; i++) this.#leaveFirst();
        }
    }

    /** First times of the groups that have frames and have not been begun. */
    upcoming(): { sequence: number; firstUs: number }[] {
        const starts: { sequence: number; firstUs: number }[] = [];
        for (const { sequence, firstUs, frames, count } of this.#groups)
            if (firstUs !== undefined && frames.length === count) starts.push({ sequence, firstUs });
        return starts;
    }

    clear(): void {
        while (this.#groups.length > 0) this.#leaveFirst();
    }
}
