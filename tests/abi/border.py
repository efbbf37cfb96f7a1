# SPDX-License-Identifier: MIT OR Apache-2.0
"""What relay/module.h declares, as far as these tests have to know: functions, structs, enums, limits and versions."""

import re


def without_comments(text):
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.S)


def prototypes(text):
    """Each exported function as one line of C without attributes, by name."""
    found = {}
    for match in re.finditer(r"^RELAY_SINCE\((\d+), (\d+)\)\s*([^;]*);", without_comments(text), re.M):
        declaration = " ".join(re.sub(r"\bRELAY_PRINTF\([^)]*\)", "", match.group(3)).split())
        name = re.search(r"(\w+)\(", declaration).group(1)
        found[name] = (declaration, (int(match.group(1)), int(match.group(2))))
    return found


def structs(text):
    return re.findall(r"^struct (\w+) \{", without_comments(text), re.M)


def enums(text):
    return re.findall(r"^enum (\w+) \{", without_comments(text), re.M)


def limits(text):
    """The constants of enums without a name, which modules are compiled with."""
    found = []
    for body in re.findall(r"^enum \{(.*?)\}", without_comments(text), re.M | re.S):
        found += re.findall(r"(\w+)\s*=", body)
    return found


def versions(text):
    return tuple(int(re.search(rf"^#define RELAY_ABI_{part} (\d+)", text, re.M).group(1)) for part in ("MAJOR", "MINOR"))


def structs_with_size(text):
    """Those whose first member is their size in the caller's view: they may grow at the end."""
    return re.findall(r"^struct (\w+) \{\s*uint32_t size;", without_comments(text), re.M)
