/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A module's file, as far as it is read before it is loaded. The first byte chooses: the input is
 * the file, or it is a list of changes to a small shared object that is right. */
#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "server/host/elf.h"
#include "server/include/relay/module.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SECTIONS = 4, CHANGE_BYTES = 3 };

/* The sections: none, dynamic symbols, their names, data. */
struct object {
    Elf64_Ehdr head;
    Elf64_Shdr sections[SECTIONS];
    Elf64_Sym symbols[2];
    char names[16];
    struct elf_head module;
};

static void describe_section(struct object *object, size_t index, uint32_t type, size_t offset,
                             size_t size)
{
    object->sections[index] =
        (Elf64_Shdr){.sh_type = type, .sh_addr = offset, .sh_offset = offset, .sh_size = size};
}

static void fill_object(struct object *object)
{
    memset(object, 0, sizeof *object);
    memcpy(object->head.e_ident, ELFMAG, SELFMAG);
    object->head.e_ident[EI_CLASS] = ELFCLASS64;
    object->head.e_ident[EI_DATA] = ELFDATA2LSB;
    object->head.e_ident[EI_VERSION] = EV_CURRENT;
    object->head.e_type = ET_DYN;
    object->head.e_machine = EM_X86_64;
    object->head.e_version = EV_CURRENT;
    object->head.e_shoff = offsetof(struct object, sections);
    object->head.e_ehsize = sizeof object->head;
    object->head.e_shentsize = sizeof object->sections[0];
    object->head.e_shnum = SECTIONS;
    describe_section(object, 1, SHT_DYNSYM, offsetof(struct object, symbols),
                     sizeof object->symbols);
    object->sections[1].sh_link = 2;
    object->sections[1].sh_entsize = sizeof object->symbols[0];
    describe_section(object, 2, SHT_STRTAB, offsetof(struct object, names), sizeof object->names);
    describe_section(object, 3, SHT_PROGBITS, offsetof(struct object, module),
                     sizeof object->module);
    object->symbols[1] = (Elf64_Sym){
        .st_name = 1, .st_shndx = 3, .st_value = offsetof(struct object, module), .st_size = 8};
    snprintf(object->names + 1, sizeof object->names - 1, "relay_module");
    object->module = (struct elf_head){RELAY_ABI_MAJOR, RELAY_ABI_MINOR, 1};
}

/* Reads the bytes as a file. True: there is a head. */
static bool read_bytes(const void *bytes, size_t size, struct elf_head *head)
{
    char path[32];
    int file = memfd_create("module", MFD_CLOEXEC);
    bool is_module = false;
    if (file >= 0 && write(file, bytes, size) == (ssize_t)size) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", file);
        is_module = elf_read_head(path, head) == NULL;
    }
    if (file >= 0)
        close(file);
    return is_module;
}

/* The last two bytes say how much of the file there is. */
static void read_changed(const uint8_t *data, size_t size)
{
    union {
        struct object object;
        uint8_t bytes[sizeof(struct object)];
    } file;
    struct elf_head head;
    size_t there = sizeof file;
    fill_object(&file.object);
#if defined __x86_64__
    if (size == 0 && !read_bytes(file.bytes, sizeof file, &head))
        abort(); /* without changes it is right */
#endif
    for (; size >= CHANGE_BYTES; data += CHANGE_BYTES, size -= CHANGE_BYTES)
        file.bytes[(size_t)(data[0] << 8 | data[1]) % sizeof file] = data[2];
    if (size == 2)
        there = (size_t)(data[0] << 8 | data[1]) % (sizeof file + 1);
    read_bytes(file.bytes, there, &head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct elf_head head;
    if (size == 0)
        return 0;
    if (data[0] & 1)
        read_changed(data + 1, size - 1);
    else
        read_bytes(data + 1, size - 1, &head);
    return 0;
}
