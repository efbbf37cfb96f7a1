# SPDX-License-Identifier: MIT OR Apache-2.0
"""Shared by the tests of who may do what: relays with the auth module, keys, good and forged tokens, and a client per question."""

import base64
import hashlib
import hmac
import json
import os
import subprocess
import time

from moqkit import *


def write_auth_config(path, port, auth, *modules, workers=4, more=""):
    with open(path, "w") as file:
        file.write(f'listen:\n  - address: "[::]:{port}"\n    self_signed: [localhost]\nhttp: {{ address: listen }}\nworkers: {workers}\n'
                   f"{more}modules:\n" + "".join(f"  - {module}\n" for module in (f"auth: {auth}", *modules)))


def relay_with_auth(name, auth, *modules, workers=4, more=""):
    """A relay with the auth module in front of `modules`. Its file can be written again with write_auth_config."""
    port, path = free_port(), scratch(name + ".yaml")
    write_auth_config(path, port, auth, *modules, workers=workers, more=more)
    relay = Relay(port=port, argv=[program("moq-relay"), path])
    relay.path = path
    return relay


def denials(relay):
    return {name: count for name, count in relay.stats()["modules"]["auth"].items() if name.startswith("denied_") and count}


def check_no_secrets(relay, *secrets):
    """The whole log of the relay has none of these, nor a good piece of one."""
    log = "\n".join(relay.err)
    for secret in secrets:
        for piece in {secret, *secret.split(".")} if secret else ():
            check(len(piece) < 16 or piece not in log, "a token is in the log")


# ---- Keys and tokens ---------------------------------------------------------------------------------------------

def token_tool(*argv):
    status, out, err = run([program("moq-token"), *argv])
    check_equal(status, 0, f"moq-token {argv[0]}: {err}")
    return out.decode().strip()


class Key:
    """A key made by moq-token: `private` and `public` are files."""

    def __init__(self, folder, kid, algorithm, name=None):
        os.makedirs(scratch(folder), exist_ok=True)
        self.kid = kid
        self.private = scratch(f"{folder}/{name or kid}-private.jwk")
        self.public = scratch(f"{folder}/{name or kid}.jwk")
        if algorithm.startswith("HS"):
            self.public = self.private
        public = [] if self.public == self.private else ["--public", self.public]
        if not os.path.exists(self.private):
            token_tool("generate", "--json", "--algorithm", algorithm, "--id", kid, "--out", self.private, *public)

    def sign(self, *claims):
        return token_tool("sign", "--key", self.private, *claims)

    def jwk(self):
        with open(self.public) as file:
            return json.load(file)


def key_set(path, *keys):
    with open(path, "w") as file:
        json.dump({"keys": [key.jwk() for key in keys]}, file)
    return path


def encode(data):
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def hs256(secret, claims, **header):
    signed = encode({"alg": "HS256", "typ": "JWT", **header}) + "." + encode(claims)
    return signed + "." + encode(hmac.new(secret, signed.encode(), hashlib.sha256).digest())


def with_header(token, **changes):
    """The token with another header, and the signature that it had."""
    head, rest = token.split(".", 1)
    header = json.loads(base64.urlsafe_b64decode(head + "=="))
    return encode({**header, **changes}) + "." + rest


def with_claims(token, **changes):
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    return f"{head}.{encode({**claims, **changes})}.{signature}"


# ---- Clients -----------------------------------------------------------------------------------------------------

class Probe(Process):
    """tests/e2e/probe.c: one client for each question, many at a time."""

    def __init__(self):
        super().__init__([os.path.join(os.path.dirname(BIN), "tests", "moq-probe")], stdin=subprocess.PIPE)
        self.read, self.answers, self.count = 0, {}, 0

    def ask(self, relay, action, path="-", token=None, version="any", scheme="https", query=None, page="/"):
        """Opens a client, and returns its ID."""
        self.count += 1
        values = [query] if query else []
        values += [f"jwt={token}"] if token is not None else []
        url = relay.url(page + ("?" + "&".join(values) if values else ""), scheme)
        self.popen.stdin.write(f"{self.count} {version} {action} {path} {url}\n".encode())
        self.popen.stdin.flush()
        return str(self.count)

    def said(self, who):
        lines = list(self.out)
        for line in lines[self.read:]:
            name, _, words = line.partition(" ")
            self.answers.setdefault(name, []).append(words)
        self.read = len(lines)
        return list(self.answers.get(who, []))

    def hear(self, who, seconds=15):
        """The first thing that a client says."""
        wait_until(lambda: self.said(who), seconds, f"client {who} says nothing: {self.err[-3:]}")
        return self.said(who)[0]

    def wait_until_said(self, who, words, seconds=15):
        wait_until(lambda: any(words in line for line in self.said(who)), seconds, f"client {who} does not say {words!r}: {self.said(who)}")

    def get(self, relay, *question, **more):
        return self.hear(self.ask(relay, *question, **more))

    def publish(self, relay, *paths, token=None):
        """Announces each of the paths, which have one frame, and returns when the relay knows them."""
        known = relay.stats()["announcements"]
        for path in paths:
            check_equal(self.get(relay, "announce", path, token=token), "in", f"publishing {path}")
        wait_until(lambda: relay.stats()["announcements"] >= known + len(paths), 15, "the relay does not know what is published")

    def end(self):
        self.popen.stdin.close()
        return self.wait()


def in_seconds(seconds):
    return str(int(time.time() + seconds))
