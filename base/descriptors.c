/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* open() returns the lowest free descriptor, so in ascending order each one gets its own number. */
#include "base/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

void descriptors_fill_standard(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        bool is_closed = fcntl(fd, F_GETFD) < 0 && errno == EBADF;
        if (is_closed && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            return;
    }
}

bool descriptors_are_free(unsigned count)
{
    int opened[DESCRIPTORS_FREE_MAX];
    unsigned n = 0;
    while (n < count && n < DESCRIPTORS_FREE_MAX &&
           (opened[n] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        n++;
    bool are_free = n == count;
    while (n > 0)
        close(opened[--n]);
    return are_free;
}

const char *descriptors_remedy(int error, const char *otherwise)
{
    if (error == EMFILE)
        return "allow more open files (ulimit -n, LimitNOFILE=)";
    return error == ENFILE ? "raise fs.file-max (sysctl)" : otherwise;
}

void descriptors_explain(int error, char *out, size_t size)
{
    const char *words = strerror(error);
    struct rlimit limit = {0};
    getrlimit(RLIMIT_NOFILE, &limit);
    if (error == EMFILE)
        snprintf(out, size, "%s: at most %llu are allowed; allow more (ulimit -n, LimitNOFILE=)",
                 words, (unsigned long long)limit.rlim_cur);
    else
        snprintf(out, size, "%s%s", words,
                 error == ENFILE ? " on this host: raise fs.file-max (sysctl)" : "");
}
