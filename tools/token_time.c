/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads points in time. A number alone is seconds since 1970, as for the other programs of this
 * name; with a unit it counts from now. */
#include "tools/token_time.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/options.h"

#define SECONDS_MAX INT64_C(253402300799) /* the end of the year 9999 */
enum { DIGITS_MAX = 12, DAYS_MAX = 100000, DAY_S = 86400, DATE_BYTES = 19 };

static bool read_digits(const char *text, size_t n, int64_t *value)
{
    char digits[DIGITS_MAX + 1];
    if (n == 0 || n > DIGITS_MAX || strspn(text, "0123456789") < n)
        return false;
    memcpy(digits, text, n);
    digits[n] = '\0';
    *value = strtoll(digits, NULL, 10);
    return true;
}

static bool read_span(const char *text, int64_t *seconds)
{
    size_t n = strlen(text);
    uint64_t milliseconds;
    if (n > 1 && text[n - 1] == 'd') {
        if (!read_digits(text, n - 1, seconds) || *seconds > DAYS_MAX)
            return false;
        *seconds *= DAY_S;
        return true;
    }
    if (!options_duration(text, &milliseconds))
        return false;
    *seconds = (int64_t)(milliseconds / 1000);
    return true;
}

/* Reads "Z", "+01:00" or "-01:30" as what has to be subtracted to get UTC. */
static bool read_zone(const char *text, int64_t *seconds)
{
    int hours, minutes, used = 0;
    *seconds = 0;
    if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0)
        return true;
    if ((*text != '+' && *text != '-') || !isdigit((unsigned char)text[1]) ||
        sscanf(text + 1, "%2d%*1[:]%2d%n", &hours, &minutes, &used) != 2 || text[1 + used] ||
        hours > 23 || minutes > 59)
        return false;
    *seconds = (*text == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
}

/* A date that does not exist comes back from timegm as another one. */
static bool read_date(const char *text, int64_t *seconds)
{
    char again[DATE_BYTES + 32];
    struct tm parts = {.tm_isdst = 0};
    int64_t zone;
    if (strlen(text) <= DATE_BYTES || !strchr("Tt ", text[10]) ||
        sscanf(text, "%4d-%2d-%2d%*1[Tt ]%2d:%2d:%2d", &parts.tm_year, &parts.tm_mon,
               &parts.tm_mday, &parts.tm_hour, &parts.tm_min, &parts.tm_sec) != 6)
        return false;
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    *seconds = timegm(&parts);
    strftime(again, sizeof again, "%Y-%m-%dT%H:%M:%S", &parts);
    if (strncmp(again, text, 10) != 0 || strncmp(again + 11, text + 11, DATE_BYTES - 11) != 0)
        return false;
    text += DATE_BYTES;
    if (*text == '.')
        text += 1 + strspn(text + 1, "0123456789");
    if (!read_zone(text, &zone))
        return false;
    *seconds -= zone;
    return true;
}

bool token_time_parse(const char *text, int64_t now_s, int64_t *seconds)
{
    int64_t value;
    if (strcmp(text, "now") == 0)
        value = now_s;
    else if (read_digits(text, strlen(text), &value) || read_date(text, &value))
        ;
    else if (read_span(text, &value))
        value += now_s;
    else
        return false;
    *seconds = value;
    return value >= 0 && value <= SECONDS_MAX;
}
