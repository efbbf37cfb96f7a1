# SPDX-License-Identifier: MIT OR Apache-2.0
"""Transfork, HTTP/3 and capsule bytes, written by hand. Nothing here is shared with the relay: where both are wrong, the
specification was."""

V02, V03, V04 = 0xFF0BAD02, 0xFF0BAD03, 0xFF0BAD04
VERSIONS = (V02, V03, V04)

SESSION, ANNOUNCE, SUBSCRIBE, FETCH, INFO = range(5)
ENDED, ACTIVE, LIVE = range(3)

CANCELLED, DECODE, UNAUTHORIZED, VERSION, UNEXPECTED_STREAM, BOUNDS = 0, 5, 6, 9, 10, 11
DUPLICATE, NOT_FOUND, WRONG_SIZE, PROTOCOL = 12, 13, 14, 15

H3_NO_ERROR, H3_STREAM_CREATION_ERROR, H3_CLOSED_CRITICAL_STREAM = 0x100, 0x103, 0x104
H3_FRAME_UNEXPECTED, H3_FRAME_ERROR, H3_EXCESSIVE_LOAD, H3_ID_ERROR = 0x105, 0x106, 0x107, 0x108
H3_SETTINGS_ERROR, H3_MISSING_SETTINGS, H3_REQUEST_INCOMPLETE, H3_MESSAGE_ERROR = 0x109, 0x10A, 0x10D, 0x10E
QPACK_DECOMPRESSION_FAILED = 0x200
WT_SESSION_GONE, WT_BUFFERED_STREAM_REJECTED = 0x170D7B68, 0x3994BD84
DATAGRAM_ERROR = 0x33

WORST = (1 << 62) - 1  # the highest number that a varint holds


# ---- Primitives --------------------------------------------------------------------------------------------------

def varint(value, size=0):
    """Shortest form, or `size` bytes."""
    for bits, length in ((0, 1), (1, 2), (2, 4), (3, 8)):
        if value < 1 << (8 * length - 2) and length >= size:
            return (value | bits << (8 * length - 2)).to_bytes(length, "big")
    raise ValueError(value)


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return varint(len(value)) + value


def path(*parts):
    return varint(len(parts)) + b"".join(text(part) for part in parts)


def optional(value):
    return varint(0 if value is None else value + 1)


class Reader:
    """Takes values from the front of bytes."""

    def __init__(self, data):
        self.data, self.at = bytes(data), 0

    def varint(self):
        if self.at >= len(self.data):
            raise IndexError("no more bytes")
        length = 1 << (self.data[self.at] >> 6)
        return int.from_bytes(self.bytes(length), "big") & ((1 << (8 * length - 2)) - 1)

    def bytes(self, count):
        if self.at + count > len(self.data):
            raise IndexError("no more bytes")
        self.at += count
        return self.data[self.at - count:self.at]

    def text(self):
        return self.bytes(self.varint())

    def path(self):
        return tuple(self.text().decode() for _ in range(self.varint()))

    def rest(self):
        return self.data[self.at:]


# ---- Transfork ---------------------------------------------------------------------------------------------------

def hello(*versions):
    """The session stream of a client, type included."""
    return varint(SESSION) + varint(len(versions)) + b"".join(varint(v, 8) for v in versions) + varint(0)


def announce_please(*prefix):
    return varint(ANNOUNCE) + path(*prefix)


def announce(status, *suffix):
    return varint(status) + (b"" if status == LIVE else path(*suffix))


def priority_of(version, value):
    return varint(value) if version == V03 else bytes([value])


def subscribe(version, number, name, priority=128, order=1, expires=0, first=None, last=None):
    expiry = b"" if version == V04 else varint(expires)
    return (varint(SUBSCRIBE) + varint(number) + path(*name) + priority_of(version, priority) + varint(order) + expiry +
            optional(first) + optional(last))


def subscribe_update(version, priority=128, order=1, expires=0, first=None, last=None):
    expiry = b"" if version == V04 else varint(expires)
    return varint(priority) + varint(order) + expiry + optional(first) + optional(last)


def info(version, priority=128, order=1, expires=0, latest=0):
    if version == V03:
        return varint(priority) + varint(latest) + varint(order) + varint(expires)
    return bytes([priority]) + varint(order) + (b"" if version == V04 else varint(expires)) + varint(latest)


def fetch(version, name, priority, group, offset):
    return varint(FETCH) + path(*name) + priority_of(version, priority) + varint(group) + varint(offset)


def info_please(*name):
    return varint(INFO) + path(*name)


def gap(first, more, code):
    return varint(first) + varint(more) + varint(code)


def group(number, sequence):
    """The head of a group stream, type included."""
    return varint(0) + varint(number) + varint(sequence)


def frame(payload):
    return text(payload)


# ---- HTTP/3 ------------------------------------------------------------------------------------------------------

FIRST_CODE, LAST_CODE = 0x52E4A40FA8DB, 0x52E5AC983162

# Section 6 of the notes on WebTransport: CONNECT https localhost:4443 /demo/bbb webtransport, draft02 = 1.
CONNECT = bytes.fromhex("0000cfd7508aa0e41d139d09b8d34d3351876242d276238e3f2f00b95d8749c87a3f89f058d360ea4567b13f2f0e4148b782c69b"
                        "07522b3d895a74a6b65692c1ca900b0131")
OK = bytes.fromhex("0000d92f0d4148b782c69b07522b3d895a74a6b65692c1ca9f8592c1ca900b")
SETTINGS = bytes.fromhex("0100" "0680004000" "0700" "3301" "80ffd27701" "ab60374201" "c0000000c671706a01")
SERVER_CONTROL = bytes.fromhex("00042a" "0100" "0680004000" "0700" "0801" "3301" "80ffd27701" "ab60374201" "ab60374301"
                               "c0000000c671706a01" "94e9cd2901")

DATA, HEADERS, SETTINGS_FRAME, GOAWAY = 0, 1, 4, 7
CLOSE_CAPSULE, DRAIN_CAPSULE = 0x2843, 0x78AE


def code_to_h3(code):
    return FIRST_CODE + code + code // 30


def code_from_h3(code):
    """None: not one of an application."""
    if not FIRST_CODE <= code <= LAST_CODE or (code - 0x21) % 31 == 0:
        return None
    shifted = code - FIRST_CODE
    return shifted - shifted // 31


def h3_frame(kind, payload=b""):
    return varint(kind) + text(payload)


def capsule(kind, value=b""):
    return varint(kind) + text(value)


def close_capsule(code, reason=""):
    return capsule(CLOSE_CAPSULE, code.to_bytes(4, "big") + reason.encode())
