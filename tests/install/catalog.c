/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The smallest program of a stranger who has karp installed: an empty catalog, printed and read
 * back. */
#include <stdlib.h>
#include <string.h>

#include "karp/karp.h"

int main(void)
{
    struct karp_catalog *catalog = karp_catalog_new(), *again = NULL;
    char *json = catalog ? karp_catalog_print(catalog) : NULL;
    int error = json ? karp_catalog_parse(json, strlen(json), &again, NULL) : -1;

    free(json);
    karp_catalog_free(catalog);
    karp_catalog_free(again);
    return error;
}
