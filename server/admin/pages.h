/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The pages: which there are, and who answers for each. What is no page may be a file. */
#ifndef MOQ_ADMIN_PAGES_H
#define MOQ_ADMIN_PAGES_H

#include <limits.h>
#include <microhttpd.h>

#include "server/admin/admin.h"
#include "server/admin/target.h"

struct pages {
    struct admin_subjects subjects;
    struct config_http config;        /* its texts are not used */
    char folder[PATH_MAX];            /* of static files; "": none */
    struct core_directory *directory; /* NULL: not needed, or it could not be opened */
};

/* Sets what is served from now on. Subjects are set; otherwise `pages` is zero at first. */
void pages_configure(struct pages *pages, const struct config_http *config);

/* Before core_stop: closes what belongs to core. Nothing is answered afterwards. */
void pages_close(struct pages *pages);

/* Whether this is a method that pages answer with more than a refusal: GET, HEAD and OPTIONS. */
bool pages_know_method(const char *method);

/* Answers a request. */
enum MHD_Result pages_answer(const struct pages *pages, struct MHD_Connection *connection,
                             const struct target *target, const char *method);

#endif
