#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""usage: names.py INCLUDE_FOLDER HEADER

Prints every name that an installed header, with those of ours that it includes, declares or defines without a prefix of ours:
macros, tags, enumerators, types, functions, variables. Fails if there is any.
"""
import re
import subprocess
import sys

OURS = re.compile(r"(moq|karp|quic)_|(MOQ|KARP|QUIC)_")
TOKEN = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|[A-Za-z_]\w*|[0-9][\w.]*|[^\sA-Za-z_0-9]')


def own_lines(folder, header):
    """What the preprocessor leaves of our headers, without what they include from elsewhere."""
    command = ["cc", "-std=c11", "-D_GNU_SOURCE", "-E", "-dD", "-I", folder, "-include", f"{folder}/{header}", "-x", "c", "/dev/null"]
    is_own = False
    for line in subprocess.run(command, check=True, capture_output=True, text=True, cwd="/").stdout.split("\n"):
        marker = re.match(r'# \d+ "([^"]*)"', line)
        if marker:
            is_own = marker.group(1).startswith(folder)
        elif is_own:
            yield line


def macros(lines):
    undefined = {line.split()[1] for line in lines if line.startswith("#undef ")}
    for line in lines:
        found = re.match(r"#define (\w+)", line)
        if found and found.group(1) not in undefined:
            yield found.group(1)


def close_of(tokens, at):
    """Index of the bracket that closes the one at `at`."""
    depth = 0
    for i in range(at, len(tokens)):
        depth += tokens[i] in "([{"
        depth -= tokens[i] in ")]}"
        if depth == 0:
            return i
    return len(tokens) - 1


def tags_and_enumerators(tokens):
    for i, token in enumerate(tokens[:-1]):
        if token in ("struct", "union", "enum") and re.match(r"[A-Za-z_]", tokens[i + 1]):
            yield tokens[i + 1]
        brace = i + 1 if tokens[i + 1] == "{" else i + 2
        if token == "enum" and tokens[brace] == "{":
            body = tokens[brace:close_of(tokens, brace)]
            yield from (body[j + 1] for j in range(len(body) - 1) if body[j] in "{,")


def declared(statement):
    """The names that a declaration at the top level gives to functions, variables and types."""
    flat, i = [], 0
    while i < len(statement):
        if statement[i] in ("__attribute__", "__asm__"):
            i = close_of(statement, i + 1) + 1
        elif statement[i] == "{":
            flat.append("{}")
            i = close_of(statement, i) + 1
        else:
            flat.append(statement[i])
            i += 1
    if "(" in flat:
        at = flat.index("(")
        return [flat[at + 2]] if flat[at + 1] == "*" else [flat[at - 1]]
    before = flat[:flat.index("=")] if "=" in flat else flat
    names = [token for token in before if re.match(r"[A-Za-z_]", token)]
    is_only_tag = names[:1] and names[0] in ("struct", "union", "enum") and (before[-1] == "{}" or len(names) <= 2)
    return [] if is_only_tag or not names else names[-1:]


def declarations(tokens):
    begin, i = 0, 0
    while i < len(tokens):
        if tokens[i] == "{":
            i = close_of(tokens, i)
            is_body = tokens[i + 1:i + 2] not in ([";"], ["="]) and "(" in tokens[begin:i]
            if is_body:
                yield from declared(tokens[begin:i + 1])
                begin = i + 1
        elif tokens[i] == ";":
            yield from declared(tokens[begin:i])
            begin = i + 1
        i += 1


def main(folder, header):
    lines = list(own_lines(folder, header))
    tokens = TOKEN.findall("\n".join(line for line in lines if not line.startswith("#")))
    if not tokens:
        print(f"{header}: nothing of ours is in it")
        return 1
    names = {*macros(lines), *tags_and_enumerators(tokens), *declarations(tokens)}
    foreign = sorted(name for name in names if not OURS.match(name) and not re.match(r"(uv|sockaddr|iovec)", name))
    if foreign:
        print(f"{header}: without a prefix of ours: {', '.join(foreign)}")
    return 1 if foreign else 0


sys.exit(main(*sys.argv[1:]))
