# SPDX-License-Identifier: MIT OR Apache-2.0
"""Tokens and keys of other programs, both ways: the crate moq-token-cli and npm @moq/token, which have the same claims; and three
that know nothing of us: PyJWT, José and Rhonabwy's rnbyc."""

import base64
import json
import os
import shutil
import subprocess
import sys

from moqkit import *

ALGORITHMS = ("HS256", "HS384", "HS512", "RS256", "PS256", "ES256", "ES384", "EdDSA")
CLAIMS = {"root": "demo", "put": ["alice", "bob"], "get": [""], "exp": 4102444800, "iat": 1700000000}
SIGN = ("--root", "demo", "--publish", "alice", "--publish", "bob", "--subscribe", "", "--expires", "4102444800", "--issued", "1700000000")
CRATE, PACKAGE = "moq-token-cli-0.5.48", "@moq/token@0.2.3"

ours = program("moq-token")
crate = os.path.join(CACHE, "peers", CRATE, "bin", "moq-token")
package = os.path.join(CACHE, "peers", "npm-moq-token-0.2.3")
npm = ["node", os.path.join(package, "node_modules", "@moq", "token", "cli.js")]


def install_package():
    """Once per machine; the crate is built by dev/peers with the others."""
    if not shutil.which("npm") or os.path.exists(npm[1]):
        return
    done = subprocess.run(["npm", "install", "--silent", "--ignore-scripts", "--no-save", "--prefix", package, PACKAGE], capture_output=True, text=True)
    if done.returncode:
        print(f"npm install {PACKAGE} failed: {done.stderr.strip()[-300:]}")
        sys.exit(done.returncode)


def said(argv, stdin=b""):
    status, out, err = run([*argv], stdin=stdin)
    check_equal(status, 0, f"exit status of {' '.join(map(str, argv))} ({err[-400:]})")
    return out.decode().strip()


def fresh(name):
    path = scratch(name)
    if os.path.exists(path):
        os.remove(path)
    return path


def key_of_ours(algorithm, *more):
    path = fresh(f"ours-{algorithm}.jwk")
    said([ours, "generate", "--algorithm", algorithm, "--id", "one", "--out", path, *more])
    return path


def public_of(key, algorithm):
    """What verifies: the public half, or the secret itself."""
    if algorithm.startswith("HS"):
        return key
    path = fresh(f"public-{algorithm}.jwk")
    said([ours, "public", "--key", key, "--out", path])
    return path


def sign_by_ours(key):
    return said([ours, "sign", "--key", key, *SIGN])


def check_claims_by_ours(key, token, expected, words):
    check_equal(json.loads(said([ours, "verify", "--key", key], token.encode())), expected, words)


def the_crate_and_we_read_each_others_keys_and_tokens():
    for algorithm in ALGORITHMS:
        theirs = fresh(f"crate-{algorithm}.jwk")
        said([crate, "generate", "--algorithm", algorithm, "--out", theirs])
        for key in (theirs, key_of_ours(algorithm)):
            public = public_of(key, algorithm)
            shown = said([crate, "verify", "--key", public], sign_by_ours(key).encode())
            for word in ('root: "demo"', '"alice"', '"bob"', "tv_sec: 4102444800", "tv_sec: 1700000000"):
                check(word in shown, f"{algorithm}: no {word} in {shown}")
            check_claims_by_ours(public, said([crate, "sign", "--key", key, *SIGN]), CLAIMS, f"{algorithm} by the crate")


def without_scope(key):
    """A copy of the key that signs everything."""
    with open(key, "rb") as file:
        text = file.read().strip()
    jwk = json.loads(text if text.startswith(b"{") else base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4)))
    del jwk["scope"]
    path = fresh("without-scope.jwk")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(jwk, file)
    return path


def a_scope_holds_on_both_sides():
    theirs, mine = fresh("crate-scope.jwk"), key_of_ours("EdDSA", "--root", "demo", "--publish", "alice")
    said([crate, "generate", "--algorithm", "EdDSA", "--root", "demo", "--publish", "alice", "--out", theirs])
    for key in (theirs, mine):
        public = public_of(key, "EdDSA")
        good = said([ours, "sign", "--key", key, "--root", "demo", "--publish", "alice/cam"])
        bad = said([ours, "sign", "--key", without_scope(key), "--root", "demo", "--publish", "bob"])
        status, _, err = run([ours, "sign", "--key", key, "--root", "demo", "--publish", "bob"])
        check(status == 1 and "beyond the scope of the key" in err, f"ours signs beyond the scope: {status} {err}")
        for who in (ours, crate):
            check_equal(run([who, "verify", "--key", public], stdin=good.encode())[0], 0, f"{who}: a token within the scope")
            check(run([who, "verify", "--key", public], stdin=bad.encode())[0] != 0, f"{who}: a token beyond the scope is good")


def the_package_and_we_read_each_others_keys_and_tokens():
    if not shutil.which("node") or not os.path.exists(npm[1]):
        raise Skipped("npm is missing")
    for algorithm in ALGORITHMS:
        for more in ([], ["--base64"]):
            theirs = fresh(f"npm-{algorithm}.jwk")
            said([*npm, "generate", "--key", theirs, "--algorithm", algorithm, "--id", "two", *more])
            for key in (theirs, key_of_ours(algorithm)):
                public = public_of(key, algorithm)
                shown = json.loads(said([*npm, "verify", "--key", public, "--root", "demo"], sign_by_ours(key).encode()))
                check_equal(shown, CLAIMS, f"{algorithm} by us, read by npm")
                token = said([*npm, "sign", "--key", key, "--root", "demo", "--publish", "alice", "bob", "--subscribe", "", "--expires", "4102444800"])
                claims = json.loads(said([ours, "verify", "--key", public], token.encode()))
                claims["iat"] = CLAIMS["iat"]
                check_equal(claims, CLAIMS, f"{algorithm} by npm, read by us")


PYJWT = """
import json, sys
import jwt
from jwt.algorithms import get_default_algorithms
what, path, name = sys.argv[1:4]
key = get_default_algorithms()[name].from_jwk(open(path).read())
if what == "sign":
    print(jwt.encode(json.load(sys.stdin), key, algorithm=name))
else:
    print(json.dumps(jwt.decode(sys.stdin.read(), key, algorithms=[name])))
"""


def pyjwt(*words, stdin):
    python = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable  # that of the distribution has its packages
    if run([python, "-c", "import jwt, cryptography"])[0] != 0:
        raise Skipped("PyJWT is missing: python3-jwt")
    return said([python, "-c", PYJWT, *words], stdin)


def pyjwt_agrees():
    for algorithm in ALGORITHMS:
        key = fresh(f"json-{algorithm}.jwk")
        said([ours, "generate", "--algorithm", algorithm, "--json", "--out", key])
        public = key
        if not algorithm.startswith("HS"):
            public = fresh(f"json-public-{algorithm}.jwk")
            said([ours, "public", "--key", key, "--json", "--out", public])
        check_equal(json.loads(pyjwt("verify", public, algorithm, stdin=sign_by_ours(key).encode())), CLAIMS, f"{algorithm} by us, read by PyJWT")
        check_claims_by_ours(public, pyjwt("sign", key, algorithm, stdin=json.dumps(CLAIMS).encode()), CLAIMS, f"{algorithm} by PyJWT")


def jose_agrees():
    if not shutil.which("jose"):
        raise Skipped("jose is missing")
    for algorithm in ALGORITHMS[:-1]:  # it has no EdDSA
        theirs, mine = fresh(f"jose-{algorithm}.jwk"), fresh(f"for-jose-{algorithm}.jwk")
        said(["jose", "jwk", "gen", "-i", json.dumps({"alg": algorithm}), "-o", theirs])
        said([ours, "generate", "--algorithm", algorithm, "--json", "--out", mine])
        for key in (theirs, mine):
            token = said(["jose", "jws", "sig", "-I", "-", "-k", key, "-c", "-o", "-"], json.dumps(CLAIMS).encode())
            check_claims_by_ours(key, token, CLAIMS, f"{algorithm} by jose")
            shown = said(["jose", "jws", "ver", "-i", "-", "-k", key, "-O", "-"], sign_by_ours(key).encode())
            check_equal(json.loads(shown), CLAIMS, f"{algorithm} by us, read by jose")


def as_set(path):
    """A copy of a key file as a set of one key."""
    with open(path, encoding="utf-8") as file, open(path + "s", "w", encoding="utf-8") as copy:
        copy.write(f'{{"keys": [{file.read()}]}}')
    return path + "s"


def rnbyc_agrees():
    if not shutil.which("rnbyc"):
        raise Skipped("rnbyc is missing")
    for algorithm in ALGORITHMS:
        key = fresh(f"for-rnbyc-{algorithm}.jwk")
        said([ours, "generate", "--algorithm", algorithm, "--json", "--out", key])
        token = said(["rnbyc", "-s", json.dumps(CLAIMS), "-K", as_set(key), "-a", algorithm])
        check_claims_by_ours(key, token, CLAIMS, f"{algorithm} by rnbyc")
        public = key if algorithm.startswith("HS") else fresh(f"rnbyc-public-{algorithm}.jwk")
        if public != key:
            said([ours, "public", "--key", key, "--json", "--out", public])
        shown = said(["rnbyc", "-t", sign_by_ours(key), "-P", as_set(public)])  # the header, then the claims
        claims = json.JSONDecoder().raw_decode(shown[shown.rindex("\n{") + 1:])[0]
        check_equal(claims, CLAIMS, f"{algorithm} by us, read by rnbyc")


def others_take_apart_what_we_refuse():
    """A token as others make it, changed in one place: nobody takes it, and we neither."""
    key = key_of_ours("ES256")
    head, body, signature = sign_by_ours(key).split(".")
    other = base64.urlsafe_b64encode(json.dumps({**CLAIMS, "root": ""}).encode()).rstrip(b"=").decode()
    for token in (f"{head}.{other}.{signature}", f"{head}.{body}.{signature[:-4]}AAAA", f"{head}.{body}.", f"{head}.{body}"):
        for who in (ours, crate):
            check(run([who, "verify", "--key", public_of(key, "ES256")], stdin=token.encode())[0] == 1, f"{who} took {token}")


TESTS = [the_crate_and_we_read_each_others_keys_and_tokens, a_scope_holds_on_both_sides,
         the_package_and_we_read_each_others_keys_and_tokens, pyjwt_agrees, jose_agrees, rnbyc_agrees, others_take_apart_what_we_refuse]
