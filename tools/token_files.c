/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads and writes keys and tokens. A new key never replaces a file: an older key may be needed
 * for a long time by those who have tokens of it. Tested by tests/e2e/test_token.py. */
#include "tools/token_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/read_all.h"

static bool is_standard(const char *file)
{
    return strcmp(file, "-") == 0;
}

struct token_keys *token_files_keys(const char *file)
{
    char why[TOKEN_WHY_BYTES];
    struct token_keys *keys = token_keys_load(is_standard(file) ? "/dev/stdin" : file, why);
    if (!keys)
        fprintf(stderr, "moq-token: %s\n", why);
    else if (*token_keys_skipped(keys))
        fprintf(stderr, "moq-token: %s\n", token_keys_skipped(keys));
    return keys;
}

static bool fail_on_file(const char *what, const char *file)
{
    fprintf(stderr, "moq-token: cannot %s %s: %s\n", what,
            is_standard(file) ? "standard input" : file, strerror(errno));
    return false;
}

bool token_files_token(const char *file, char out[TOKEN_MAX_BYTES + 2])
{
    static const char space[] = " \t\r\n";
    int in = is_standard(file) ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t n = in < 0 ? -1 : read_all(in, out, TOKEN_MAX_BYTES + 1);
    if (n < 0)
        fail_on_file("read", file);
    if (in > STDERR_FILENO)
        close(in);
    if (n < 0)
        return false;
    out[n] = '\0';
    size_t start = strspn(out, space), end = (size_t)n;
    while (end > start && strchr(space, out[end - 1]))
        end--;
    memmove(out, out + start, end - start);
    out[end - start] = '\0';
    return true;
}

static bool write_all(int file, const char *text, size_t n)
{
    while (n > 0) {
        ssize_t put = write(file, text, n);
        if (put < 0 && errno != EINTR)
            return false;
        text += put > 0 ? put : 0;
        n -= put > 0 ? (size_t)put : 0;
    }
    return true;
}

bool token_files_write(const char *file, const char *text, bool is_secret)
{
    int out = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, is_secret ? 0600 : 0644);
    if (out < 0 && errno == EEXIST) {
        fprintf(stderr,
                "moq-token: %s is there already, and a key is not replaced: remove it or "
                "choose another name\n",
                file);
        return false;
    }
    if (out < 0)
        return fail_on_file("write", file);
    bool is_written = write_all(out, text, strlen(text));
    int error = errno;
    if (close(out) == 0 && is_written)
        return true;
    if (!is_written)
        errno = error;
    fail_on_file("write", file);
    unlink(file);
    return false;
}
