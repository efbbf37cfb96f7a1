// SPDX-License-Identifier: MIT OR Apache-2.0
// What a publisher tells people when something is wrong: what it is, and what to do.
import { plainWords } from "../../base/plain.ts";
import { adviceOf, type TransforkFailure } from "../../transfork/index.ts";
import type { PublishError, PublishErrorCode } from "../state.ts";

function problem(code: PublishErrorCode, message: string, isTransient = false): PublishError {
    return { code, message, isTransient };
}

/** What has to be there before anything can be tried; undefined: all of it. */
export function findObstacle(address: string, scope: typeof globalThis = globalThis): PublishError | undefined {
    if (!address)
        return problem(
            "bad-url",
            "There is no address to publish to. Set src, for example to https://relay.example/my/show",
        );
    const url = URL.canParse(address) ? new URL(address) : undefined;
    if (!url || !/^https?:$/.test(url.protocol) || url.pathname === "/")
        return problem(
            "bad-url",
            `"${address}" is not the address of a broadcast. One looks like https://relay.example/my/show`,
        );
    const { isSecureContext } = scope;
    if (!("WebTransport" in scope))
        return problem(
            "no-webtransport",
            isSecureContext
                ? "This browser has no WebTransport. Use a current Chrome, Edge or Firefox, or Safari from 26.4 on"
                : "WebTransport needs a secure page. Open this page by https, or from localhost",
        );
    if (!("VideoEncoder" in scope) && !("AudioEncoder" in scope))
        return problem(
            "no-webcodecs",
            "This browser encodes no media. Update it, or use a current Chrome, Edge or Firefox",
        );
    return undefined;
}

export function unreachable(address: string, { message }: TransforkFailure): PublishError {
    const url = new URL(address);
    return problem(
        "unreachable",
        `${url.host} does not answer (${plainWords(message)}). Trying again; check the address and the network${adviceOf(url)}`,
        true,
    );
}

/** `isExpired`: the relay had let us in before. */
export function refused({ message }: TransforkFailure, isExpired: boolean): PublishError {
    if (isExpired)
        return problem("token-expired", "Your access has expired. Get a new token, for example by reloading the page");
    return problem(
        "refused",
        `The relay refuses this: ${plainWords(message)}. Check the token and the path of the broadcast`,
    );
}

export function noVideoEncoder(codec: string | undefined): PublishError {
    return problem(
        "no-encoder",
        codec
            ? `This browser does not encode ${codec} in this size. Choose another codec or a smaller picture`
            : "This browser encodes no video of this size. Choose a smaller picture, or use another browser",
    );
}

export function noSoundEncoder(): PublishError {
    return problem("no-encoder", "This browser does not encode Opus: the broadcast has no sound. Use another browser");
}

export function encoderFailed(what: string, reason: string): PublishError {
    return problem("encode", `The ${what} encoder has failed (${plainWords(reason)}). It is started again`, true);
}
