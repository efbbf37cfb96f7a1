/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Broadcasts, in the order of a directory: the catalog of the newest instance, its tracks, then
 * older instances with theirs. So one pass over the paths is enough, which keeps the last catalog
 * in mind, and for each depth the last broadcast. A path whose last part is a number is a catalog;
 * what is below one is its tracks; everything else is a track by itself. */
#include "server/admin/broadcasts.h"

#include <stdlib.h>
#include <string.h>

#include "server/admin/json.h"
#include "server/admin/number.h"

enum { TAIL_BYTES = 64 };

struct broadcasts_lister {
    struct json broadcasts, tracks;
    size_t count, limit; /* of both */
    bool is_cut;         /* a path was left for the next answer */
    struct moq_path *catalog;
    struct moq_path *newest[MOQ_PATH_MAX_PARTS + 1]; /* catalogs of what was listed, by parts */
    char last[MOQ_PATH_TEXT_BYTES];                  /* listed as a whole; "": nothing */
    /* The broadcast that is being written. */
    bool is_open;
    size_t before, track_count; /* bytes before it */
    uint32_t viewers;           /* of its track that has most */
    char text[MOQ_PATH_TEXT_BYTES];
};

static struct moq_part last_part(const struct moq_path *path)
{
    size_t count = moq_path_count(path);
    return count > 0 ? moq_path_part(path, count - 1) : (struct moq_part){"", 0};
}

/* Whether two catalogs are of one broadcast. */
static bool is_same_broadcast(const struct moq_path *a, const struct moq_path *b)
{
    size_t count = moq_path_count(a);
    if (moq_path_count(b) != count)
        return false;
    for (size_t i = 0; i + 1 < count; i++) {
        struct moq_part x = moq_path_part(a, i), y = moq_path_part(b, i);
        if (x.size != y.size || memcmp(x.data, y.data, x.size) != 0)
            return false;
    }
    return true;
}

/* Later paths are compared with this catalog. False: out of memory. */
static bool keep_catalog(struct broadcasts_lister *lister, const struct moq_path *path)
{
    moq_path_unref(&lister->catalog);
    lister->catalog = moq_path_copy(path);
    return lister->catalog != NULL;
}

/* The broadcast of the catalog counts as listed. */
static void keep_newest(struct broadcasts_lister *lister)
{
    struct moq_path **newest = &lister->newest[moq_path_count(lister->catalog)];
    moq_path_unref(newest);
    *newest = moq_path_ref(lister->catalog);
}

static bool is_listed(const struct broadcasts_lister *lister)
{
    const struct moq_path *newest = lister->newest[moq_path_count(lister->catalog)];
    return newest && is_same_broadcast(newest, lister->catalog);
}

static bool cut_list(struct broadcasts_lister *lister)
{
    lister->is_cut = true;
    return false;
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* Ends the broadcast that is being written. What does not fit is taken back. */
static bool close_broadcast(struct broadcasts_lister *lister)
{
    struct json *json = &lister->broadcasts;
    if (!lister->is_open)
        return true;
    lister->is_open = false;
    json_print(json, "],\"viewers\":%u}", lister->viewers);
    if (json->is_full) {
        json->used = lister->before;
        return cut_list(lister);
    }
    memcpy(lister->last, lister->text, sizeof lister->last);
    lister->count++;
    return true;
}

/* "demo/bbb/17" is the instance 17 of demo/bbb. */
static void open_broadcast(struct broadcasts_lister *lister, const struct moq_path *path,
                           uint32_t viewers)
{
    struct json *json = &lister->broadcasts;
    char name[MOQ_PATH_TEXT_BYTES];
    moq_path_text(path, lister->text, sizeof lister->text);
    memcpy(name, lister->text, sizeof name);
    char *slash = strrchr(name, '/');
    *(slash ? slash : name) = '\0';
    lister->is_open = true;
    lister->before = json->used;
    lister->track_count = 0;
    lister->viewers = viewers;
    json_print(json, "%s\n{\"path\":", json->used > 0 ? "," : "");
    json_string(json, name);
    json_member(json, "instance", slash ? slash + 1 : lister->text);
    json_print(json, ",\"tracks\":[");
}

static void add_own_track(struct broadcasts_lister *lister, const struct moq_path *path,
                          uint32_t viewers)
{
    struct json *json = &lister->broadcasts;
    char text[MOQ_PATH_TEXT_BYTES];
    lister->viewers = viewers > lister->viewers ? viewers : lister->viewers;
    if (lister->track_count == BROADCASTS_TRACKS_MAX)
        return;
    moq_path_text(path, text, sizeof text);
    json_print(json, "%s", lister->track_count++ ? "," : "");
    json_string(json, text + strlen(lister->text) + 1);
}

static bool add_track(struct broadcasts_lister *lister, const struct moq_path *path,
                      uint32_t viewers)
{
    struct json *json = &lister->tracks;
    char text[MOQ_PATH_TEXT_BYTES];
    size_t before = json->used;
    moq_path_text(path, text, sizeof text);
    json_print(json, "%s\n{\"path\":", json->used ? "," : "");
    json_string(json, text);
    json_print(json, ",\"viewers\":%u}", viewers);
    if (json->is_full) {
        json->used = before;
        return cut_list(lister);
    }
    memcpy(lister->last, text, sizeof text);
    lister->count++;
    return true;
}

/* ---- Reading --------------------------------------------------------------------------------- */

bool broadcasts_add(void *user, const struct moq_path *path, uint32_t viewers)
{
    struct broadcasts_lister *lister = user;
    if (lister->catalog && moq_path_has_prefix(path, lister->catalog) &&
        moq_path_count(path) > moq_path_count(lister->catalog)) {
        if (lister->is_open)
            add_own_track(lister, path, viewers);
        return true;
    }
    if (!close_broadcast(lister))
        return false;
    bool is_catalog = core_directory_is_number(last_part(path));
    if (is_catalog && !keep_catalog(lister, path))
        return cut_list(lister);
    if (is_catalog && is_listed(lister))
        return true; /* an older instance */
    if (lister->count == lister->limit)
        return cut_list(lister);
    if (!is_catalog)
        return add_track(lister, path, viewers);
    keep_newest(lister);
    open_broadcast(lister, path, viewers);
    return true;
}

struct broadcasts_lister *broadcasts_begin(const struct moq_path *after, size_t limit)
{
    struct broadcasts_lister *lister = calloc(1, sizeof *lister);
    if (!lister)
        return NULL;
    lister->limit = limit;
    json_init(&lister->broadcasts, BROADCASTS_LIST_MAX_BYTES, TAIL_BYTES);
    json_init(&lister->tracks, BROADCASTS_LIST_MAX_BYTES, TAIL_BYTES);
    if (after && core_directory_is_number(last_part(after)) && keep_catalog(lister, after))
        keep_newest(lister);
    return lister;
}

static void free_lister(struct broadcasts_lister *lister)
{
    for (size_t i = 0; i < sizeof lister->newest / sizeof lister->newest[0]; i++)
        moq_path_unref(&lister->newest[i]);
    moq_path_unref(&lister->catalog);
    free(lister->broadcasts.text);
    free(lister->tracks.text);
    free(lister);
}

void broadcasts_end(struct broadcasts_lister **pointer, struct broadcasts_answer *answer)
{
    struct broadcasts_lister *lister = *pointer;
    struct json json;
    *pointer = NULL;
    close_broadcast(lister);
    json_init(&json, 4 * BROADCASTS_LIST_MAX_BYTES, TAIL_BYTES); /* room grows by doubling */
    json_print(&json, "{\"broadcasts\":[");
    json_append(&json, &lister->broadcasts);
    json_print(&json, "],\n\"tracks\":[");
    json_append(&json, &lister->tracks);
    json_print(&json, "]");
    if (lister->is_cut)
        json_member(&json, "next", lister->last);
    json_end(&json, "}\n");
    *answer = (struct broadcasts_answer){.body = json.text, .size = json.used};
    free_lister(lister);
}

/* ---- The page -------------------------------------------------------------------------------- */

struct asked {
    struct moq_path *prefix, *after; /* `after`: NULL: it begins at the beginning */
    size_t limit;
};

static const char *read_question(const struct broadcasts_question *question, struct asked *asked)
{
    asked->limit = number_read_limit(question->limit, BROADCASTS_USUALLY, BROADCASTS_MAX);
    asked->prefix = moq_path_from_text(question->prefix ? question->prefix : "");
    asked->after = question->after ? moq_path_from_text(question->after) : NULL;
    if (asked->limit == 0)
        return "limit: a number from 1 to 10000, please\n";
    if (!asked->prefix)
        return "prefix: the beginning of paths, such as demo, please\n";
    if (question->after && !asked->after)
        return "after: the value of \"next\" in an earlier answer, please\n";
    return NULL;
}

static void list_asked(struct core_directory *directory, const struct asked *asked,
                       struct broadcasts_answer *answer)
{
    struct broadcasts_lister *lister = broadcasts_begin(asked->after, asked->limit);
    if (!lister)
        return;
    int error = directory ? core_directory_read(directory, asked->prefix, asked->after,
                                                broadcasts_add, lister)
                          : 0;
    broadcasts_end(&lister, answer);
    if (error) {
        free(answer->body);
        answer->body = NULL;
    }
}

void broadcasts_list(struct core_directory *directory, const struct broadcasts_question *question,
                     struct broadcasts_answer *answer)
{
    struct asked asked;
    *answer = (struct broadcasts_answer){.problem = read_question(question, &asked)};
    if (!answer->problem)
        list_asked(directory, &asked, answer);
    moq_path_unref(&asked.prefix);
    moq_path_unref(&asked.after);
}
