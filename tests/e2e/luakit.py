# SPDX-License-Identifier: MIT OR Apache-2.0
"""Relays with a script, for tests of the module lua."""

import os
import signal

from authkit import *

POLICIES = os.path.join(TOP, "lua/policies")


def write_script(path, text):
    with open(path + ".new", "w") as file:
        file.write(text)
    os.replace(path + ".new", path)
    return path


def write_config(name, port, script, settings, modules, workers):
    path = scratch(name + ".yaml")
    more = "".join(f", {setting}" for setting in settings)
    with open(path, "w") as file:
        file.write(f'listen:\n  - address: "[::]:{port}"\n    self_signed: [localhost]\nhttp: {{ address: listen }}\nworkers: {workers}\n'
                   "modules:\n" + "".join(f"  - {module}\n" for module in modules) + f"  - lua: {{ script: {script}{more} }}\n")
    return path


class ScriptRelay(Relay):
    """A relay with a script behind other modules, and with the clock as something to watch."""

    def __init__(self, name, text, *settings, modules=("clock: { path: demo/clock }",), workers=1, file=None):
        port = free_port()
        self.script = file or write_script(scratch(name + ".lua"), text)
        self.path = write_config(name, port, self.script, settings, modules, workers)
        super().__init__(port=port, argv=[program("moq-relay"), self.path])

    def reload(self, text, said="reloaded: "):
        write_script(self.script, text)
        before = len(self.err)
        self.send(signal.SIGHUP)
        wait_until(lambda: any(said in line for line in self.err[before:]), 15, f"a reload that says {said!r}")
        return self.err[before:]

    def said(self, text):
        return [line for line in self.err if text in line]

    def counters(self):
        return self.stats()["modules"]["lua"]


def get(relay, *question, **more):
    probe = Probe()
    answer = probe.get(relay, *question, **more)
    probe.end()
    return answer


def ends_well(relay):
    relay.stop()
    check(not any("internal error" in line for line in relay.err), f"it does not end in order: {relay.err[-5:]}")
