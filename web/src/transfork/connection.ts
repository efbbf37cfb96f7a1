// SPDX-License-Identifier: MIT OR Apache-2.0
// A session that comes back: after a loss it is opened again, later and later while that fails, and at once when the network or the
// page is back. When the peer says that it goes, the next session is opened before this one is closed.
import { type ConnectOptions, connect } from "./connect.ts";
import { CODE, errorOf, TransforkError } from "./error.ts";
import type { Closed, Session } from "./types.ts";

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 15_000;
/** A session that lasted so long was a good one: the next pause is short again. */
const GOOD_MS = 5_000;

export type ConnectionState =
    | { kind: "connecting" }
    | { kind: "open"; session: Session }
    /** It is tried again after about `pauseMs`, or at hurry(). */
    | { kind: "waiting"; error: TransforkError; pauseMs: number }
    /** The peer does not let us in, and would not the next time. Only hurry() tries again. */
    | { kind: "refused"; error: TransforkError };

export interface ConnectionOptions extends ConnectOptions {
    now?: () => number;
    random?: () => number;
}

/** Answers that do not change by asking again. Busy is none of them: code 11. */
export const FINAL_CODES: readonly number[] = [
    CODE.unauthorized,
    CODE.version,
    CODE.unexpected,
    CODE.notFound,
    CODE.protocol,
];

function lossOf(closed: Closed): TransforkError {
    return new TransforkError(closed.code, closed.reason || "the connection was lost");
}

export class Connection {
    readonly #url: string | URL;
    readonly #options: ConnectionOptions;
    readonly #onState: (state: ConnectionState) => void;
    readonly #abort = new AbortController();
    #session: Session | undefined;
    #wake: (() => void) | undefined;
    #pauseMs = FIRST_PAUSE_MS;

    /** `onState` is called with each state, the first time in a later turn. It must not throw. */
    constructor(url: string | URL, options: ConnectionOptions, onState: (state: ConnectionState) => void) {
        this.#url = url;
        this.#options = options;
        this.#onState = onState;
        globalThis.addEventListener?.("online", this.#hurry);
        queueMicrotask(() => void this.#run());
    }

    get session(): Session | undefined {
        return this.#session;
    }

    /** Tries at once, if it waits: the page is seen again, or the token is new. */
    hurry(): void {
        this.#pauseMs = FIRST_PAUSE_MS;
        this.#wake?.();
    }

    close(): void {
        globalThis.removeEventListener?.("online", this.#hurry);
        this.#abort.abort();
        this.#session?.close();
        this.#wake?.();
    }

    readonly #hurry = () => this.hurry();

    get #isClosed(): boolean {
        return this.#abort.signal.aborted;
    }

    #tell(state: ConnectionState): void {
        if (!this.#isClosed) this.#onState(state);
    }

    async #run(): Promise<void> {
        while (!this.#isClosed) {
            this.#tell({ kind: "connecting" });
            const error = await this.#live();
            const wasOpen = this.#session !== undefined;
            this.#session = undefined;
            if (this.#isClosed) return;
            // A token that has expired may have a successor, which connect() asks for.
            if (wasOpen && error.code === CODE.unauthorized && typeof this.#options.token === "function") continue;
            await this.#pause(error);
        }
    }

    /** From the first session to the end of the last one that followed it without a gap. */
    async #live(): Promise<TransforkError> {
        const now = this.#options.now ?? (() => performance.now());
        let next = await this.#open();
        while ("session" in next) {
            const { session } = next;
            const beganMs = now();
            this.#session = session;
            this.#tell({ kind: "open", session });
            const closed = await Promise.race([session.closed, session.draining.then(() => undefined)]);
            if (now() - beganMs > GOOD_MS) this.#pauseMs = FIRST_PAUSE_MS;
            if (closed) return lossOf(closed);
            next = await this.#open();
            // Without a next one this session is used to its end.
            if (!("session" in next)) return lossOf(await session.closed);
            setTimeout(() => session.close(), 1000);
        }
        return next.error;
    }

    async #open(): Promise<{ session: Session } | { error: TransforkError }> {
        try {
            return { session: await connect(this.#url, { ...this.#options, signal: this.#abort.signal }) };
        } catch (error) {
            return { error: errorOf(error, "no connection") };
        }
    }

    async #pause(error: TransforkError): Promise<void> {
        if (FINAL_CODES.includes(error.code)) {
            this.#tell({ kind: "refused", error });
            await this.#sleep(undefined);
            return;
        }
        const random = this.#options.random ?? Math.random;
        // All viewers of a relay that was restarted must not come back in the same moment.
        const pauseMs = this.#pauseMs * (0.5 + random());
        this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2);
        this.#tell({ kind: "waiting", error, pauseMs });
        await this.#sleep(pauseMs);
    }

    /** Undefined: until somebody wakes it. */
    async #sleep(ms: number | undefined): Promise<void> {
        let timer: ReturnType<typeof setTimeout> | undefined;
        await new Promise<void>((resolve) => {
            this.#wake = resolve;
            if (ms !== undefined) timer = setTimeout(resolve, ms);
        });
        clearTimeout(timer);
        this.#wake = undefined;
    }
}
