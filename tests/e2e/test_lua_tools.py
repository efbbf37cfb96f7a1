# SPDX-License-Identifier: MIT OR Apache-2.0
"""Tests of scripts, by moq-lua-test, and what scripts require of the installation."""

import os

from moqkit import TOP, check, check_equal, main, program, run, scratch


def write(name, text):
    path = scratch(name)
    with open(path, "w") as file:
        file.write(text)
    return path


def tested(*arguments):
    status, out, err = run([program("moq-lua-test"), *arguments], 60)
    return status, out.decode(), err


def a_test_that_fails_says_where():
    policy = write("policy.lua", 'local relay = require "relay"\nrelay.on("subscribe", function(viewer, want) return { latncy = 5 } end)\n'
                   'relay.on("connect", function(peer) if peer.path == "/loop" then while true do end end end)\n')
    test = write("failing_test.lua", 'local test = require "test"\n'
                 'test.case("good", function() test.equal({ 1, { a = 2 } }, { 1, { a = 2 } }) end)\n'
                 'test.case("bad", function()\n  test.equal(1, 2, "sums")\nend)\n'
                 'test.case("fault", function() test.load("policy.lua"):connect():subscribe("a") end)\n'
                 'test.case("budget", function() test.load("policy.lua"):connect { path = "/loop" } end)\n'
                 'test.case("expected", function() test.fails("no field", function() test.load("policy.lua"):connect():subscribe("a") end) end)\n'
                 'test.case("no file", function() test.load("nothing.lua") end)\n')
    status, out, _ = tested(test)
    check_equal(status, 1, "the status of tests that fail")
    for words in ("ok 1 - ", "not ok 2 - ", "failing_test.lua:4: sums: expected 2, got 1", 'policy.lua:2: there is no field "latncy" here',
                  "policy.lua:3: it has run for longer than its budget of 5 ms", "ok 5 - ", "nothing.lua: cannot be read", "2 passed, 4 failed"):
        check(words in out, f"no {words!r} in:\n{out}")
    check(os.path.exists(policy), "the script is still there")


def files_that_are_no_tests_fail():
    for text, words in (("", "it has no tests"), ("return return", "empty_test.lua:1: "), ('error("x")', "empty_test.lua:1: x"),
                        ('require "nothing"', "there is no nothing.lua")):
        status, out, _ = tested(write("empty_test.lua", text))
        check(status == 1 and words in out, f"{text!r}: {status} {out}")
    for arguments in ([], ["--unknown", "x"]):
        status, out, err = tested(*arguments)
        check(status == 2 and "usage: moq-lua-test" in err, f"{arguments}: {status} {err}")
    status, out, _ = tested("--help")
    check(status == 0 and out.startswith("usage: moq-lua-test"), f"--help: {status} {out}")


def a_test_finds_its_helpers():
    folder = scratch("helpers")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "far.lua"), "w") as file:
        file.write("return 'far'")
    write("near.lua", "return 'near'")
    test = write("helper_test.lua", 'local test = require "test"\ntest.case("both", function() test.equal(require("near") .. require("far"), "nearfar") end)\n')
    status, out, _ = tested("--directory", folder, test)
    check_equal(status, 0, f"helpers are found: {out}")
    status, out, _ = tested(test)
    check(status == 1 and "there is no far.lua" in out, f"without the directory: {out}")


def params_are_those_of_relay_yaml():
    write("params.lua", 'local p = require("relay").params\n'
          'print(p.text, p.number, p.yes, p.list[1].deep, #p.list, p.digits == "17", p.none)\n')
    test = write("params_test.lua", 'local test = require "test"\n'
                 'test.case("all kinds", function()\n'
                 '  local policy = test.load("params.lua", { text = "t", number = 1.5, yes = true, list = { { deep = "d" }, 2 }, digits = "17" })\n'
                 '  test.equal(policy:log(), { "t 1.5 true d 2 true nil" })\n'
                 'end)\n'
                 'test.case("none", function() test.fails("params.lua:2", test.load, "params.lua") end)\n'
                 'test.case("functions", function() test.fails("the params of a script are", test.load, "params.lua", { f = print }) end)\n')
    status, out, _ = tested(test)
    check_equal(status, 0, f"params: {out}")


def a_relay_finds_what_is_installed():
    script = write("installed.lua", 'local relay, glob, bucket, ladder = require "relay", require "glob", require "bucket", require "ladder"\n'
                   'assert(glob.match("a/**", "a/b") and bucket.take(bucket.new(1)) and ladder.pick { } == nil)\n')
    config = write("installed.yaml", 'listen: [{ address: "[::]:4443", self_signed: [localhost] }]\nmodules:\n  - lua: { script: ' + script + " }\n")
    status, _, err = run([program("moq-relay"), "--check", config], 20)
    check_equal(status, 0, f"--check: {err}")
    for name in sorted(os.listdir(os.path.join(TOP, "lua/policies"))):
        if not name.endswith("_test.lua"):
            check(os.path.exists(os.path.join(TOP, "lua/policies", name[:-4] + "_test.lua")), f"{name} has no test")


TESTS = [a_test_that_fails_says_where, files_that_are_no_tests_fail, a_test_finds_its_helpers, params_are_those_of_relay_yaml,
         a_relay_finds_what_is_installed]

if __name__ == "__main__":
    main(TESTS)
