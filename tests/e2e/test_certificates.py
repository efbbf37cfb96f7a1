# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a tool prints if the relay's certificate is not valid: the true reason, and a remedy if the user has one."""

import datetime
import os

from moqkit import *

KARP = program("moq-karp")
CONFIG = """[ca]
default_ca = it
[it]
database = {folder}/index
new_certs_dir = {folder}
default_md = sha256
policy = any
unique_subject = no
rand_serial = yes
email_in_dn = no
[any]
commonName = supplied
"""


def openssl(*words):
    status, _, err = run(["openssl", *words])
    check_equal(status, 0, f"openssl {words[0]}: {err}")


class Authority:
    """An authority that signs certificates. One with a parent is an intermediate."""

    def __init__(self, name, parent=None):
        self.folder = scratch(f"ca-{name}")
        os.makedirs(self.folder)
        self.cert, self.key, self.config = (os.path.join(self.folder, part) for part in ("ca.pem", "ca.key", "config"))
        for part, text in (("index", ""), ("config", CONFIG.format(folder=self.folder))):
            with open(os.path.join(self.folder, part), "w") as file:
                file.write(text)
        if parent:
            self.cert, self.key = parent.sign(name, "basicConstraints=critical,CA:TRUE")
        else:
            openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
                    "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.cert)

    def sign(self, name, extensions, first_day=-2, last_day=20):
        """Makes a certificate and its key, valid between two days that are counted from today."""
        base = os.path.join(self.folder, name)
        with open(base + ".ext", "w") as file:
            file.write(extensions)
        today = datetime.datetime.now(datetime.timezone.utc)
        first, last = ((today + datetime.timedelta(days=days)).strftime("%Y%m%d%H%M%SZ") for days in (first_day, last_day))
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}",
                "-keyout", base + ".key", "-out", base + ".csr")
        openssl("ca", "-batch", "-notext", "-config", self.config, "-cert", self.cert, "-keyfile", self.key,
                "-in", base + ".csr", "-out", base + ".pem", "-extfile", base + ".ext", "-startdate", first, "-enddate", last)
        return base + ".pem", base + ".key"


def chain(name, *files):
    path = scratch(name)
    with open(path, "w") as out:
        for file in files:
            with open(file) as text:
                out.write(text.read())
    return path


def relay_with(name, cert, key):
    port, path = free_port(), scratch(f"certificate-{name}.yaml")
    with open(path, "w") as file:
        file.write(f'listen:\n  - {{ address: "[::]:{port}", certificates: [{{ cert: {cert}, key: {key} }}] }}\nhttp: {{ address: listen }}\n')
    return Relay(port=port, argv=[program("moq-relay"), path])


def check_connect(relay, root, status, *words, host="localhost"):
    for scheme in ("https", "moqf"):
        got, _, err = run([KARP, "--tls-root", root, "connect", f"{scheme}://{host}:{relay.port}/a"])
        check_equal(got, status, f"status of connect: {err}")
        for word in words:
            check(word in err, f"{word!r} is not in {err}")
        check(("--tls-root" in err) == any("issuer" in word for word in words), f"a remedy that does not help, or none: {err}")


def each_fault_of_a_certificate_has_its_reason():
    ours, other = Authority("ours"), Authority("other")
    between = Authority("between", ours)
    local = "subjectAltName=DNS:localhost"
    cert, key = between.sign("deep", local)
    cases = {
        "good": (*ours.sign("good", local), 0, ()),
        "chain": (chain("chain.pem", cert, between.cert), key, 0, ()),
        "early": (*ours.sign("early", local, 2, 20), 1, ("not valid yet",)),
        "late": (*ours.sign("late", local, -20, -2), 1, ("has expired",)),
        "elsewhere": (*ours.sign("elsewhere", "subjectAltName=DNS:relay.example"), 1, ("another host name",)),
        "stranger": (*other.sign("stranger", local), 1, ("not signed by an issuer",)),
        "leaf-alone": (cert, key, 1, ("not signed by an issuer",)),
    }
    for name, (cert, key, status, words) in cases.items():
        relay = relay_with(name, cert, key)
        check_connect(relay, ours.cert, status, *words)
        if name == "good":
            check_connect(relay, ours.cert, 1, "not valid for this address", host="127.0.0.1")
            check_connect(relay, other.cert, 1, "not signed by an issuer")
        relay.stop()


def the_end_of_a_certificate_is_logged_when_it_comes():
    cert, key = Authority("brief").sign("brief", "subjectAltName=DNS:localhost", last_day=5 / 86400)
    relay = relay_with("brief", cert, key)
    relay.wait_for("seconds, at")
    relay.wait_for("this certificate expired at")
    relay.stop()


def an_issuer_with_a_known_name_and_another_kind_of_key_is_unknown():
    """Such as a self-signed certificate for localhost on a system that trusts another one of that name."""
    folder = scratch("namesakes")
    os.makedirs(folder)
    root, cert, key, request = (os.path.join(folder, name) for name in ("root.pem", "cert.pem", "cert.key", "cert.csr"))
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=localhost", "-keyout", key, "-out", root)
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost", "-keyout", key,
            "-out", request)
    openssl("x509", "-req", "-in", request, "-signkey", key, "-days", "20", "-out", cert)
    relay = relay_with("namesake", cert, key)
    check_connect(relay, root, 1, "not signed by an issuer")
    relay.stop()


TESTS = [each_fault_of_a_certificate_has_its_reason, the_end_of_a_certificate_is_logged_when_it_comes,
         an_issuer_with_a_known_name_and_another_kind_of_key_is_unknown]
