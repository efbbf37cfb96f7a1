"""Proof that each rule can fail: small bad trees, each with the rule that has to catch it, and good ones that nobody may."""
import os
import tempfile

import rules
import tssamples

HEAD = "/* SPDX-License-Identifier: MIT OR Apache-2.0 */\n/* A sample that is here to be judged by the rules. */\n"


def body(lines):
    return "".join("    x++;\n" for _ in range(lines))


def header(name, text):
    return f"{HEAD}#ifndef MOQ_{name}_H\n#define MOQ_{name}_H\n{text}#endif\n"


def walk_of(function="on_poll", claimed=rules.STEPS, row="", last=16):
    """A tree with a walk that stays in one function, `on_poll`, if that is what it is called."""
    steps = "".join(f"| {step} | `on_poll` | `quic/udp.c` | |\n" for step in range(1, last + 1))
    claim = f"Steps {', '.join(map(str, claimed))} of a frame's walk,\n * a sample"
    return {"README.md": "## The walk of a frame\n" + steps + row,
            "quic/udp.c": HEAD.replace("A sample", claim) + f"void {function}(void)\n{{\n}}\n"}


def tested_by(*tests):
    return HEAD.removesuffix(" */\n") + f"\n * Tested by {' and '.join(tests)}. */\n"


def room_with_test(name, source, links="base"):
    """A library of one source, base/a.c, and one test program."""
    return {"base/a.c": source, "base/CMakeLists.txt": "moq_library(base SOURCES a.c)\n", f"tests/unit/base/{name}": HEAD,
            "tests/unit/base/CMakeLists.txt": f"moq_test(base SOURCES {name} DEPS {links})\n"}


BAD = [
    ("file", {"base/long.c": HEAD + "\n" * 600}),
    ("file", {"base/long.h": HEAD + "\n" * 400}),
    ("file", {"dev/long": "#!/usr/bin/env bash\n" + "\n" * 600}),
    ("function", {"base/a.c": HEAD + "void f(int x)\n{\n" + body(58) + "}\n"}),
    ("function", {"base/a.c": HEAD + "static __attribute__((cold)) int *\nf(int x)\n{\n" + body(58) + "}\n"}),
    ("median", {"base/a.c": HEAD + "void f(int x)\n{\n" + body(16) + "}\n"}),
    ("parameters", {"base/a.c": HEAD + "int f(int a, int b, int c, int d, int e, int g, void (*h)(int, int))\n{\n    return a;\n}\n"}),
    ("nesting", {"base/a.c": HEAD + "void f(int x)\n{\n    while (x)\n        if (x)\n            for (;;) {\n"
                 "                if (x)\n                    x++;\n            }\n}\n"}),
    ("nesting", {"base/a.c": HEAD + "void f(int x)\n{\n    switch (x) {\n    case 1:\n        list_for_each (a, b, c)\n"
                 "            if (x) {\n                do\n                    x++;\n                while (x);\n            }\n    }\n}\n"}),
    ("includes", {"base/a.c": HEAD + '#include "quic/quic.h"\n', "quic/quic.h": HEAD}),
    ("includes", {"quic/a.c": HEAD + '#include "transfork/transfork.h"\n', "transfork/transfork.h": HEAD}),
    ("includes", {"native/a.c": HEAD + '#include "quic/conn.h"\n', "quic/conn.h": HEAD}),
    ("circles", {"native/a.c": HEAD + '#include "native/b.h"\n', "native/a.h": HEAD, "native/b.h": HEAD,
                 "native/b.c": HEAD + '#include "native/c.h"\n', "native/c.h": HEAD + '#include "native/a.h"\n'}),
    ("includes", {"server/core/a.c": HEAD + '#include "server/host/host.h"\n', "server/host/host.h": HEAD}),
    ("includes", {"karp/a.c": HEAD + '#include "native/native.h"\n', "native/native.h": HEAD}),
    ("includes", {"base/a.c": HEAD + '#include "base/gone.h"\n'}),
    ("includes", {"transfork/a.c": HEAD + "#include <sys/socket.h>\n"}),
    ("includes", {"native/a.c": HEAD + "#include <wolfssl/ssl.h>\n"}),
    ("includes", {"server/core/a.c": HEAD + "#include <yaml.h>\n"}),
    ("invariants", {"quic/check.c": HEAD + "void f(int x)\n{\n    REQUIRE(x > 0);\n    REQUIRE(x < 9);\n}\n",
                    "tests/unit/quic/test_check.c": HEAD + 'struct breach breaches[] = {{low, "x > 0"}};\n'}),
    ("invariants", {"quic/check.c": HEAD + "void f(int x)\n{\n    REQUIRE(x > 0);\n}\n"}),
    ("symbols", {"base/a.h": header("A", "void f(int x);\n"), "base/symbols.h": header("S", "#define g moq_g\n")}),
    ("clock", {"transfork/a.c": HEAD + "long f(void)\n{\n    return time(0);\n}\n"}),
    ("protocol", {"quic/a.c": HEAD + "/* the code of transfork */\nint f(void);\n"}),
    ("protocol", {"quic/a.c": HEAD + '#define RAW "moqf-02"\n'}),
    ("protocol", {"base/a.h": HEAD + "void note_viewer_gone(void);\n"}),
    ("comment", {"base/a.c": "/* A sample without the line about its licence. */\n"}),
    ("comment", {"base/a.c": "/* SPDX-License-Identifier: MIT OR Apache-2.0 */\n#include <stdio.h>\n"}),
    ("walk", walk_of(last=15)),
    ("walk", walk_of(function="on_readable")),  # it was renamed, and the table was not
    ("walk", walk_of(claimed=range(1, 16))),
    ("walk", walk_of(row="| 3a | `gone` | `quic/udp.c` | |\n")),
    ("walk", walk_of(row="| 3a | `on_poll` | `quic/udp.c`, `quic/gone.c` | |\n")),
    ("tested", {"base/a.c": HEAD}),
    ("tested", room_with_test("test_b.c", HEAD)),
    ("tested", room_with_test("test_a.c", HEAD, links="quic")),
    ("tested", room_with_test("test_b.c", tested_by("tests/unit/base/test_b.c"), links="quic")),
    ("tested", room_with_test("test_b.c", tested_by("tests/unit/base/test_b.c", "tests/unit/base/test_gone.c"))),
    ("tested", room_with_test("test_a.c", tested_by("tests/unit/base/test_a.c"))),  # the tree says it
    ("tested", {"tools/a.c": tested_by("tests/e2e/test_a.py"), "tests/e2e/test_a.py": ""}),  # nothing runs it
    ("globals", {"base/a.c": HEAD + "static int count;\n"}),
    ("globals", {"base/a.c": HEAD + "int count = 3;\n"}),
    ("globals", {"base/a.c": HEAD + 'static const char *names[] = {"a", "b"};\n'}),
    ("globals", {"base/a.c": HEAD + "static struct pair {\n    int a;\n} pair;\n"}),
    ("globals", {"base/a.c": HEAD + "static int (*on_event)(int);\n"}),
    ("globals", {"base/a.c": HEAD + "int f(void)\n{\n    static int count;\n    return ++count;\n}\n"}),
    ("names", {"quic/a.c": HEAD + "static int *run(int *x)\n{\n    return x;\n}\n"}),
    ("versions", {"transfork/a.c": HEAD + "int f(int v)\n{\n    return v == MOQ_VERSION_03;\n}\n"}),
    ("versions", {"server/core/a.c": HEAD + "int f(int v)\n{\n    return MOQ_VERSION_02 != v;\n}\n"}),
    ("versions", {"tools/a.c": HEAD + "int f(int v)\n{\n    switch (v) {\n    case MOQ_VERSION_04:\n        return v;\n    }\n}\n"}),
    ("versions", {"tools/a.c": HEAD + "int f(int v)\n{\n    return v & MOQ_VERSION_02;\n}\n"}),
    ("versions", {"tests/unit/transfork/a.c": HEAD + "int f(int v)\n{\n    return MOQ_VERSION_02 << v;\n}\n"}),
    ("words", {"base/a.c": HEAD + "/* TODO the rest */\n"}),
    ("words", {"dev/a": "#!/bin/sh\n# FIXME\n"}),
    ("dead code", {"base/a.c": HEAD + "/* group_append(group, data, n); */\n"}),
    ("dead code", {"base/a.c": HEAD + "// x = y + 1;\n"}),
    ("dead code", {"base/a.c": HEAD + "#if 0\nint x;\n#endif\n"}),
    ("places", {"docs/a.md": "look into /home/someone/notes\n"}),
    ("places", {"dev/a": "curl https://registry.somewhere.net/x\n"}),
    ("places", {"docs/a.md": "from packages.somewhere.org\n"}),
    ("shell", {"dev/a": "#!/usr/bin/env bash\ncd $1\n"}),
    ("named files", {"docs/a.md": "each in `quic/gone.c`\n"}),
    ("headers", {"base/a.h": header("A", "void f(size_t n);\n")}),
    ("headers", {"base/a.h": header("A", "struct a {\n    int class;\n};\n")}),
    ("columns", {"base/a.c": HEAD + f"/* {'long ' * 20}*/\n"}),
    ("columns", {"base/a.c": HEAD + f"int x; /*\n * {'long ' * 20}*/\n"}),
    ("format", {"base/a.c": HEAD + "int f(void) { return 1 ; }\n"}),
    *tssamples.BAD,
]
GOOD = {
    **walk_of(row="| 16a | `on_poll` | `quic/udp.c` | |\n"),
    "quic/CMakeLists.txt": "file(GLOB all CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/u*.c)\nmoq_library(quic SOURCES ${all} DEPS base)\n",
    "tests/unit/quic/test_udp.c": HEAD,
    "tests/unit/quic/CMakeLists.txt": "foreach(name udp)\n    moq_test(quic_${name} SOURCES test_${name}.c DEPS quic)\nendforeach()\n",
    **room_with_test("test_b.c", ""),
    "base/a.c": tested_by("tests/unit/base/test_b.c", "tests/unit/quic/test_udp.c") + '#include "base/a.h"\n\n#include <stdlib.h>\n\n'
    'static const char *const names[] = {"TO" "DO", "{"};\nstruct a;\n\nint f(int a, int b)\n{\n    static const int table[] = {1};\n'
    "    if (a)\n        return 1;\n    else if (b)\n        return 2;\n    return names[0][0] + table[0];\n}\n",
    "base/b.h": header("B", "").replace("judged by", "judged by\n *\n *     struct a *a = a_new(1);\n *     a_free(a);\n *\n *"),
    "base/symbols.h": header("S", "#define f moq_f\n"),
    "base/a.h": header("A", "\nint f(int a, int b); /* gives 1, 2 or less; a peer's bytes = no danger; (owns nothing) */\n"
                       "struct point {\n    int x;\n};\nextern const int limit;\n"),
    "transfork/transfork.h": header("T", '#include "base/a.h"\n'),
    "native/a.c": tested_by("tests/e2e/test_a.py") + '#include "transfork/transfork.h"\n',
    "tests/e2e/run": "", "tests/e2e/test_a.py": "",
    "tests/unit/native/a.c": HEAD + '#include "native/inside.h"\n#include <wolfssl/ssl.h>\nstatic int count;\n',
    "native/inside.h": header("I", ""),
    "transfork/version.c": tested_by("tests/e2e/test_a.py") + "static const int all = MOQ_VERSION_02 | MOQ_VERSION_03;\n",
    "examples/a.c": tested_by("tests/e2e/test_a.py") + "/* Not where v == MOQ_VERSION_02 */\nint f(int *v)\n{\n    *v = MOQ_VERSION_02;\n    return 0;\n}\n",
    "quic/c.c": tested_by("tests/e2e/test_a.py") + "static int run_loop(int x)\n{\n    return x; /* as run() */\n}\n",
    "dev/a": "#!/usr/bin/env bash\necho \"$1\"\n",
    "docs/a.md": "https://relay.example:4443/ and http://localhost:8080, draft at datatracker.ietf.org, see `base/a.c` and `dev/`\n",
    **tssamples.GOOD,
}
BAD_COMMITS = [
    "base: " + "long " * 12 + "\n\nwhy", "Fixed things\n\nwhy", "base: no reason given", "base: no blank line\nwhy",
    "base: names one\n\nAs issue 3 asks.", "base: names another\n\nFixes #12.", "base: too wide\n\n" + "w" * 101,
]
GOOD_COMMITS = ["quic: write a viewer's packets in one train\n\nA sendmsg per packet cost 45 us.", "dev, cmake: both\n\nwhy"]


def lay(folder, files):
    for path, text in files.items():
        full = os.path.join(folder, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)
    return rules.Tree(folder)


def check():
    """Yields what is wrong with the rules themselves."""
    for rule, files in BAD:
        with tempfile.TemporaryDirectory() as folder:
            if not list(rules.RULES[rule](lay(folder, files))):
                yield f"the rule '{rule}' did not catch its bad sample {sorted(files)}"
    with tempfile.TemporaryDirectory() as folder:
        tree = lay(folder, GOOD)
        for rule in set(rules.RULES) - {"format"}:
            for path, line, message in rules.RULES[rule](tree):
                yield f"the rule '{rule}' blames a good sample: {path}:{line}: {message}"
    for message in BAD_COMMITS:
        if not list(rules.judge_commit(message)):
            yield f"a bad commit message passed: {message[:60]!r}"
    for message in GOOD_COMMITS:
        for problem in rules.judge_commit(message):
            yield f"a good commit message did not pass: {message[:60]!r}: {problem}"
    unproven = set(rules.RULES) - {rule for rule, _ in BAD} - {"commits"}
    if unproven:
        yield f"rules without a bad sample: {sorted(unproven)}"
