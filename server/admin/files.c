/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reading blocks the main thread for as long as the disk takes, which no viewer feels. A file is
 * sent by the kernel (sendfile) where the connection is plain.
 * Tested by tests/e2e/test_http.py. */
#include "server/admin/files.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/installed.h"
#include "base/log.h"
#include "server/admin/answer.h"
#include "server/admin/fields.h"
#include "server/admin/file_kind.h"
#include "server/admin/folder.h"

enum { TAG_BYTES = 64, SPAN_BYTES = 80, PATH_BYTES = TARGET_MAX_BYTES + 16 };

/* A file beside that has the same contents in a coding, in the order of preference. */
static const struct variant {
    const char *ending, *name;
    int coding;
} variants[] = {
    {".br", "br", CODING_BROTLI},
    {".gz", "gzip", CODING_GZIP},
};
enum { VARIANT_COUNT = sizeof variants / sizeof variants[0] };

/* What is sent. */
struct file {
    char path[PATH_BYTES]; /* without the ending of a coding */
    struct folder_file open;
    const char *coding; /* NULL: as it is */
    bool has_variants;  /* others may be sent other bytes */
    char tag[TAG_BYTES];
    struct range range; /* of its bytes */
};

/* ---- The folder ------------------------------------------------------------------------------ */

void files_find_folder(const struct config_http *config, char folder[PATH_MAX])
{
    folder[0] = '\0';
    if (config->files && strcmp(config->files, CONFIG_FILES_PLAYER) == 0)
        installed_path(ADMIN_PLAYER_FROM_PROGRAM, folder, PATH_MAX);
    else if (config->files)
        snprintf(folder, PATH_MAX, "%s", config->files);
}

bool files_has_folder(const char *folder)
{
    struct folder_file file;
    return folder[0] && folder_open(folder, "", &file) == 0 && file.fd < 0;
}

/* ---- Which file ------------------------------------------------------------------------------ */

static const char *field_of(const struct files_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

/* Opens a regular file. */
static bool open_beside(const char *folder, const char *path, struct folder_file *file)
{
    return folder_open(folder, path, file) == 0 && file->fd >= 0;
}

/* Replaces what is open by the variant that the client likes best. */
static void choose_variant(const char *folder, const struct files_request *request,
                           struct file *file)
{
    struct codings codings = fields_codings(field_of(request, MHD_HTTP_HEADER_ACCEPT_ENCODING));
    unsigned best = codings.weights[CODING_IDENTITY];
    for (size_t i = 0; i < VARIANT_COUNT; i++) {
        char path[PATH_BYTES + 8];
        struct folder_file other;
        unsigned weight = codings.weights[variants[i].coding];
        snprintf(path, sizeof path, "%s%s", file->path, variants[i].ending);
        if (!open_beside(folder, path, &other))
            continue;
        file->has_variants = true;
        bool is_better = weight > best || (weight == best && weight > 0 && !file->coding);
        close(is_better ? file->open.fd : other.fd);
        if (!is_better)
            continue;
        file->open = other;
        file->coding = variants[i].name;
        best = weight;
    }
}

/* Whatever changes the contents changes one of these; the coded ones are files of their own. */
static void write_tag(struct file *file)
{
    const struct stat *stat = &file->open.stat;
    uint64_t changed_ns =
        (uint64_t)stat->st_mtim.tv_sec * 1000000000 + (uint64_t)stat->st_mtim.tv_nsec;
    snprintf(file->tag, sizeof file->tag, "\"%" PRIx64 "-%" PRIx64 "-%" PRIx64 "\"",
             (uint64_t)stat->st_size, changed_ns, (uint64_t)stat->st_ino);
}

/* ---- Which answer ---------------------------------------------------------------------------- */

/* The client has it already. */
static bool is_known(const struct files_request *request, const struct file *file)
{
    const char *tags = field_of(request, MHD_HTTP_HEADER_IF_NONE_MATCH);
    const char *since = field_of(request, MHD_HTTP_HEADER_IF_MODIFIED_SINCE);
    time_t time;
    if (tags)
        return fields_have_tag(tags, file->tag);
    return since && fields_read_date(since, &time) && file->open.stat.st_mtim.tv_sec <= time;
}

/* The part that is asked for belongs to this file, not to one that was here before. */
static bool is_same_file(const struct files_request *request, const struct file *file)
{
    const char *field = field_of(request, MHD_HTTP_HEADER_IF_RANGE);
    time_t time;
    if (!field)
        return true;
    if (fields_read_date(field, &time))
        return file->open.stat.st_mtim.tv_sec == time;
    return strcmp(field, file->tag) == 0;
}

static unsigned choose_status(const struct files_request *request, struct file *file)
{
    uint64_t size = (uint64_t)file->open.stat.st_size;
    file->range = (struct range){0, size};
    if (is_known(request, file))
        return MHD_HTTP_NOT_MODIFIED;
    if (request->is_head || !is_same_file(request, file))
        return MHD_HTTP_OK;
    switch (fields_range(field_of(request, MHD_HTTP_HEADER_RANGE), size, &file->range)) {
    case RANGE_IS_PART:
        return MHD_HTTP_PARTIAL_CONTENT;
    case RANGE_IS_OUTSIDE:
        return MHD_HTTP_RANGE_NOT_SATISFIABLE;
    case RANGE_IS_ALL:
        break;
    }
    return MHD_HTTP_OK;
}

/* Pages of other origins may use the files, and the pages here may share memory between threads,
 * which a player of audio wants. Scripts of workers need the embedder policy too. */
static void add_isolation(struct MHD_Response *response, const struct file *file)
{
    answer_add(response, "Cross-Origin-Resource-Policy", "cross-origin");
    answer_add(response, "Cross-Origin-Embedder-Policy", "require-corp");
    if (file_kind_is_page(file->path))
        answer_add(response, "Cross-Origin-Opener-Policy", "same-origin");
}

static void add_span(struct MHD_Response *response, const struct file *file, unsigned status)
{
    char span[SPAN_BYTES];
    uint64_t size = (uint64_t)file->open.stat.st_size;
    if (status == MHD_HTTP_PARTIAL_CONTENT)
        snprintf(span, sizeof span, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, file->range.first,
                 file->range.first + file->range.count - 1, size);
    else
        snprintf(span, sizeof span, "bytes */%" PRIu64, size);
    answer_add(response, MHD_HTTP_HEADER_CONTENT_RANGE, span);
}

static bool has_body(unsigned status)
{
    return status == MHD_HTTP_OK || status == MHD_HTTP_PARTIAL_CONTENT;
}

/* Also that of an answer which says that the client has the file: it may have no length but that of
 * the body which it spares (RFC 9110, section 8.6). */
static bool has_length_of_file(unsigned status)
{
    return has_body(status) || status == MHD_HTTP_NOT_MODIFIED;
}

static void add_fields(struct MHD_Response *response, const struct file *file, unsigned status)
{
    char date[FIELDS_DATE_BYTES];
    bool is_hashed = file_kind_is_hashed(file->path);
    fields_write_date(file->open.stat.st_mtim.tv_sec, date);
    answer_add(response, MHD_HTTP_HEADER_ETAG, file->tag);
    answer_add(response, MHD_HTTP_HEADER_LAST_MODIFIED, date);
    answer_add(response, MHD_HTTP_HEADER_CACHE_CONTROL,
               is_hashed ? "public, max-age=31536000, immutable" : "no-cache");
    answer_add(response, MHD_HTTP_HEADER_ACCEPT_RANGES, "bytes");
    if (file->has_variants)
        answer_add(response, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT_ENCODING);
    if (file->coding && has_body(status))
        answer_add(response, MHD_HTTP_HEADER_CONTENT_ENCODING, file->coding);
    if (status == MHD_HTTP_PARTIAL_CONTENT || status == MHD_HTTP_RANGE_NOT_SATISFIABLE)
        add_span(response, file, status);
    add_isolation(response, file);
}

/* Takes the descriptor. */
static enum MHD_Result send_file(const struct files_request *request, struct file *file)
{
    unsigned status = choose_status(request, file);
    const struct answer answer = {status, file_kind_type(file->path), ANSWER_FOR_ALL};
    bool is_file = has_length_of_file(status);
    struct MHD_Response *response =
        is_file ? MHD_create_response_from_fd_at_offset64(file->range.count, file->open.fd,
                                                          file->range.first)
                : MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    if (!is_file || !response)
        close(file->open.fd);
    add_fields(response, file, status);
    return answer_send(request->connection, &answer, response);
}

static enum MHD_Result send_to_folder(const struct files_request *request)
{
    char location[TARGET_MAX_BYTES + 4];
    const struct answer answer = {MHD_HTTP_MOVED_PERMANENTLY, NULL, ANSWER_FOR_ALL};
    struct MHD_Response *response =
        MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    target_as_folder(request->target, location);
    answer_add(response, MHD_HTTP_HEADER_LOCATION, location);
    answer_add(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
    return answer_send(request->connection, &answer, response);
}

static enum MHD_Result refuse_file(const struct files_request *request, const char *path, int error)
{
    log_warn(LOG_ADMIN, "http.files: cannot read %s: %s", path, strerror(error));
    if (error == EACCES || error == EPERM)
        return answer_text(request->connection, MHD_HTTP_FORBIDDEN,
                           "the relay may not read this file\n");
    if (error == EMFILE || error == ENFILE || error == ENOMEM)
        return answer_text(request->connection, MHD_HTTP_SERVICE_UNAVAILABLE,
                           "the relay is short of open files or memory; try again later\n");
    return answer_text(request->connection, MHD_HTTP_INTERNAL_SERVER_ERROR,
                       "this file cannot be read; the relay's log says why\n");
}

static bool is_absence(int error)
{
    return error == ENOENT || error == ENOTDIR || error == ENAMETOOLONG || error == ELOOP;
}

bool files_answer(const char *folder, const struct files_request *request, enum MHD_Result *result)
{
    const struct target *target = request->target;
    struct file file = {.coding = NULL};
    if (!folder[0])
        return false;
    snprintf(file.path, sizeof file.path, "%s%s%s", target->path,
             target->is_folder && target->path[0] ? "/" : "",
             target->is_folder ? "index.html" : "");
    int error = folder_open(folder, file.path, &file.open);
    if (is_absence(error) || (error == 0 && file.open.fd < 0 && target->is_folder))
        return false;
    if (error) {
        *result = refuse_file(request, file.path, error);
    } else if (file.open.fd < 0) {
        *result = send_to_folder(request);
    } else {
        choose_variant(folder, request, &file);
        write_tag(&file);
        *result = send_file(request, &file);
    }
    return true;
}
