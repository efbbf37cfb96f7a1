/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads the head of a module's descriptor from its file, so that versions are compared before any
 * code of the module can run: loading a shared object runs its constructors.
 * Tested by tests/e2e/test_modules.py. */
#include "server/host/elf.h"

#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char symbol_name[] = "relay_module";

/* The section of the dynamic symbols. NULL: there is none. */
static Elf_Scn *find_symbols(Elf *elf, GElf_Shdr *header)
{
    for (Elf_Scn *section = elf_nextscn(elf, NULL); section; section = elf_nextscn(elf, section))
        if (gelf_getshdr(section, header) && header->sh_type == SHT_DYNSYM)
            return section;
    return NULL;
}

static bool find_symbol(Elf *elf, GElf_Sym *symbol)
{
    GElf_Shdr header;
    Elf_Scn *section = find_symbols(elf, &header);
    Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;
    size_t count = data && header.sh_entsize > 0 ? data->d_size / header.sh_entsize : 0;
    for (size_t i = 0; i < count && i <= INT_MAX; i++) {
        const char *name = gelf_getsym(data, (int)i, symbol)
                               ? elf_strptr(elf, header.sh_link, symbol->st_name)
                               : NULL;
        if (name && strcmp(name, symbol_name) == 0 && symbol->st_shndx != SHN_UNDEF)
            return true;
    }
    return false;
}

/* Reads the first bytes of the symbol's object. */
static bool read_object(Elf *elf, int file, const GElf_Sym *symbol, struct elf_head *head)
{
    GElf_Shdr header;
    Elf_Scn *section = elf_getscn(elf, symbol->st_shndx);
    if (!section || !gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS)
        return false;
    if (symbol->st_value < header.sh_addr || header.sh_size < sizeof *head ||
        symbol->st_value - header.sh_addr > header.sh_size - sizeof *head)
        return false;
    off_t offset = (off_t)(header.sh_offset + (symbol->st_value - header.sh_addr));
    return offset >= 0 && pread(file, head, sizeof *head, offset) == (ssize_t)sizeof *head;
}

static bool has_machine(Elf *elf, GElf_Half *machine)
{
    GElf_Ehdr header;
    if (!gelf_getehdr(elf, &header))
        return false;
    *machine = header.e_machine;
    return true;
}

/* The machine that the relay itself runs on; 0: not known. */
static GElf_Half our_machine(void)
{
    GElf_Half machine = 0;
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    Elf *elf = file >= 0 ? elf_begin(file, ELF_C_READ, NULL) : NULL;
    if (!elf || !has_machine(elf, &machine))
        machine = 0;
    elf_end(elf);
    if (file >= 0)
        close(file);
    return machine;
}

static const char *read_elf(Elf *elf, int file, struct elf_head *head)
{
    GElf_Half machine = 0, ours = our_machine();
    GElf_Sym symbol;
    if (!elf || elf_kind(elf) != ELF_K_ELF)
        return "not a shared object; compile the module with -shared -fPIC";
    if (!has_machine(elf, &machine))
        return "damaged, or cut short; copy it again";
    if (ours && machine != ours)
        return "compiled for another kind of processor; compile it for this one";
    if (!find_symbol(elf, &symbol))
        return "no module: it does not export relay_module, which RELAY_MODULE of relay/module.h "
               "defines, or it was cut short";
    if (!read_object(elf, file, &symbol, head))
        return "damaged, or cut short: its relay_module cannot be read; copy it again";
    return NULL;
}

const char *elf_read_head(const char *path, struct elf_head *head)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat info;
    if (file < 0)
        return "cannot be read; correct the path or its permissions";
    if (fstat(file, &info) != 0 || !S_ISREG(info.st_mode)) {
        close(file);
        return "not a file; correct the path";
    }
    Elf *elf = elf_version(EV_CURRENT) != EV_NONE ? elf_begin(file, ELF_C_READ, NULL) : NULL;
    const char *problem = read_elf(elf, file, head);
    elf_end(elf);
    close(file);
    return problem;
}
