/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Checks that the sizes of boxes add up, and that required boxes are present.
 * Tested by tests/unit/karp/test_broken.c. */
#include "karp/import_internal.h"

enum { BOX_MAX_DEPTH = 8 };

static bool is_container(uint32_t type)
{
    static const uint32_t types[] = {FOURCC('m', 'd', 'i', 'a'), FOURCC('m', 'i', 'n', 'f'),
                                     FOURCC('s', 't', 'b', 'l'), FOURCC('e', 'd', 't', 's'),
                                     FOURCC('m', 'v', 'e', 'x'), FOURCC('t', 'r', 'a', 'f')};

    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (types[i] == type)
            return true;
    }
    return false;
}

int import_check_boxes(struct reader in, int depth, struct karp_failure *failure)
{
    struct box box;
    int found;
    while ((found = box_next(&in, &box, failure)) > 0) {
        int error = depth < BOX_MAX_DEPTH && is_container(box.type)
                        ? import_check_boxes(box.body, depth + 1, failure)
                        : 0;
        if (error)
            return error;
    }
    return found;
}

int import_need_box(struct karp_importer *importer, struct reader in, const char *type,
                    struct reader *body)
{
    const uint8_t *t = (const uint8_t *)type;
    if (box_find(in, FOURCC(t[0], t[1], t[2], t[3]), body))
        return 0;
    return import_fail(importer, MISSING_BOX, type, "it is required, but missing");
}

int import_too_short(struct karp_importer *importer, const char *type)
{
    return import_fail(importer, MP4, NULL, "the box %s is too short for its fields", type);
}
