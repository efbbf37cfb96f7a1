/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A group of its own for each command, so that a test that fails leaves nothing behind. */
#include "tests/unit/modules/karp_shell.h"

#include "tests/unit/prologue.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_closed(uv_handle_t *handle)
{
    struct shell *shell = handle->data;
    shell->is_over = --shell->open_handles == 0;
}

static void on_exit_of_shell(uv_process_t *process, int64_t status, int signal)
{
    struct shell *shell = process->data;
    shell->status = signal ? 128 + signal : status;
    uv_close((uv_handle_t *)process, on_closed);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct shell *shell = handle->data;
    (void)suggested;
    *buf = uv_buf_init(shell->output + shell->size,
                       (unsigned)(sizeof shell->output - 1 - shell->size));
}

static void on_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct shell *shell = stream->data;
    (void)buf;
    if (n > 0)
        shell->size += (size_t)n;
    else if (n < 0)
        uv_close((uv_handle_t *)stream, on_closed);
}

void shell_start(struct shell *shell, struct stage *stage, const char *command)
{
    char program[] = "/bin/sh", option[] = "-c";
    char *arguments[] = {program, option, (char *)(uintptr_t)command, NULL};
    memset(shell, 0, sizeof *shell);
    shell->stage = stage;
    uv_pipe_init(&stage->loop, &shell->out, 0);
    uv_stdio_container_t stdio[] = {
        {.flags = UV_IGNORE},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&shell->out},
        {.flags = UV_IGNORE},
    };
    const uv_process_options_t options = {.file = program,
                                          .args = arguments,
                                          .flags = UV_PROCESS_DETACHED,
                                          .stdio = stdio,
                                          .stdio_count = 3,
                                          .exit_cb = on_exit_of_shell};
    shell->process.data = shell->out.data = shell;
    shell->open_handles = 2;
    assert_int_equal(uv_spawn(&stage->loop, &shell->process, &options), 0);
    uv_read_start((uv_stream_t *)&shell->out, on_room, on_output);
}

static bool is_over(void *arg)
{
    return ((struct shell *)arg)->is_over;
}

int shell_wait(struct shell *shell)
{
    if (!stage_run(shell->stage, is_over, shell)) {
        shell_kill(shell);
        fail_msg("the command has not ended; it wrote: %s", shell->output);
    }
    return (int)shell->status;
}

int shell_run(struct shell *shell, struct stage *stage, const char *command)
{
    shell_start(shell, stage, command);
    return shell_wait(shell);
}

void shell_kill(struct shell *shell)
{
    kill(-shell->process.pid, SIGKILL);
    stage_run(shell->stage, is_over, shell);
}

bool shell_has(const char *program)
{
    char command[128];
    snprintf(command, sizeof command, "command -v %s >/dev/null", program);
    return system(command) == 0;
}
