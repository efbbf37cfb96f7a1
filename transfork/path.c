/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Paths: one allocation each, holding the wire encoding that every version shares. */
#include "transfork/path.h"

#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/check.h"
#include "base/hex.h"
#include "base/objects.h"
#include "base/varint.h"

enum { COUNT_BYTES = 1 }; /* MOQ_PATH_MAX_PARTS fits a varint of one byte */

struct moq_path {
    uint32_t refs;
    uint16_t count;
    uint16_t size; /* of `wire` */
    uint64_t hash;
    uint8_t wire[];
};

/* ---- Hash: SipHash-1-3, because peers choose the paths and would choose ones that collide ---- */

struct sip {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotate_left(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = rotate_left(s->v1, 13) ^ s->v0;
    s->v3 = rotate_left(s->v3, 16) ^ s->v2;
    s->v0 = rotate_left(s->v0, 32);
    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = rotate_left(s->v1, 17) ^ s->v2;
    s->v3 = rotate_left(s->v3, 21) ^ s->v0;
    s->v2 = rotate_left(s->v2, 32);
}

static void sip_word(struct sip *s, uint64_t word)
{
    s->v3 ^= word;
    sip_round(s);
    s->v0 ^= word;
}

/* The key is 16 random bytes that the kernel gives every process. */
static struct sip sip_start(void)
{
    uint64_t key[2] = {0, 0};
    const void *random = (const void *)(uintptr_t)getauxval(AT_RANDOM);
    if (random)
        memcpy(key, random, sizeof key);
    return (struct sip){
        key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
        key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573)};
}

static uint64_t hash_bytes(const uint8_t *data, size_t size)
{
    struct sip s = sip_start();
    uint64_t word;
    size_t left = size;
    for (; left >= sizeof word; left -= sizeof word, data += sizeof word) {
        memcpy(&word, data, sizeof word);
        sip_word(&s, word);
    }
    word = 0;
    if (left > 0)
        memcpy(&word, data, left);
    sip_word(&s, word ^ (uint64_t)size << 56);

    s.v2 ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

/* ---- Making ---------------------------------------------------------------------------------- */

/* A path with room for `size` bytes of parts and their lengths, still to be written and sealed. */
static struct moq_path *path_alloc(size_t count, size_t size)
{
    struct moq_path *path = malloc(sizeof *path + COUNT_BYTES + size);
    if (!path)
        return NULL;
    *path = (struct moq_path){
        .refs = 1, .count = (uint16_t)count, .size = (uint16_t)(COUNT_BYTES + size)};
    path->wire[0] = (uint8_t)count;
    object_born(OBJECT_path);
    return path;
}

static struct moq_path *seal_path(struct moq_path *path)
{
    path->hash = hash_bytes(path->wire, path->size);
    return path;
}

static uint8_t *put_part(uint8_t *out, const void *data, size_t size)
{
    out += varint_encode(out, size);
    if (size > 0)
        memcpy(out, data, size);
    return out + size;
}

/* Reads one part of a path or of a view; returns the place of the next. */
static const uint8_t *take_part(const uint8_t *at, const uint8_t *end, struct moq_part *part)
{
    uint64_t size;
    at += varint_decode(at, (size_t)(end - at), &size);
    *part = (struct moq_part){(const char *)at, (size_t)size};
    return at + size;
}

/* Bytes of the encoded parts, or SIZE_MAX over the limits. */
static size_t measure_parts(const struct moq_part *parts, size_t count)
{
    size_t bytes = 0, encoded = 0;
    if (count > MOQ_PATH_MAX_PARTS)
        return SIZE_MAX;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].size > MOQ_PATH_MAX_BYTES - bytes)
            return SIZE_MAX;
        bytes += parts[i].size;
        encoded += varint_size(parts[i].size) + parts[i].size;
    }
    return encoded;
}

struct moq_path *moq_path_new(const struct moq_part *parts, size_t count)
{
    size_t size = measure_parts(parts, count);
    struct moq_path *path = size == SIZE_MAX ? NULL : path_alloc(count, size);
    if (!path)
        return NULL;
    uint8_t *out = path->wire + COUNT_BYTES;
    for (size_t i = 0; i < count; i++)
        out = put_part(out, parts[i].data, parts[i].size);
    return seal_path(path);
}

size_t moq_path_braces(const char *text, size_t n)
{
    size_t i = 1;
    if (n == 0 || text[0] != '{')
        return 0;
    while (i + 1 < n && hex_byte(text + i) >= 0)
        i += 2;
    return i < n && text[i] == '}' ? i + 1 : 0;
}

/* A path that is read from text: its parts point into `bytes`. */
struct reading {
    char bytes[MOQ_PATH_MAX_BYTES];
    size_t used;
    struct moq_part parts[MOQ_PATH_MAX_PARTS];
    size_t count;
};

static bool read_byte(struct reading *reading, char byte)
{
    if (reading->used == sizeof reading->bytes)
        return false;
    reading->bytes[reading->used++] = byte;
    return true;
}

/* False: over the limits. */
static bool read_part(struct reading *reading, const char *text, size_t n)
{
    const char *start = reading->bytes + reading->used;
    if (reading->count == MOQ_PATH_MAX_PARTS)
        return false;
    for (size_t i = 0; i < n; i++) {
        size_t braces = moq_path_braces(text + i, n - i);
        if (braces == 0 && !read_byte(reading, text[i]))
            return false;
        for (size_t k = i + 1; k + 1 < i + braces; k += 2)
            if (!read_byte(reading, (char)hex_byte(text + k)))
                return false;
        i += braces ? braces - 1 : 0;
    }
    size_t size = (size_t)(reading->bytes + reading->used - start);
    reading->parts[reading->count++] = (struct moq_part){start, size};
    return true;
}

struct moq_path *moq_path_from_name(const char *name, size_t n)
{
    struct reading reading = {.count = 0};
    for (;;) {
        const char *slash = n > 0 ? memchr(name, '/', n) : NULL;
        size_t size = slash ? (size_t)(slash - name) : n;
        if (!read_part(&reading, name, size))
            return NULL;
        if (!slash)
            return moq_path_new(reading.parts, reading.count);
        name = slash + 1;
        n -= size + 1;
    }
}

struct moq_path *moq_path_from_text(const char *text)
{
    if (*text == '/')
        text++;
    return *text ? moq_path_from_name(text, strlen(text)) : moq_path_new(NULL, 0);
}

/* Checks one part of a path that a peer sent; moves *at past it. */
static int check_part(const uint8_t *in, size_t n, size_t *at, size_t *bytes)
{
    uint64_t size;
    size_t taken = varint_decode(in + *at, n - *at, &size);
    if (taken == 0)
        return MOQ_ERR_AGAIN;
    if (size > MOQ_PATH_MAX_BYTES - *bytes)
        return MOQ_ERR_BOUNDS;
    if (size > n - *at - taken)
        return MOQ_ERR_AGAIN;
    *bytes += (size_t)size;
    *at += taken + (size_t)size;
    return 0;
}

int path_view_decode(const uint8_t *in, size_t n, size_t *used, struct path_view *view)
{
    uint64_t count;
    size_t start = varint_decode(in, n, &count);
    if (start == 0)
        return MOQ_ERR_AGAIN;
    if (count > MOQ_PATH_MAX_PARTS)
        return MOQ_ERR_BOUNDS;

    size_t at = start, bytes = 0;
    for (uint64_t i = 0; i < count; i++) {
        int error = check_part(in, n, &at, &bytes);
        if (error)
            return error;
    }
    *view = (struct path_view){in + start, at - start, (size_t)count};
    *used = at;
    return 0;
}

/* Encoded afresh, because the peer may have written its lengths in long forms. */
struct moq_path *path_from_view(const struct path_view *view)
{
    struct moq_part parts[MOQ_PATH_MAX_PARTS];
    const uint8_t *at = view->parts, *end = view->parts + view->size;
    for (size_t i = 0; i < view->count; i++)
        at = take_part(at, end, &parts[i]);
    return moq_path_new(parts, view->count);
}

struct moq_path *moq_path_ref(struct moq_path *path)
{
    path->refs++;
    return path;
}

void moq_path_unref(struct moq_path **path)
{
    struct moq_path *mine = *path;
    *path = NULL;
    REQUIRE(!mine || mine->refs > 0);
    if (!mine || --mine->refs > 0)
        return;
    free(mine);
    object_died(OBJECT_path);
}

/* ---- Looking --------------------------------------------------------------------------------- */

const uint8_t *path_wire(const struct moq_path *path, size_t *size)
{
    *size = path->size;
    return path->wire;
}

size_t moq_path_count(const struct moq_path *path)
{
    return path->count;
}

/* The place after the first `skip` parts. */
static const uint8_t *skip_parts(const struct moq_path *path, size_t skip)
{
    const uint8_t *at = path->wire + COUNT_BYTES;
    struct moq_part part;
    for (size_t i = 0; i < skip; i++)
        at = take_part(at, path->wire + path->size, &part);
    return at;
}

struct moq_part moq_path_part(const struct moq_path *path, size_t index)
{
    REQUIRE(index < path->count);
    struct moq_part part;
    take_part(skip_parts(path, index), path->wire + path->size, &part);
    return part;
}

bool moq_path_equal(const struct moq_path *a, const struct moq_path *b)
{
    return a == b ||
           (a->hash == b->hash && a->size == b->size && memcmp(a->wire, b->wire, a->size) == 0);
}

static int compare_parts(const struct moq_part *a, const struct moq_part *b)
{
    size_t common = a->size < b->size ? a->size : b->size;
    int order = common > 0 ? memcmp(a->data, b->data, common) : 0;
    return order ? order : (a->size > b->size) - (a->size < b->size);
}

int moq_path_compare(const struct moq_path *a, const struct moq_path *b)
{
    const uint8_t *at_a = skip_parts(a, 0), *at_b = skip_parts(b, 0);
    for (size_t i = 0; i < a->count && i < b->count; i++) {
        struct moq_part part_a, part_b;
        at_a = take_part(at_a, a->wire + a->size, &part_a);
        at_b = take_part(at_b, b->wire + b->size, &part_b);
        int order = compare_parts(&part_a, &part_b);
        if (order)
            return order;
    }
    return (a->count > b->count) - (a->count < b->count);
}

uint64_t moq_path_hash(const struct moq_path *path)
{
    return path->hash;
}

bool moq_path_has_prefix(const struct moq_path *path, const struct moq_path *prefix)
{
    return prefix->count <= path->count && prefix->size <= path->size &&
           memcmp(path->wire + COUNT_BYTES, prefix->wire + COUNT_BYTES,
                  prefix->size - COUNT_BYTES) == 0;
}

/* ---- Deriving -------------------------------------------------------------------------------- */

static size_t copy_parts(const struct moq_path *path, struct moq_part *parts)
{
    const uint8_t *at = path->wire + COUNT_BYTES;
    for (size_t i = 0; i < path->count; i++)
        at = take_part(at, path->wire + path->size, &parts[i]);
    return path->count;
}

struct moq_path *moq_path_copy(const struct moq_path *path)
{
    struct moq_path *copy = path_alloc(path->count, path->size - COUNT_BYTES);
    if (!copy)
        return NULL;
    memcpy(copy->wire, path->wire, path->size);
    copy->hash = path->hash;
    return copy;
}

struct moq_path *moq_path_join(const struct moq_path *a, const struct moq_path *b)
{
    struct moq_part parts[2 * MOQ_PATH_MAX_PARTS];
    size_t count = copy_parts(a, parts);
    count += copy_parts(b, parts + count);
    return moq_path_new(parts, count);
}

struct moq_path *moq_path_child(const struct moq_path *path, const char *part)
{
    struct moq_part parts[MOQ_PATH_MAX_PARTS + 1];
    size_t count = copy_parts(path, parts);
    parts[count++] = (struct moq_part){part, strlen(part)};
    return moq_path_new(parts, count);
}

struct moq_path *moq_path_suffix(const struct moq_path *path, size_t skip)
{
    struct moq_part parts[MOQ_PATH_MAX_PARTS];
    size_t count = copy_parts(path, parts);
    if (skip > count)
        skip = count;
    return moq_path_new(parts + skip, count - skip);
}

/* ---- Text ------------------------------------------------------------------------------------ */

struct text {
    char *out;
    size_t size, used;
    size_t marked; /* where a cut is marked: the last piece's end that leaves room for the mark */
    bool is_cut;
};

enum { MARK_BYTES = sizeof MOQ_PATH_CUT_MARK - 1 };

/* Adds all of `chars` or nothing, so that a cut never splits what stands in braces. */
static void put_text(struct text *text, const char *chars, size_t n)
{
    if (text->is_cut)
        return;
    if (text->used + n >= text->size) {
        text->is_cut = true;
        return;
    }
    memcpy(text->out + text->used, chars, n);
    text->used += n;
    if (text->used + MARK_BYTES < text->size)
        text->marked = text->used;
}

/* Whether a URL has this byte unchanged in a part. It writes others as %XX, or ends there. */
static bool is_url_byte(unsigned char c)
{
    return c > 0x20 && c < 0x7f && !strchr("/?#\"<>`{}", c);
}

/* Writes a run of bytes that a URL does not have unchanged, as "{2f00}". */
static void put_braces(struct text *text, const char *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    char code[2 + 2 * MOQ_PATH_MAX_BYTES];
    size_t used = 0;
    code[used++] = '{';
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)bytes[i];
        code[used++] = digits[c >> 4];
        code[used++] = digits[c & 15];
    }
    code[used++] = '}';
    put_text(text, code, used);
}

static void put_part_text(struct text *text, const struct moq_part *part)
{
    for (size_t i = 0, end = 0; i < part->size; i = end) {
        while (end < part->size && !is_url_byte((unsigned char)part->data[end]))
            end++;
        if (end > i)
            put_braces(text, part->data + i, end - i);
        else
            put_text(text, part->data + end++, 1);
    }
}

char *moq_path_text(const struct moq_path *path, char *out, size_t size)
{
    if (size == 0)
        return out;
    struct text text = {.out = out, .size = size};
    struct moq_part parts[MOQ_PATH_MAX_PARTS];
    size_t count = copy_parts(path, parts);
    if (count > 0 && parts[0].size == 0)
        put_text(&text, "{}", 2); /* moq_path_from_text ignores a slash at the start */
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            put_text(&text, "/", 1);
        put_part_text(&text, &parts[i]);
    }
    out[text.used] = '\0';
    if (text.is_cut && size > MARK_BYTES)
        memcpy(out + text.marked, MOQ_PATH_CUT_MARK, MARK_BYTES + 1);
    return out;
}
