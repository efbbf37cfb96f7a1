/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The head of a module's descriptor, read from its file. */
#ifndef MOQ_HOST_ELF_H
#define MOQ_HOST_ELF_H

#include <stdint.h>

/* The first members of struct relay_module. */
struct elf_head {
    uint16_t abi_major, abi_minor;
    uint32_t size;
};

/* Reads the head from the shared object in `path` without loading it. NULL, or what is wrong with
 * the file and what to do. */
const char *elf_read_head(const char *path, struct elf_head *head);

#endif
