"""The house rules of the design, one function each: given a tree, yields (path, line, message)."""
import os
import re
import statistics
import subprocess
from concurrent.futures import ThreadPoolExecutor

import cmakesource
import csource
import tsrules
from tsrules import circle_from

LIMITS = {"file": 600, "header": 400, "function": 60, "median": 18, "parameters": 6, "nesting": 3, "columns": 100}
# The whole of what modules see is one header, so that it can be installed alone.
LONG_HEADERS = {"server/include/relay/module.h": 1100}
SOURCE = (".c", ".h", ".py", ".sh", ".js", ".mjs", ".ts", ".lua")

# Who may include whom; what a room may reach through another is its own too. base/ has no door: each header is one.
ARROWS = {
    "base": [],
    "token": ["base"],
    "transfork": ["base"],
    "quic": ["base"],
    "native": ["quic", "transfork", "base"],
    "karp": ["base"],
    "server/config": ["base"],
    "server/core": ["native", "server/config"],
    "server/host": ["server/core", "server/include/relay"],
    "server/admin": ["server/host", "server/core"],
    "server": ["server/host", "server/admin", "server/core", "server/config", "native"],
    "tools": ["native", "karp", "token"],
    "gst": ["native", "karp"],
    "examples": ["native", "karp"],
    "modules": ["server/include/relay", "karp", "token"],
    "lua/host": ["server/include/relay"],
    "lua/test": ["lua/host", "server/include/relay"],
    "server/include/relay": [],
}
DOORS = {
    "token": {"token.h"},
    "transfork": {"transfork.h", "transport.h", "session.h"},
    "quic": {"quic.h", "udp.h"},
    "native": {"native.h", "bridge.h"},
    "karp": {"karp.h"},
    "server/config": {"config.h", "rows.h"},
    "server/core": {"core.h"},
    "server/host": {"host.h"},
    "server/admin": {"admin.h"},
    "server/include/relay": {"module.h"},
    "lua/host": {"script.h", "sandbox.h", "require.h"},
}
# Foreign headers, and the only rooms that may see them (tests may see everything).
FOREIGN = [
    (r"wolfssl/|ngtcp2/|nghttp3/|intel-ipsec-mb", {"quic"}),
    (r"rhonabwy\.h", {"token"}),
    (r"gnutls/", {"modules", "token"}),
    (r"curl/", {"modules"}),
    (r"jansson\.h", {"karp", "lua/host", "lua/test", "modules", "server/core", "token", "tools"}),
    (r"yaml\.h", {"server/config"}),
    (r"microhttpd\.h", {"server/admin", "server", "modules"}),
    (r"(lua|lauxlib|lualib|luajit)\.h", {"lua/host", "lua/test"}),
    (r"dlfcn\.h", {"server/host"}),
    (r"uv\.h|sys/socket\.h|sys/epoll\.h|netinet/|arpa/|netdb\.h", {
        "quic", "native", "server", "server/config", "server/core", "server/admin", "server/host", "server/include/relay", "modules", "tools", "gst", "examples"}),
    (r"uthash\.h|utlist\.h", set(ARROWS) - {"base"}),
]
STEPS = range(1, 17)  # of the walk of a frame
GLOBALS_ALLOWED = {"base/log.c", "base/objects.c"}
HOSTS_ALLOWED = re.compile(r"(^|\.)(invalid|test|example(\.(com|org|net))?|localhost|ietf\.org|rfc-editor\.org|w3\.org|apache\.org|"
                           r"github\.com|json-schema\.org|yaml\.org|blender\.org|creativecommons\.org)$")


class Tree:
    """Files of ours below `root`: what git knows or would add, else everything."""

    def __init__(self, root):
        self.root = root
        self.texts = {}
        for path in self.list_paths():
            full = os.path.join(root, path)
            try:
                with open(full, encoding="utf-8") as file:
                    self.texts[path] = file.read()
            except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
                continue

    def list_paths(self):
        if os.path.exists(os.path.join(self.root, ".git")):
            run = ["git", "-C", self.root, "ls-files", "-z", "-co", "--exclude-standard"]
            return sorted(filter(None, subprocess.check_output(run, text=True).split("\0")))
        return sorted(os.path.relpath(os.path.join(folder, name), self.root)
                      for folder, _, names in os.walk(self.root) for name in names)

    def c(self, *endings):
        """(path, text) of our C: not the house's own samples."""
        for path, text in self.texts.items():
            if path.endswith(endings or (".c", ".h")):
                yield path, text

    def functions(self):
        for path, text in self.c():
            for function in csource.functions(csource.code_only(text)):
                yield path, function


def room_of(path):
    if path.startswith("tests/"):
        return "tests"
    for room in sorted(ARROWS, key=len, reverse=True):
        if path.startswith(room + "/"):
            return room
    return None


def reachable(room):
    seen, todo = set(), list(ARROWS.get(room, []))
    while todo:
        other = todo.pop()
        if other not in seen:
            seen.add(other)
            todo += ARROWS[other]
    return seen


def length_of_files(tree):
    for path, text in tree.texts.items():
        is_script = path.startswith("dev/") and text.startswith("#!")
        limit = LONG_HEADERS.get(path, LIMITS["header"]) if path.endswith(".h") else LIMITS["file"]
        lines = text.count("\n")
        if (path.endswith(SOURCE) or is_script) and lines > limit:
            yield path, limit, f"{lines} lines, the limit is {limit}"


def length_of_functions(tree):
    for path, function in tree.functions():
        if function.lines > LIMITS["function"]:
            yield path, function.line, f"{function.name} has {function.lines} lines, the limit is {LIMITS['function']}"


def median_of_functions(tree):
    lengths = [function.lines for _, function in tree.functions()]
    if lengths and statistics.median(lengths) > LIMITS["median"]:
        yield ".", 0, f"the median function has {statistics.median(lengths)} lines, the limit is {LIMITS['median']}"


def parameters(tree):
    for path, function in tree.functions():
        if function.parameters > LIMITS["parameters"]:
            yield path, function.line, f"{function.name} has {function.parameters} parameters, the limit is {LIMITS['parameters']}"


def nesting(tree):
    for path, function in tree.functions():
        if function.nesting > LIMITS["nesting"]:
            yield path, function.line, f"{function.name} nests {function.nesting} deep, the limit is {LIMITS['nesting']}"


def includes_of(text):
    text = csource.without_comments(text)
    for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', text, re.M):
        yield text.count("\n", 0, match.start()) + 1, match.group(1) == '"', match.group(2)


def judge_own_include(tree, path, header):
    target = header if header in tree.texts else os.path.normpath(os.path.join(os.path.dirname(path), header))
    if header.startswith("relay/"):
        target = "server/include/" + header
    if target not in tree.texts:
        return f'"{header}" is not in the tree'
    room, other = room_of(path), room_of(target)
    if room in (other, "tests", None):
        return None
    if other not in reachable(room):
        return f'{room} may not include "{header}": no arrow leads from {room} to {other}'
    if other != "base" and os.path.basename(target) not in DOORS.get(other, ()):
        return f'"{header}" is inside {other}; its door is {" or ".join(sorted(DOORS.get(other, ())))}'
    return None


def includes(tree):
    for path, text in tree.c():
        for line, is_own, header in includes_of(text):
            if is_own:
                message = judge_own_include(tree, path, header)
                if message:
                    yield path, line, message
            for pattern, rooms in FOREIGN:
                room = room_of(path)
                if not is_own and re.match(pattern, header) and room not in rooms | {"tests", None}:
                    yield path, line, f"<{header}> may be included only in {', '.join(sorted(rooms))}"


# Rooms where one thing is spread over several files that share an inside header, and so include each other in a circle.
CIRCLES_ALLOWED = {"quic": "a connection", "transfork": "a session", "karp": "an importer, an exporter"}


def circles(tree):
    """Within a room too arrows run one way. A .c file and its header are one thing here, but for the room's door."""
    edges, told = {}, set()
    for path, text in tree.c():
        room = room_of(path)
        if room in CIRCLES_ALLOWED or room in ("tests", None):
            continue
        for _, is_own, header in includes_of(text):
            one, other = (name if name.split("/")[-1] in DOORS.get(room, ()) else os.path.splitext(name)[0] for name in (path, header))
            if is_own and header in tree.texts and room_of(header) == room and one != other:
                edges.setdefault(one, set()).add(other)
    for file in sorted(edges):
        way = circle_from(file, edges)
        if way and not told & set(way):
            told |= set(way)
            yield file.removesuffix(".h") + ".c", 1, "includes in a circle: " + " -> ".join(way + [file])


def symbols_of_base(tree):
    """What base's headers declare has a prefix in object files: all rooms link it, so none of it can be hidden."""
    listed = set(re.findall(r"^#define (\w+) moq_\1$", tree.texts.get("base/symbols.h", ""), re.M))
    for path, text in tree.c(".h"):
        declarations = csource.top_level(csource.code_only(text)) if path.startswith("base/") else ()
        for what in (csource.without_attributes(what) for kind, what in declarations if kind == "declaration"):
            if "(" not in what:
                continue
            name = what[what.index("(") - 1]
            if not name.startswith("moq_") and name not in listed:
                yield path, what[0].line, f"{name} is not in base/symbols.h, so it would leave libmoq_base without a prefix"


def clock_of_its_own(tree):
    for path, text in tree.c():
        if room_of(path) in ("transfork", "karp"):
            code = csource.code_only(text)
            for match in re.finditer(r"\b(clock_gettime|gettimeofday|clock_monotonic_ns|time)\s*\(", code):
                yield path, code.count("\n", 0, match.start()) + 1, f"{match.group(1)}: this room has no clock of its own"


# What quic/ and base/ carry is the business of others: another protocol must be able to come without touching them.
MOQ_WORDS = re.compile(r"(?<![a-z])(transfork|moq(?:[flt](?![a-z])|-lite)|karp|subscri(?:be|ption)\w*|announc\w*|broadcasts?|catalogs?|"
                       r"publishers?|viewers?|tracks?)(?![a-z])", re.I)
REGISTRIES = {"base/log.h", "base/objects.h"}  # lists of topics and of kinds, of all rooms


def words_of_moq(tree):
    for path, text in tree.c():
        if room_of(path) in ("quic", "base") and path not in REGISTRIES:
            for match in MOQ_WORDS.finditer(text):
                yield path, text.count("\n", 0, match.start()) + 1, f"a word of MoQ: {match.group()}"


def first_comment(tree):
    for path, text in tree.c():
        if not text.startswith("/* SPDX-License-Identifier: MIT OR Apache-2.0 */\n"):
            yield path, 1, "the first line is not /* SPDX-License-Identifier: MIT OR Apache-2.0 */"
        found = re.match(r"(?:/\* SPDX[^\n]*\n)?\s*(/\*.*?\*/)", text, re.S)
        words = re.findall(r"[A-Za-z]{2,}", found.group(1)) if found else []
        if len(words) < 4 or "SPDX" in found.group(1):
            yield path, 2, "the file does not begin with a comment that says what it is for"


def head_of(text):
    """The comment that says what a file is for, as running text."""
    found = re.match(r"/\* SPDX[^\n]*\n/\*(.*?)\*/", text, re.S)
    return re.sub(r"\n \*[ \t]*", " ", found.group(1)) if found else ""


def steps_claimed(text):
    """Steps of a frame's walk that a file's first comment says it takes."""
    said = re.findall(r"[Ss]teps?\b([^.:;]*)", head_of(text))
    return {int(number) for part in said for number in re.findall(r"\d+", part)}


def judge_step(tree, step, names, paths):
    """What is wrong with one row of the walk: its number, its functions and the files that hold them."""
    defined = {path: {function.name for function in csource.functions(csource.code_only(tree.texts.get(path, "")))} for path in paths}
    for name in names:
        if not any(name in functions for functions in defined.values()):
            yield f"step {step}: there is no {name} in {' or '.join(paths)}"
    for path in paths:
        if not defined[path] & set(names):
            yield f"step {step}: {path} has none of {', '.join(names)}"
    if step.isdigit() and not any(int(step) in steps_claimed(tree.texts.get(path, "")) for path in paths):
        yield f"step {step}: the first comment of {' or '.join(paths)} does not say so"


def walk(tree):
    """README's table of a frame's walk: every step, in order, with functions that are where it says."""
    if "README.md" not in tree.texts:
        return
    readme = tree.texts["README.md"]
    table = readme.partition("## The walk of a frame")[2]
    rows = list(re.finditer(r"^\| (\d+[a-z]?) \|([^|]*)\|([^|]*)\|", table, re.M))
    numbers = [int(row.group(1)) for row in rows if row.group(1).isdigit()]
    if numbers != list(STEPS):
        yield "README.md", 0, f"the steps of the walk are {numbers}, not 1 to {STEPS[-1]} in order"
    for row in rows:
        names, paths = (re.findall(r"`([\w./]+)`", row.group(column)) for column in (2, 3))
        line = readme[:readme.index(row.group(0))].count("\n") + 1
        for message in judge_step(tree, row.group(1), names, paths):
            yield "README.md", line, message


TESTED_BY = re.compile(r"Tested by (tests/[\w./]+\w)(?: and (tests/[\w./]+\w))?\.")


def judge_test(tree, targets, path, test):
    """What is wrong with `test` as the one that a reader of the source `path` is sent to."""
    if test not in tree.texts:
        yield f"{test} is not in the tree"
    elif test.endswith(".c") and path not in targets.reached_from(test):
        yield f"no program of {test} is made of this file"
    elif not test.endswith(".c") and os.path.dirname(test) + "/run" not in tree.texts and test not in targets.scripts:
        yield f"{test} is no test: nothing runs it"


def tested(tree):
    """Every source says which test to run after a change: by its name, or in its first comment."""
    targets = cmakesource.Targets(tree.texts)
    for path, text in tree.c(".c"):
        folder, name = os.path.split(path)
        of_its_name = f"tests/unit/{os.path.basename(folder)}/test_{name}"
        named = [test for found in TESTED_BY.findall(head_of(text)) for test in found if test]
        if room_of(path) in ("tests", None):
            continue
        if of_its_name in tree.texts:
            if named:
                yield path, 2, f"the tree says it already: {of_its_name}"
            named = [of_its_name]
        if not named:
            yield path, 2, f'there is no {of_its_name}, and no "Tested by tests/..." in the first comment'
        for test in named:
            for message in judge_test(tree, targets, path, test):
                yield path, 2, message


def mutable_globals(tree):
    for path, text in tree.c():
        code = csource.code_only(text)
        if path in GLOBALS_ALLOWED or path.startswith("tests/") or re.search(r"\bint main\s*\(", code):
            continue
        for kind, what in csource.top_level(code):
            # RELAY_MODULE defines a constant.
            if kind == "declaration" and csource.is_mutable_variable(what) and what[0] != "RELAY_MODULE":
                yield path, what[0].line, f"mutable global: {' '.join(what[:6])}"
        for match in re.finditer(r"^[ \t]+static\s+(?!inline\b)([^;=({]*)", code, re.M):
            if "const" not in match.group(1).rsplit("*", 1)[-1]:
                yield path, code.count("\n", 0, match.start()) + 1, f"mutable static: {match.group(1).strip()}"


def names_of_functions(tree):
    """A static function is seen alone in a profile: one word says what is done, but not to what."""
    for path, text in tree.c(".c"):
        if room_of(path) in ("tests", None):
            continue
        for match in re.finditer(r"^static\s[^;{}()=]*?\b([a-z0-9]+)\(", csource.code_only(text), re.M):
            line = text.count("\n", 0, match.start()) + 1
            yield path, line, f"{match.group(1)}: name also what it is done to, a profile shows nothing else"


VERSION = r"MOQ_VERSION_0\d"
COMPARED_VERSION = re.compile(rf"([=!]=|[<>]=?|&|\^|\bcase)\s*{VERSION}|{VERSION}\s*([=!]=|[<>]|&|\^)")


def versions(tree):
    """What a version can do is a row of a table, so that one more is one more row."""
    for path, text in tree.c():
        if path == "transfork/version.c":
            continue
        code = csource.code_only(text)
        for match in COMPARED_VERSION.finditer(code):
            yield path, code.count("\n", 0, match.start()) + 1, "ask moq_session_can or version_row, not for a version"


DEAD_CODE = re.compile(r"^([\w.\[\]]|->)+\(.*\);$|^[\w\->.\[\]* ]+ [+\-|&]?= [^,]+;$|^return\b.*;$|"
                       r"^(if|for|while|switch) ?\(.*\)( \{|.*;)?$|^\}( else.*)?$|^#(include|if|define)\b")


def words(tree):
    for path, text in tree.texts.items():
        if path.startswith(("tests/house/", "LICENSE")):
            continue
        for number, line in enumerate(text.split("\n"), 1):
            found = re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line)
            if found:
                yield path, number, f"{found.group()}: do it, or file it elsewhere"


def dead_code(tree):
    for path, text in tree.c():
        for line, comment in csource.comments(text):
            inside = re.sub(r"^/[*/]|\*/$", "", comment)
            for offset, part in enumerate(inside.split("\n")):
                if path.endswith(".h") and part.startswith(" *     "):
                    continue  # an example of how a header is used
                if DEAD_CODE.match(part.strip().lstrip("*").strip()):
                    yield path, line + offset, "commented-out code"
        for match in re.finditer(r"^[ \t]*#[ \t]*if[ \t]+0\b", text, re.M):
            yield path, text.count("\n", 0, match.start()) + 1, "code switched off by #if 0"


def places(tree):
    """No machine's paths and no host but the few that a reader needs."""
    for path, text in tree.texts.items():
        if path.startswith("tests/house/"):
            continue
        for number, line in enumerate(text.split("\n"), 1):
            found = re.search(r"(?<![\w./-])/(work|root|home/[a-z]\w*)/", line)
            if found:
                yield path, number, f"a path of one machine: {found.group()}"
            hosts = re.findall(r"[a-z]+://(?:[^/@\s\"'`]*@)?([a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,})\b", line)
            hosts += re.findall(r"(?<![\w.@/-])((?:[a-z0-9-]+\.)+(?:com|org))\b(?!\()", line)
            for host in hosts:
                if not HOSTS_ALLOWED.search(host):
                    yield path, number, f"a host name: {host}"


def run_quietly(command, root):
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def compile_flags(root):
    deps = os.path.join(root, "dev/deps")
    flags = ["-I.", "-Iserver/include", "-D_GNU_SOURCE"]
    if os.path.exists(deps):
        prefix = subprocess.check_output([deps], text=True, stderr=subprocess.DEVNULL).strip()
        flags += ["-isystem", prefix + "/include"]
        flags += subprocess.check_output(["pkg-config", "--cflags", "luajit"], text=True).split()
    return flags


def headers_alone(tree):
    flags = compile_flags(tree.root)
    languages = [("C", ["cc", "-std=c11", "-x", "c"]), ("C++", ["c++", "-std=c++17", "-x", "c++"])]
    headers = [path for path, _ in tree.c(".h")]

    def compile_one(job):
        header, (language, compiler) = job
        status, output = run_quietly(compiler + ["-fsyntax-only", *flags, "-include", header, "/dev/null"], tree.root)
        first = next((line for line in output.split("\n") if "error" in line), output[:200])
        return None if status == 0 else (header, 1, f"does not compile alone as {language}: {first.strip()}")

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from filter(None, pool.map(compile_one, [(h, l) for h in headers for l in languages]))


def format_of_code(tree):
    paths = [path for path, _ in tree.c()]
    status, version = run_quietly(["clang-format", "--version"], tree.root)
    if not paths or status != 0 or " 14." not in version:
        return  # another version has another opinion; the one of CI decides
    _, output = run_quietly(["clang-format", "--dry-run", *paths], tree.root)
    seen = set()
    for match in re.finditer(r"^([^\s:]+):(\d+):\d+: warning: code should be clang-formatted", output, re.M):
        if match.group(1) not in seen:
            seen.add(match.group(1))
            yield match.group(1), int(match.group(2)), "not as clang-format -i would have it (the first place)"


def columns_of_comments(tree):
    """clang-format breaks code at 100 columns, and leaves comments as they are."""
    for path, text in tree.c():
        lines = text.split("\n")
        for first, comment in csource.comments(text):
            for number in range(first, first + comment.count("\n") + 1):
                if len(lines[number - 1]) > LIMITS["columns"]:
                    yield path, number, f"a comment of {len(lines[number - 1])} columns, the limit is {LIMITS['columns']}"


def shell_scripts(tree):
    scripts = [path for path, text in tree.texts.items() if re.match(r"#!.*\bbash\b|# shellcheck shell=", text)]
    status, output = run_quietly(["shellcheck", "-x", "-f", "gcc", *scripts], tree.root) if scripts else (0, "")
    for match in re.finditer(r"^([^\s:]+):(\d+):\d+: (.*)", output, re.M):
        yield match.group(1), int(match.group(2)), match.group(3)
    if status > 1:
        yield ".", 0, "shellcheck did not run: " + output[:200]


def named_files(tree):
    """What README and docs name in backquotes as a file of ours is there."""
    folders = {path.rpartition("/")[0] for path in tree.texts}
    for path, text in tree.texts.items():
        if not re.match(r"(README|docs/.*)\.md$", path):
            continue
        for match in re.finditer(r"`(?:\./)?((?:base|token|transfork|quic|native|karp|server|tools|dev|tests|examples|conf|cmake|docs)/[\w./-]+)`", text):
            name = match.group(1).rstrip("/")
            is_pattern = re.search(r"(^|/)(?!README|LICENSE)[A-Z]{3,}(\.\w+)?(/|$)", name)
            if not is_pattern and name not in tree.texts and name not in folders:
                yield path, text.count("\n", 0, match.start()) + 1, f"{name} is not in the tree"


def invariants(tree):
    """Each condition of a file of invariants (check.c, router_check.c) is shown to fire: its test breaks what it guards, and names a piece of it."""
    for path, text in tree.c(".c"):
        name = path.split("/")[-1]
        conditions = list(re.finditer(r"\bREQUIRE\((.*?)\);", text, re.S))
        if not re.fullmatch(r"(\w+_)?check\.c", name) or path.startswith("tests/") or not conditions:
            continue
        test = f"tests/unit/{path.split('/')[-2]}/test_{name}"
        pieces = re.findall(r'"([^"\n]+)"\}', tree.texts.get(test, ""))
        for match in conditions:
            condition = " ".join(match.group(1).split())
            if not any(piece in condition for piece in pieces):
                yield path, text.count("\n", 0, match.start()) + 1, f"{test} does not show that this fires: {condition}"


def judge_commit(message):
    """What is wrong with one commit message."""
    subject, _, rest = message.partition("\n")
    if len(subject) > 60:
        yield f"subject of {len(subject)} characters, the limit is 60"
    if not re.match(r"[a-z][a-z0-9/_.-]*(, [a-z][a-z0-9/_.-]*)*: \S", subject):
        yield "subject is not `room: what changed`"
    if rest and not rest.startswith("\n"):
        yield "the second line is not blank"
    if not rest.strip():
        yield "no body that says why"
    if any(len(line) > 100 for line in rest.split("\n")):
        yield "a body line is longer than 100 characters"
    if re.search(r"\bissue #?\d|(?<!\w)#\d|co-authored-by", message, re.I):
        yield "names an issue or a helper; the history speaks of the project alone"


def commits(tree):
    if not os.path.exists(os.path.join(tree.root, ".git")):
        return
    log = ["git", "-C", tree.root, "log", "--no-merges", "--format=%h%x1f%B%x1e", "HEAD"]
    done = subprocess.run(log, capture_output=True, text=True)
    for entry in done.stdout.split("\x1e"):
        name, _, message = entry.strip().partition("\x1f")
        for problem in judge_commit(message.strip()) if message else []:
            yield f"commit {name}", 1, problem


RULES = {
    "file": length_of_files, "function": length_of_functions, "median": median_of_functions, "parameters": parameters,
    "nesting": nesting, "includes": includes, "circles": circles, "symbols": symbols_of_base, "clock": clock_of_its_own, "protocol": words_of_moq,
    "comment": first_comment, "walk": walk, "tested": tested, "invariants": invariants,
    "globals": mutable_globals, "names": names_of_functions, "versions": versions, "words": words, "dead code": dead_code, "places": places,
    "shell": shell_scripts, "named files": named_files, "headers": headers_alone,
    "columns": columns_of_comments, "format": format_of_code, "commits": commits, **tsrules.RULES,
}
