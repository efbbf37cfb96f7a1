# SPDX-License-Identifier: MIT OR Apache-2.0
"""Files that are no module, or one that does not fit: refused with one line, before any code of theirs runs."""

import struct

from abikit import *

HEAD_BYTES = "sizeof(struct relay_module)"
NOW = VERSION.replace(".", ",")


def a_wrong_version_or_size_is_refused_before_its_code_runs():
    for head, words in ((f"2,0,{HEAD_BYTES}", "module ABI 2.0"), (f"0,9,{HEAD_BYTES}", "module ABI 0.9"),
                        (f"1,{int(VERSION[2:]) + 1},{HEAD_BYTES}", "newer"), (f"65535,65535,{HEAD_BYTES}", "module ABI 65535.65535"),
                        (f"{NOW},0", "size"), (f"{NOW},8", "size"), (f"{NOW},{HEAD_BYTES}-8", "size"),
                        (f"{NOW},{HEAD_BYTES}+8", "size"), (f"{NOW},0xffffffff", "size")):
        path = module("bare", f"HEAD={head}")
        check_refused(path, path, words, "module ABI")
        for more in (["--check"], []):
            check_equal(ended(configuration(path), *more)[2].lines(), [], f"code that ran of a module with head {head}")


def a_good_one_starts():
    relay = ModuleRelay(module("bare"))
    relay.stop()
    check_equal(relay.trace.lines(), ["constructor"], "what ran")
    status, lines, _ = ended(configuration(module("bare")), "--check")
    check_equal(status, 0, f"--check of a good module: {lines}")


def a_missing_function_is_named():
    path = module("bare", "MISSING_FUNCTION")
    check_refused(path, path, "relay_from_the_future", f"module ABI {VERSION}")


def a_file_without_a_descriptor_is_refused():
    path = module("bare", "NO_DESCRIPTOR")
    check_refused(path, path, "relay_module")
    path = module("bare", "IN_BSS")
    check_refused(path, path, "relay_module")


def files_that_are_no_shared_objects_are_refused():
    for name, data in (("text.so", b"this is a text\n"), ("empty.so", b""), ("zeros.so", bytes(4096)), ("archive.so", b"!<arch>\n"),
                       ("magic.so", b"\x7fELF"), ("script.so", b"#!/bin/sh\nexit 0\n")):
        path = file_with(name, data)
        check_refused(path, path)
    path = compile_to(scratch("object.so"), os.path.join(HERE, "bare.c"), "-c")
    check_refused(path, path)


def a_truncated_module_is_refused_at_every_length():
    whole = bytes_of(module("bare"))
    lengths = sorted({1, 4, 15, 16, 17, 51, 52, 63, 64, 65, *(len(whole) * i // 12 for i in range(1, 12)), len(whole) - 1})
    for length in lengths:
        path = file_with("cut.so", whole[:length])
        status, lines, _ = ended(configuration(path), "--check")
        check_equal(status, EXIT_USAGE, f"exit status with the first {length} of {len(whole)} bytes: {lines}")
        check_one_line(lines, path, f"this relay has {VERSION}")


def section_headers(elf):
    """The file offset of each section header of an ELF64, by name."""
    offset, = struct.unpack_from("<Q", elf, 40)
    size, count, names_at = struct.unpack_from("<HHH", elf, 58)
    names, = struct.unpack_from("<Q", elf, offset + names_at * size + 24)

    def name_of(header):
        begin = names + struct.unpack_from("<I", elf, header)[0]
        return elf[begin:elf.index(b"\0", begin)].decode()

    return {name_of(header): header for header in range(offset, offset + count * size, size)}


def a_damaged_module_is_refused_or_runs():
    """Each field that the relay reads, at its worst: no crash, and never more than a line."""
    whole = bytes_of(module("bare"))
    headers = section_headers(whole)
    damages = [(headers[name] + field, b"\xff" * 4) for name in (".dynsym", ".dynstr", ".data.rel.ro") for field in (4, 16, 24, 32, 40, 56)]
    damages += [(field, b"\xff" * 2) for field in (4, 16, 20, 32, 40, 54, 58, 60, 62)]
    for place, worst in damages:
        data = bytearray(whole)
        data[place:place + len(worst)] = worst
        status, lines, _ = ended(configuration(file_with("damaged.so", data)), "--check")
        check(status in (0, EXIT_USAGE), f"exit status {status} with byte {place} = {worst.hex()}: {lines[-3:]}")
        if status:
            check_one_line(lines, "damaged.so")


def a_module_of_another_machine_is_refused():
    data = bytearray(bytes_of(module("bare")))
    data[18:20] = struct.pack("<H", 0xF3 if data[18] != 0xF3 else 0x3E)  # RISC-V
    path = file_with("foreign.so", data)
    check_refused(path, path, "processor")


def what_cannot_be_read_is_refused():
    folder = scratch("folder.so")
    os.makedirs(folder, exist_ok=True)
    check_refused(folder, folder, versions=False)
    check_refused(scratch("none.so"), "none.so", versions=False)
    loop = scratch("loop.so")
    if not os.path.islink(loop):
        os.symlink(loop, loop)
    check_refused(loop, loop, versions=False)
    if os.getuid() != 0:  # nothing is unreadable to root
        path = file_with("secret.so", bytes_of(module("bare")))
        os.chmod(path, 0)
        check_refused(path, path, versions=False)


def a_pipe_is_refused_without_waiting_for_a_writer():
    os.mkfifo(scratch("pipe.so"))
    check_refused(scratch("pipe.so"), "pipe.so", versions=False)


def names_are_checked():
    for name in ("", "Bare", "a b", "a/b", "x" * 32, "\\303\\244"):
        path = module("bare", f'NAME="{name}"')
        check_refused(path, path, "name", f"module ABI {VERSION}")
    path = module("bare", "NAME=NULL")
    check_refused(path, path, "name")
    ModuleRelay(module("bare", f'NAME="{"x" * 31}"')).stop()


def hooks_of_a_wrong_size_are_refused():
    for size in ("0", "4", "sizeof(struct relay_hooks)+8", "0xffffffff"):
        path = module("bare", f"HOOKS_BYTES={size}")
        check_refused(path, path, "relay_hooks", f"module ABI {VERSION}")


def a_name_is_looked_up_in_both_directories():
    path = module("bare", name="bare", directory="named")
    relay = ModuleRelay("bare", module_directory=os.path.dirname(path))
    relay.stop()
    check_equal(relay.trace.lines(), ["constructor"], "what ran")
    other = module("bare", 'NAME="other"', name="wrong", directory="named")
    status, lines, _ = ended(configuration("wrong", module_directory=os.path.dirname(other)), "--check")
    check_equal(status, EXIT_USAGE, "exit status")
    check_one_line(lines, "wrong.so", "other")
    status, lines, _ = ended(configuration("absent", module_directory=os.path.dirname(other)), "--check")
    check_equal(status, EXIT_USAGE, "exit status")
    check_one_line(lines, "absent", os.path.dirname(other))


def a_module_that_is_there_twice_is_refused():
    path = module("bare")
    link = scratch("link.so")
    os.symlink(path, link)
    copy = file_with("copy.so", bytes_of(path))
    for second in (path, link, copy):
        status, lines, _ = ended(configuration(path, second), "--check")
        check_equal(status, EXIT_USAGE, "exit status")
        check_one_line(lines, "bare")


# ---- Schemas -----------------------------------------------------------------------------------------------------

GOOD = '.name="number",.type=RELAY_FIELD_INT,AT(number),.max=100,.help="a number"'
BAD_FIELDS = {
    "an unknown type": '.name="x",.type=99,AT(number),.help="h"',
    "type 0": '.name="x",.type=0,AT(number),.help="h"',
    "an offset outside": '.name="x",.type=RELAY_FIELD_INT,.offset=sizeof(struct settings),.max=9,.help="h"',
    "an offset partly outside": '.name="x",.type=RELAY_FIELD_INT,.offset=sizeof(struct settings)-4,.max=9,.help="h"',
    "a huge offset": '.name="x",.type=RELAY_FIELD_INT,.offset=(size_t)-4,.max=9,.help="h"',
    "an offset that is not aligned": '.name="x",.type=RELAY_FIELD_INT,.offset=1,.max=9,.help="h"',
    "a count outside": '.name="x",.type=RELAY_FIELD_STRINGS,AT(list),.count_offset=sizeof(struct settings),.help="h"',
    "a count over its list": '.name="x",.type=RELAY_FIELD_STRINGS,AT(list),.count_offset=offsetof(struct settings,list),.help="h"',
    "no name": '.type=RELAY_FIELD_INT,AT(number),.max=9,.help="h"',
    "an empty name": '.name="",.type=RELAY_FIELD_INT,AT(number),.max=9,.help="h"',
    "a bad name": '.name="a b",.type=RELAY_FIELD_INT,AT(number),.max=9,.help="h"',
    "no help": '.name="x",.type=RELAY_FIELD_INT,AT(number),.max=9',
    "a list without a section": '.name="x",.type=RELAY_FIELD_SECTIONS,AT(items),'
                                '.count_offset=offsetof(struct settings,item_count),.help="h"',
    "a section without one": '.name="x",.type=RELAY_FIELD_SECTION,AT(inner),.help="h"',
    "no words": '.name="x",.type=RELAY_FIELD_ENUM,AT(word),.help="h"',
    "an empty list of words": '.name="x",.type=RELAY_FIELD_ENUM,AT(word),.words=no_words,.help="h"',
    "a word twice": '.name="x",.type=RELAY_FIELD_ENUM,AT(word),.words=same_words,.fallback="one",.help="h"',
    "a default that is no word": '.name="x",.type=RELAY_FIELD_ENUM,AT(word),.words=words,.fallback="three",.help="h"',
    "a default that is no number": '.name="x",.type=RELAY_FIELD_INT,AT(number),.max=9,.fallback="many",.help="h"',
    "a default out of range": '.name="x",.type=RELAY_FIELD_INT,AT(number),.max=9,.fallback="10",.help="h"',
    "a range upside down": '.name="x",.type=RELAY_FIELD_INT,AT(number),.min=9,.max=1,.fallback="5",.help="h"',
    "a default that is no duration": '.name="x",.type=RELAY_FIELD_DURATION,AT(number),.max=9,.fallback="5",.help="h"',
    "a default that is no truth": '.name="x",.type=RELAY_FIELD_BOOL,AT(is_on),.fallback="maybe",.help="h"',
    "a default that is no address": '.name="x",.type=RELAY_FIELD_ADDRESS,AT(address),.fallback="here",.help="h"',
    "help with a line break": '.name="x",.type=RELAY_FIELD_INT,AT(number),.max=9,.help="h\\nh"',
    "a name twice": f'{GOOD}}},{{{GOOD}',
    "two in one place": f'{GOOD}}},{{.name="y",.type=RELAY_FIELD_INT,AT(number),.max=9,.help="h"',
}
BAD_SCHEMAS = {
    "no fields": "{sizeof(struct settings),sizeof(struct relay_field),0,fields}",
    "no array": "{sizeof(struct settings),sizeof(struct relay_field),1,NULL}",
    "too many fields": "{sizeof(struct settings),sizeof(struct relay_field),0xffffffff,fields}",
    "fields of no size": "{sizeof(struct settings),0,1,fields}",
    "fields of a small size": "{sizeof(struct settings),8,1,fields}",
    "fields of a huge size": "{sizeof(struct settings),0xffffffff,1,fields}",
    "a struct of no bytes": "{0,sizeof(struct relay_field),1,fields}",
    "a huge struct": "{0xffffffff,sizeof(struct relay_field),1,fields}",
}


def a_schema_that_is_wrong_is_refused():
    wrong = [(name, (f"FIELDS={{{fields}}}",)) for name, fields in BAD_FIELDS.items()]
    wrong += [(name, (f"FIELDS={{{GOOD}}}", f"SCHEMA={schema}")) for name, schema in BAD_SCHEMAS.items()]
    failures = []
    for name, macros in wrong:
        path = module("schema", *macros)
        try:
            check_refused(path, path, f"module ABI {VERSION}")
        except Failure as why:
            failures.append(f"{name}: {why}")
    check(not failures, f"{len(failures)} of {len(wrong)} schemas: {failures}")


ALL_FIELDS = "},{".join((
    GOOD, '.name="text",.type=RELAY_FIELD_STRING,AT(text),.help="a text"',
    '.name="list",.type=RELAY_FIELD_STRINGS,AT(list),.count_offset=offsetof(struct settings,list_count),.help="some texts"',
    '.name="inner",.type=RELAY_FIELD_SECTION,AT(inner),.section=&items,.help="a section"',
    '.name="items",.type=RELAY_FIELD_SECTIONS,AT(items),.count_offset=offsetof(struct settings,item_count),.section=&items,'
    '.help="some sections"',
    '.name="word",.type=RELAY_FIELD_ENUM,AT(word),.words=words,.fallback="two",.help="a word"',
    '.name="on",.type=RELAY_FIELD_BOOL,AT(is_on),.help="whether"',
    '.name="address",.type=RELAY_FIELD_ADDRESS,AT(address),.help="an address"',
    '.name="tree",.type=RELAY_FIELD_TREE,AT(tree),.help="anything"'))


def settings_of_modules_are_settings():
    path = module("schema", f"FIELDS={{{ALL_FIELDS}}}")
    settings = {"number": 7, "text": "a", "list": ["b", "c"], "inner": {"name": "d"}, "items": [{"name": "e"}], "word": "one",
                "on": True, "address": "127.0.0.1:8080", "tree": {"any": ["thing", {"at": "all"}]}}
    relay = ModuleRelay((path, settings))
    relay.stop()
    check_equal(relay.trace.lines(), ["start 7"], "what the module saw")
    status, out, err = run(command(configuration((path, settings)), "--print-config"), 10)
    check_equal(status, 0, f"--print-config: {err}")
    for text in ("number: 7", "127.0.0.1:8080", "word: one", "thing"):
        check(text in out.decode(), f"{text!r} is not in --print-config: {out.decode()[-900:]}")


def a_path_may_be_empty_if_its_default_is():
    for fallback, is_good in (("", True), ('.fallback="a",', False)):
        path = module("schema", f'FIELDS={{{GOOD}}},{{.name="text",.type=RELAY_FIELD_STRING,.flags=RELAY_FIELD_IS_PATH,{fallback}'
                                'AT(text),.help="a path"}')
        status, lines, _ = ended(configuration((path, {"text": ""})), "--check")
        check_equal(status, 0 if is_good else EXIT_USAGE, f"exit status with the default {fallback!r}: {lines}")
        if not is_good:
            check_one_line(lines, "text: is empty; write a path")


def wrong_settings_are_shown_at_their_place():
    path = module("schema", f"FIELDS={{{ALL_FIELDS}}}")
    for settings, place, words in (("number: 101", "3:15", "100"), ("number: 13", "3:15", "13 brings bad luck; write another"),
                                   ("nmber: 1", "3:7", "nmber"), ("word: three", "3:13", "one"),
                                   ("items: [ { name: a }, { name: Xb } ]", "3:37", "Xb begins with X; rename it")):
        yaml = file_with("place.yaml", f"modules:\n  - {path}:\n      {settings}\n".encode())
        for more in (["--check"], []):
            status, lines, trace = ended(yaml, *more)
            check_equal(status, EXIT_USAGE, f"exit status with {settings}: {lines}")
            check_one_line(lines, f"place.yaml:{place}", words)
            check_equal(trace.lines(), [], "what the module was told")


def what_explains_settings_knows_the_modules_of_the_configuration():
    path = module("schema", f"FIELDS={{{ALL_FIELDS}}}")
    named = os.path.dirname(module("bare", name="bare", directory="named"))
    yaml = configuration((path, {"numbr": 1}))
    relay = program("moq-relay")
    for argv, env, words in (([relay, yaml, "--reference"], None, (f"- {path}:", "number: 0")),
                             ([relay, yaml, "--schema"], None, (f'"{path}": {{', '"number": {')),
                             ([relay, "--reference"], {"MOQ_RELAY_MODULE_DIRECTORY": named}, ("- bare\n",)),
                             ([relay, "--schema"], {"MOQ_RELAY_MODULE_DIRECTORY": named}, ('"bare": {',)),
                             ([relay, configuration(module_directory=named), "--schema"], None, ('"bare": {',))):
        status, out, err = run(argv, 10, env=env)
        check_equal(status, 0, f"{argv[1:]}: {err}")
        for text in words:
            check(text in out.decode(), f"{text!r} is not in what {argv[1:]} prints")
    status, lines, _ = ended(configuration(scratch("none.so")), "--reference")
    check_equal(status, EXIT_USAGE, "exit status of --reference with a module that is not there")
    check_one_line(lines, "none.so")


TESTS = [a_good_one_starts, a_wrong_version_or_size_is_refused_before_its_code_runs, a_missing_function_is_named,
         a_file_without_a_descriptor_is_refused, files_that_are_no_shared_objects_are_refused,
         a_truncated_module_is_refused_at_every_length, a_damaged_module_is_refused_or_runs,
         a_module_of_another_machine_is_refused, what_cannot_be_read_is_refused,
         a_pipe_is_refused_without_waiting_for_a_writer, names_are_checked,
         hooks_of_a_wrong_size_are_refused, a_name_is_looked_up_in_both_directories, a_module_that_is_there_twice_is_refused,
         a_schema_that_is_wrong_is_refused, settings_of_modules_are_settings, wrong_settings_are_shown_at_their_place,
         a_path_may_be_empty_if_its_default_is,
         what_explains_settings_knows_the_modules_of_the_configuration]
