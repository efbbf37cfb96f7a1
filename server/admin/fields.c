/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads fields one by one; nothing is copied. */
#include "server/admin/fields.h"

#include <string.h>
#include <strings.h>

/* What is after spaces and tabs. */
static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t");
}

/* ---- Host ------------------------------------------------------------------------------------ */

#define DIGITS "0123456789"
#define HEX_DIGITS DIGITS "abcdefABCDEF"
/* unreserved and sub-delims of RFC 3986 */
#define HOST_BYTES DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~!$&'()*+,;="

/* What follows a name, which may have escapes. */
static const char *skip_name(const char *at)
{
    at += strspn(at, HOST_BYTES);
    while (*at == '%' && strspn(at + 1, HEX_DIGITS) >= 2) {
        at += 3;
        at += strspn(at, HOST_BYTES);
    }
    return at;
}

bool fields_is_host(const char *field)
{
    bool is_address = *field == '[';
    const char *at = is_address ? field + 1 + strspn(field + 1, HOST_BYTES ":") : skip_name(field);
    if (is_address && *at++ != ']')
        return false;
    if (*at == ':')
        at += 1 + strspn(at + 1, DIGITS);
    return *skip_blanks(at) == '\0';
}

/* ---- Range ----------------------------------------------------------------------------------- */

/* The number at `at`; too large ones become UINT64_MAX. Returns what follows it, which is `at` if
 * there is none. */
static const char *read_position(const char *at, uint64_t *number)
{
    for (*number = 0; *at >= '0' && *at <= '9'; at++) {
        unsigned digit = (unsigned)(*at - '0');
        *number = *number > (UINT64_MAX - digit) / 10 ? UINT64_MAX : *number * 10 + digit;
    }
    return at;
}

/* "bytes=-500": the last so many. */
static enum range_verdict read_suffix(const char *at, uint64_t size, struct range *range)
{
    uint64_t count;
    const char *rest = read_position(at, &count);
    if (rest == at || *skip_blanks(rest))
        return RANGE_IS_ALL;
    if (count == 0 || size == 0)
        return RANGE_IS_OUTSIDE;
    range->count = count < size ? count : size;
    range->first = size - range->count;
    return RANGE_IS_PART;
}

enum range_verdict fields_range(const char *field, uint64_t size, struct range *range)
{
    static const char unit[] = "bytes=";
    uint64_t first, last;
    if (!field || strncasecmp(field, unit, sizeof unit - 1) != 0)
        return RANGE_IS_ALL;
    const char *at = skip_blanks(field + sizeof unit - 1);
    if (*at == '-')
        return read_suffix(at + 1, size, range);
    const char *dash = read_position(at, &first);
    if (dash == at || *dash != '-')
        return RANGE_IS_ALL;
    const char *rest = read_position(dash + 1, &last);
    if (rest == dash + 1)
        last = UINT64_MAX;
    if (*skip_blanks(rest) || last < first)
        return RANGE_IS_ALL;
    if (first >= size)
        return RANGE_IS_OUTSIDE;
    range->first = first;
    range->count = last < size ? last - first + 1 : size - first;
    return RANGE_IS_PART;
}

/* ---- Accept-Encoding ------------------------------------------------------------------------- */

enum { WEIGHT_MAX = 1000, UNSET = 2 * WEIGHT_MAX };

/* "0.5" in thousandths. Returns what follows. */
static const char *read_weight(const char *at, unsigned *weight)
{
    *weight = *at == '1' ? WEIGHT_MAX : 0;
    at += *at == '0' || *at == '1';
    if (*at == '.')
        at++;
    for (unsigned unit = 100; *at >= '0' && *at <= '9'; at++, unit /= 10)
        *weight += unit * (unsigned)(*at - '0');
    *weight = *weight < WEIGHT_MAX ? *weight : WEIGHT_MAX;
    return at;
}

static bool is_word(const char *at, size_t size, const char *word)
{
    return strlen(word) == size && strncasecmp(at, word, size) == 0;
}

static void set_weight(struct codings *codings, unsigned *others, const char *name, size_t size,
                       unsigned weight)
{
    static const char *const names[CODING_COUNT] = {"identity", "gzip", "br"};
    for (int i = 0; i < CODING_COUNT; i++)
        if (is_word(name, size, names[i]))
            codings->weights[i] = weight;
    if (is_word(name, size, "x-gzip"))
        codings->weights[CODING_GZIP] = weight;
    if (is_word(name, size, "*"))
        *others = weight;
}

/* One member of the list, up to its comma: "br;q=0.5". */
static const char *read_coding(const char *at, struct codings *codings, unsigned *others)
{
    const char *name = at;
    size_t size = strcspn(at, " \t;,");
    unsigned weight = WEIGHT_MAX;
    at += size;
    while (*at && *at != ',') {
        at = skip_blanks(at + (*at == ';'));
        if (strncasecmp(at, "q=", 2) == 0)
            at = read_weight(at + 2, &weight);
        at += strcspn(at, ";,");
    }
    set_weight(codings, others, name, size, weight);
    return at;
}

struct codings fields_codings(const char *field)
{
    struct codings codings = {{UNSET, UNSET, UNSET}};
    unsigned others = 0;
    for (const char *at = field ? field : ""; *at;) {
        at = read_coding(skip_blanks(at), &codings, &others);
        at += *at == ',';
    }
    for (int i = 0; i < CODING_COUNT; i++)
        if (codings.weights[i] == UNSET)
            codings.weights[i] = i == CODING_IDENTITY && others == 0 ? 1 : others;
    return codings;
}

/* ---- Validators ------------------------------------------------------------------------------ */

bool fields_have_tag(const char *list, const char *tag)
{
    size_t size = strlen(tag);
    if (*skip_blanks(list) == '*')
        return true;
    for (const char *at = list; (at = strchr(at, '"'));) {
        const char *end = strchr(at + 1, '"');
        if (!end)
            return false;
        if ((size_t)(end + 1 - at) == size && memcmp(at, tag, size) == 0)
            return true;
        at = end + 1;
    }
    return false;
}

static const char date_format[] = "%a, %d %b %Y %H:%M:%S GMT";

void fields_write_date(time_t time, char out[FIELDS_DATE_BYTES])
{
    struct tm tm;
    if (!gmtime_r(&time, &tm) || strftime(out, FIELDS_DATE_BYTES, date_format, &tm) == 0)
        out[0] = '\0';
}

bool fields_read_date(const char *field, time_t *time)
{
    struct tm tm = {.tm_isdst = 0};
    const char *end = strptime(field, date_format, &tm);
    if (!end || *end)
        return false;
    *time = timegm(&tm);
    return true;
}
