# SPDX-License-Identifier: MIT OR Apache-2.0
"""Relays that are joined: each is a process with a relay.yaml of its own, and knows the others as the test says."""

import json

from moqkit import *


class Node(Relay):
    """A relay with the cluster module, behind `more`. `peers` are nodes, or pairs of a node and a cost; `query` is that of their URLs."""

    def __init__(self, name, peers=(), port=None, workers=1, more=(), query="", **settings):
        port = port or free_port()
        pairs = [peer if isinstance(peer, tuple) else (peer, 1) for peer in peers]
        cluster = {"node": name, "trust": "anybody", **settings,
                   "peers": [{"url": peer.url(f"/?{query}" if query else ""), "cost": cost} for peer, cost in pairs]}
        self.yaml = scratch(f"{name}-{port}.yaml")
        with open(self.yaml, "w") as file:
            file.write(f'listen: [{{ address: "[::]:{port}", self_signed: [localhost] }}]\nhttp: {{ address: listen, viewers: true }}\ntls: {{ verify: false }}\nlimits: {{ idle: 4s }}\nquic: {{ keep_alive: 1s }}\nworkers: {workers}\n'
                       f"modules: {json.dumps([*more, {'cluster': cluster}])}\n")
        super().__init__(port=port, argv=[program("moq-relay"), self.yaml])
        self.name = name

    def is_watched_for(self, path):
        """Whether somebody watches this path here, another relay included."""
        return any(viewer["path"] == path for viewer in json.loads(self.get("/api/viewers"))["viewers"])


def line(count, **settings):
    nodes = []
    for i in range(count):
        nodes.append(Node(f"node{i}", nodes[-1:], **settings))
    return nodes


def ring(count, **settings):
    nodes = line(count - 1, **settings)
    return [*nodes, Node(f"node{count - 1}", [nodes[-1], nodes[0]], **settings)]


def mesh(count, **settings):
    nodes = []
    for i in range(count):
        nodes.append(Node(f"node{i}", nodes, **settings))
    return nodes


def tree(count, **settings):
    nodes = []
    for i in range(count):
        nodes.append(Node(f"node{i}", [nodes[(i - 1) // 2]] if i else [], **settings))
    return nodes


def clock(node, *more):
    return Process([program("moq-clock"), "--tls-disable-verify", node.url(), *more])


def wait_for_more_ticks(viewer, count=2, seconds=20):
    before = len(viewer.out)
    wait_until(lambda: len(viewer.out) >= before + count, seconds, f"the viewer stands still at {viewer.out[-2:]}: {viewer.err[-5:]}")
