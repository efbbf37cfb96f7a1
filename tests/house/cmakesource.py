"""Reads CMakeLists.txt well enough to tell which sources a test program is made of, its libraries' too.

Not CMake: variables, foreach and the commands that make or link targets; conditions are taken for true.
"""
import fnmatch
import os
import re

COMMAND = re.compile(r"(\w+)\s*\(((?:[^()]|\([^()]*\))*)\)")
MAKERS = {"moq_library", "moq_program", "moq_test", "add_library", "add_executable"}
LINKERS = {"moq_link", "target_link_libraries", "add_dependencies"}
KEYWORDS = {"PUBLIC", "PRIVATE", "INTERFACE", "STATIC", "SHARED"}


def end_of_loop(commands, at):
    """Index of the endforeach of the loop whose body begins at `at`."""
    depth = 1
    while depth:
        depth += {"foreach": 1, "endforeach": -1}.get(commands[at][0], 0)
        at += 1
    return at - 1


class Targets:
    """`sources` and `needs` of every target that the lists of a tree make, by its name in CMake; and `scripts` that are tests."""

    def __init__(self, texts):
        self.texts, self.sources, self.needs, self.scripts = texts, {}, {}, set()
        lists = sorted(path for path in texts if os.path.basename(path) == "CMakeLists.txt")
        for path in sorted(lists, key=lambda path: path.startswith("tests/")):  # tests look at targets of rooms
            commands = [(name, re.findall(r'"[^"]*"|[^\s"]+', arguments))
                        for name, arguments in COMMAND.findall(re.sub(r"#[^\n]*", "", texts[path]))]
            self.run(commands, os.path.dirname(path), {})

    def run(self, commands, folder, values):
        at = 0
        while at < len(commands):
            name, arguments = commands[at][0], self.expand(commands[at][1], values)
            at += 1
            if name == "foreach":
                end = end_of_loop(commands, at)
                for value in arguments[1:]:
                    self.run(commands[at:end], folder, {**values, arguments[0]: [value]})
                at = end + 1
            elif name == "set":
                values[arguments[0]] = arguments[1:]
            elif name == "file" and arguments[0] == "GLOB":
                values[arguments[1]] = [path for pattern in arguments[2:] for path in fnmatch.filter(
                    self.texts, self.place(folder, pattern)) if os.path.dirname(path) == folder]
            elif name == "get_target_property":
                values[arguments[0]] = sorted(self.sources.get(arguments[1], ()))
            elif name == "add_test":
                self.scripts.update(self.place(folder, word) for word in arguments if word.endswith(".py"))
            elif name in MAKERS | LINKERS:
                self.note(name, arguments, folder)

    @staticmethod
    def expand(arguments, values):
        expanded = []
        for argument in arguments:
            whole = re.fullmatch(r"\$\{(\w+)\}", argument)
            if whole and whole.group(1) in values:
                expanded += values[whole.group(1)]
            else:
                expanded.append(re.sub(r"\$\{(\w+)\}", lambda m: " ".join(values.get(m.group(1), [m.group()])), argument))
        return expanded

    def place(self, folder, path):
        """The path from the top of a source that a list in `folder` names."""
        if path in self.texts:
            return path
        return os.path.normpath(os.path.join(folder, path.replace("${CMAKE_CURRENT_SOURCE_DIR}/", "")))

    def note(self, command, arguments, folder):
        """A target and what it is made of; room NAME is the target moq_NAME, test NAME is test_NAME."""
        target = {"moq_library": "moq_", "moq_test": "test_"}.get(command, "") + arguments[0]
        for word in arguments[1:]:
            if word.endswith(".c"):
                self.sources.setdefault(target, set()).add(self.place(folder, word))
            elif word not in KEYWORDS:
                self.needs.setdefault(target, set()).update((word, "moq_" + word))

    def reached_from(self, test):
        """All sources of the targets that `test` is a source of, and of what these need."""
        todo, seen, reached = [name for name, sources in self.sources.items() if test in sources], set(), set()
        while todo:
            target = todo.pop()
            if target not in seen:
                seen.add(target)
                reached |= self.sources.get(target, set())
                todo += self.needs.get(target, ())
        return reached
