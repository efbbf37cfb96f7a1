# SPDX-License-Identifier: MIT OR Apache-2.0
"""moq-token as users run it: keys in files, tokens in pipes, and words for what is wrong."""

import base64
import hashlib
import hmac
import json
import os
import socket
import stat
import subprocess
import time

from moqkit import *

TOKEN = program("moq-token")
ALGORITHMS = ("HS256", "HS384", "HS512", "RS256", "PS256", "ES256", "ES384", "EdDSA")
SECRET = b"a secret that is long enough for HS256"


def fresh(name):
    """A path where nothing is."""
    path = scratch(name)
    if os.path.exists(path):
        os.remove(path)
    return path


def token(*words, stdin=b"", status=0):
    """What `moq-token WORDS` prints; its standard error if it is to fail."""
    actual, out, err = run([TOKEN, *words], stdin=stdin)
    check(actual == status, f"moq-token {' '.join(words)}: {actual} {out} {err}")
    if status == 0:
        check(err == "", f"moq-token {' '.join(words)} also said {err}")
        return out.decode()
    check(out == b"" and len(err.splitlines()) == 1, f"{words}: {out} {err}")
    return err


def generate(name, *more):
    """A new key in a file of this name."""
    path = fresh(name)
    token("generate", "--out", path, *more)
    return path


def plain(text):
    """The JSON behind a key, as an object."""
    text = text.strip()
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def armour(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def secret_file():
    path = scratch("secret.jwk")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"kty": "oct", "alg": "HS256", "kid": "s", "k": armour(SECRET)}, file)
    return path


def forged(header, payload, secret=SECRET):
    """A token with any header and claims, signed by HS256."""
    body = armour(json.dumps(header).encode()) + "." + armour(json.dumps(payload).encode())
    return body + "." + armour(hmac.new(secret, body.encode(), hashlib.sha256).digest())


def what_is_signed_is_verified():
    for algorithm in ALGORITHMS:
        key = generate(f"{algorithm}.jwk", "--algorithm", algorithm, "--id", "one")
        text = token("sign", "--key", key, "--root", "demo", "--publish", "alice", "--publish", "bob", "--subscribe", "",
                     "--cluster", "--expires", "4102444800", "--issued", "1700000000")
        claims = {"root": "demo", "put": ["alice", "bob"], "get": [""], "cluster": True, "exp": 4102444800, "iat": 1700000000}
        for words, stdin in ((("-",), text.encode()), ((), text.encode()), ((text.strip(),), b""), (("--in", "-"), f"\n {text}".encode())):
            check_equal(json.loads(token("verify", "--key", key, *words, stdin=stdin)), claims, f"claims by {algorithm}")


def a_public_half_verifies_and_signs_nothing():
    private, public = fresh("private.jwk"), fresh("public.jwk")
    token("generate", "--algorithm", "ES256", "--out", private, "--public", public)
    check_equal(stat.S_IMODE(os.stat(private).st_mode), 0o600, "mode of a private key")
    with open(public, encoding="utf-8") as file:
        written = file.read()
    check_equal(sorted(plain(written)), ["alg", "crv", "key_ops", "kid", "kty", "x", "y"], "members of a public key")
    check_equal(token("public", "--key", private).strip(), written, "the public half again")
    check_equal(json.loads(token("public", "--key", private, "--json")), plain(written), "the public half as JSON")
    text = token("sign", "--key", private, "--publish", "a")
    check_equal(json.loads(token("verify", "--key", public, stdin=text.encode())), {"root": "", "put": ["a"]}, "claims")
    check("cannot sign" in token("sign", "--key", public, "--publish", "a", status=1), "a public key signed")
    check("no public half" in token("public", "--key", secret_file(), status=1), "a secret has a public half")


def a_key_is_printed_only_where_it_is_wanted():
    key = plain(token("generate"))
    check_equal((key["alg"], len(key["kid"]), key["key_ops"]), ("HS256", 16, ["sign", "verify"]), "a key by default")
    check_equal(json.loads(token("generate", "--json", "--id", "x"))["kid"], "x", "the name of a key")
    check_equal(token("generate", "--out", fresh("quiet.jwk")), "", "output when there is a file")
    check_equal(token("generate", "--key", fresh("as-npm.jwk")), "", "output when there is a file, as with npm @moq/token")


def no_key_is_replaced():
    path = generate("kept.jwk")
    with open(path, "rb") as file:
        before = file.read()
    check("is there already" in token("generate", "--out", path, status=1), "a key was replaced")
    with open(path, "rb") as file:
        check_equal(file.read(), before, "the key")
    check("No such file" in token("generate", "--out", scratch("nowhere/key.jwk"), status=1), "where there is no folder")


def a_full_disk_is_told():
    with open("/dev/full", "wb") as full:
        for words in (("generate",), ("sign", "--key", secret_file(), "--publish", "a"), ("public", "--key", generate("ed.jwk", "--algorithm", "EdDSA"))):
            done = subprocess.run([TOKEN, *words], stdout=full, stderr=subprocess.PIPE, timeout=60)
            check(done.returncode == 1 and b"No space left" in done.stderr, f"{words}: {done}")


def a_set_has_many_keys():
    keys = [json.loads(token("generate", "--json", "--id", name, "--algorithm", algorithm))
            for name, algorithm in (("a", "ES256"), ("b", "EdDSA"), ("c", "ES256"))]
    path = scratch("set.jwk")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"keys": keys + [{"kty": "XYZ"}]}, file)
    status, out, err = run([TOKEN, "sign", "--key", path, "--id", "c", "--publish", "a"])
    check(status == 0 and "key 4 is left out" in err, f"{status} {err}")
    status, out, err = run([TOKEN, "verify", "--key", path], stdin=out)
    check(status == 0 and json.loads(out) == {"root": "", "put": ["a"]}, f"{status} {out} {err}")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"keys": keys}, file)
    check_equal([key["kid"] for key in json.loads(token("public", "--key", path, "--json"))["keys"]], ["a", "b", "c"], "the public set")
    check("no key with the kid d" in token("sign", "--key", path, "--id", "d", "--publish", "a", status=1), "an unknown kid")


def a_bad_token_is_told_by_what_is_bad():
    key, good = secret_file(), {"put": "a"}
    now = time.time()
    rsa = json.loads(token("generate", "--json", "--algorithm", "RS256", "--id", "r"))
    rsa_file = scratch("rsa.jwk")
    with open(rsa_file, "w", encoding="utf-8") as file:
        json.dump(rsa, file)
    for where, text, words in (
            (key, "", "the token is empty"), (key, "a.b", "three parts"), (key, "a" * 9000, "longer than 8192"),
            (key, forged({"alg": "none"}, good), "alg none"), (key, forged({"alg": "HS256"}, good, b"wrong"), "signature"),
            (rsa_file, forged({"alg": "HS256", "kid": "r"}, good, rsa["n"].encode()), "signed by HS256, its key (kid r) is for RS256"),
            (key, forged({"alg": "HS256", "kid": "t"}, good), "unknown key (kid t)"),
            (key, forged({"alg": "HS256", "crit": ["x"]}, good), "(crit)"),
            (key, forged({"alg": "HS256"}, {**good, "exp": now - 1}), "(exp)"),
            (key, forged({"alg": "HS256"}, {**good, "nbf": now + 60}), "(nbf)"),
            (key, forged({"alg": "HS256"}, {"put": 7}), "put is neither"), (key, forged({"alg": "HS256"}, {}), "grants nothing"),
            (key, forged({"alg": "HS256"}, [1]), "not a JSON object")):
        err = token("verify", "--key", where, stdin=text.encode(), status=1)
        check(words in err, f"{words}: {err}")
        check("eyJ" not in err and "secret" not in err.replace(where, ""), f"a secret is shown: {err}")


def nothing_is_fetched():
    """Addresses in the header of a token: nobody calls there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.3)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/keys"
        for more in ({"jku": url}, {"x5u": url}, {"jku": url, "x5u": url, "kid": "s"}):
            out = token("verify", "--key", secret_file(), stdin=forged({"alg": "HS256", **more}, {"put": "a"}).encode())
            check_equal(json.loads(out), {"put": "a"}, "claims")
            token("verify", "--key", secret_file(), stdin=forged({"alg": "RS256", **more}, {"put": "a"}).encode(), status=1)
        path = scratch("x5u.jwk")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({**plain(token("generate", "--algorithm", "ES256")), "x5u": url}, file)
        token("sign", "--key", path, "--publish", "a")
        try:
            server.accept()
            check(False, "somebody called")
        except TimeoutError:
            pass


def without_scope(key):
    """The same key in a file that does not say what it is for."""
    with open(key) as file:
        text = file.read().strip()
    jwk = json.loads(text if text.startswith("{") else base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    check(jwk.pop("scope", None), f"the key has no scope: {sorted(jwk)}")
    path = scratch("unscoped.jwk")
    with open(path, "w") as file:
        json.dump(jwk, file)
    return path


def a_scope_limits_a_key():
    key = generate("scoped.jwk", "--algorithm", "EdDSA", "--root", "demo", "--publish", "alice")
    free = without_scope(key)
    good = token("sign", "--key", key, "--root", "demo", "--publish", "alice/cam")
    token("verify", "--key", key, stdin=good.encode())
    for words in (("--publish", "alice"), ("--root", "demo", "--publish", "bob"), ("--root", "demo", "--subscribe", "alice")):
        check("beyond the scope" in token("sign", "--key", key, *words, status=1), f"{words} were signed")
        text = token("sign", "--key", free, *words)
        check("beyond the scope" in token("verify", "--key", key, stdin=text.encode(), status=1), f"{words} were granted")


def key_files_that_cannot_be_used_are_told():
    for content, words in ((b"", "empty"), (b"-----BEGIN PRIVATE KEY-----", "this is PEM"), (b"{", "ends too early"),
                           (b'{"kty":"oct","k":"c2VjcmV0","alg":"HS256"}', "too short"), (b"x" * 300000, "larger than")):
        path = scratch("broken.jwk")
        with open(path, "wb") as file:
            file.write(content)
        err = token("verify", "--key", path, "a.b.c", status=1)
        check(words in err and path in err, f"{content[:30]}: {err}")
    check("No such file" in token("verify", "--key", scratch("nowhere"), "a.b.c", status=1), "a key that is not there")
    check("No such file" in token("verify", "--key", secret_file(), "--in", scratch("nowhere"), status=1), "a token that is not there")
    with open(secret_file(), "rb") as file:
        text = token("sign", "--key", "-", "--publish", "a", stdin=file.read())
    token("verify", "--key", secret_file(), text.strip())


def wrong_words_are_named():
    key = secret_file()
    for wrong, words in (((), "a command is missing"), (("mint",), "mint: no such command"), (("sign",), "--key is missing"),
                         (("verify",), "--key is missing"), (("public",), "--key is missing"), (("sign", "--key", key), "grant nothing"),
                         (("sign", "--key", key, "--publish", "a", "--expires", "soon"), "--expires soon: not a time"),
                         (("sign", "--key", key, "--publish", "a", "more"), "too many arguments for sign"),
                         (("verify", "--key", key, "a.b.c", "d"), "too many arguments for verify"),
                         (("verify", "--key", key, "--publish", "a"), "--publish is not for verify"),
                         (("verify", "--key", key, "--in", "x", "a.b.c"), "both given"), (("verify", "--key", "-"), "standard input"),
                         (("sign", "--key", key, "--publish", "a/**"), "--publish a/**: stars are no pattern here"),
                         (("generate", "--subscribe", "*"), "--subscribe *: stars are no pattern here"),
                         (("generate", "--expires", "1h"), "--expires is not for generate"), (("generate", "--root", "a"), "--root limits"),
                         (("generate", "--algorithm", "ES256", "--public", "-"), "both keys")):
        err = token(*wrong, status=2)
        check(words in err and "--help" in err, f"{wrong}: {err}")
    check("ES512 is not HS256" in token("generate", "--algorithm", "ES512", status=1), "an unknown algorithm")
    check("only letters" in token("generate", "--id", "a/b", status=1), "a kid that is no name")


JWT = "eyJhbGciOiJIUzI1NiJ9.eyJwdXQiOiIifQ.SECRETSECRETSECRET"


def no_tool_and_no_relay_shows_a_token():
    """In any message, at the highest level, of commands that work and that fail."""
    relay = Relay("-vv", env={"RUST_LOG": "trace"})
    path = scratch("bearer")
    with open(path, "w", encoding="utf-8") as file:
        file.write(JWT + "\n")
    url, secret = relay.url("/demo/token"), f"?jwt={JWT}"
    clock, karp, bench = program("moq-clock"), program("moq-karp"), program("moq-bench")
    quick = ["--viewers", "1", "--warm-up", "0", "--duration", "200ms"]
    for argv in ([karp, "-vv", "--tls-disable-verify", url + secret, "connect"],
                 [karp, "-vv", "--tls-disable-verify", "--token-file", path, url, "connect"],
                 [karp, "-vv", "--tls-disable-verify", "--token-file", path, url + "?a=b", "info", "--timeout", "1s"],
                 [karp, "--tls-disable-verify", "--no-reconnect", "--timeout", "50ms", "https://localhost:9/a" + secret, "connect"],
                 [bench, "--tls-disable-verify", "--token-file", path, *quick, url], [bench, "--json", "--tls-disable-verify", *quick, url + secret],
                 [karp, url + secret, url + secret, "info"], [karp, "ftp://localhost" + secret, "info"], [karp, "publish", "info", url + secret],
                 [karp, url + secret], [karp, "--nonsense=" + secret, url], [clock, "https://localhost:0/" + secret], [clock, url + secret, url + secret],
                 [karp, "https://localhost/" + "a" * 2100 + secret, "info"], [karp, url + secret, "--token-file", path, "info"],
                 [karp, "--token-file", JWT, url, "info"], [TOKEN, "verify", "--key", JWT, "a.b.c"], [TOKEN, JWT], [TOKEN, "verify", JWT, JWT]):
        status, out, err = run(argv)
        check("SECRET" not in err and b"SECRET" not in out, f"{argv} shows the token: {err[-600:]}")
    watch = Process([clock, "-vv", "--tls-disable-verify", "--token-file", path, url], env={"RUST_LOG": "trace"})
    watch.wait_for("connected")
    watch.end()
    relay.stop()
    for process in (relay, watch):
        check(len(process.err) > 2, f"{process.name} says too little for a test: {process.err}")
        shown = [line for line in process.err if "SECRET" in line]
        check(not shown, f"{process.name} shows the token: {shown[:3]}")


def a_token_file_that_cannot_be_used_is_a_mistake():
    path = scratch("no-bearer")
    for content, words in ((b"", "there is no token in it"), (b"a b", "there is no token in it"), (b"a" * 9999, "too long for a URL")):
        with open(path, "wb") as file:
            file.write(content)
        status, out, err = run([program("moq-clock"), "--token-file", path, "https://localhost:9"])
        check(status == 2 and out == b"" and words in err, f"{status} {err}")
    for words, expected in ((["--token-file", scratch("nowhere"), "https://localhost:9"], "No such file"),
                            (["--token-file", path, "moqf://localhost:9"], "sends no URL"),
                            (["--token-file", path, "https://localhost:9/?jwt=a"], "has a token too")):
        status, out, err = run([program("moq-clock"), *words])
        check(status == 2 and out == b"" and expected in err, f"{status} {err}")


TESTS = [what_is_signed_is_verified, a_public_half_verifies_and_signs_nothing, a_key_is_printed_only_where_it_is_wanted,
         no_key_is_replaced, a_full_disk_is_told, a_set_has_many_keys, a_bad_token_is_told_by_what_is_bad, nothing_is_fetched,
         a_scope_limits_a_key, key_files_that_cannot_be_used_are_told, wrong_words_are_named,
         no_tool_and_no_relay_shows_a_token, a_token_file_that_cannot_be_used_is_a_mistake]
