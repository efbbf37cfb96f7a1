// SPDX-License-Identifier: MIT OR Apache-2.0
// The fields that messages are made of. Messages have neither a type nor a length on the wire, so a decoder says one of three
// things: a value, "more bytes are needed" (undefined), or an error (it throws TransforkError).
// Tested by web/test/transfork/vectors.test.ts.
import { readVarint, writeVarint } from "../base/varint.ts";
import { CODE, TransforkError } from "./error.ts";
import { checkPath, PATH_MAX_BYTES, PATH_MAX_PARTS } from "./path.ts";
import type { Path } from "./types.ts";

export interface Input {
    readonly bytes: Uint8Array;
    at: number;
}

/** How one thing is read and written. */
export interface Field<T> {
    take(input: Input): T;
    put(out: number[], value: T): void;
}

/** Thrown inside a decoder that has come to the end of the bytes; never leaves `decode`. */
const MORE = Symbol("more bytes");

/** Reads one from the beginning of `bytes`. */
export function decode<T>(field: Field<T>, bytes: Uint8Array): { value: T; used: number } | undefined {
    const input = { bytes, at: 0 };
    try {
        return { value: field.take(input), used: input.at };
    } catch (error) {
        if (error === MORE) return undefined;
        throw error;
    }
}

export function encode<T>(field: Field<T>, value: T): Uint8Array<ArrayBuffer> {
    const out: number[] = [];
    field.put(out, value);
    return Uint8Array.from(out);
}

const scratch = new DataView(new ArrayBuffer(8));

export const varint: Field<number> = {
    take(input) {
        let got: ReturnType<typeof readVarint>;
        try {
            got = readVarint(input.bytes, input.at);
        } catch {
            throw new TransforkError(CODE.bounds, "a number has more than 53 bits");
        }
        if (!got) throw MORE;
        input.at = got.end;
        return got.value;
    },
    put(out, value) {
        const end = writeVarint(scratch, 0, value);
        for (let at = 0; at < end; at++) out.push(scratch.getUint8(at));
    },
};

export const byte: Field<number> = {
    take(input) {
        const value = input.bytes[input.at];
        if (value === undefined) throw MORE;
        input.at++;
        return value;
    },
    put(out, value) {
        if (value < 0 || value > 255) throw new RangeError(`${value} is not a byte`);
        out.push(value);
    },
};

/** A number up to `max`; more is an error with `code`. */
export function atMost(max: number, code: number, field = varint): Field<number> {
    return {
        take(input) {
            const value = field.take(input);
            if (value > max) throw new TransforkError(code, `${value} instead of at most ${max}`);
            return value;
        },
        put(out, value) {
            if (value > max) throw new RangeError(`${value} instead of at most ${max}`);
            field.put(out, value);
        },
    };
}

/** On the wire, 0 means absent and any other number is the value plus one. */
export const optional: Field<number | undefined> = {
    take(input) {
        const value = varint.take(input);
        return value ? value - 1 : undefined;
    },
    put: (out, value) => varint.put(out, value === undefined ? 0 : value + 1),
};

/** Bytes with their length in front. */
export function blob(max: number): Field<Uint8Array> {
    const size = atMost(max, CODE.bounds);
    return {
        take(input) {
            const end = size.take(input) + input.at;
            if (end > input.bytes.length) throw MORE;
            const bytes = input.bytes.slice(input.at, end);
            input.at = end;
            return bytes;
        },
        put(out, value) {
            size.put(out, value.length);
            out.push(...value);
        },
    };
}

/** Things with their number in front. */
export function list<T>(item: Field<T>, max: number): Field<readonly T[]> {
    const count = atMost(max, CODE.bounds);
    return {
        take: (input) => Array.from({ length: count.take(input) }, () => item.take(input)),
        put(out, value) {
            count.put(out, value.length);
            for (const one of value) item.put(out, one);
        },
    };
}

const part = blob(PATH_MAX_BYTES);
const parts = list(part, PATH_MAX_PARTS);
const toText = new TextDecoder("utf-8", { ignoreBOM: true });
const toBytes = new TextEncoder();

/** A path of at least so many parts. Parts that are no UTF-8 are read with U+FFFD in it, and so name nothing. */
export function path(leastParts: number): Field<Path> {
    return {
        take(input) {
            let bytes = 0;
            const count = atMost(PATH_MAX_PARTS, CODE.bounds).take(input);
            if (count < leastParts) throw new TransforkError(CODE.bounds, "a track without a name");
            return Array.from({ length: count }, () => {
                const one = part.take(input);
                bytes += one.length;
                if (bytes > PATH_MAX_BYTES) throw new TransforkError(CODE.bounds, "a path is too long");
                return toText.decode(one);
            });
        },
        put(out, value) {
            checkPath(value, leastParts);
            parts.put(
                out,
                value.map((one) => toBytes.encode(one)),
            );
        },
    };
}

/** Fields one after the other, in the order in which they are written here. */
export function struct<T extends object>(fields: { [K in keyof T]: Field<T[K]> }): Field<T> {
    // Object.keys has no better type, and the mapped type above lets no other name in.
    const names = Object.keys(fields) as (keyof T)[];
    return {
        take(input) {
            const value: Partial<T> = {};
            for (const name of names) value[name] = fields[name].take(input);
            return value as T; // every name has its value now
        },
        put(out, value) {
            for (const name of names) fields[name].put(out, value[name]);
        },
    };
}
