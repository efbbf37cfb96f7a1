/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* tools/bearer.c: what may be in the file of a token, and that none of it is shown. */
#include "tools/bearer.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/prologue.h"

static char path[] = "/tmp/moq-bearer-test-XXXXXX";

static void write_file(const void *data, size_t n)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static struct moq_url url_of(const char *text)
{
    struct moq_url url;
    assert_int_equal(moq_url_parse(&url, text, NULL), 0);
    return url;
}

static void a_token_is_read_anew_each_time(void **state)
{
    char why[QUIC_ERROR_TEXT_BYTES];
    struct moq_url url = url_of("https://h/demo?x=1");
    (void)state;
    write_file("eyJ.a-_.c", 9);
    assert_int_equal(bearer_refresh(path, &url, why), 0);
    assert_string_equal(url.path, "/demo?x=1&jwt=eyJ.a-_.c");
    write_file("\n second.x.y \r\n", 15);
    assert_int_equal(bearer_refresh(path, &url, why), 0);
    assert_string_equal(url.path, "/demo?x=1&jwt=second.x.y");
}

static void assert_refused(const void *data, size_t n, const char *words)
{
    char why[QUIC_ERROR_TEXT_BYTES] = "";
    struct moq_url url = url_of("https://h/demo");
    write_file(data, n);
    assert_int_equal(bearer_refresh(path, &url, why), MOQ_ERR_IO);
    assert_non_null(strstr(why, words));
    assert_null(strstr(why, "eyJ"));
    assert_string_equal(url.path, "/demo");
}

static void other_content_is_refused_and_not_shown(void **state)
{
    (void)state;
    assert_refused("", 0, "no token");
    assert_refused(" \n", 2, "no token");
    assert_refused("eyJ a", 5, "no token");
    assert_refused("eyJ&x=1", 7, "no token");
    assert_refused("eyJ\0x", 5, "no token");
    assert_refused("eyJ\n\0", 5, "no token");
    assert_refused("{\"kty\":\"eyJ\"}", 13, "no token");
    static char large[3 * MOQ_URL_PATH_BYTES];
    memset(large, 'a', sizeof large);
    assert_refused(large, sizeof large, "too long for a URL");
    assert_refused(large, MOQ_URL_PATH_BYTES - 1, "too long for a URL");
}

static void a_file_that_is_not_there_is_told(void **state)
{
    char why[QUIC_ERROR_TEXT_BYTES], nowhere[] = "/nowhere/token", folder[] = "/tmp";
    struct moq_url url = url_of("https://h/demo");
    (void)state;
    assert_int_equal(bearer_refresh(nowhere, &url, why), MOQ_ERR_IO);
    assert_string_equal(why, "--token-file /nowhere/token: No such file or directory");
    char token[] = "eyJhbGciOiJIUzI1NiJ9.e30.abc";
    assert_int_equal(bearer_refresh(token, &url, why), MOQ_ERR_IO);
    assert_string_equal(why, "--token-file takes the name of a file, and this is a token");
    assert_int_equal(bearer_refresh(folder, &url, why), MOQ_ERR_IO);
    assert_non_null(strstr(why, "directory"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_read_anew_each_time),
        cmocka_unit_test(other_content_is_refused_and_not_shown),
        cmocka_unit_test(a_file_that_is_not_there_is_told),
    };
    close(mkstemp(path));
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
