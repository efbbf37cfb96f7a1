/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What an input may begin with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sample_files.h"

static void other_kinds_of_files_are_called_by_their_names(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *words;
    } kinds[] = {
        {"\x1a\x45\xdf\xa3\x01\x02\x03\x04", "Matroska or WebM"},
        {"RIFF1234", "AVI or WAV"},
        {"FLV\x01\x05\x02\x03\x04", "FLV"},
        {"OggS1234", "Ogg"},
        {"G@\x11\x10zzzz", "MPEG transport stream"},
        {"#EXTM3U\n", "playlist"},
        {"\xff\xf1\x50\x80zzzz", "AAC without a container"},
        {"hello, world", "the input begins with 'hello, w': it is not an MP4 file"},
        {"<html>\n<body>", "begins with '<html>': it is not an MP4 file"},
        {"PK\x03\x04\x14\x01\x02\x03", "begins with 50 4b 03 04 14 01 02 03: it is not"},
        {"\x7f"
         "ELF\x02\x01\x01\x01",
         "begins with 7f 45 4c 46 02 01 01 01: it is not"},
        {"hello\n", "it is not an MP4 file"},
        {"h", "it is not an MP4 file"},
        {"OggS", "Ogg"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct file file = {.size = 0};
        file_text(&file, kinds[i].bytes);
        assert_failure(&file, kinds[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_kinds_of_files_are_called_by_their_names),
    };
    return cmocka_run_group_tests(tests, quiet, NULL);
}
