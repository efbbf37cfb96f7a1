"""The house rules of web/, in the form of those of rules.py: given a tree, each yields (path, line, message)."""
import os
import re
from functools import lru_cache

import tssource

LIMITS = {"file": 400, "function": 60, "parameters": 6, "nesting": 3}
SPDX = "// SPDX-License-Identifier: MIT OR Apache-2.0\n"

# Who may import whom; what a room may reach through another is its own too. base/ has no door: each file is one.
ARROWS = {
    "base": [],
    "transfork": ["base"],
    "karp": ["transfork"],
    "player": ["karp"],
    "element": ["player"],
    "publish": ["karp"],
    "demo": ["element", "publish"],
}
DOOR = "index.ts"
# Packages, and the only room that may import them: what is served depends on nothing else.
PACKAGES = {"media-chrome": "element"}

TESTED_BY = re.compile(r"Tested by ((?:web/test|tests)/[\w./]+\w)(?: and ((?:web/test|tests)/[\w./]+\w))?\.")

source_of = lru_cache(maxsize=None)(tssource.Source)


def sources(tree):
    for path, text in tree.texts.items():
        if path.startswith("web/src/") and path.endswith(".ts"):
            yield path, text


def functions(tree):
    for path, text in sources(tree):
        for function in source_of(text).functions():
            yield path, function


def room_of(path):
    """The room of a path in web/src/, "" for what lies beside the rooms."""
    return path.split("/")[2] if path.count("/") > 2 else ""


def reachable(room):
    seen, todo = set(), list(ARROWS.get(room, []))
    while todo:
        other = todo.pop()
        if other not in seen:
            seen.add(other)
            todo += ARROWS[other]
    return seen


def length_of_files(tree):
    for path, text in sources(tree):
        lines = text.count("\n")
        if lines > LIMITS["file"]:
            yield path, LIMITS["file"], f"{lines} lines, the limit is {LIMITS['file']}"


def length_of_functions(tree):
    for path, function in functions(tree):
        if function.lines > LIMITS["function"]:
            yield path, function.line, f"{function.name} has {function.lines} lines, the limit is {LIMITS['function']}"


def parameters(tree):
    for path, function in functions(tree):
        if function.parameters > LIMITS["parameters"]:
            yield path, function.line, f"{function.name} has {function.parameters} parameters, the limit is {LIMITS['parameters']}"


def nesting(tree):
    for path, function in functions(tree):
        if function.nesting > LIMITS["nesting"]:
            yield path, function.line, f"{function.name} nests {function.nesting} deep, the limit is {LIMITS['nesting']}"


def target_of(path, name):
    return os.path.normpath(os.path.join(os.path.dirname(path), name))


def judge_package(path, name):
    package = "/".join(name.split("/")[:2 if name.startswith("@") else 1])
    room = PACKAGES.get(package)
    if room is None:
        return f'"{name}": what is served depends on no package but {", ".join(PACKAGES)}'
    return None if room_of(path) == room else f'"{package}" may be imported only in {room}'


def judge_import(tree, path, name):
    """What is wrong with one import; None: nothing."""
    if not name.startswith("."):
        return judge_package(path, name)
    target = target_of(path, name)
    if target not in tree.texts:
        return f'"{name}" is not in the tree'
    room, other = room_of(path), room_of(target)
    if not target.startswith("web/src/"):
        return f'"{name}" is outside web/src'
    if room == other:
        return None
    if other not in reachable(room):
        return f'{room} may not import "{name}": no arrow leads from {room} to {other}'
    if other != "base" and target != f"web/src/{other}/{DOOR}":
        return f'"{name}" is inside {other}; its door is {DOOR}'
    return None


def imports(tree):
    for path, text in sources(tree):
        if room_of(path) not in ARROWS:
            yield path, 1, f"it is in none of the rooms: {', '.join(ARROWS)}"
            continue
        for line, name in source_of(text).imports():
            message = judge_import(tree, path, name)
            if message:
                yield path, line, message


def circles(tree):
    """Within a room too arrows run one way. A worker that the room starts counts as imported."""
    edges, told = {}, set()
    for path, text in sources(tree):
        targets = {target_of(path, name) for _, name in source_of(text).imports() if name.startswith(".")}
        edges[path] = {target for target in targets if target in tree.texts and room_of(target) == room_of(path)}
    for file in sorted(edges):
        way = circle_from(file, edges)
        if way and not told & set(way):
            told |= set(way)
            yield file, 1, "imports in a circle: " + " -> ".join(way + [file])


def circle_from(start, edges):
    """The files of a shortest circle of imports or includes through `start`; empty: there is none."""
    came_from, todo = {}, [start]
    while todo:
        file = todo.pop(0)
        for other in sorted(edges.get(file, ())):
            if other == start:
                way = [file]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return way[::-1]
            if other not in came_from:
                came_from[other] = file
                todo.append(other)
    return []


def head_of(text):
    """The comment that says what a file is for, as running text."""
    found = re.match(r"//[^\n]*\n((?://[^\n]*\n)+)", text)
    return re.sub(r"\n?//[ ]?", " ", found.group(1)) if found else ""


def first_comment(tree):
    for path, text in tree.texts.items():
        if not re.match(r"(web|tests/\w+)/.*(?<!\.d)\.m?[jt]s$", path):
            continue
        if not text.startswith(SPDX):
            yield path, 1, f"the first line is not {SPDX.strip()}"
        elif not path.startswith("web/test/") and len(re.findall(r"[A-Za-z]{2,}", head_of(text))) < 4:
            yield path, 2, "the file does not begin with a comment that says what it is for"


def tests_of_its_name(path):
    """Where a source's own test may be: in the same folders as the source, or in those of its room."""
    room, name = room_of(path), os.path.basename(path).removesuffix(".ts")
    return [path.replace("web/src/", "web/test/", 1).removesuffix(".ts") + ".test.ts", f"web/test/{room}/{name}.test.ts"]


def judge_test(tree, test):
    if test not in tree.texts:
        return f"{test} is not in the tree"
    is_run = test.endswith(".test.ts") if test.startswith("web/") else "/".join(test.split("/")[:2]) + "/run" in tree.texts
    return None if is_run else f"{test} is no test: nothing runs it"


def tested(tree):
    """Every source that does something says which test to run after a change: by its name, or in its first comment."""
    for path, text in sources(tree):
        if path.endswith(".d.ts") or not source_of(text).does_something():
            continue
        named = [test for found in TESTED_BY.findall(head_of(text)) for test in found if test]
        if not named and not any(test in tree.texts for test in tests_of_its_name(path)):
            yield path, 2, f'there is no {tests_of_its_name(path)[0]}, and no "Tested by ..." in the first comment'
        for test in named:
            message = judge_test(tree, test)
            if message:
                yield path, 2, message


RULES = {
    "ts file": length_of_files, "ts function": length_of_functions, "ts parameters": parameters, "ts nesting": nesting,
    "ts imports": imports, "ts circles": circles, "ts comment": first_comment, "ts tested": tested,
}
