#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""usage: module.py PREFIX HELLO.so

Loads a module that was built out of tree, and the installed clock by its name, into the installed relay."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "kit"))
from moqkit import *

prefix, hello = map(os.path.realpath, sys.argv[1:])


def installed(name):
    return os.path.join(prefix, "bin", name)


def a_module_that_was_built_outside_is_loaded_and_asked():
    port = free_port()
    yaml = scratch("installed.yaml")
    with open(yaml, "w") as file:
        file.write(f"modules:\n  - clock: {{ path: time }}\n  - {hello}: {{ greeting: servus }}\n")
    relay = Relay(port=port, argv=[installed("moq-relay"), "--dev", "--bind", f"[::]:{port}", yaml])
    relay.wait_for(f"module hello 1.0 is loaded from {hello}")
    relay.wait_for(f"module clock 1.0 is loaded from {prefix}/")
    watcher = Process([installed("moq-clock"), "--tls-disable-verify", "--path", "time", relay.url()])
    wait_until(lambda: len(watcher.out) >= 2, 10, f"the installed clock does not tick: {watcher.err[-5:]}")
    check_equal(relay.stats()["modules"], {"hello": {"greeted": 1}}, "counters of modules")
    watcher.end()
    relay.wait_for("hello: servus, ")
    relay.wait_for("hello: goodbye, ")
    relay.stop()


del sys.argv[1:]  # they are no names of tests
main([a_module_that_was_built_outside_is_loaded_and_asked])
