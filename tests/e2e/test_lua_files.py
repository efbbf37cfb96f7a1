# SPDX-License-Identifier: MIT OR Apache-2.0
"""A script's files change while the relay runs."""

import os
import shutil
import signal

from luakit import *

VERSION = 'local relay = require "relay"\nrelay.on("connect", function(peer) return false, "%s" end)\n'


def refused_by(relay, version):
    """Waits for a script of this version to be in use."""
    wait_until(lambda: get(relay, "connect") == f"lost: the server answered with status 403: {version}", 20, f"version {version}")


def write_over(path, text):
    """Changes the file itself, as some editors do."""
    with open(path, "w") as file:
        file.write(text)


def a_changed_script_is_used():
    relay = ScriptRelay("watched", VERSION % "one", workers=2)
    refused_by(relay, "one")
    write_script(relay.script, VERSION % "two")  # another file in its place
    refused_by(relay, "two")
    write_over(relay.script, VERSION % "three")
    refused_by(relay, "three")
    check(relay.said("module lua was reloaded"), f"the log tells of it: {relay.err}")
    check_equal(relay.counters()["generation"], 3, "the generation")
    ends_well(relay)


def a_script_that_is_half_written_or_gone_changes_nothing():
    relay = ScriptRelay("broken", VERSION % "one", workers=2)
    refused_by(relay, "one")
    write_over(relay.script, (VERSION % "two")[:-6])
    relay.wait_for("what it had stays in use")
    check(relay.said("broken.lua:"), f"the log has the place: {relay.err}")
    refused_by(relay, "one")
    write_over(relay.script, VERSION % "two")
    refused_by(relay, "two")
    before = len(relay.err)
    os.remove(relay.script)
    wait_until(lambda: any("cannot be read" in line for line in relay.err[before:]), 20, "the deleted file is told")
    refused_by(relay, "two")
    write_over(relay.script, VERSION % "three")
    refused_by(relay, "three")
    check("broken.lua" in relay.counters()["last_error"], "the last error")
    ends_well(relay)


def what_it_requires_is_watched_too():
    folder = scratch("watched-lib")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    helper = os.path.join(folder, "helper.lua")
    write_over(helper, 'return "one"')
    relay = ScriptRelay("requires", 'local relay, word = require "relay", require "helper"\n'
                        'relay.on("connect", function(peer) return false, word end)\n', f"directories: [{folder}]")
    refused_by(relay, "one")
    write_over(helper, 'return "two"')
    refused_by(relay, "two")
    os.remove(helper)
    relay.wait_for("there is no helper.lua")
    refused_by(relay, "two")
    write_over(helper, 'return "three"')  # one that was looked for and comes later
    refused_by(relay, "three")
    ends_well(relay)


def a_link_to_a_folder_is_swapped():
    """As Kubernetes mounts a ConfigMap: policy.lua -> ..data/policy.lua, and ..data -> a folder with a date."""
    folder = scratch("mounted")
    shutil.rmtree(folder, ignore_errors=True)
    for version in ("one", "two"):
        os.makedirs(os.path.join(folder, f"..{version}"))
        write_over(os.path.join(folder, f"..{version}", "policy.lua"), VERSION % version)
    os.symlink("..one", os.path.join(folder, "..data"))
    os.symlink("..data/policy.lua", os.path.join(folder, "policy.lua"))
    relay = ScriptRelay("mounted", "", file=os.path.join(folder, "policy.lua"))
    refused_by(relay, "one")
    os.symlink("..two", os.path.join(folder, "..data_tmp"))
    os.replace(os.path.join(folder, "..data_tmp"), os.path.join(folder, "..data"))
    refused_by(relay, "two")
    ends_well(relay)


def watching_can_be_off():
    relay = ScriptRelay("unwatched", VERSION % "one", "watch: false")
    refused_by(relay, "one")
    write_over(relay.script, VERSION % "two")
    other = ScriptRelay("watched-beside", VERSION % "one")
    refused_by(other, "one")
    write_over(other.script, VERSION % "two")
    refused_by(other, "two")  # by now, the first would have seen it
    refused_by(relay, "one")
    relay.send(signal.SIGHUP)
    refused_by(relay, "two")
    ends_well(relay)
    ends_well(other)


def without_the_shipped_policy_there_is_an_error():
    """A program beside its modules, but without what is installed in share."""
    folder = scratch("bare")
    os.makedirs(folder + "/bin")
    shutil.copy(program("moq-relay"), folder + "/bin/moq-relay")
    os.symlink(os.path.join(os.path.dirname(os.path.dirname(program("moq-relay"))), "lib"), folder + "/lib")
    with open(folder + "/relay.yaml", "w") as file:
        file.write(f'listen: [{{ address: "[::1]:{free_port()}", self_signed: [localhost] }}]\nmodules: [lua]\n')
    for more in (["--check"], []):
        status, _, err = run([folder + "/bin/moq-relay", *more, folder + "/relay.yaml"])
        check(status in (1, 2), f"status {status}")
        check("broadcast.lua" in err and "cannot be read" in err, f"it says {err}")


TESTS = [a_changed_script_is_used, a_script_that_is_half_written_or_gone_changes_nothing, what_it_requires_is_watched_too,
         a_link_to_a_folder_is_swapped, watching_can_be_off, without_the_shipped_policy_there_is_an_error]

if __name__ == "__main__":
    main(TESTS)
