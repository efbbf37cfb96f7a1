/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The claims of a peer, for classes of the policy that ask for some of them. */
#ifndef MOQ_CORE_CLAIMS_H
#define MOQ_CORE_CLAIMS_H

#include <stdbool.h>

struct json_t; /* jansson's */

/* NULL: `text` is no JSON object, or out of memory. */
struct json_t *claims_parse(const char *text);
void claims_free(struct json_t **claims); /* does nothing if *claims is NULL; sets it to NULL */

/* Whether the claim has a value that `pattern` matches (config_value_matches): as it is, or as an
 * element of an array. A number is compared as text, 1.5, and true and false are such words. Dots
 * in a name lead into objects, unless a claim has the name with its dots. NULL: there are none. */
bool claims_have(const struct json_t *claims, const char *name, const char *pattern);

#endif
