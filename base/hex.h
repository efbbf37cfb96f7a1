/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads hexadecimal digits of either case. */
#ifndef MOQ_BASE_HEX_H
#define MOQ_BASE_HEX_H

/* The value of one digit, 0 to 15; -1: it is none. */
static inline int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The value of a byte that is written as two digits; -1: one of them is none. The second is not
 * read unless the first is a digit, so a string may end between them. */
static inline int hex_byte(const char *text)
{
    int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);
    return low < 0 ? -1 : high << 4 | low;
}

#endif
