/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* libuv refuses connections for a moment when descriptors run out, so nothing spins here.
 * Tested by tests/unit/modules/test_karp_listen.c. */
#include "modules/karp/door.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 64 };

static void on_connection(uv_stream_t *stream, int status)
{
    struct door *door = stream->data;
    if (status < 0)
        return;
    door->is_waiting = true;
    door->on_connection(door->self);
}

/* Whether `path` is a socket that nobody listens on any more. */
static bool is_left_over(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat status;
    if (lstat(path, &status) != 0 || !S_ISSOCK(status.st_mode) ||
        strlen(path) >= sizeof address.sun_path)
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    strcpy(address.sun_path, path);
    int error = connect(fd, (const struct sockaddr *)&address, sizeof address) ? errno : 0;
    close(fd);
    return error == ECONNREFUSED;
}

static int bind_unix(struct door *door)
{
    struct sockaddr_un address;
    if (strlen(door->unix_path) >= sizeof address.sun_path)
        return UV_ENAMETOOLONG; /* libuv would cut it */
    if (is_left_over(door->unix_path))
        unlink(door->unix_path);
    return uv_pipe_bind(&door->handle.unix_socket, door->unix_path);
}

int door_open(struct door *door, uv_loop_t *loop, const struct sockaddr *address,
              const char *unix_path, char error_text[DOOR_ERROR_BYTES])
{
    int error;
    door->unix_path = address ? NULL : unix_path;
    if (address) {
        uv_tcp_init(loop, &door->handle.tcp);
        error = uv_tcp_bind(&door->handle.tcp, address, 0);
    } else {
        uv_pipe_init(loop, &door->handle.unix_socket, 0);
        error = bind_unix(door);
    }
    door->handle.stream.data = door;
    if (!error)
        error = uv_listen(&door->handle.stream, BACKLOG, on_connection);
    if (error)
        snprintf(error_text, DOOR_ERROR_BYTES, "cannot listen: %s", uv_strerror(error));
    return error;
}

int door_take(struct door *door, uv_stream_t *client)
{
    uv_loop_t *loop = door->handle.stream.loop;
    int error = door->unix_path ? uv_pipe_init(loop, (uv_pipe_t *)client, 0)
                                : uv_tcp_init(loop, (uv_tcp_t *)client);
    door->is_waiting = false;
    return error ? error : uv_accept(&door->handle.stream, client);
}

void door_go_on(struct door *door)
{
    if (door->is_waiting)
        door->on_connection(door->self);
}

void door_close(struct door *door, uv_close_cb on_closed)
{
    door->handle.stream.data = door->self;
    uv_close((uv_handle_t *)&door->handle.stream, on_closed); /* also removes the unix socket */
}

unsigned door_port(const struct door *door)
{
    struct sockaddr_storage address;
    struct sockaddr_in in; /* sockaddr_in6 has its port in the same place */
    int size = sizeof address;
    if (door->unix_path ||
        uv_tcp_getsockname(&door->handle.tcp, (struct sockaddr *)&address, &size))
        return 0;
    memcpy(&in, &address, sizeof in);
    return ntohs(in.sin_port);
}
