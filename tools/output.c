/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A pipe is written when the loop finds room in it. A file or a terminal is written at once,
 * because that does not block for long.
 * Tested by tests/e2e/test_tools.py. */
#include "tools/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/list.h"

struct output {
    uv_pipe_t pipe;
    uv_shutdown_t shutdown;
    bool is_pipe, is_broken, was_full;
    int fd;
    bool is_fd_ours;
    size_t waiting_bytes;
    uint64_t bytes;
    const struct output_events *events;
    void *user;
    void (*on_closed)(void *user);
};

struct chunk {
    uv_write_t write;
    struct output *output;
    size_t size;
    char data[];
};

static void break_off(struct output *output, int error)
{
    if (output->is_broken)
        return;
    output->is_broken = true;
    if (output->events->on_broken)
        output->events->on_broken(output->user, error);
}

static void on_written(uv_write_t *write, int status)
{
    struct chunk *chunk = container_of(write, struct chunk, write);
    struct output *output = chunk->output;
    output->waiting_bytes -= chunk->size;
    free(chunk);
    if (status < 0 && status != UV_ECANCELED)
        break_off(output, status);
    if (output->was_full && !output_is_full(output) && !output->is_broken) {
        output->was_full = false;
        if (output->events->on_room)
            output->events->on_room(output->user);
    }
}

static void on_pipe_closed(uv_handle_t *handle)
{
    struct output *output = container_of((uv_pipe_t *)handle, struct output, pipe);
    void (*on_closed)(void *user) = output->on_closed;
    void *user = output->user;
    free(output);
    if (on_closed)
        on_closed(user);
}

struct output *output_open(uv_loop_t *loop, const char *file, const struct output_events *events,
                           void *user, int *error)
{
    bool is_stdout = !file || strcmp(file, "-") == 0;
    struct output *output = calloc(1, sizeof *output);
    *error = UV_ENOMEM;
    if (!output)
        return NULL;
    output->events = events;
    output->user = user;
    output->is_fd_ours = !is_stdout;
    output->fd =
        is_stdout ? STDOUT_FILENO : open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    *error = output->fd < 0 ? uv_translate_sys_error(errno) : 0;
    output->is_pipe = !*error && uv_guess_handle(output->fd) == UV_NAMED_PIPE;
    if (!output->is_pipe && !*error)
        return output;
    if (!output->is_pipe) {
        free(output);
        return NULL;
    }
    uv_pipe_init(loop, &output->pipe, 0);
    *error = uv_pipe_open(&output->pipe, output->fd);
    if (*error == 0)
        return output;
    uv_close((uv_handle_t *)&output->pipe, on_pipe_closed);
    return NULL;
}

static int write_pipe(struct output *output, const void *data, size_t n)
{
    struct chunk *chunk = malloc(sizeof *chunk + n);
    if (!chunk)
        return MOQ_ERR_NOMEM;
    chunk->output = output;
    chunk->size = n;
    memcpy(chunk->data, data, n);
    uv_buf_t buf = uv_buf_init(chunk->data, (unsigned)n);
    int error = uv_write(&chunk->write, (uv_stream_t *)&output->pipe, &buf, 1, on_written);
    if (error) {
        free(chunk);
        break_off(output, error);
        return MOQ_ERR_IO;
    }
    output->waiting_bytes += n;
    return 0;
}

static int write_file(struct output *output, const char *data, size_t n)
{
    while (n > 0) {
        ssize_t done = write(output->fd, data, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0) {
            break_off(output, uv_translate_sys_error(errno));
            return MOQ_ERR_IO;
        }
        data += done;
        n -= (size_t)done;
    }
    return 0;
}

int output_write(struct output *output, const void *data, size_t n)
{
    if (output->is_broken)
        return MOQ_ERR_IO;
    if (n == 0)
        return 0;
    output->bytes += n;
    int error = output->is_pipe ? write_pipe(output, data, n) : write_file(output, data, n);
    output->was_full = output_is_full(output);
    return error;
}

bool output_is_file(const struct output *output)
{
    return uv_guess_handle(output->fd) == UV_FILE;
}

bool output_is_terminal(const struct output *output)
{
    return uv_guess_handle(output->fd) == UV_TTY;
}

bool output_is_full(const struct output *output)
{
    return output->waiting_bytes > OUTPUT_FULL_BYTES;
}

uint64_t output_bytes(const struct output *output)
{
    return output->bytes;
}

static void on_shut_down(uv_shutdown_t *shutdown, int status)
{
    struct output *output = container_of(shutdown, struct output, shutdown);
    (void)status;
    if (!uv_is_closing((uv_handle_t *)&output->pipe))
        uv_close((uv_handle_t *)&output->pipe, on_pipe_closed);
}

void output_close(struct output **output_in, bool is_patient, void (*on_closed)(void *user))
{
    struct output *output = *output_in;
    *output_in = NULL;
    if (!output)
        return;
    output->on_closed = on_closed;
    output->was_full = false; /* on_room must not be called any more */
    if (output->is_pipe) {
        bool is_waiting =
            is_patient && !output->is_broken &&
            uv_shutdown(&output->shutdown, (uv_stream_t *)&output->pipe, on_shut_down) == 0;
        if (!is_waiting)
            uv_close((uv_handle_t *)&output->pipe, on_pipe_closed);
        return;
    }
    if (output->is_fd_ours)
        close(output->fd);
    void *user = output->user;
    free(output);
    if (on_closed)
        on_closed(user);
}
