/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* server/admin/broadcasts.c: paths become broadcasts with their newest instances and tracks, page
 * by page, in the order of a directory. */
#include "server/admin/broadcasts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/prologue.h"

enum { PATHS_MAX = 64 };

struct paths {
    struct moq_path *list[PATHS_MAX];
    uint32_t viewers[PATHS_MAX];
    size_t count;
};

static int in_order(const void *a, const void *b)
{
    return core_directory_compare(*(struct moq_path *const *)a, *(struct moq_path *const *)b);
}

/* Of words such as "a/b" or, with 3 viewers, "a/b=3". */
static struct paths paths_of(const char *words)
{
    struct paths paths = {.count = 0}, sorted;
    char copy[2048], *rest = copy;
    snprintf(copy, sizeof copy, "%s", words);
    for (char *word; (word = strtok_r(rest, " ", &rest)); paths.count++) {
        char *sign = strchr(word, '=');
        if (sign)
            *sign = '\0';
        paths.list[paths.count] = moq_path_from_text(word);
        paths.viewers[paths.count] = sign ? (uint32_t)atoi(sign + 1) : 0;
    }
    sorted = paths;
    qsort(sorted.list, sorted.count, sizeof sorted.list[0], in_order);
    for (size_t i = 0; i < sorted.count; i++)
        for (size_t k = 0; k < paths.count; k++)
            if (moq_path_equal(sorted.list[i], paths.list[k]))
                sorted.viewers[i] = paths.viewers[k];
    return sorted;
}

/* What is answered, in short: without the names of members and without line ends. */
static char *list_paths(const struct paths *paths, const char *after_text, size_t limit)
{
    static const char *const names[] = {
        "\"path\":", "\"instance\":", "\"tracks\":", "\"broadcasts\":", "\"viewers\":", "\n"};
    struct moq_path *after = after_text ? moq_path_from_text(after_text) : NULL;
    struct broadcasts_lister *lister = broadcasts_begin(after, limit);
    struct broadcasts_answer answer;
    for (size_t i = 0; i < paths->count; i++)
        if (!after || core_directory_compare(paths->list[i], after) > 0)
            if (!broadcasts_add(lister, paths->list[i], paths->viewers[i]))
                break;
    broadcasts_end(&lister, &answer);
    moq_path_unref(&after);
    char *text = test_calloc(answer.size + 1, 1);
    memcpy(text, answer.body, answer.size);
    free(answer.body);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        for (char *at; (at = strstr(text, names[i]));)
            memmove(at, at + strlen(names[i]), strlen(at + strlen(names[i])) + 1);
    return text;
}

static void expect(const char *words, const char *after, size_t limit, const char *expected)
{
    struct paths paths = paths_of(words);
    char *text = list_paths(&paths, after, limit);
    assert_string_equal(text, expected);
    test_free(text);
    for (size_t i = 0; i < paths.count; i++)
        moq_path_unref(&paths.list[i]);
}

static void broadcasts_have_their_tracks(void **state)
{
    (void)state;
    expect("demo/bbb/17/video1=2 demo/bbb/17=3 demo/bbb/17/audio2 demo/clock=1", NULL, 9,
           "{[{\"demo/bbb\",\"17\",[\"audio2\",\"video1\"],3}],[{\"demo/clock\",1}]}");
    expect("", NULL, 9, "{[],[]}");
    expect("17 17/video", NULL, 9, "{[{\"\",\"17\",[\"video\"],0}],[]}");
    expect("a/1 a/1/b/c=5", NULL, 9, "{[{\"a\",\"1\",[\"b/c\"],5}],[]}");
}

static void only_the_newest_instance_is_told_of(void **state)
{
    (void)state;
    expect("a/9 a/9/v a/10 a/10/w a/010 a/2=7", NULL, 9, "{[{\"a\",\"010\",[],0}],[]}");
    expect("a/9 a/9/v a/10 a/10/w a/2=7", NULL, 9, "{[{\"a\",\"10\",[\"w\"],0}],[]}");
    expect("a/7 a/7x a/8 a/chat a/8/v", NULL, 9,
           "{[{\"a\",\"8\",[\"v\"],0}],[{\"a/7x\",0},{\"a/chat\",0}]}");
    expect("a/1/5 a/0 a/2", NULL, 9, "{[{\"a\",\"2\",[],0},{\"a/1\",\"5\",[],0}],[]}");
    expect("a/1 b/1 a/b/1 a/b/2", NULL, 9,
           "{[{\"a\",\"1\",[],0},{\"a/b\",\"2\",[],0},{\"b\",\"1\",[],0}],[]}");
    expect("a/5/video a/5x", NULL, 9, "{[],[{\"a/5/video\",0},{\"a/5x\",0}]}"); /* no catalog */
}

static void names_are_escaped(void **state)
{
    (void)state;
    expect("a\\b/1 c\\d e", NULL, 2,
           "{[{\"a\\\\b\",\"1\",[],0}],[{\"c\\\\d\",0}],\"next\":\"c\\\\d\"}");
    expect("a{22}b", NULL, 2, "{[],[{\"a{22}b\",0}]}");
}

static void pages_continue_each_other(void **state)
{
    static const char words[] = "a/2 a/2/v a/1 a/1/w b c/3 c/3/x d";
    (void)state;
    expect(words, NULL, 1, "{[{\"a\",\"2\",[\"v\"],0}],[],\"next\":\"a/2\"}");
    expect(words, "a/2", 1, "{[],[{\"b\",0}],\"next\":\"b\"}");
    expect(words, "b", 1, "{[{\"c\",\"3\",[\"x\"],0}],[],\"next\":\"c/3\"}");
    expect(words, "c/3", 1, "{[],[{\"d\",0}]}");
    expect(words, "d", 1, "{[],[]}");
    expect(words, "a/2", 9, "{[{\"c\",\"3\",[\"x\"],0}],[{\"b\",0},{\"d\",0}]}");
    /* What was listed is not listed again, even if that instance has ended since. */
    expect(words, "a/3", 9, "{[{\"c\",\"3\",[\"x\"],0}],[{\"b\",0},{\"d\",0}]}");
}

/* A name of a thousand bytes, so that not all fit. */
static struct moq_path *long_path(size_t number)
{
    char text[1100];
    snprintf(text, sizeof text, "%0900zu/7", number);
    text[0] = 'x';
    return moq_path_from_text(text);
}

static void long_answers_are_cut_between_two(void **state)
{
    enum { COUNT = 1500 };
    struct broadcasts_lister *lister = broadcasts_begin(NULL, BROADCASTS_MAX);
    struct broadcasts_answer answer;
    size_t added = 0;
    (void)state;
    for (bool has_room = true; has_room && added < COUNT;) {
        struct moq_path *path = long_path(added);
        has_room = broadcasts_add(lister, path, 0);
        added += has_room ? 1 : 0;
        moq_path_unref(&path);
    }
    assert_true(added > 500 && added < COUNT);
    broadcasts_end(&lister, &answer);
    assert_true(answer.size < 2 * BROADCASTS_LIST_MAX_BYTES);
    char *text = test_calloc(answer.size + 1, 1), next[1100], expected[1100];
    memcpy(text, answer.body, answer.size);
    assert_int_equal(sscanf(strstr(text, "\"next\":"), "\"next\":\"%1099[^\"]", next), 1);
    size_t listed = 0;
    for (const char *at = text; (at = strstr(at, "\"instance\"")); at++)
        listed++;
    struct moq_path *last = long_path(listed - 1);
    assert_string_equal(next, moq_path_text(last, expected, sizeof expected));
    moq_path_unref(&last);
    test_free(text);
    free(answer.body);
}

static void many_tracks_are_cut(void **state)
{
    struct broadcasts_lister *lister = broadcasts_begin(NULL, 1);
    struct broadcasts_answer answer;
    size_t quotes = 0;
    (void)state;
    for (int i = -1; i < 2 * BROADCASTS_TRACKS_MAX; i++) {
        char text[32];
        snprintf(text, sizeof text, i < 0 ? "a/1" : "a/1/t%03d", i);
        struct moq_path *path = moq_path_from_text(text);
        assert_true(broadcasts_add(lister, path, (uint32_t)(i + 1)));
        moq_path_unref(&path);
    }
    broadcasts_end(&lister, &answer);
    for (size_t i = 0; i < answer.size; i++)
        quotes += answer.body[i] == 't' && answer.body[i - 1] == '"' && answer.body[i + 1] == '0';
    assert_int_equal(quotes, BROADCASTS_TRACKS_MAX);
    assert_non_null(memmem(answer.body, answer.size, "\"viewers\":128}", 14));
    free(answer.body);
}

enum { PARTS = 10, PAIRS = PARTS * PARTS + PARTS };

/* All paths of one or two of these parts. */
static void make_pairs(struct moq_path *paths[PAIRS])
{
    static const char *const parts[PARTS] = {
        "1", "01", "001", "2", "10", "a", "1a", "-", "{}", "99999999999999999999999999999999999"};
    size_t count = 0;
    for (size_t i = 0; i < PARTS; i++)
        for (size_t k = 0; k <= PARTS; k++) {
            char text[128];
            bool is_pair = k < PARTS;
            snprintf(text, sizeof text, is_pair ? "%s/%s" : "%s", parts[i],
                     is_pair ? parts[k] : "");
            paths[count++] = moq_path_from_text(text);
        }
}

static int order_of(struct moq_path *const *paths, size_t a, size_t b)
{
    return core_directory_compare(paths[a], paths[b]);
}

static void the_order_is_total(void **state)
{
    struct moq_path *paths[PAIRS];
    (void)state;
    make_pairs(paths);
    for (size_t i = 0; i < (size_t)PAIRS * PAIRS; i++) {
        size_t a = i / PAIRS, b = i % PAIRS;
        int order = order_of(paths, a, b);
        assert_int_equal(order == 0, moq_path_equal(paths[a], paths[b]));
        assert_int_equal(order > 0, order_of(paths, b, a) < 0);
        for (size_t c = 0; c < PAIRS && order < 0; c++)
            assert_true(order_of(paths, b, c) >= 0 || order_of(paths, a, c) < 0);
    }
    for (size_t i = 0; i < PAIRS; i++)
        moq_path_unref(&paths[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broadcasts_have_their_tracks),
        cmocka_unit_test(only_the_newest_instance_is_told_of),
        cmocka_unit_test(names_are_escaped),
        cmocka_unit_test(pages_continue_each_other),
        cmocka_unit_test(long_answers_are_cut_between_two),
        cmocka_unit_test(many_tracks_are_cut),
        cmocka_unit_test(the_order_is_total),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
