/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A fragmented MP4 file that a thread of its own writes, so a slow disk holds up nobody. It is
 * written fragment by fragment: whenever the relay dies, or the disk is full, what is there can be
 * played. */
#ifndef RECORDER_FILE_H
#define RECORDER_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FILE_WAITING_MAX_BYTES = 64 << 20, /* more is refused */
    FILE_NAME_MAX_BYTES = 256,
};

struct file;

/* A new file `directory`/`stem`.mp4, or `stem`.2.mp4 and so on if there are such files already.
 * Both are copied. NULL: out of memory, or no thread can be made. That the file cannot be opened is
 * told by file_error later. */
struct file *file_new(const char *directory, const char *stem);
/* Takes the next bytes of the file, in pieces of any size. False: it has failed, or too much
 * waits. */
bool file_write(struct file *file, const uint8_t *data, size_t size);
int file_error(struct file *file);              /* why it has failed, as in errno; 0: it has not */
bool file_is_open(struct file *file);           /* it exists */
const char *file_path(const struct file *file); /* once it exists */
uint64_t file_bytes(struct file *file);         /* written so far */
size_t file_waiting_bytes(struct file *file);   /* to be written */

/* Nothing follows: it ends when everything is written. */
void file_finish(struct file *file);
bool file_has_finished(struct file *file); /* or has failed */
/* Waits until it has finished, for `wait_ms` at most. Returns whether it has. */
bool file_wait(struct file *file, uint64_t wait_ms);
/* A file that has not finished is left to its thread, and what waits is dropped. */
void file_free(struct file *file);

#endif
