/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Values in the query of a URL. Part of core's door. */
#ifndef MOQ_CORE_QUERY_H
#define MOQ_CORE_QUERY_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Copies the value of `name` in `query`, decoded as forms write it. Returns its length, cut to fit
 * like snprintf; MOQ_ERR_NOT_FOUND; MOQ_ERR_INVALID: it is there twice, or wrongly escaped. */
int query_value(const char *query, const char *name, char *out, size_t size);

#ifdef __cplusplus
}
#endif
#endif
