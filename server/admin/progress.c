/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* This is a file of its own, because the C library's struct tcp_info is too short, and the kernel's
 * header cannot be included beside netinet/tcp.h.
 * Tested by tests/e2e/test_http.py. */
#include "server/admin/progress.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

uint64_t progress_taken_bytes(int fd)
{
    struct tcp_info info = {.tcpi_state = 0};
    socklen_t size = sizeof info;
    int error = getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size);
    return error ? 0 : info.tcpi_bytes_acked;
}

bool progress_is_complete(int fd)
{
    int waiting = 0;
    return ioctl(fd, SIOCOUTQ, &waiting) == 0 && waiting == 0;
}
