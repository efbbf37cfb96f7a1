/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Parses one written value into one C value, and prints it again. An error says what is wrong with
 * the value and what to write instead.
 * Tested by tests/unit/config/test_model.c. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "server/config/internal.h"

struct unit {
    const char *name;
    uint64_t factor;
};

/* The largest first: printing uses the first one that divides the value. */
static const struct unit duration_units[] = {{"h", 3600 * NS_PER_S},
                                             {"m", 60 * NS_PER_S},
                                             {"s", NS_PER_S},
                                             {"ms", NS_PER_MS},
                                             {"us", NS_PER_US},
                                             {"ns", 1},
                                             {NULL, 0}};
static const struct unit size_units[] = {
    {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}, {NULL, 0}};

static const struct unit rate_units[] = {
    {"Gbps", 1000000000}, {"Mbps", 1000000}, {"kbps", 1000}, {"bps", 1}, {NULL, 0}};

static bool describe_problem(char *problem, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool describe_problem(char *problem, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(problem, CONFIG_PROBLEM_BYTES, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- Numbers --------------------------------------------------------------------------------- */

static bool multiply_add(uint64_t *value, uint64_t factor, uint64_t addend)
{
    return !__builtin_mul_overflow(*value, factor, value) &&
           !__builtin_add_overflow(*value, addend, value);
}

/* Reads digits and moves *text past them; UINT64_MAX if the number is too large. False: there are
 * none. */
static bool read_digits(const char **text, uint64_t *value)
{
    const char *p = *text;
    bool is_overflow = false;
    for (*value = 0; *p >= '0' && *p <= '9'; p++)
        is_overflow |= !multiply_add(value, 10, (uint64_t)(*p - '0'));
    if (is_overflow)
        *value = UINT64_MAX;
    bool has_digits = p != *text;
    *text = p;
    return has_digits;
}

static const struct unit *find_unit(const struct unit *units, const char *name)
{
    for (; units->name; units++)
        if (strcmp(units->name, name) == 0)
            return units;
    return NULL;
}

/* Reads the digits after the point as *numerator / *denominator. False: there are none, or more
 * than six. */
static bool read_fraction(const char **text, uint64_t *numerator, uint64_t *denominator)
{
    const char *start = *text;
    *numerator = 0;
    *denominator = 1;
    for (; **text >= '0' && **text <= '9'; (*text)++) {
        *numerator = *numerator * 10 + (uint64_t)(**text - '0');
        *denominator *= 10;
        if (*text - start >= 6)
            return false;
    }
    return *text != start;
}

/* How a quantity is written. */
struct quantity {
    const char *name, *form;
    const struct unit *units;
    const char *unitless; /* the unit of a number without one; NULL: only 0 needs none */
    bool has_fractions;
};

static const struct quantity durations = {
    "a duration", "a number with ns, us, ms, s, m or h, such as 250ms", duration_units, NULL, true};
static const struct quantity sizes = {"a size", "a number with B, KiB, MiB or GiB, such as 512MiB",
                                      size_units, "B", false};
static const struct quantity rates = {
    "a rate", "a number with bps, kbps, Mbps or Gbps, such as 2.5Mbps", rate_units, NULL, true};

static const struct quantity *quantity_of(const struct config_row *row)
{
    return row->type == TYPE_DURATION || row->type == TYPE_AGO ? &durations
           : row->type == TYPE_RATE                            ? &rates
                                                               : &sizes;
}

/* The words that may be written instead, as ", or newest, oldest or next". */
static const char *words_text(const struct config_row *row, char *out)
{
    size_t used = 0;
    out[0] = '\0';
    if (row->type != TYPE_AGO)
        return out;
    used = (size_t)snprintf(out, CONFIG_RANGE_BYTES, ", or %s", row->zero);
    for (size_t i = 0; row->words[i] && used < CONFIG_RANGE_BYTES; i++)
        used += (size_t)snprintf(out + used, CONFIG_RANGE_BYTES - used, "%s%s",
                                 row->words[i + 1] ? ", " : " or ", row->words[i]);
    return out;
}

const char *config_range_text(const struct config_row *row, char *out)
{
    char least[CONFIG_VALUE_BYTES], most[CONFIG_VALUE_BYTES], words[CONFIG_RANGE_BYTES];
    bool has_words = row->type == TYPE_AGO;
    snprintf(out, CONFIG_RANGE_BYTES, "%s to %s%s%s", config_number_text(row, row->min, least),
             config_number_text(row, row->max, most), row->zero && !has_words ? " or " : "",
             has_words   ? words_text(row, words)
             : row->zero ? row->zero
                         : "");
    return out;
}

/* Parses digits, a fraction and a unit; UINT64_MAX if the value is too large. */
static bool parse_quantity(const struct config_row *row, const char *text, uint64_t *value,
                           char *problem)
{
    const struct quantity *quantity = quantity_of(row);
    char words[CONFIG_RANGE_BYTES];
    const char *rest = text;
    uint64_t numerator = 0, denominator = 1;
    char quoted[CONFIG_QUOTE_BYTES], quoted_unit[CONFIG_QUOTE_BYTES];
    bool is_number = read_digits(&rest, value);
    if (is_number && *rest == '.' && quantity->has_fractions) {
        rest++;
        is_number = read_fraction(&rest, &numerator, &denominator);
    }
    if (!is_number)
        return describe_problem(problem, "%s is not %s; write %s%s", config_quote(quoted, text),
                                quantity->name, quantity->form, words_text(row, words));
    if (*rest == '\0' && !quantity->unitless && *value > 0)
        return describe_problem(problem, "%s has no unit; write %s", config_quote(quoted, text),
                                quantity->form);
    if (*rest == '\0' && !quantity->unitless)
        return true;
    const struct unit *unit = find_unit(quantity->units, *rest ? rest : quantity->unitless);
    if (!unit)
        return describe_problem(problem, "%s has the unknown unit %s; write %s",
                                config_quote(quoted, text), config_quote(quoted_unit, rest),
                                quantity->form);
    if (!multiply_add(value, unit->factor, numerator * unit->factor / denominator))
        *value = UINT64_MAX;
    return true;
}

static bool parse_whole(const struct config_row *row, const char *text, uint64_t *value,
                        char *problem)
{
    char quoted[CONFIG_QUOTE_BYTES];
    const char *rest = text;
    if (!read_digits(&rest, value) || *rest != '\0')
        return describe_problem(problem, "%s is not a whole number; write digits only%s%s",
                                config_quote(quoted, text), row->zero ? ", or " : "",
                                row->zero ? row->zero : "");
    return true;
}

/* The index of a word; -1: it is none of them. */
static int find_word(const char *const *words, const char *text)
{
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], text) == 0)
            return i;
    return -1;
}

/* NULL: the number is not written as a word. */
static const char *word_for(const struct config_row *row, uint64_t value)
{
    for (int i = 0; row->type == TYPE_AGO && row->words[i]; i++)
        if (value == CONFIG_WORD(i))
            return row->words[i];
    return value == 0 ? row->zero : NULL;
}

static bool read_word(const struct config_row *row, const char *text, uint64_t *value)
{
    int index = row->type == TYPE_AGO ? find_word(row->words, text) : -1;
    *value = index >= 0 ? CONFIG_WORD(index) : 0;
    return index >= 0 || (row->zero && strcmp(text, row->zero) == 0);
}

static bool parse_number(const struct config_row *row, const char *text, uint64_t *value,
                         char *problem)
{
    char quoted[CONFIG_QUOTE_BYTES], range[CONFIG_RANGE_BYTES];
    if (read_word(row, text, value))
        return true;
    if (row->type == TYPE_INT ? !parse_whole(row, text, value, problem)
                              : !parse_quantity(row, text, value, problem))
        return false;
    if (*value >= row->min && *value <= row->max)
        return true;
    return describe_problem(problem, "%s is out of range; write %s", config_quote(quoted, text),
                            config_range_text(row, range));
}

const char *config_number_text(const struct config_row *row, uint64_t value, char *out)
{
    const struct unit *unit = quantity_of(row)->units;
    const char *word = word_for(row, value);
    if (word)
        snprintf(out, CONFIG_VALUE_BYTES, "%s", word);
    else if (row->type == TYPE_INT)
        snprintf(out, CONFIG_VALUE_BYTES, "%llu", (unsigned long long)value);
    else if (value == 0)
        snprintf(out, CONFIG_VALUE_BYTES,
                 row->type == TYPE_DURATION ? "0s"
                 : row->type == TYPE_RATE   ? "0bps"
                                            : "0B");
    else {
        while (value % unit->factor != 0)
            unit++;
        snprintf(out, CONFIG_VALUE_BYTES, "%llu%s", (unsigned long long)(value / unit->factor),
                 unit->name);
    }
    return out;
}

/* ---- Words ----------------------------------------------------------------------------------- */

static bool parse_bool(const char *text, bool *value, char *problem)
{
    char quoted[CONFIG_QUOTE_BYTES];
    *value = strcmp(text, "true") == 0;
    if (*value || strcmp(text, "false") == 0)
        return true;
    return describe_problem(problem, "%s is not a bool; write true or false",
                            config_quote(quoted, text));
}

static bool parse_word(const struct config_row *row, const char *text, int *value, char *problem)
{
    char quoted[CONFIG_QUOTE_BYTES], list[128] = "";
    size_t count = 0;
    *value = find_word(row->words, text);
    if (*value >= 0)
        return true;
    while (row->words[count])
        count++;
    for (size_t i = 0, used = 0; i < count && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s",
                                 i == 0           ? ""
                                 : i + 1 == count ? " or "
                                                  : ", ",
                                 row->words[i]);
    return describe_problem(problem, "%s is not a valid value; write %s",
                            config_quote(quoted, text), list);
}

static bool parse_string(const char *text, char **value, char *problem)
{
    *value = NULL;
    if (text[0] == '\0')
        return true;
    *value = strdup(text);
    return *value || describe_problem(problem, "out of memory");
}

/* ---- Addresses ------------------------------------------------------------------------------- */

static bool split_address(const char *text, char *host, size_t size, const char **port)
{
    bool is_bracketed = text[0] == '[';
    const char *end = is_bracketed ? strchr(text, ']') : strrchr(text, ':');
    const char *start = text + is_bracketed;
    if (!end || (size_t)(end - start) >= size)
        return false;
    memcpy(host, start, (size_t)(end - start));
    host[end - start] = '\0';
    end += is_bracketed;
    *port = end + 1;
    return *end == ':';
}

static bool fill_socket(struct config_address *address, bool is_v6, const char *host, uint16_t port)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(is_v6 ? AF_INET6 : AF_INET, host,
                  is_v6 ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr) != 1)
        return false;
    memcpy(&address->socket, is_v6 ? (void *)&v6 : (void *)&v4, is_v6 ? sizeof v6 : sizeof v4);
    address->size = is_v6 ? sizeof v6 : sizeof v4;
    return true;
}

bool config_address_parse(struct config_address *address, const char *text)
{
    char host[INET6_ADDRSTRLEN];
    const char *port_text;
    uint64_t port;
    *address = (struct config_address){.is_listen = strcmp(text, "listen") == 0};
    if (text[0] == '\0' || address->is_listen) {
        snprintf(address->text, sizeof address->text, "%s", text);
        return true;
    }
    if (strlen(text) >= sizeof address->text || !split_address(text, host, sizeof host, &port_text))
        return false;
    if (!read_digits(&port_text, &port) || *port_text != '\0' || port > UINT16_MAX)
        return false;
    snprintf(address->text, sizeof address->text, "%s", text);
    return fill_socket(address, text[0] == '[', host, (uint16_t)port);
}

static bool parse_address(const struct config_row *row, const char *text,
                          struct config_address *address, char *problem)
{
    char quoted[CONFIG_QUOTE_BYTES];
    if (!config_address_parse(address, text))
        return describe_problem(
            problem, "%s is not an address; write IP:port, such as 127.0.0.1:8080 or \"[::]:4443\"",
            config_quote(quoted, text));
    if (address->is_listen && !(row->flags & ROW_LISTEN))
        return describe_problem(problem, "the word listen is for http.address; write IP:port");
    return true;
}

/* ---- All of them ----------------------------------------------------------------------------- */

bool config_value_parse(const struct config_row *row, const char *text, void *value, char *problem)
{
    switch (row->type) {
    case TYPE_BOOL:
        return parse_bool(text, value, problem);
    case TYPE_ENUM:
    case TYPE_MAP:
        return parse_word(row, text, value, problem);
    case TYPE_INT:
    case TYPE_SIZE:
    case TYPE_DURATION:
    case TYPE_RATE:
    case TYPE_AGO:
        return parse_number(row, text, value, problem);
    case TYPE_ADDRESS:
        return parse_address(row, text, value, problem);
    default:
        return parse_string(text, value, problem);
    }
}

const char *config_text_problem(const struct config_row *row, const char *text)
{
    bool is_needed = row->fallback && row->fallback[0];
    if (text && (row->flags & ROW_PATTERN))
        return config_pattern_problem(text);
    if (!text && (row->flags & ROW_BROADCAST) && is_needed)
        return "is empty; write a path, or leave the setting out";
    return text && (row->flags & ROW_BROADCAST) ? config_broadcast_problem(text) : NULL;
}

const char *config_value_text(const struct config_row *row, const void *value, char *out)
{
    switch (row->type) {
    case TYPE_BOOL:
        snprintf(out, CONFIG_VALUE_BYTES, "%s", *(const bool *)value ? "true" : "false");
        return out;
    case TYPE_ENUM:
    case TYPE_MAP:
        snprintf(out, CONFIG_VALUE_BYTES, "%s", row->words[*(const int *)value]);
        return out;
    default:
        return config_number_text(row, *(const uint64_t *)value, out);
    }
}
