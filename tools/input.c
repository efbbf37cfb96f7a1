/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Pipes are read as streams of the loop; files are read one piece at a time by the loop's
 * threads.
 * Tested by tests/e2e/test_tools.py. */
#include "tools/input.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/list.h"

struct input {
    uv_pipe_t pipe;
    uv_fs_t request;
    bool is_file, is_held, is_reading, is_over, is_closed;
    int fd;
    uv_loop_t *loop;
    const struct input_events *events;
    void *user;
    char piece[INPUT_PIECE_BYTES];
};

static void read_file(struct input *input);

static void end_input(struct input *input, int error)
{
    if (input->is_over)
        return;
    input->is_over = true;
    input->events->on_end(input->user, error);
}

static void on_file_read(uv_fs_t *request)
{
    struct input *input = container_of(request, struct input, request);
    ssize_t n = request->result;
    uv_fs_req_cleanup(request);
    input->is_reading = false;
    if (input->is_closed) {
        free(input);
        return;
    }
    if (n <= 0) {
        end_input(input, (int)n);
        return;
    }
    input->events->on_data(input->user, (const uint8_t *)input->piece, (size_t)n);
    read_file(input);
}

static void read_file(struct input *input)
{
    if (input->is_held || input->is_reading || input->is_over)
        return;
    uv_buf_t buf = uv_buf_init(input->piece, sizeof input->piece);
    input->is_reading = true;
    int error = uv_fs_read(input->loop, &input->request, input->fd, &buf, 1, -1, on_file_read);
    if (error < 0) {
        input->is_reading = false;
        end_input(input, error);
    }
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct input *input = container_of((uv_pipe_t *)handle, struct input, pipe);
    (void)suggested;
    *buf = uv_buf_init(input->piece, sizeof input->piece);
}

static void on_pipe_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct input *input = container_of((uv_pipe_t *)stream, struct input, pipe);
    if (n > 0)
        input->events->on_data(input->user, (const uint8_t *)buf->base, (size_t)n);
    else if (n < 0) {
        uv_read_stop(stream);
        end_input(input, n == UV_EOF ? 0 : (int)n);
    }
}

static void on_pipe_closed(uv_handle_t *handle)
{
    free(container_of((uv_pipe_t *)handle, struct input, pipe));
}

/* A directory has to be refused, because libuv aborts when it is to wait for one. */
static bool is_directory(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISDIR(status.st_mode);
}

struct input *input_open(uv_loop_t *loop, int fd, const struct input_events *events, void *user,
                         int *error)
{
    uv_handle_type type = uv_guess_handle(fd);
    bool is_readable = type != UV_TTY && type != UV_UNKNOWN_HANDLE;
    *error = type == UV_TTY ? UV_EINVAL : is_directory(fd) ? UV_EISDIR : UV_ENOTSUP;
    if (!is_readable)
        return NULL;
    struct input *input = calloc(1, sizeof *input);
    *error = UV_ENOMEM;
    if (!input)
        return NULL;
    input->loop = loop;
    input->fd = fd;
    input->events = events;
    input->user = user;
    input->is_held = true;
    input->is_file = type == UV_FILE;
    *error = 0;
    if (input->is_file)
        return input;
    uv_pipe_init(loop, &input->pipe, 0);
    *error = uv_pipe_open(&input->pipe, fd);
    if (*error == 0)
        return input;
    uv_close((uv_handle_t *)&input->pipe, on_pipe_closed);
    return NULL;
}

bool input_is_file(const struct input *input)
{
    return input->is_file;
}

void input_hold(struct input *input)
{
    if (input->is_held)
        return;
    input->is_held = true;
    if (!input->is_file)
        uv_read_stop((uv_stream_t *)&input->pipe);
}

void input_go_on(struct input *input)
{
    if (!input->is_held || input->is_over)
        return;
    input->is_held = false;
    if (input->is_file)
        read_file(input);
    else
        uv_read_start((uv_stream_t *)&input->pipe, on_room, on_pipe_read);
}

void input_close(struct input **input_in)
{
    struct input *input = *input_in;
    *input_in = NULL;
    if (!input)
        return;
    input->is_closed = input->is_over = true;
    if (!input->is_file)
        uv_close((uv_handle_t *)&input->pipe, on_pipe_closed);
    else if (!input->is_reading)
        free(input);
}
