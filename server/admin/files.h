/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Static files, those of http.files in relay.yaml. A file is looked for anew with each request, so
 * a build that replaces the folder shows at once. */
#ifndef MOQ_ADMIN_FILES_H
#define MOQ_ADMIN_FILES_H

#include <limits.h>
#include <microhttpd.h>
#include <stdbool.h>

#include "server/admin/target.h"
#include "server/config/config.h"

/* Writes the folder that is configured; "": none. */
void files_find_folder(const struct config_http *config, char folder[PATH_MAX]);
/* Whether it is there. */
bool files_has_folder(const char *folder);

struct files_request {
    struct MHD_Connection *connection;
    const struct target *target; /* fits */
    bool is_head;
};

/* Answers a request from `folder`. False: it has no such file, and nothing was answered; otherwise
 * *result is for libmicrohttpd. */
bool files_answer(const char *folder, const struct files_request *request, enum MHD_Result *result);

#endif
