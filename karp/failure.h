/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Why the media layer refused something: a kind that a program can compare, and a sentence for the
 * person whose file, catalog or publisher it is. Functions of karp return a moq_error; those that
 * take a `karp_failure` also fill it in. */
#ifndef MOQ_KARP_FAILURE_H
#define MOQ_KARP_FAILURE_H

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* X(name, word): the words are those that the Rust programs print. */
#define KARP_FAILURES(X)                                                                           \
    X(NONE, "none")                                                                                \
    X(MP4, "Mp4")                                                                                  \
    X(EXPECTED_BOX, "ExpectedBox")                                                                 \
    X(UNEXPECTED_BOX, "UnexpectedBox")                                                             \
    X(MISSING_BOX, "MissingBox")                                                                   \
    X(DUPLICATE_BOX, "DuplicateBox")                                                               \
    X(MISSING_TRACKS, "MissingTracks")                                                             \
    X(MISSING_INIT, "MissingInit")                                                                 \
    X(MULTIPLE_INIT, "MultipleInit")                                                               \
    X(EMPTY_INIT, "EmptyInit")                                                                     \
    X(UNKNOWN_TRACK, "UnknownTrack")                                                               \
    X(UNSUPPORTED_TRACK, "UnsupportedTrack")                                                       \
    X(UNSUPPORTED_CODEC, "UnsupportedCodec")                                                       \
    X(MISSING_CODEC, "MissingCodec")                                                               \
    X(MULTIPLE_CODECS, "MultipleCodecs")                                                           \
    X(INVALID_SIZE, "InvalidSize")                                                                 \
    X(INVALID_OFFSET, "InvalidOffset")                                                             \
    X(TRAILING_DATA, "TrailingData")                                                               \
    X(TOO_LARGE, "TooLarge")                                                                       \
    X(CLOSED, "Closed")                                                                            \
    X(JSON, "Json")                                                                                \
    X(DUPLICATE_TRACK, "DuplicateTrack")                                                           \
    X(INVALID_CODEC, "InvalidCodec")                                                               \
    X(EXPECTED_INT, "ExpectedInt")                                                                 \
    X(HEX, "Hex")                                                                                  \
    X(OUT_OF_MEMORY, "OutOfMemory")

enum karp_failure_kind {
#define KARP_FAILURE_ENUM(name, word) KARP_FAILURE_##name,
    KARP_FAILURES(KARP_FAILURE_ENUM)
#undef KARP_FAILURE_ENUM
};

enum { KARP_FAILURE_TEXT_BYTES = 200 };

struct karp_failure {
    enum karp_failure_kind kind;        /* read-only, like the text */
    char text[KARP_FAILURE_TEXT_BYTES]; /* "MissingBox(moof): the mdat at byte 812 has no moof" */
};

/* The word of `kind` as in the list above, never NULL. */
const char *karp_failure_word(enum karp_failure_kind kind);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
