# SPDX-License-Identifier: MIT OR Apache-2.0
"""The auth module with keys: who gets in, what each may do, and how keys change while the relay runs."""

import os
import signal
import time

from authkit import *

VERSIONS = ("02", "03", "04")
FIXTURES = ("demo/track", "other/track", "open/track", "demonstration/track")


# ---- The matrix --------------------------------------------------------------------------------------------------

class Pass:
    """A token, and what it should be good for: prefixes to publish and to watch, or why it is refused (counter and words)."""

    def __init__(self, token, publish=(), subscribe=(), refused=None):
        self.token, self.publish, self.refused = token, list(publish), refused
        self.subscribe = [*subscribe, "open"]


def covers(prefixes, path):
    parts = path.split("/")
    return any(parts[:len(prefix.split("/")) if prefix else 0] == (prefix.split("/") if prefix else []) for prefix in prefixes)


def good_passes(first, second, secret):
    everything = ["--publish", "", "--subscribe", ""]
    return {
        "none": Pass(None),
        "all": Pass(first.sign(*everything), [""], [""]),
        "second key": Pass(second.sign(*everything), [""], [""]),
        "a secret": Pass(secret.sign(*everything), [""], [""]),
        "demo": Pass(first.sign("--root", "demo", *everything), ["demo"], ["demo"]),
        "publish only": Pass(first.sign("--root", "demo", "--publish", ""), ["demo"], []),
        "subscribe only": Pass(first.sign("--root", "demo", "--subscribe", ""), [], ["demo"]),
        "another root": Pass(first.sign("--root", "other", *everything), ["other"], ["other"]),
        "half a part": Pass(first.sign("--root", "dem", *everything), ["dem"], ["dem"]),
        "the way up": Pass(first.sign("--root", "other", "--publish", "../demo", "--subscribe", "../demo"), ["other/../demo"], ["other/../demo"]),
        "an escape": Pass(first.sign("--publish", "demo%2Ftrack", "--subscribe", "%64emo"), ["demo%2Ftrack"], ["%64emo"]),
        "empty parts": Pass(first.sign("--root", "//demo//", "--subscribe", "//track//"), [], ["demo/track"]),
    }


def bad_passes(first, secret):
    everything = ["--publish", "", "--subscribe", ""]
    good = first.sign(*everything)
    stranger = Key("matrix", first.kid, "ES256", name="stranger")
    unknown = Key("matrix", "unknown", "ES256")
    claims = {"put": "", "get": ""}
    with open(first.public, "rb") as file:
        public = file.read()
    coordinates = first.jwk()["x"].encode() + first.jwk()["y"].encode()
    return {
        "the wrong key": Pass(stranger.sign(*everything), refused=("signature", "signature")),
        "no signature": Pass(encode({"alg": "none"}) + "." + encode(claims) + ".", refused=("algorithm", "not signed")),
        "no signature, kid": Pass(encode({"alg": "none", "kid": first.kid}) + "." + encode(claims) + ".", refused=("algorithm", "not signed")),
        "another algorithm": Pass(with_header(good, alg="ES384"), refused=("algorithm", "signed by ES384, its key (kid a) is for ES256")),
        "HS256 by the public key": Pass(hs256(public, claims, kid=first.kid), refused=("algorithm", "signed by HS256, its key")),
        "HS256 by the public key, no kid": Pass(hs256(public.strip(), claims), refused=("signature", "(HS256, kid none)")),
        "HS256 by coordinates": Pass(hs256(coordinates, claims, kid=first.kid), refused=("algorithm", "signed by HS256, its key")),
        "HS256 by nothing": Pass(hs256(b"", claims, kid=secret.kid), refused=("signature", "signature")),
        "other claims": Pass(with_claims(good, get="", put="", cluster=True), refused=("signature", "signature")),
        "expired": Pass(first.sign(*everything, "--expires", in_seconds(-2)), refused=("expired", "(exp)")),
        "not valid yet": Pass(first.sign(*everything, "--not-before", "1h"), refused=("early", "(nbf)")),
        "an unknown kid": Pass(unknown.sign(*everything), refused=("key", "(kid unknown)")),
        "garbage": Pass("garbage", refused=("form", "not three parts")),
        "twice": Pass(good + "&jwt=" + good, refused=("form", "jwt is in the URL's query twice")),
    }


def asked(probe, relay, name, rights, scheme, version):
    """Opens a client for each action; returns their IDs."""
    common = {"token": rights.token, "version": version, "scheme": scheme}
    mine = f"demo/by-{name.replace(' ', '-').replace(',', '')}-{scheme}-{version}"
    return {
        "connect": probe.ask(relay, "connect", **common),
        "announce": (probe.ask(relay, "announce", mine, **common), mine),
        **{(action, path): probe.ask(relay, action, path, **common)
           for action in ("subscribe", "fetch", "info") for path in ("demo/track", "open/track")},
        "watch": probe.ask(relay, "watch", "-", **common),
    }


def check_refused(probe, clients, rights, cell):
    for what, client in clients.items():
        words = probe.hear(client[0] if what == "announce" else client)
        check(words.startswith("lost: "), f"{cell}, {what}: not refused: {words}")


def check_allowed(probe, clients, rights, cell):
    check_equal(probe.hear(clients["connect"]), "in", f"{cell}, connect")
    check_equal(probe.hear(clients["announce"][0]), "in", f"{cell}, announce")
    for (action, path), client in ((key, client) for key, client in clients.items() if isinstance(key, tuple)):
        expected = {"info": "latest 0"}.get(action, "frame hello") if covers(rights.subscribe, path) else "no: "
        words = probe.hear(client)
        check(words.startswith(expected), f"{cell}, {action} {path}: {words} instead of {expected}")
    for path in FIXTURES:
        if covers(rights.subscribe, path):
            probe.wait_until_said(clients["watch"], f"+ {path}")


def check_cell(probe, relay, name, rights, observed):
    """One kind of token, in each version and on both transports; raw QUIC has no URL, and thus no token."""
    everybody = Pass(None)
    cells = [(f"{name} ({scheme}, {version})", everybody if scheme == "moqf" else rights, asked(probe, relay, name, rights, scheme, version))
             for scheme in ("https", "moqf") for version in VERSIONS]
    for cell, here, clients in cells:
        (check_refused if here.refused is not None else check_allowed)(probe, clients, here, cell)
        if here.refused is None:
            observed[clients["announce"][1]] = covers(here.publish, "demo/x")
    return [(cell, here, clients) for cell, here, clients in cells if here.refused is None]


def check_watchers(probe, cells, published):
    """Nobody was told of a path that they may not watch."""
    for cell, rights, clients in cells:
        told = {line[2:] for line in probe.said(clients["watch"]) if line.startswith("+ ")}
        check_equal(sorted(path for path in told if not covers(rights.subscribe, path)), [], f"{cell}: paths told of")


def matrix_keys():
    keys = [Key("matrix", *key) for key in (("a", "ES256"), ("b", "EdDSA"), ("c", "HS256"))]
    return *keys, key_set(scratch("matrix.jwks"), *keys)


def matrix(workers):
    first, second, secret, keys = matrix_keys()
    relay = relay_with_auth(f"matrix-{workers}", f'{{ keys: {keys}, anonymous: {{ subscribe: ["open/**"] }} }}', workers=workers,
                            more="log: { level: debug }\n")
    probe, passes = Probe(), {**good_passes(first, second, secret), **bad_passes(first, secret)}
    all_rights = passes["all"].token
    probe.publish(relay, *FIXTURES, token=all_rights)
    observer = probe.ask(relay, "watch", "-", token=all_rights)
    observed, cells = {}, []
    for name, rights in passes.items():
        before = relay.stats()["modules"]["auth"]
        cells += check_cell(probe, relay, name, rights, observed)
        if rights.refused:
            counter = "denied_" + rights.refused[0]
            check_equal(relay.stats()["modules"]["auth"][counter] - before[counter], 9 * len(VERSIONS), f"{name}: {counter}")
    for path, is_allowed in observed.items():
        if is_allowed:
            probe.wait_until_said(observer, f"+ {path}")
    wait_until(lambda: relay.stats()["announcements_denied"] == list(observed.values()).count(False), 15, f"not all is refused: {relay.stats()}")
    told = {line[2:] for line in probe.said(observer)}
    check_equal([path for path, is_allowed in observed.items() if not is_allowed and path in told], [], "forbidden announcements")
    check_watchers(probe, cells, FIXTURES)
    probe.end()
    check_equal(relay.end(), 0, "exit status")
    check_no_secrets(relay, *(rights.token for rights in passes.values()))


def each_may_do_what_the_token_says_on_one_worker():
    matrix(1)


def each_may_do_what_the_token_says_on_four_workers():
    matrix(4)


def peer_and_log_are_told_which_check_failed():
    first, _, secret, keys = matrix_keys()
    relay, probe = relay_with_auth("words", f"{{ keys: {keys} }}", more="log: { level: trace }\n"), Probe()
    passes = bad_passes(first, secret)
    for name, rights in passes.items():
        time.sleep(0.12)  # one place in the code logs ten lines a second
        words = probe.get(relay, "connect", token=rights.token)
        check(words.startswith("lost: ") and rights.refused[1] in words, f"{name}: the peer is told {words}")
        wait_until(lambda: any("is refused" in line and rights.refused[1] in line for line in relay.err), 1, f"{name}: {relay.err[-3:]}")
    probe.end()
    relay.stop()
    check_no_secrets(relay, *(rights.token for rights in passes.values()))


def nobody_comes_in_without_a_token_if_nothing_is_for_everybody():
    key = Key("alone", "a", "ES256")
    relay = relay_with_auth("alone", f"{{ keys: {key.public} }}")
    probe = Probe()
    for scheme, why in (("https", "no token: the URL needs one"), ("moqf", "no token: raw QUIC has no place for one")):
        words = probe.get(relay, "connect", scheme=scheme)
        check(words.startswith("lost: ") and why in words, f"a peer by {scheme} without a token: {words}")
    check(probe.get(relay, "connect", token="").startswith("lost: "), "an empty token is none")
    check_equal(probe.get(relay, "connect", token=key.sign("--subscribe", "")), "in", "with a token")
    relay.wait_for("is refused: no token")
    check_equal(denials(relay), {"denied_no_token": 3}, "refusals")
    probe.end()
    relay.stop()


def a_private_key_where_a_public_one_will_do_is_told():
    key = Key("private", "a", "ES256")
    for file, is_told in ((key.public, False), (key.private, True)):
        relay = relay_with_auth("private", f"{{ keys: {file} }}")
        check_equal(any("has a private key" in line for line in relay.err), is_told, f"a warning about {file}")
        relay.stop()


def everybody_may_do_what_is_for_everybody():
    relay = relay_with_auth("open", '{ anonymous: { publish: ["demo/in"], subscribe: ["**"] } }')
    probe = Probe()
    probe.publish(relay, "demo/in/x")
    check_equal(probe.get(relay, "announce", "demo/inner"), "in", "whose announcement is ignored")
    for scheme in ("https", "moqf"):
        check_equal(probe.get(relay, "subscribe", "demo/in/x", scheme=scheme), "frame hello", f"watching by {scheme}")
    wait_until(lambda: relay.stats()["announcements_denied"] == 1, 15, "the other announcement is refused")
    check(probe.get(relay, "connect", token="a.b.c").startswith("lost: "), "there is no key for any token")
    probe.end()
    relay.stop()


def names_are_compared_part_by_part_as_they_are():
    key = Key("tricks", "a", "ES256")
    relay = relay_with_auth("tricks", f"{{ keys: {key.public} }}", more="limits: { wait: 300ms }\n")
    probe, everything = Probe(), key.sign("--publish", "", "--subscribe", "")
    mine = key.sign("--root", "other", "--publish", "", "--subscribe", "")
    probe.publish(relay, "demo/track", "other/track", token=everything)
    check_equal(probe.get(relay, "subscribe", "other/track", token=mine), "frame hello", "its own")
    tricks = ["demo/track", "other/../demo/track", "../demo/track", "{}/demo/track", "demo/track/", "other//track", "other/./track",
              "other%2Ftrack", "other{2f}track", "other{2f}..{2f}demo/track", "%64emo/track", "OTHER/track", "othe/track", "others/track",
              "./other/track", "other{00}/track"]
    asked = {(action, path): probe.ask(relay, action, path, token=mine) for path in tricks for action in ("subscribe", "info", "fetch")}
    for (action, path), client in asked.items():
        words = probe.hear(client)
        check(words.startswith("no: "), f"{action} {path}: {words}")
    observer = probe.ask(relay, "watch", "-", token=everything)
    for path in tricks:
        check_equal(probe.get(relay, "announce", path.replace("track", "new"), token=mine), "in", f"announcing {path}")
    inside = [path.replace("track", "new") for path in tricks if path.startswith("other/")]
    for path in inside:
        probe.wait_until_said(observer, f"+ {path}")
    wait_until(lambda: relay.stats()["announcements_denied"] == len(tricks) - len(inside), 15, f"the others are refused: {relay.stats()}")
    check_equal(sorted(line[2:] for line in probe.said(observer) if line.endswith("new")), sorted(inside), "announced")
    probe.end()
    relay.stop()


def compile_guests():
    out = scratch("guest.so")
    status, _, err = run(["cc", "-std=c11", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-I", os.path.join(TOP, "server/include"),
                          os.path.join(TOP, "tests/e2e/guest.c"), "-o", out])
    check_equal(status, 0, f"compiling guest.c: {err}")
    return out


def guests_of_other_modules_are_asked_too():
    key, guests = Key("guests", "a", "ES256"), compile_guests()
    good, other = key.sign("--publish", "demo", "--subscribe", ""), key.sign("--publish", "other")
    short = key.sign("--publish", "demo", "--expires", in_seconds(4))
    credentials = ["none", good, other, with_claims(good, put=""), "?jwt=" + good, short, "long"]
    listed = ", ".join(f'"{credential}"' for credential in credentials)
    relay = relay_with_auth("guests", f"{{ keys: {key.public} }}", f"{guests}: {{ path: demo/in, credentials: [{listed}] }}")
    for number, words in enumerate(("refused: no token", "allowed", "allowed", "refused: the token's signature", "allowed", "allowed",
                                    "refused: the token is longer")):
        relay.wait_for(f"guest: number {number} is {words}")
    relay.wait_for("guest: number 2 is not offered")
    probe = Probe()
    for number in (1, 4):
        check_equal(probe.get(relay, "subscribe", f"demo/in/{number}", token=good), "frame hello", f"watching guest {number}")
    relay.wait_for("guest: number 5 is closed: ")
    check_equal(denials(relay), {"denied_no_token": 1, "denied_signature": 1, "denied_size": 1}, "refusals")
    probe.end()
    relay.stop()
    check_no_secrets(relay, good, other, short)


def a_session_ends_when_its_token_expires():
    key = Key("expiry", "a", "EdDSA")
    relay = relay_with_auth("expiry", f"{{ keys: {key.public} }}")
    probe = Probe()
    probe.publish(relay, "demo/track", token=key.sign("--publish", ""))
    token = key.sign("--subscribe", "", "--expires", in_seconds(3))
    viewer = probe.ask(relay, "view", "demo/track", token=token)
    probe.wait_until_said(viewer, "frame hello")
    probe.wait_until_said(viewer, "lost: ")
    check("token expired" in probe.said(viewer)[-1], f"why: {probe.said(viewer)}")
    check_equal(relay.stats()["sessions_expired"], 1, "counted")
    check(probe.get(relay, "connect", token=token).startswith("lost: "), "it gets in again")
    probe.end()
    relay.stop()
    check_no_secrets(relay, token)


def more_than_a_session_can_be_granted_is_refused():
    key = Key("large", "a", "EdDSA")
    lists = ", ".join(f"open/{number}" for number in range(40))
    relay = relay_with_auth("large", f"{{ keys: {key.public}, anonymous: {{ subscribe: [{lists}] }} }}")
    paths = [word for number in range(30) for word in ("--subscribe", f"p{number}")]
    probe = Probe()
    check_equal(probe.get(relay, "connect", token=key.sign(*paths[:40])), "in", "60 paths")
    check(probe.get(relay, "connect", token=key.sign(*paths)).startswith("lost: "), "70 paths")
    check(probe.get(relay, "connect", token=key.sign("--subscribe", "/".join("x" * 33))).startswith("lost: "), "33 parts")
    check_equal(denials(relay), {"denied_grants": 2}, "refusals")
    probe.end()
    relay.stop()


# ---- Keys that change --------------------------------------------------------------------------------------------

def comes_in(probe, relay, token):
    return probe.get(relay, "connect", token=token) == "in"


def count_lines(relay, text):
    return sum(text in line for line in relay.err)


def replaced_keys_count_from_then_on():
    old, new = Key("change", "old", "ES256"), Key("change", "new", "EdDSA")
    keys, link = key_set(scratch("change/now.jwks"), old), scratch("change/link.jwks")
    with_old, with_new = old.sign("--subscribe", ""), new.sign("--subscribe", "")
    relay = relay_with_auth("change", f"{{ keys: {keys} }}")
    probe = Probe()
    check(comes_in(probe, relay, with_old) and not comes_in(probe, relay, with_new), "at first the old key holds")
    os.replace(key_set(keys + ".part", old, new), keys)
    relay.wait_for("new keys, 2 in use")
    check(comes_in(probe, relay, with_old) and comes_in(probe, relay, with_new), "then both")
    os.replace(key_set(keys + ".part", new), keys)
    relay.wait_for("new keys, 1 in use")
    check(not comes_in(probe, relay, with_old) and comes_in(probe, relay, with_new), "then the new one")
    os.symlink(key_set(scratch("change/first.jwks"), old), link)
    write_auth_config(relay.path, relay.port, f"{{ keys: {link} }}")
    relay.send(signal.SIGHUP)
    relay.wait_for("reloaded: 1 settings changed")
    check(comes_in(probe, relay, with_old) and not comes_in(probe, relay, with_new), "a reload names another file")
    os.symlink(key_set(scratch("change/second.jwks"), new), link + ".part")
    os.replace(link + ".part", link)
    relay.wait_for("link.jwks: new keys, 1 in use")
    check(not comes_in(probe, relay, with_old) and comes_in(probe, relay, with_new), "a symbolic link leads to another file")
    check_equal(relay.stats()["modules"]["auth"]["key_reloads"], 3, "counted")
    probe.end()
    relay.stop()


def keys_that_cannot_be_read_change_nothing():
    first, second = Key("broken", "a", "ES256"), Key("broken", "b", "EdDSA")
    keys = key_set(scratch("broken/now.jwks"), first)
    with open(keys) as file:
        whole = file.read()
    token, other = first.sign("--subscribe", ""), second.sign("--subscribe", "")
    relay = relay_with_auth("broken", f"{{ keys: {keys} }}")
    probe = Probe()
    with open(keys, "w") as file:
        file.write(whole[:len(whole) // 2])
        file.flush()
        relay.wait_for("the keys that were read before stay in use")
        check(comes_in(probe, relay, token), "the old keys stay")
        time.sleep(2.5)
        check_equal(count_lines(relay, "stay in use"), 1, "lines about it")
        file.write(whole[len(whole) // 2:])
    relay.wait_for("new keys, 1 in use")
    os.remove(keys)
    wait_until(lambda: count_lines(relay, "stay in use") == 2, 15, "that the file is gone is said")
    check(comes_in(probe, relay, token), "the old keys stay")
    write_auth_config(relay.path, relay.port, f'{{ keys: {keys}, anonymous: {{ subscribe: ["x"] }} }}')
    relay.send(signal.SIGHUP)
    relay.wait_for("the old one stays in use")
    check(probe.get(relay, "connect").startswith("lost: "), "nothing of the new configuration holds")
    key_set(keys, second)
    wait_until(lambda: count_lines(relay, "new keys, 1 in use") == 2, 15, "the file is back")
    check(comes_in(probe, relay, other) and not comes_in(probe, relay, token), "its keys hold")
    probe.end()
    relay.stop()
    with open(first.private) as file:
        check_no_secrets(relay, token, other, file.read())


def a_pipe_in_the_place_of_the_keys_is_not_waited_for():
    key = Key("pipe", "a", "ES256")
    keys = key_set(scratch("pipe/now.jwks"), key)
    token, pipe = key.sign("--subscribe", ""), scratch("pipe/pipe")
    relay = relay_with_auth("pipe", f"{{ keys: {keys} }}")
    probe = Probe()
    os.mkfifo(pipe)
    os.replace(pipe, keys)
    relay.wait_for("it is not a regular file; the keys that were read before stay in use")
    check(comes_in(probe, relay, token), "the old keys stay")
    relay.send(signal.SIGHUP)
    relay.wait_for("the old one stays in use")
    check(comes_in(probe, relay, token), "a reload changes nothing")
    status, _, err = run([program("moq-relay"), "--check", relay.path], seconds=5)
    check(status != 0 and ".yaml:7:" in err and "not a regular file" in err, f"a start: {err}")
    probe.end()
    relay.stop()


def a_configuration_that_makes_no_sense_is_explained():
    key = Key("check", "a", "ES256")
    broken = scratch("broken.pem")
    with open(broken, "w") as file:
        file.write("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
    cases = [
        ("{}", "nobody could come in"),
        (f'{{ keys: {key.public}, callback: {{ url: "http://127.0.0.1:1/" }} }}', "auth.callback.url: tokens are checked with keys or by"),
        ('{ callback: { url: "ftp://127.0.0.1/" } }', "auth.callback.url: no URL such as"),
        ('{ callback: { url: "auth.example/path" } }', "auth.callback.url: no URL such as"),
        (f'{{ keys: {key.public}, callback: {{ ca: {key.public} }} }}', "auth.callback.ca: there is no callback.url"),
        ('{ callback: { url: "https://127.0.0.1/", ca: /dev/null } }', "auth.callback.ca: cannot read /dev/null: it is not a regular file"),
        ('{ callback: { url: "https://127.0.0.1/", ca: /etc/passwd } }', ".yaml:7:56: modules[0].auth.callback.ca: there are no certificates in"),
        (f'{{ callback: {{ url: "https://127.0.0.1/", ca: {broken} }} }}', f"auth.callback.ca: there are no certificates in {broken} that"),
        ('{ anonymous: { publish: ["demo/*"], subscribe: ["a"] } }', "auth.anonymous.publish[0]: demo/*: a '*' may stand only"),
        ("{ keys: /nothing.jwk }", 'auth.keys: cannot read "/nothing.jwk"'),
        (f"{{ keys: {__file__} }}", "neither JSON nor base64url"),
    ]
    for auth, expected in cases:
        path = scratch("check.yaml")
        write_auth_config(path, free_port(), auth)
        for argv in (["--check", path], [path]):
            status, _, err = run([program("moq-relay"), *argv])
            check(status == 2 and expected in err, f"{auth}: {status} {err}")


# ---- Under stress ------------------------------------------------------------------------------------------------

def bad_tokens_do_no_harm_to_viewers():
    key = Key("flood", "a", "ES256")
    relay = relay_with_auth("flood", f"{{ keys: {key.public} }}", "clock: { path: demo/clock }")
    viewing, knocking = Probe(), Probe()
    good = key.sign("--subscribe", "")
    bad = with_claims(good, get=["", "x"])
    viewers = [viewing.ask(relay, "view", "demo/clock", token=good) for _ in range(8)]
    for viewer in viewers:
        viewing.wait_until_said(viewer, "frame ")
    began, count = time.monotonic(), 0
    while time.monotonic() - began < 4:
        clients = [knocking.ask(relay, "connect", token=bad) for _ in range(100)]
        check(all(knocking.hear(client, 30).startswith("lost: ") for client in clients), "a bad token gets in")
        count += len(clients)
    rate = count / (time.monotonic() - began)
    print(f"           {rate:.0f} connects per second were refused", flush=True)
    check_equal(relay.stats()["modules"]["auth"]["denied_signature"], count, "refused")
    for viewer in viewers:
        check_seconds_are_whole(viewing.said(viewer))
    viewing.end()
    knocking.end()
    relay.stop()
    check_no_secrets(relay, good, bad)


def check_seconds_are_whole(said):
    """Frames of the clock: "2026-11-30 04:10:" begins a minute, then its seconds come one by one."""
    seconds = [int(line[6:]) for line in said if line.startswith("frame ") and len(line) == 8]
    check(len(seconds) >= 4, f"the viewer sees too little: {said}")
    for before, after in zip(seconds, seconds[1:]):
        check_equal(after, (before + 1) % 60, f"the second after {before}")
    check(not any(line.startswith(("lost", "no")) for line in said), f"the viewer was harmed: {said}")


TESTS = [
    each_may_do_what_the_token_says_on_one_worker,
    each_may_do_what_the_token_says_on_four_workers,
    peer_and_log_are_told_which_check_failed,
    nobody_comes_in_without_a_token_if_nothing_is_for_everybody,
    a_private_key_where_a_public_one_will_do_is_told,
    everybody_may_do_what_is_for_everybody,
    names_are_compared_part_by_part_as_they_are,
    guests_of_other_modules_are_asked_too,
    a_session_ends_when_its_token_expires,
    more_than_a_session_can_be_granted_is_refused,
    replaced_keys_count_from_then_on,
    keys_that_cannot_be_read_change_nothing, a_pipe_in_the_place_of_the_keys_is_not_waited_for,
    a_configuration_that_makes_no_sense_is_explained,
    bad_tokens_do_no_harm_to_viewers,
]

if __name__ == "__main__":
    main(TESTS)
