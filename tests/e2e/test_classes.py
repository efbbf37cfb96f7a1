# SPDX-License-Identifier: MIT OR Apache-2.0
"""Classes of the policy: viewers of one path belong to different ones, by their URL and by the claims of their token."""

import json

from authkit import *

CLASSES = """policy:
  latency: 1s
  classes:
    - { match: "show/**", claims: [user.plan=gold, roles=view*], latency: 3s }
    - { query: ["mode=live now", cdn=eu-*], latency: 250ms }
    - { claims: [level=2], latency: 4s }
    - { match: "show/*", latency: 2s }
"""


def write_config(path, port, auth, policy):
    with open(path, "w") as file:
        file.write(f'listen: [{{ address: "[::]:{port}", self_signed: [localhost] }}]\nhttp: {{ address: listen, viewers: true }}\n'
                   f"modules: [{{ auth: {auth} }}]\nworkers: 2\n{policy}")
    return path


def viewers(relay):
    return json.loads(relay.get("/api/viewers"))["viewers"]


class Secret:
    """A key that signs any claims."""

    def __init__(self, folder):
        self.key = Key(folder, "s", "HS256")
        jwk = json.loads(open(self.key.private).read())
        self.bytes = base64.urlsafe_b64decode(jwk["k"] + "==")

    def token(self, **claims):
        return hs256(self.bytes, {"get": "", "put": "", **claims}, kid="s")


def url_and_token_choose_the_class():
    secret = Secret("classes")
    keys = key_set(scratch("classes-keys.json"), secret.key)
    port = free_port()
    path = write_config(scratch("classes.yaml"), port, f'{{ keys: {keys}, anonymous: {{ subscribe: ["**"] }} }}', CLASSES)
    relay = Relay(port=port, argv=[program("moq-relay"), path])
    probe = Probe()
    probe.publish(relay, "show/1", token=secret.token())
    gold = secret.token(sub="g", user={"plan": "gold"}, roles=["admin", "viewer"])
    live = "a=b&mode=live+now&cdn=eu-%31"
    asked = {
        "gold": {"token": gold}, "gold, live": {"token": gold, "query": live},
        "gold without a role": {"token": secret.token(sub="n", user={"plan": "gold"}), "query": live},
        "gold by its query": {"query": "user.plan=gold&roles=viewer"},
        "half live": {"query": "mode=live+now"}, "live twice": {"query": live + "&mode=live+now"},
        "level": {"token": secret.token(sub="l", level=2)}, "level as text": {"token": secret.token(sub="t", level="2")},
        "nobody": {}, "live": {"query": live},
    }
    claims = "show/**, user.plan=gold, roles=view*"
    expected = {
        "gold": (3000, f"class 1 ({claims})"), "gold, live": (3000, f"class 1 ({claims})"),
        "gold without a role": (250, "class 2 (**, mode=live now, cdn=eu-*)"), "gold by its query": (2000, "class 4 (show/*)"),
        "half live": (2000, "class 4 (show/*)"), "live twice": (2000, "class 4 (show/*)"),
        "level": (4000, "class 3 (**, level=2)"), "level as text": (4000, "class 3 (**, level=2)"),
        "nobody": (2000, "class 4 (show/*)"), "live": (250, "class 2 (**, mode=live now, cdn=eu-*)"),
    }
    seen, known = {}, set()
    for name, more in asked.items():
        who = probe.ask(relay, "view", "show/1", **more)
        probe.wait_until_said(who, "frame hello")
        wait_until(lambda: len(viewers(relay)) == len(known) + 1, 15, f"the viewer {name} is not shown")
        row = next(row for row in viewers(relay) if row["viewer"] not in known)
        known.add(row["viewer"])
        seen[name] = (row["policy"]["latency_ms"], row["set_by"]["latency"])
    check_equal(seen, expected, "latencies, and who set them")
    check_no_secrets(relay, gold)
    probe.end()
    relay.stop()


def a_forged_claim_chooses_nothing():
    secret = Secret("forged")
    keys = key_set(scratch("forged-keys.json"), secret.key)
    port = free_port()
    path = write_config(scratch("forged.yaml"), port, f'{{ keys: {keys}, anonymous: {{ subscribe: ["**"] }} }}', CLASSES)
    relay = Relay(port=port, argv=[program("moq-relay"), path])
    probe = Probe()
    forged = with_claims(secret.token(), user={"plan": "gold"}, roles=["viewer"])
    answer = probe.get(relay, "view", "show/1", token=forged)
    check("lost" in answer or "no:" in answer, f"a forged token gives {answer!r}")
    check_equal(viewers(relay), [], "viewers")
    probe.end()
    relay.stop()


def a_mistake_is_named_with_its_line():
    path = write_config(scratch("mistakes.yaml"), free_port(), '{ anonymous: { subscribe: ["**"] } }',
                        "policy:\n  classes:\n    - { query: [live], latency: 1s }\n    - { latency: 1s }\n")
    status, _, err = run([program("moq-relay"), "--check", path])
    check(status != 0, "a wrong file passes")
    check(":7:17: policy.classes[0].query[0]: is not name=value; write both" in err, err)
    check(":8:7: policy.classes[1]: does not say for whom it is; write match, query or claims" in err, err)


TESTS = [url_and_token_choose_the_class, a_forged_claim_chooses_nothing, a_mistake_is_named_with_its_line]
