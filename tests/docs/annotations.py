# SPDX-License-Identifier: MIT OR Apache-2.0
"""lua/lib/relay.d.lua against the sources of the host: each function, hook and field is there, and nothing else."""
import os
import re

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))


def text_of(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read()


def part(text, begin, end):
    return text.partition(begin)[2].partition(end)[0]


def rows(text, array):
    """The names in the rows of an array of C."""
    return set(re.findall(r'\{"(\w+)"', part(text, array, "};")))


def fields(text, name):
    body = part(text + "\n", f"---@class {name}", "\n\n")
    return set(re.findall(r"^---@field (\w+)", body, re.M))


def set_in(text, function):
    """The fields of the table that a function of C makes."""
    body = part(text, f"static void {function}", "\n}\n")
    return set(re.findall(r'(?:set_(?:text|number|flag)\(lua|lua_setfield\(lua, -2), "(\w+)"', body))


def differences(what, annotated, offered):
    for name in sorted(offered - annotated):
        yield f"lua/lib/relay.d.lua: {what} has no {name}"
    for name in sorted(annotated - offered):
        yield f"lua/lib/relay.d.lua: {what} has {name}, which the host does not know"


def problems(annotations=None):
    text = annotations or text_of("lua/lib/relay.d.lua")
    library, view, fields_c = text_of("lua/host/library.c"), text_of("lua/host/view.c"), text_of("lua/host/fields.c")
    answer, script, hooks = text_of("lua/host/answer.c"), text_of("lua/host/script.c"), text_of("lua/host/hooks.c")
    functions = set(re.findall(r"^function relay\.(\w+)\(", text, re.M))
    yield from differences("relay", functions, rows(library, "relay_functions[] ="))
    shared = set(re.findall(r"^function relay\.shared\.(\w+)\(", text, re.M))
    yield from differences("relay.shared", shared, rows(library, "shared_functions[] ="))
    known = set(re.findall(r'\] = "(\w+)"', part(script, "hook_names[SCRIPT_HOOKS] =", "};"))) - {"timer"}
    yield from differences("relay.on", set(re.findall(r'fun\(name: "(\w+)"', text)), known)
    peer = set_in(view, "fill_peer")
    yield from differences("relay.Peer", fields(text, "relay.Peer"), peer | rows(fields_c, "peer_fields[] ="))
    viewer = {"id", "peer", "path", "ladder"} | rows(fields_c, "viewer_fields[] =")
    yield from differences("relay.Viewer", fields(text, "relay.Viewer"), viewer)
    yield from differences("relay.Want", fields(text, "relay.Want"), set_in(hooks, "push_wanted") | {"candidates"})
    table = part(answer, "all_fields[] =", "};")
    for class_names, kind in ((["relay.Policy"], "POLICY"), (["relay.Offer"], "PATH"), (["relay.Grants"], "GRANTS"),
                             (["relay.Change"], "TRACK")):
        offered = set(re.findall(rf'\{{"(\w+)", ANSWER_{kind},', table))
        yield from differences(class_names[0], fields(text, class_names[0]), offered)
    service = set(re.findall(r'\{"(\w+)", ANSWER_(?:TRACK|START|PATH|SOURCE),', table))
    yield from differences("relay.Service", fields(text, "relay.Service"), service)
    candidate, rendition = set_in(text_of("lua/host/choose.c"), "push_candidate") | {"claims"}, set_in(text_of("lua/host/renditions.c"), "push_rendition")
    yield from differences("relay.Candidate", fields(text, "relay.Candidate"), candidate)
    yield from differences("relay.Rendition", fields(text, "relay.Rendition"), rendition)


def rotten():
    """Whether a name too few or too many would be seen."""
    text = text_of("lua/lib/relay.d.lua")
    for begin in ("---@field rtt_ms", "function relay.now", "---@field expires", "---@field kind", "---@field claims", "function relay.shared.add"):
        if list(problems(text.replace(begin, begin[:-1]))) == []:
            yield f"tests/docs/annotations.py does not see a wrong name in: {begin}"
