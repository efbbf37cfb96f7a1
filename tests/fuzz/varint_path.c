/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Integers and paths from any bytes: what is read can be written, and reads back the same. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/varint.h"
#include "transfork/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_varint(const uint8_t *data, size_t n)
{
    uint64_t value = 0, again = 0;
    uint8_t out[VARINT_MAX_BYTES];
    size_t taken = varint_decode(data, n, &value);
    if (taken == 0)
        return;
    size_t size = varint_encode(out, value);
    REQUIRE(size == varint_size(value) && size > 0 && size <= taken);
    REQUIRE(varint_decode(out, size, &again) == size && again == value);
    REQUIRE(varint_decode(data, taken - 1, &again) == 0);
}

/* The wire form of a path is its only one. */
static void check_wire(const struct moq_path *path)
{
    size_t size, used;
    const uint8_t *wire = path_wire(path, &size);
    struct path_view view;
    REQUIRE(path_view_decode(wire, size, &used, &view) == 0 && used == size);
    struct moq_path *again = path_from_view(&view);
    REQUIRE(moq_path_equal(path, again) && moq_path_compare(path, again) == 0);
    REQUIRE(moq_path_hash(path) == moq_path_hash(again));
    moq_path_unref(&again);
}

/* Cutting a path anywhere and joining the pieces gives it back. */
static void check_pieces(struct moq_path *path)
{
    struct moq_part parts[MOQ_PATH_MAX_PARTS];
    size_t count = moq_path_count(path);
    for (size_t i = 0; i < count; i++)
        parts[i] = moq_path_part(path, i);
    for (size_t i = 0; i <= count; i++) {
        struct moq_path *head = moq_path_new(parts, i), *tail = moq_path_suffix(path, i);
        struct moq_path *whole = moq_path_join(head, tail);
        REQUIRE(moq_path_has_prefix(path, head));
        REQUIRE(moq_path_equal(whole, path));
        REQUIRE(moq_path_compare(head, path) == (i < count ? -1 : 0));
        moq_path_unref(&head);
        moq_path_unref(&tail);
        moq_path_unref(&whole);
    }
}

static void check_text(const struct moq_path *path, size_t size)
{
    char whole[MOQ_PATH_TEXT_BYTES];
    moq_path_text(path, whole, sizeof whole);
    char *cut = malloc(size + 1);
    moq_path_text(path, cut, size + 1);
    const char *mark = strstr(cut, MOQ_PATH_CUT_MARK);
    size_t kept = mark ? (size_t)(mark - cut) : strlen(cut);
    REQUIRE(strlen(cut) <= size && strncmp(cut, whole, kept) == 0);
    REQUIRE(strlen(whole) > size ? mark || size < strlen(MOQ_PATH_CUT_MARK)
                                 : strcmp(cut, whole) == 0);
    free(cut);
    struct moq_path *again = moq_path_from_text(whole);
    REQUIRE(again && moq_path_equal(path, again));
    moq_path_unref(&again);
}

static void check_from_text(const uint8_t *data, size_t n)
{
    char *text = malloc(n + 1);
    memcpy(text, data, n);
    text[n] = '\0';
    struct moq_path *path = moq_path_from_text(text);
    if (path)
        check_wire(path);
    moq_path_unref(&path);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct path_view view;
    size_t used = n + 1;
    check_varint(data, n);
    check_from_text(data, n);
    if (path_view_decode(data, n, &used, &view) != 0)
        return 0;
    REQUIRE(used <= n && view.count <= MOQ_PATH_MAX_PARTS);
    struct moq_path *path = path_from_view(&view);
    REQUIRE(path && moq_path_count(path) == view.count);
    check_wire(path);
    check_pieces(path);
    check_text(path, n % 64);
    moq_path_unref(&path);
    return 0;
}
