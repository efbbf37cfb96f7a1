# SPDX-License-Identifier: MIT OR Apache-2.0
"""No change of relay/module.h goes unnoticed: its ABI is compared with module.abi, a dump of the ABI in this folder. An addition
needs a higher minor version, anything else a higher major one. The dump is of an object that refers to every function and type of
the header, so it does not depend on the relay."""

import platform

import border
from abikit import *

DUMP = os.path.join(HERE, "module.abi")
RENEW = "tests/abi/run --renew"
DUMPED_ON = "x86_64"
UNRELEASED = f"No release has this version yet, so {RENEW} alone is enough."
QUIET = ["--no-show-locs", "--no-corpus-path"]

# What abidiff says of an addition, line by line. Whatever else it says is another change.
ADDITIONS = (
    r"Leaf changes summary: .*", r"Changed leaf types summary: .*",
    r"Removed/Changed/Added \w+ summary: 0 Removed, 0 Changed, \d+ Added \w+",
    r"\d+ Added (functions?|variables?):", r"\[A\] .*", r"'(enum|struct) \w+' changed:", r"type size hasn't changed",
    r"\d+ enumerator insertions?:", r"'\w+::\w+' value '-?\d+'", r"type size changed from \d+ to \d+ \(in bits\)",
    r"\d+ data member insertions?:", r"'.*', at offset \d+ \(in bits\)",
)


# ---- Dumps -------------------------------------------------------------------------------------------------------

def surface_of(header):
    """C that defines every function, and a variable of every type; constants become the sizes of arrays."""
    lines = ["#include <relay/module.h>"]
    lines += [f"{declaration} {{ __builtin_trap(); }}" for declaration, _ in border.prototypes(header).values()]
    lines += [f"const struct {name} *surface_{name};" for name in border.structs(header)]
    lines += [f"enum {name} surface_{name};" for name in border.enums(header)]
    lines += [f"char (*surface_{name})[{name}];" for name in border.limits(header)]
    return "\n".join(lines) + "\n"


def surface_object(header, name):
    folder = scratch(f"surface-{name}")
    os.makedirs(os.path.join(folder, "relay"), exist_ok=True)
    for path, text in (("relay/module.h", header), ("surface.c", surface_of(header))):
        with open(os.path.join(folder, path), "w") as file:
            file.write(text)
    out = os.path.join(folder, "surface.so")
    done = subprocess.run(["cc", "-std=c11", "-g", "-O0", "-fPIC", "-shared", f"-I{folder}", os.path.join(folder, "surface.c"), "-o", out],
                          capture_output=True, text=True)
    check_equal(done.returncode, 0, f"compiling what the header declares: {done.stderr[:900]}")
    return out


def dump_of(header, name):
    major, minor = border.versions(header)
    done = subprocess.run(["abidw", *QUIET, "--no-comp-dir-path", "--no-elf-needed", "--no-write-default-sizes", "--type-id-style",
                           "hash", surface_object(header, name)], capture_output=True, text=True)
    check_equal(done.returncode, 0, f"abidw: {done.stderr[:900]}")
    return f"<!-- relay/module.h {major}.{minor}, written by {RENEW} -->\n{done.stdout}"


def version_of(dump):
    found = re.match(r"<!-- relay/module.h (\d+)\.(\d+)", dump)
    check(found, f"module.abi does not say of which version it is; {RENEW}")
    return tuple(map(int, found.groups()))


# ---- Comparing ---------------------------------------------------------------------------------------------------

def compare(dump, header, name):
    """What abidiff says of the way from a dump to a header; empty: nothing."""
    with open(scratch(f"{name}.abi"), "w") as file:
        file.write(dump.partition("\n")[2])  # abidiff knows a dump by its first line
    done = subprocess.run(["abidiff", "--leaf-changes-only", "--harmless", "--no-show-locs", scratch(f"{name}.abi"),
                           surface_object(header, name)], capture_output=True, text=True)
    check(not done.returncode & 3, f"abidiff: {done.stdout[-300:]} {done.stderr[-900:]}")
    return done.stdout if done.returncode else ""


def grown_badly(report, header):
    """Structs that grew elsewhere than at their end, or that cannot grow because nobody would see their size."""
    may_grow = {*border.structs_with_size(header), "relay_module", "relay_field"}
    for name, change in re.findall(r"^'struct (\w+)' changed:\n((?:  .*\n)*)", report, re.M):
        old = re.search(r"type size changed from (\d+)", change)
        places = [int(place) for place in re.findall(r"at offset (\d+)", change)]
        if name not in may_grow or not old or any(place < int(old.group(1)) for place in places):
            yield name


def is_addition(report, header):
    lines = [line.strip() for line in report.splitlines() if line.strip()]
    is_known = all(any(re.fullmatch(pattern, line) for pattern in ADDITIONS) for line in lines)
    return is_known and not list(grown_badly(report, header))


def judge(dump, header, name):
    """What is wrong with the versions of `header`, given a dump of what it was; None: nothing."""
    old, new = version_of(dump), border.versions(header)
    report = compare(dump, header, name)
    if new < old:
        return f"the version went back from {old[0]}.{old[1]} to {new[0]}.{new[1]}"
    if not report or new[0] > old[0]:
        return None
    if not is_addition(report, header):
        return f"relay/module.h breaks modules of version {old[0]}.{old[1]}: raise RELAY_ABI_MAJOR, and then {RENEW}\n{report}"
    if new[1] == old[1]:
        return f"relay/module.h has additions to version {old[0]}.{old[1]}: raise RELAY_ABI_MINOR, and then {RENEW}\n{report}"
    return None


def read(path):
    with open(path) as file:
        return file.read()


def is_released(version):
    """Whether a tag has this version of the ABI, or a newer one."""
    tags = subprocess.run(["git", "-C", TOP, "tag"], capture_output=True, text=True).stdout.split()
    for tag in tags:
        shown = subprocess.run(["git", "-C", TOP, "show", f"{tag}:server/include/relay/module.h"], capture_output=True, text=True)
        if shown.returncode == 0 and border.versions(shown.stdout) >= version:
            return True
    return False


def renew():
    """Writes the dump anew, unless that would hide a change of a released version."""
    header = read(HEADER)
    if os.path.exists(DUMP):
        problem = judge(read(DUMP), header, "renewed")
        if problem and is_released(version_of(read(DUMP))):
            print(problem)
            return 1
    with open(DUMP, "w") as file:
        file.write(dump_of(header, "renewed"))
    print(f"{DUMP} is of version {'.'.join(map(str, border.versions(header)))}")
    return 0


# ---- Tests -------------------------------------------------------------------------------------------------------

def on_this_machine(test):
    @functools.wraps(test)
    def maybe():
        if platform.machine() != DUMPED_ON:
            raise Skipped(f"the dump is of {DUMPED_ON}")
        for tool in ("abidw", "abidiff"):
            check(shutil.which(tool), f"{tool} is missing: dev/setup test")
        test()
    return maybe


@on_this_machine
def the_abi_is_the_one_of_the_dump():
    header, dump = read(HEADER), read(DUMP)
    problem = judge(dump, header, "present")
    check(not problem, f"{problem}{'' if is_released(version_of(dump)) else UNRELEASED}")
    check_equal(version_of(dump), border.versions(header), f"the version of module.abi; {RENEW}")
    check(not compare(dump, header, "present"), f"module.abi is old; {RENEW}")


def changed(header, old, new):
    check_equal(header.count(old), 1, f"places of {old!r}")
    return header.replace(old, new)


END = "\n#ifdef __cplusplus\n}\n"
FUNCTION = "RELAY_SINCE(1, 0) uint32_t relay_worker_count(const struct relay_self *self); /* [relay] */\n"
LAST = "    uint64_t packets_sent, packets_lost;\n"  # of relay_peer_stats
LAST_HOOK = "    int (*choose_source)(struct relay_worker *worker, const struct relay_choice *choice);\n"
BREAKS = {
    "a function that is gone": (FUNCTION, ""),
    "another parameter": (FUNCTION, FUNCTION.replace("self)", "self, int more)")),
    "another result": (FUNCTION, FUNCTION.replace("uint32_t", "uint64_t")),
    "a member in the middle": (LAST, LAST.replace("packets_sent,", "packets_sent, more,")),
    "members of another type": (LAST, LAST.replace("uint64_t", "uint32_t")),
    "a member that is gone": ("    uint32_t peer_slot_bytes, viewer_slot_bytes,", "    uint32_t peer_slot_bytes,"),
    "a member with another name": (LAST, LAST.replace("lost", "gone")),
    "a struct without a size that grows": ("    bool unused;\n};", "    bool unused;\n    int more;\n};"),
    "a member in what was padding": ("    bool unused;\n};", "    bool unused, more;\n};"),
    "an enum value in the middle": ("    RELAY_ALLOW, ", "    RELAY_MAYBE,\n    RELAY_ALLOW, "),
    "an enum value that is gone": (", RELAY_TRACE };", " };"),
    "another limit": ("RELAY_KEY_BYTES = 128", "RELAY_KEY_BYTES = 256"),
}
ADDED = {
    "a function": (END, f"\nRELAY_SINCE(1, 1) int relay_new_thing(int argument);\n{END}"),
    "a struct with its function": (END, "\nstruct relay_thing {\n    uint32_t size;\n};\n"
                                        f"RELAY_SINCE(1, 1) int relay_new_thing(struct relay_thing *thing);\n{END}"),
    "an enum value at the end": (", RELAY_TRACE };", ", RELAY_TRACE, RELAY_NOISE };"),
    "a member at the end of a struct with its size": (LAST, LAST + "    uint64_t more;\n"),
    "a hook": (LAST_HOOK, LAST_HOOK + "    void (*more)(struct relay_worker *worker);\n"),
    "a limit": ("    RELAY_GROUPS_MAX = 16,", "    RELAY_GROUPS_MAX = 16,\n    RELAY_THINGS_MAX = 3,"),
}


def raised(header, part, by=1):
    number = border.versions(header)[0 if part == "MAJOR" else 1]
    return changed(header, f"#define RELAY_ABI_{part} {number}\n", f"#define RELAY_ABI_{part} {number + by}\n")


@on_this_machine
def the_guard_sees_what_breaks_modules():
    header = read(HEADER)
    dump = dump_of(header, "before")
    for what, (old, new) in BREAKS.items():
        after = changed(header, old, new)
        for same_major in (after, raised(after, "MINOR")):
            problem = judge(dump, same_major, "after")
            check(problem and "RELAY_ABI_MAJOR" in problem and RENEW in problem, f"{what} is not seen: {problem}")
        check_equal(judge(dump, raised(after, "MAJOR"), "after"), None, f"{what}, with a higher major version")


@on_this_machine
def the_guard_sees_additions():
    header = read(HEADER)
    dump = dump_of(header, "before")
    for what, (old, new) in ADDED.items():
        after = changed(header, old, new)
        problem = judge(dump, after, "after")
        check(problem and "RELAY_ABI_MINOR" in problem and RENEW in problem, f"{what} is not seen: {problem}")
        check_equal(judge(dump, raised(after, "MINOR"), "after"), None, f"{what}, with a higher minor version")


@on_this_machine
def the_guard_sees_a_version_that_goes_back():
    header = read(HEADER)
    problem = judge(dump_of(raised(header, "MINOR"), "before"), header, "after")
    check(problem and "went back" in problem, f"it is not seen: {problem}")
    check_equal(judge(dump_of(header, "before"), header, "after"), None, "nothing has changed")


TESTS = [the_abi_is_the_one_of_the_dump, the_guard_sees_what_breaks_modules, the_guard_sees_additions,
         the_guard_sees_a_version_that_goes_back]
