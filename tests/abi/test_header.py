# SPDX-License-Identifier: MIT OR Apache-2.0
"""relay/module.h by itself, and the programs that say that they have what it declares."""

import border
from abikit import *

STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", f"-I{INCLUDE}"]


def read_header():
    with open(HEADER) as file:
        return file.read()


def exported_by(path):
    """Names that a program exports: (those for modules, the others). Copies of libc's variables do not count."""
    done = subprocess.run(["nm", "-D", "--defined-only", path], capture_output=True, text=True, check=True)
    names = {line.split()[-1] for line in done.stdout.splitlines() if "@" not in line}
    ours = {name for name in names if name.startswith("relay_")}
    return ours, names - ours


def the_relay_exports_what_the_header_declares_and_nothing_else():
    declared = set(border.prototypes(read_header()))
    check(len(declared) > 60, f"only {len(declared)} functions are declared")
    release = os.path.join(os.environ.get("MOQ_RELEASE_BIN") or ".", "moq-relay")
    for path in filter(os.path.exists, (program("moq-relay"), release)):
        exported, others = exported_by(path)
        check_equal(sorted(declared - exported), [], f"declared, but not exported by {path}")
        check_equal(sorted(exported - declared), [], f"exported by {path}, but not declared")
        foreign = {name for name in others if path == release or re.match(r"(moq|karp|quic|core|host|config)_", name)}
        check_equal(sorted(foreign), [], f"exported by {path}")  # sanitizers export much of their own


def every_function_says_since_when():
    text = border.without_comments(read_header())
    versions = border.versions(text)
    for name, (declaration, since) in border.prototypes(text).items():
        check((0, 0) < since <= versions, f"{name} is since {since}, the header is {versions}")
    unmarked = set(re.findall(r"^(?!typedef).*?\b(relay_\w+)\(", re.sub(r"^\s*#.*?(?<!\\)$", "", text, flags=re.M | re.S), re.M))
    unmarked -= set(border.prototypes(text)) | {"relay_log"}
    check_equal(sorted(unmarked), [], "functions without RELAY_SINCE")


def the_header_compiles_alone_without_a_warning():
    for compiler, language, standard in (("cc", "c", "c11"), ("c++", "c++", "c++17"), ("clang", "c", "c11"), ("clang++", "c++", "c++17")):
        if not shutil.which(compiler):
            continue
        source = file_with(f"alone.{language[-1]}", b"#include <relay/module.h>\nint main(void) { return RELAY_ABI_MAJOR; }\n")
        done = subprocess.run([compiler, f"-std={standard}", *STRICT, "-x", language, source], capture_output=True, text=True)
        check_equal(done.returncode, 0, f"{compiler}: {done.stderr[:900]}")


def a_module_in_cxx_is_loaded():
    path = compile_to(scratch("plus.so"), os.path.join(HERE, "plus.cc"), "-shared", compiler="c++", standard="-std=c++17")
    relay = ModuleRelay((path, {"number": 3}))
    relay.stop()
    check_equal(relay.trace.lines(), ["plus start 3", "plus stop"], "its calls")


def a_relay_with_modules_linked_in_needs_no_files():
    """Compiled with what dev/build debug would use, and the objects that the compiler's cache has."""
    build = scratch("linked-in")
    generator = ["-G", "Ninja"] if shutil.which("ninja") else []
    cache = [f"-DCMAKE_C_COMPILER_LAUNCHER={shutil.which('ccache')}"] if shutil.which("ccache") else []
    for argv in (["cmake", "--preset", "debug", "-B", build, *generator, *cache, "-DMOQ_STATIC_MODULES=ON", "-DMOQ_TESTS=OFF"],
                 ["cmake", "--build", build, "-j", os.environ.get("MOQ_JOBS", str(os.cpu_count())), "--target", "moq-relay"]):
        done = subprocess.run(argv, cwd=TOP, capture_output=True, text=True, timeout=120 * PATIENCE)
        check_equal(done.returncode, 0, f"{argv[:2]}: {(done.stdout + done.stderr)[-1500:]}")
    relay = os.path.join(build, "bin", "moq-relay")
    shared = [name for _, _, names in os.walk(build) for name in names if name == "clock.so"]
    check_equal(shared, [], "shared objects of modules")
    port = free_port()
    running = Relay(port=port, argv=[relay, "--dev", "--bind", f"[::]:{port}", configuration(("clock", {"path": "clock"}))])
    running.wait_for("module clock 1.0 is loaded from moq-relay (clock is built in)")
    clock = Process([program("moq-clock"), "--tls-disable-verify", running.url()])
    wait_until(lambda: len(clock.out) >= 2, 10, f"the clock does not tick: {clock.err[-5:]}")
    clock.end()
    running.stop()


TESTS = [the_relay_exports_what_the_header_declares_and_nothing_else, every_function_says_since_when,
         the_header_compiles_alone_without_a_warning, a_module_in_cxx_is_loaded, a_relay_with_modules_linked_in_needs_no_files]
