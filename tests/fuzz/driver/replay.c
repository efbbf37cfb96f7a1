/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Gives every file of the named folders to a fuzz target once: seeds and old crashes as an ordinary
 * test, without libFuzzer.
 *
 * Inputs are copied to the heap at their exact size, so that a sanitizer sees a read past the end.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { REPLAY_MAX_BYTES = 16 << 20 }; /* a larger seed is a mistake and fails the test */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat info;
    if (!file || fstat(fileno(file), &info) != 0 || info.st_size > REPLAY_MAX_BYTES) {
        fprintf(stderr, "%s: cannot be read, or is too large for a seed\n", path);
        if (file)
            fclose(file);
        return false;
    }

    size_t n = (size_t)info.st_size;
    uint8_t *data = malloc(n ? n : 1);
    bool is_whole = data && fread(data, 1, n, file) == n;
    fclose(file);
    if (is_whole)
        LLVMFuzzerTestOneInput(data, n);
    free(data);
    return is_whole;
}

/* Returns how many files were replayed, or -1. */
static int replay_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return -1;

    int count = 0;
    for (struct dirent *entry; count >= 0 && (entry = readdir(dir));) {
        char path[4096];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        count = replay_file(path) ? count + 1 : -1;
    }
    closedir(dir);
    return count;
}

int main(int argc, char **argv)
{
    int total = 0;
    for (int i = 1; i < argc; i++) {
        int count = replay_folder(argv[i]);
        if (count < 0)
            return EXIT_FAILURE;
        total += count;
    }
    printf("%d seeds replayed\n", total);
    return total > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
