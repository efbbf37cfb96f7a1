/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Commands that run beside the parts of the module, on the loop of the stage: curl and ffmpeg. */
#ifndef MOQ_TESTS_MODULES_KARP_SHELL_H
#define MOQ_TESTS_MODULES_KARP_SHELL_H

#include "tests/unit/modules/karp_stage.h"

enum { SHELL_OUTPUT_BYTES = 16 << 10 };

struct shell {
    struct stage *stage;
    uv_process_t process;
    uv_pipe_t out;
    char output[SHELL_OUTPUT_BYTES]; /* what it wrote, with a final zero */
    size_t size;
    int open_handles;
    bool is_over; /* it has exited, and everything is closed */
    int64_t status;
};

/* Starts `command` by /bin/sh; standard output and standard error come together. */
void shell_start(struct shell *shell, struct stage *stage, const char *command);
/* Runs the loop until it has ended. Returns its exit status. */
int shell_wait(struct shell *shell);
/* Both. */
int shell_run(struct shell *shell, struct stage *stage, const char *command);
/* Ends it, with everything that it has started. */
void shell_kill(struct shell *shell);

/* Whether this program is there. */
bool shell_has(const char *program);

#endif
