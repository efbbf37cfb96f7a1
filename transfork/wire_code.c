/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Maps our errors to wire codes and back. */
#include "transfork/wire_code.h"

enum wire_code {
    WIRE_CANCEL = 0,
    WIRE_REQUIRED_EXTENSION = 1,
    WIRE_TRANSPORT = 4,
    WIRE_DECODE = 5,
    WIRE_UNAUTHORIZED = 6,
    WIRE_VERSION = 9,
    WIRE_UNEXPECTED_STREAM = 10,
    WIRE_BOUNDS = 11,
    WIRE_DUPLICATE = 12,
    WIRE_NOT_FOUND = 13,
    WIRE_WRONG_SIZE = 14,
    WIRE_PROTOCOL = 15,
};

/* There is no default, so the compiler warns of an error without a code. */
uint32_t moq_error_to_wire(int error)
{
    switch ((enum moq_error)error) {
    case MOQ_OK:
    case MOQ_ERR_CANCELLED:
    case MOQ_ERR_EXPIRED:
    case MOQ_ERR_CLOSED:
    case MOQ_ERR_AGAIN:
    case MOQ_ERR_END:
        return WIRE_CANCEL;
    case MOQ_ERR_REQUIRED_EXTENSION:
        return WIRE_REQUIRED_EXTENSION;
    case MOQ_ERR_TRANSPORT:
    case MOQ_ERR_TIMEOUT:
    case MOQ_ERR_NOMEM:
    case MOQ_ERR_IO:
    case MOQ_ERR_TLS:
    case MOQ_ERR_NAME_LOOKUP:
        return WIRE_TRANSPORT;
    case MOQ_ERR_DECODE:
    case MOQ_ERR_INVALID:
    case MOQ_ERR_MEDIA:
        return WIRE_DECODE;
    case MOQ_ERR_UNAUTHORIZED:
        return WIRE_UNAUTHORIZED;
    case MOQ_ERR_VERSION:
        return WIRE_VERSION;
    case MOQ_ERR_UNEXPECTED_STREAM:
        return WIRE_UNEXPECTED_STREAM;
    case MOQ_ERR_BOUNDS:
    case MOQ_ERR_STREAMS:
        return WIRE_BOUNDS;
    case MOQ_ERR_DUPLICATE:
        return WIRE_DUPLICATE;
    case MOQ_ERR_NOT_FOUND:
    case MOQ_ERR_REFUSED:
    case MOQ_ERR_OFFLINE:
        return WIRE_NOT_FOUND;
    case MOQ_ERR_WRONG_SIZE:
        return WIRE_WRONG_SIZE;
    case MOQ_ERR_PROTOCOL:
    case MOQ_ERR_UNSUPPORTED:
        return WIRE_PROTOCOL;
    }
    return WIRE_CANCEL;
}

int moq_error_from_wire(uint64_t wire)
{
    switch (wire) {
    case WIRE_REQUIRED_EXTENSION:
        return MOQ_ERR_REQUIRED_EXTENSION;
    case WIRE_TRANSPORT:
        return MOQ_ERR_TRANSPORT;
    case WIRE_DECODE:
        return MOQ_ERR_DECODE;
    case WIRE_UNAUTHORIZED:
        return MOQ_ERR_UNAUTHORIZED;
    case WIRE_VERSION:
        return MOQ_ERR_VERSION;
    case WIRE_UNEXPECTED_STREAM:
        return MOQ_ERR_UNEXPECTED_STREAM;
    case WIRE_BOUNDS:
        return MOQ_ERR_BOUNDS;
    case WIRE_DUPLICATE:
        return MOQ_ERR_DUPLICATE;
    case WIRE_NOT_FOUND:
        return MOQ_ERR_NOT_FOUND;
    case WIRE_WRONG_SIZE:
        return MOQ_ERR_WRONG_SIZE;
    case WIRE_PROTOCOL:
        return MOQ_ERR_PROTOCOL;
    default:
        return MOQ_ERR_CANCELLED;
    }
}
