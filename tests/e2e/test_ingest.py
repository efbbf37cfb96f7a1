# SPDX-License-Identifier: MIT OR Apache-2.0
"""The karp module in a relay with four workers: media by HTTP, TCP and unix sockets, from files and commands. Viewers receive what
the encoder has sent; whatever is wrong gets a clear answer and harms nobody else."""

import os
import re
import socket
import time

from moqkit import *

def tcp_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Ingest(Relay):
    """A relay whose karp module has HTTP, and these sources: lines of YAML flow mappings."""

    def __init__(self, name, *sources, before=None):
        self.http = f"http://127.0.0.1:{tcp_port()}"
        port = free_port()
        path = scratch(name + ".yaml")
        with open(path, "w") as file:
            file.write(f'listen:\n  - address: "[::]:{port}"\n    self_signed: [localhost]\nhttp: {{ address: listen }}\nworkers: 4\n'
                       "modules:\n" + (f"  - {before}\n" if before else "") + f"  - karp:\n      http: \"{self.http[7:]}\"\n      silence: 3s\n")
            if sources:
                file.write("      sources:\n" + "".join(f"        - {source}\n" for source in sources))
        super().__init__(port=port, argv=[program("moq-relay"), path])
        self.path = path

    def counts(self):
        return self.stats()["modules"]["karp"]

    def finish(self):
        check_equal(self.end(), 0, "exit status")
        check(not any("Z error " in line for line in self.err), f"it does not end in order: {self.err[-5:]}")


def encoder(path, *target, fragments=FRAGMENTS, real_time=True):
    """ffmpeg, which sends the clip to `target`."""
    argv = [word for word in ffmpeg_to_fmp4(path, fragments=fragments)[:-1] if real_time or word != "-re"]
    return Process([*argv, *target])


def check_viewer(viewer, source, result):
    check_equal(viewer.wait(60), 0, f"exit status of subscribe ({viewer.err[-4:]})")
    check_same_media(source, result)


def through(relay, path, *target):
    """The clip arrives as ffmpeg has sent it."""
    source, result = as_fmp4(clip("h264")), scratch(path.replace("/", "-") + ".mp4")
    viewers = [waiting_subscriber(relay.url("/" + path), f"{result}.{i}") for i in range(3)]
    sender = encoder(clip("h264"), *target)
    check_equal(sender.wait(60), 0, f"exit status of ffmpeg ({sender.err[-4:]})")
    for i, viewer in enumerate(viewers):
        check_viewer(viewer, source, f"{result}.{i}")


def has_listener(port):
    """A connection would be taken for an encoder, so only look."""
    return any(f":{port:04X} " in open(table).read() for table in ("/proc/net/tcp", "/proc/net/tcp6", "/proc/net/udp"))


def watch_for(relay, path, result, seconds):
    """Watches for so long from the first media on."""
    viewer = subscriber(relay.url("/" + path), result)
    wait_until(lambda: os.path.exists(result) and os.path.getsize(result) > 0, 20, f"no media comes: {viewer.err[-4:]}")
    time.sleep(seconds)
    check(viewer.end() == 0, f"exit status of subscribe ({viewer.err[-4:]})")


def media_by_put_and_post_is_unchanged():
    relay = Ingest("put")
    through(relay, "demo/put", "-method", "PUT", relay.http + "/demo/put")
    through(relay, "demo/post", relay.http + "/demo/post")
    wait_until(lambda: relay.counts()["opened"] == 2 and relay.counts()["frames"] > 400, 5, f"counters: {relay.counts()}")
    check_equal((relay.counts()["failed"], relay.counts()["active"]), (0, 0), "counters")
    relay.finish()


def media_by_tcp_and_unix_socket_is_unchanged():
    port, unix = tcp_port(), scratch("in.sock")
    relay = Ingest("sockets", f'{{ path: demo/tcp, tcp: "127.0.0.1:{port}" }}', f"{{ path: demo/unix, unix: {unix} }}")
    through(relay, "demo/tcp", f"tcp://127.0.0.1:{port}")
    through(relay, "demo/unix", f"unix:{unix}")
    relay.finish()
    check(not os.path.exists(unix), "the unix socket stays behind")


def the_paths_of_sources_are_not_to_be_had_by_http():
    sources = {"tcp": f'tcp: "127.0.0.1:{tcp_port()}"', "unix": f"unix: {scratch('kept.sock')}", "file": f"file: {scratch('none.mp4')}",
               "command": 'command: "exit 3"', "later": "command: cat, on_demand: true"}
    relay = Ingest("kept", *(f"{{ path: demo/{name}, {what} }}" for name, what in sources.items()))
    relay.wait_for("starting again in ")
    for name in sources:
        said = answer(relay, f"curl -T {as_fmp4(clip('h264'))} $URL/demo/{name}")
        check(said.endswith("409"), f"the path of the source {sources[name]} is answered by {said!r}")
    relay.finish()


def silence_holds_for_sources_that_have_none_of_their_own():
    ports = [tcp_port(), tcp_port()]
    relay = Ingest("silence", f'{{ path: demo/tcp, tcp: "127.0.0.1:{ports[0]}" }}', '{ path: demo/command, command: "echo; sleep 30" }',
                   f'{{ path: demo/own, tcp: "127.0.0.1:{ports[1]}", silence: 1s }}')
    with socket.create_connection(("127.0.0.1", ports[0])), socket.create_connection(("127.0.0.1", ports[1])):
        for path, seconds in (("own", 1), ("tcp", 3), ("command", 3)):
            wait_until(lambda path=path, seconds=seconds: any(f"demo/{path}: " in line and f"no data for {seconds} s" in line
                                                              for line in relay.err), 3, f"{path} may be silent: {relay.err[-5:]}")
    relay.finish()


def a_file_plays_in_a_loop():
    source = as_fmp4(clip("h264"))
    relay = Ingest("file", f"{{ path: demo/file, file: {source}, loop: true }}")
    result = scratch("loop.mp4")
    watch_for(relay, "demo/file", result, 10)
    before, after = packets(source), packets(result)
    for number in before:
        wanted = [packet[1:] for packet in before[number]]
        got = [packet[1:] for packet in after[number]]
        first = wanted.index(got[0])
        check_equal(got, (wanted * 5)[first:first + len(got)], f"packets of stream {number}, round after round")
        check(len(got) > 2 * len(wanted), f"only {len(got)} packets in 10 s")
        times = [packet[0] for packet in after[number]]
        check(max(abs(b - a) for a, b in zip(sorted(times), sorted(times)[1:])) < 150000, "there is a gap between rounds")
    relay.finish()


def a_file_that_is_played_once_is_unchanged():
    source, result = as_fmp4(clip("h264")), scratch("once.mp4")
    relay = Ingest("once", f"{{ path: demo/once, file: {source} }}")
    viewer = subscriber(relay.url("/demo/once"), result, "--from-start")
    check_viewer(viewer, source, result)
    relay.finish()


def a_command_runs_while_somebody_watches():
    source, log = as_fmp4(clip("h264")), scratch("starts")
    command = " ".join(ffmpeg_to_fmp4(clip("h264"), "-stream_loop", "-1"))
    relay = Ingest("child", f'{{ path: demo/child, command: "echo x >>{log}; exec {command}", on_demand: true, idle: 1s }}')
    check(not os.path.exists(log), "it runs though nobody watches")
    for start in (1, 2):
        result = scratch(f"child{start}.mp4")
        watch_for(relay, "demo/child", result, 2)
        relay.wait_for("nobody watches, so the command is stopped")
        relay.err.clear()
        check_equal(open(log).read().count("x"), start, "starts")
        before, after = packets(source), packets(result)
        for number in before:
            is_same = all(want[1:] == got[1:] and abs(want[0] - got[0]) <= 1 for want, got in zip(before[number], after[number]))
            check(is_same, f"stream {number} begins with {after[number][:9]} instead of {before[number][:9]}")
            check(len(after[number]) > 40, f"only {len(after[number])} packets of stream {number}")
    relay.finish()


def an_encoder_that_dies_comes_back_without_its_viewers_reconnecting():
    relay = Ingest("dies")
    result = scratch("dies.mp4")
    viewer = waiting_subscriber(relay.url("/demo/dies"), result, "--follow")
    put = ("-method", "PUT", relay.http + "/demo/dies")
    first = encoder(clip("h264"), *put)
    wait_until(lambda: os.path.exists(result) and os.path.getsize(result) > 50000, 20, f"nothing comes: {viewer.err[-4:]}")
    first.kill()
    relay.wait_for("demo/dies: from HTTP 127.0.0.1:")
    relay.wait_for("broke off after ")
    before = os.path.getsize(result)
    second = encoder(clip("h264"), *put)
    check_equal(second.wait(60), 0, f"exit status of ffmpeg ({second.err[-4:]})")
    wait_until(lambda: os.path.getsize(result) > before + 100000, 20, f"nothing comes any more: {viewer.err[-4:]}")
    check_equal(relay.stats()["sessions"], 1, "the viewer's session")
    check(not any("lost" in line for line in viewer.err), f"the viewer has reconnected: {viewer.err[-6:]}")
    viewer.end()
    relay.finish()


def answer(relay, command):
    """Runs a command of curl's, "$URL" in it. Returns its output, the last line of which is the status of HTTP."""
    line = command.replace("curl ", "curl -sS -w '%{http_code}' ")
    status, out, err = run(["sh", "-c", line], env={"URL": relay.http})
    return out.decode() + err


def what_is_wrong_gets_an_answer_and_harms_nobody():
    relay = Ingest("wrong")
    result = scratch("unharmed.mp4")
    viewer = waiting_subscriber(relay.url("/demo/good"), result)
    sender = encoder(clip("h264"), "-method", "PUT", relay.http + "/demo/good")
    relay.wait_for("demo/good: instance")
    with open(scratch("moov"), "wb") as file:
        file.write(b"\0\0\0\x14ftypiso5\0\0\0\0iso5\0\x50\0\0moov")
    with open(scratch("frame"), "wb") as file:
        data = open(as_fmp4(clip("h264")), "rb").read()
        size = data.index(b"mdat") - 4
        file.write(data[:size] + b"\x40\0\0\0mdat")
    for words, command in (("409", "curl -T %s $URL/demo/good" % as_fmp4(clip("h264"))),
                           ("400", "yes this is no media | curl -T - $URL/demo/x"),
                           ("400", "curl -T %s $URL/demo/%%2e%%2e/x" % as_fmp4(clip("h264"))),
                           ("405", "curl $URL/demo/x"),
                           ("413", "(cat %s; cat /dev/zero) | curl -T - $URL/demo/x" % scratch("moov")),
                           ("408", "(printf '\\0\\0\\0\\024ftyp'; sleep 5) | curl -T - $URL/demo/x")):
        said = answer(relay, command)
        check(said.endswith(words) and len(said) > 12, f"{command} is answered by {said!r}")
    said = answer(relay, "(cat %s; cat /dev/zero) | curl -T - $URL/demo/x" % scratch("frame"))
    check(said[-3:] in ("400", "413"), f"1 GB of one frame is answered by {said!r}")
    check_equal(sender.wait(60), 0, f"exit status of ffmpeg ({sender.err[-4:]})")
    check_viewer(viewer, as_fmp4(clip("h264")), result)
    relay.finish()


def a_line_that_never_ends_holds_up_nobody():
    """The line before a chunk fills all of the buffer that it may have."""
    relay = Ingest("line")
    with socket.create_connection(("127.0.0.1", int(relay.http.rsplit(":", 1)[1])), 60) as client:
        client.sendall(b"PUT /demo/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;" + b"x" * 200000)
        wait_until(lambda: relay.counts()["opened"] == 1, 10, "the request is not there")
        said = answer(relay, f"curl -m 20 -T {as_fmp4(clip('h264'))} $URL/demo/y")
        check(said.endswith(" frames published\n200"), f"the others are answered by {said!r}")
        said = client.recv(1000)
        check(b" 408 " in said, f"it is answered by {said!r}")
    relay.finish()


GATEKEEPER = """
#include <relay/module.h>
#include <string.h>
static void answer_later(struct relay_worker *worker, void *arg)
{
    struct relay_request *request = relay_request_held(worker, (uint64_t)(uintptr_t)arg);
    if (request)
        relay_request_answer(request, RELAY_ALLOW);
}
static void refuse_later(struct relay_worker *worker, void *arg)
{
    struct relay_request *request = relay_request_held(worker, (uint64_t)(uintptr_t)arg);
    if (request) {
        relay_request_deny(request, RELAY_DENIED_FORBIDDEN, "not this path, after some thought");
        relay_request_answer(request, RELAY_DENY);
    }
}
static enum relay_verdict session_open(struct relay_peer *peer, struct relay_request *request)
{
    const char *token = relay_peer_credential(peer);
    if (relay_peer_protocol(peer) != RELAY_PROTOCOL_GUEST)
        return RELAY_PASS;
    if (strcmp(token, "late") == 0) {
        void *number = (void *)(uintptr_t)relay_request_number(request);
        relay_timer_start(relay_peer_worker(peer), 500, 0, answer_later, number);
        return RELAY_LATER;
    }
    if (strcmp(token, "never") == 0)
        return RELAY_LATER;
    if (strcmp(token, "good") == 0 && strcmp(relay_peer_url_path(peer), "/demo/mine") == 0)
        return RELAY_ALLOW;
    return relay_request_deny(request, RELAY_DENIED_UNAUTHORIZED, "the token is not good");
}
static enum relay_verdict announce(struct relay_peer *peer, struct relay_request *request)
{
    char path[RELAY_PATH_BYTES];
    void *number = (void *)(uintptr_t)relay_request_number(request);
    if (strncmp(relay_request_path(request, path, sizeof path), "demo/mine", 9) == 0)
        return RELAY_PASS;
    if (strncmp(path, "demo/slow", 9) == 0) {
        bool is_good = strncmp(path, "demo/slow/good", 14) == 0;
        relay_timer_start(relay_peer_worker(peer), 700, 0, is_good ? answer_later : refuse_later, number);
    }
    if (strncmp(path, "demo/slow", 9) == 0 || strncmp(path, "demo/never", 10) == 0)
        return RELAY_LATER;
    return relay_request_deny(request, RELAY_DENIED_FORBIDDEN, "not this path");
}
static const struct relay_hooks hooks = {.size = sizeof hooks, .session_open = session_open, .announce = announce};
RELAY_MODULE = {RELAY_MODULE_HEAD, .name = "gatekeeper", .version = "1", .hooks = &hooks};
"""


def other_modules_decide_on_encoders():
    source, module = scratch("gatekeeper.c"), scratch("gatekeeper.so")
    with open(source, "w") as file:
        file.write(GATEKEEPER)
    status, _, err = run(["cc", "-std=c11", "-shared", "-fPIC", "-I", os.path.join(TOP, "server/include"), source, "-o", module])
    check_equal(status, 0, f"compiling the gatekeeper: {err}")
    relay = Ingest("gate", before=module)
    media = as_fmp4(clip("h264"))
    for options, path, words in (("", "/demo/mine", "the token is not good\n401"),
                                 ("-H 'Authorization: Bearer bad'", "/demo/mine", "the token is not good\n401"),
                                 ("-H 'Authorization: Bearer good'", "/demo/other", "the token is not good\n401"),
                                 ("-H 'Authorization: Bearer good'", "/demo/mine", " frames published\n200"),
                                 ("-H 'Authorization: Bearer good'", "/demo/mine?jwt=bad", " frames published\n200"),
                                 ("-H 'Authorization: Bearer bad'", "/demo/mine?jwt=good", "the token is not good\n401"),
                                 ("-u encoder:good", "/demo/mine?jwt=bad", " frames published\n200"),
                                 ("", "/demo/mine?jwt=never", "no hook answered in time\n403"),
                                 ("-u encoder:good", "/demo/mine", " frames published\n200"),
                                 ("", "/demo/mine?jwt=late", " frames published\n200")):
        said = answer(relay, f"curl {options} -T {media} '$URL{path}'".replace("'$URL", '"$URL').replace(path + "'", path + '"'))
        check(said.endswith(words), f"{options} {path} is answered by {said!r}")
    for command in (f"curl -T {media}", f"(cat {media}; sleep 2; cat {media}) | curl -T -"):
        said = answer(relay, f"{command} \"$URL/demo/other?jwt=late\"")
        check(said.endswith("not this path\n403"), f"a path that is refused is answered by {said!r}")
    for path, words in (("slow/good", " frames published\n200"), ("slow/bad", "not this path, after some thought\n403"),
                        ("never", "no hook answered in time\n403")):
        said = answer(relay, f"curl -T {media} \"$URL/demo/{path}?jwt=late\"")
        check(said.endswith(words), f"{path}, which is decided on later, is answered by {said!r}")
    wait_until(lambda: relay.counts()["active"] == 0, 5, "broadcasts are left")
    relay.finish()


def who_may_not_publish_a_path_does_not_hold_it():
    relay = Ingest("grants", before='auth: { anonymous: { publish: [demo/mine], subscribe: ["**"] } }')
    with socket.create_connection(("127.0.0.1", int(relay.http.rsplit(":", 1)[1])), 20) as intruder:
        intruder.sendall(b"PUT /demo/a/live HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n\0\r\n")
        said = intruder.recv(1000)
        check(b" 403 " in said and b'may not publish "demo/a/live"' in said, f"the intruder is answered by {said!r}")
    check_equal((relay.counts()["opened"], relay.counts()["active"]), (0, 0), "broadcasts")
    said = answer(relay, f"curl -T {as_fmp4(clip('h264'))} $URL/demo/mine/live")
    check(said.endswith(" frames published\n200"), f"what is granted is answered by {said!r}")
    relay.finish()


def a_source_that_fails_is_told_and_comes_back():
    path = scratch("late.mp4")
    relay = Ingest("late", f"{{ path: demo/late, file: {path}, loop: true }}", '{ path: demo/bad, command: "exit 3" }')
    relay.wait_for("no such file or directory; trying again in ")
    relay.wait_for("demo/bad: the command has ended with status 3; starting again in ")
    os.link(as_fmp4(clip("h264")), path)
    watch_for(relay, "demo/late", scratch("late-result.mp4"), 1)
    relay.finish()


def mistakes_in_the_configuration_are_told_with_their_place():
    path = scratch("mistakes.yaml")
    for source, words in (("{ path: a }", "exactly one of file, command, tcp and unix, not 0"),
                          ("{ path: a, file: x, command: y }", "not 2"),
                          ("{ path: a, command: y, loop: true }", "loop is for a file"),
                          ("{ path: a, file: y, on_demand: true }", "on_demand is for a command"),
                          ("{ path: a/../b, file: y }", "\"..\""),
                          ("{ file: y }", "path")):
        with open(path, "w") as file:
            file.write('listen: [{ address: "[::]:4443", self_signed: [localhost] }]\nmodules:\n  - karp:\n      sources:\n'
                       f"        - {source}\n")
        status, _, err = run([program("moq-relay"), "--check", path])
        check(status != 0 and words in err and ".yaml:5:" in err, f"{source}: {err}")


def check_sources(http, *sources):
    path = scratch("sources.yaml")
    with open(path, "w") as file:
        file.write('listen: [{ address: "[::]:4443", self_signed: [localhost] }]\nmodules:\n  - karp:\n'
                   f'      http: "{http}"\n      sources:\n' + "".join(f"        - {source}\n" for source in sources))
    status, _, err = run([program("moq-relay"), "--check", path])
    return status, err


def sources_that_cannot_listen_are_told_by_check():
    plain, long = scratch("plain"), "/tmp/" + "x" * 103
    open(plain, "w").close()
    tcp, unix = '{{ path: {}, tcp: "{}" }}', "{{ path: {}, unix: {} }}"
    for first, second, words in ((tcp.format("a", "127.0.0.1:9000"), tcp.format("b", "127.0.0.1:9000"), ".tcp: the source of a listens at 127.0.0.1:9000 already"),
                                 (tcp.format("a", "[::]:9000"), tcp.format("b", "127.0.0.1:9000"), ".tcp: the source of a listens at [::]:9000 already"),
                                 (tcp.format("a", "[::1]:9000"), tcp.format("b", "127.0.0.1:8089"), ".tcp: http listens at 127.0.0.1:8089 already"),
                                 (unix.format("a", "in.sock"), unix.format("b", "in.sock"), ".unix: the source of a listens at "),
                                 (unix.format("a", "in.sock"), unix.format("b", long), ".unix: the path of a unix socket has at most 107 bytes, and this one has 108"),
                                 (unix.format("a", "in.sock"), unix.format("b", plain), ".unix: " + plain + " is there, and is no socket")):
        status, err = check_sources("127.0.0.1:8089", first, second)
        check(status != 0 and words in err and ".yaml:7:" in err, f"{first}, {second}: {status}: {err}")
    for first, second in ((tcp.format("a", "0.0.0.0:9000"), tcp.format("b", "[::1]:9000")), (tcp.format("a", "127.0.0.1:9000"), tcp.format("b", "127.0.0.2:9000")),
                          (unix.format("a", "in.sock"), unix.format("b", long[:-1]))):
        status, err = check_sources("127.0.0.1:8089", first, second)
        check_equal(status, 0, f"{first}, {second}: {err}")


def ports_that_are_taken_are_told():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        path = scratch("taken.yaml")
        with open(path, "w") as file:
            file.write(f'listen: [{{ address: "[::]:{free_port()}", self_signed: [localhost] }}]\nmodules:\n  - karp:\n'
                       f'      http: "127.0.0.1:{listener.getsockname()[1]}"\n')
        status, _, err = run([program("moq-relay"), path])
        check(status != 0 and "address already in use" in err and "karp" in err, f"exit status {status}: {err}")


def an_encoder_comes_in_by_rtmp():
    """The recipe of docs/ingest.md: a command that listens for RTMP."""
    port = tcp_port()
    command = f"exec ffmpeg -v error -listen 1 -i rtmp://127.0.0.1:{port}/live/stream -c copy -f mp4 {' '.join(FRAGMENTS)} pipe:"
    relay = Ingest("rtmp", f'{{ path: demo/rtmp, command: "{command}", silence: 1m }}')
    result, source = scratch("rtmp.mp4"), clip("h264")
    viewer = waiting_subscriber(relay.url("/demo/rtmp"), result)

    wait_until(lambda: has_listener(port), 20, f"nothing listens: {relay.err[-4:]}")
    sender = Process(["ffmpeg", "-v", "error", "-re", "-i", source, "-c", "copy", "-f", "flv", f"rtmp://127.0.0.1:{port}/live/stream"])
    check_equal(sender.wait(60), 0, f"exit status of ffmpeg ({sender.err[-4:]})")
    check_equal(viewer.wait(60), 0, f"exit status of subscribe ({viewer.err[-4:]})")
    before, after = packets(source), packets(result)
    for number in before:
        check_equal([packet[1:] for packet in after[number]], [packet[1:] for packet in before[number]], f"payloads of stream {number}")
        bases = after[number][0][0] - before[number][0][0]
        worst = max(abs(got[0] - want[0] - bases) for got, want in zip(after[number], before[number]))
        check(worst <= 2000, f"times of stream {number} are off by {worst} us; FLV counts milliseconds")
    relay.finish()


RECIPES = [("-method PUT", "demo/put"), ("curl -T", "demo/curl"), ("tcp://", "demo/tcp"), ("unix:", "demo/unix"),
           ("faststart", "demo/bbb"), ("rtmp://", "demo/rtmp"), ("srt://", "demo/srt"), ("rtsp://", "demo/rtsp")]


def recipes_on_other_ports():
    """The configuration and the commands of docs/ingest.md that say there that they are run here."""
    with open(os.path.join(TOP, "docs/ingest.md")) as file:
        page = file.read()
    blocks = [("yaml", text) for text in re.findall(r"^```yaml\n(.*?)^```", page, re.M | re.S)]
    blocks += [("sh", text) for text in re.findall(r"tests/e2e/test_ingest.py does it -->\n```sh\n(.*?)^```", page, re.M | re.S)]
    ports = {"4443": free_port(), **{port: tcp_port() for port in ("8089", "9000", "1935", "9998", "8554")}}
    texts = [(kind, re.sub(r":(4443|8089|9000|1935|9998|8554)\b", lambda found: f":{ports[found[1]]}", text)) for kind, text in blocks]
    return ports, [text for kind, text in texts if kind == "yaml"], [text.strip() for kind, text in texts if kind == "sh"]


def every_recipe_of_the_docs_works():
    ports, (config,), commands = recipes_on_other_ports()
    folder = scratch("recipes")
    os.mkdir(folder)
    with open(os.path.join(folder, "relay.yaml"), "w") as file:
        file.write(config.replace("modules:", "http: { address: listen }\nmodules:", 1))
    os.link(clip("h264"), os.path.join(folder, "in.mp4"))
    relay = Relay(port=ports["4443"], argv=["sh", "-c", f"cd {folder} && exec {program('moq-relay')} relay.yaml"])
    for port in ("1935", "9998", "8554"):
        wait_until(lambda port=port: has_listener(ports[port]), 20, f"nothing listens at what is {port} in the page: {relay.err[-5:]}")
    check_equal(len(commands), len(RECIPES), "commands in the page")
    commands.sort(key=lambda command: "faststart" not in command)  # it makes the file that others send
    for command in commands:
        path, = [path for words, path in RECIPES if words in command]
        result = scratch(path.replace("/", "-"))
        viewer = waiting_subscriber(relay.url("/" + path), result)
        status, _, err = run(["sh", "-c", f"cd {folder} && {command}"])
        check_equal(status, 0, f"{command}: {err}")
        wait_until(lambda: os.path.exists(result) and os.path.getsize(result) > 100000, 5, f"{path}: nothing comes: {relay.err[-5:]}")
        viewer.end()
        check_equal(len(packets(result)), 2, f"streams of {path}")
    watch_for(relay, "demo/test", scratch("demo-test"), 0.5)
    check_equal(relay.end(), 0, "exit status")


TESTS = [media_by_put_and_post_is_unchanged, media_by_tcp_and_unix_socket_is_unchanged, the_paths_of_sources_are_not_to_be_had_by_http,
         silence_holds_for_sources_that_have_none_of_their_own, a_file_plays_in_a_loop,
         a_file_that_is_played_once_is_unchanged, a_command_runs_while_somebody_watches,
         an_encoder_that_dies_comes_back_without_its_viewers_reconnecting, what_is_wrong_gets_an_answer_and_harms_nobody,
         a_line_that_never_ends_holds_up_nobody,
         other_modules_decide_on_encoders, who_may_not_publish_a_path_does_not_hold_it, a_source_that_fails_is_told_and_comes_back, mistakes_in_the_configuration_are_told_with_their_place,
         sources_that_cannot_listen_are_told_by_check, ports_that_are_taken_are_told, an_encoder_comes_in_by_rtmp, every_recipe_of_the_docs_works]
