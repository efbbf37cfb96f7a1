# SPDX-License-Identifier: MIT OR Apache-2.0
"""A viewer whose link becomes slower and recovers, while it watches a ladder through a relay with the policy that ships, and another
one beside it whose link does not. What both exported, and when each frame of it came."""

import json
import threading

from linkkit import Link
from moqkit import *

KARP = program("moq-karp")
POLICY = os.path.join(TOP, "lua", "policies", "broadcast.lua")
RENDITIONS = (("640:360", "4500k"), ("480:270", "2000k"), ("320:180", "700k"))
WIDTHS = [int(size.split(":")[0]) for size, _ in RENDITIONS]
FPS, GROUP_S, LOOP_S = 25, 1, 10
FAST, SLOW, QUEUE = "6mbit", "1mbit", "limit 48kb"


def ladder_clip():
    """Three renditions, with aligned keyframes, and noise that fills their bitrates. It is made once per machine."""
    path = os.path.join(CACHE, "clips", "ladder-1.mp4")
    if os.path.exists(path):
        return path
    os.makedirs(os.path.dirname(path), exist_ok=True)
    split = "[0:v]split=3[a][b][c];" + ";".join(f"[{name}]scale={size},setsar=1[{name}2]" for name, (size, _) in zip("abc", RENDITIONS))
    maps = [word for name in "abc" for word in ("-map", f"[{name}2]")]
    rates = [word for i, (_, rate) in enumerate(RENDITIONS) for word in (f"-b:v:{i}", rate, f"-maxrate:v:{i}", rate, f"-bufsize:v:{i}", rate)]
    part = f"{path}.{os.getpid()}.mp4"
    status, _, err = run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i",
                          f"testsrc2=size=640x360:rate={FPS}:duration={LOOP_S},noise=alls=30:allf=t", "-filter_complex", split, *maps,
                          "-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-pix_fmt", "yuv420p",
                          "-force_key_frames", f"expr:gte(t,n_forced*{GROUP_S})", "-sc_threshold", "0", *rates, part], 300)
    check_equal(status, 0, f"ffmpeg cannot make the ladder: {err}")
    os.replace(part, path)
    return path


class Export(Process):
    """A subscriber whose output is kept, with the time at which each fragment of it came: one frame."""

    def __init__(self, argv, path):
        super().__init__(argv, stdout=subprocess.PIPE)
        self.path, self.came = path, []
        reader = threading.Thread(target=self._keep, daemon=True)
        self.threads.append(reader)
        reader.start()

    def _keep(self):
        seen, at = bytearray(), 0
        with open(self.path, "wb") as file:
            while piece := os.read(self.popen.stdout.fileno(), 1 << 16):
                file.write(piece)
                seen += piece
                while len(seen) - at >= 8 and len(seen) - at >= (size := int.from_bytes(seen[at:at + 4], "big")):
                    if seen[at + 4:at + 8] == b"moof":
                        self.came.append(time.monotonic())
                    at += size

    def pictures(self):
        """Of each picture: its time in the media, its width, and when it came."""
        status, out, err = run(["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "frame=pts_time,width", "-of", "json",
                                self.path], 120)
        check_equal((status, err), (0, ""), f"decoding {self.path}")
        frames = json.loads(out)["frames"]
        check_equal(len(frames), len(self.came), "pictures, and fragments")
        return [(float(frame["pts_time"]), frame["width"], came) for frame, came in zip(frames, self.came)]


def relay_of(policy):
    port, path = free_port(), scratch("fall.yaml")
    with open(path, "w") as file:
        file.write(f'listen: [{{ address: "[::]:{port}", self_signed: [localhost] }}]\nhttp: {{ address: listen }}\nworkers: 1\n'
                   f"policy: {{ {policy} }}\nmodules:\n  - ladder: {{ begin: highest }}\n  - lua: {{ script: {POLICY} }}\n")
    return Relay(port=port, argv=[program("moq-relay"), path])


def wait_for_picture(export, count):
    wait_until(lambda: len(export.came) >= count or not export.is_running(), count / FPS + 30, f"{count} pictures: {export.err[-5:]}")
    check(len(export.came) >= count, f"only {len(export.came)} pictures came: {export.err[-5:]}")


class Outcome:
    """`fell` and `rose`: how many seconds of media the viewer beside had then."""

    def __init__(self, fell, rose, behind, beside, stats):
        self.fell, self.rose, self.stats, self.statuses = fell, rose, stats, (behind.popen.returncode, beside.popen.returncode)
        self.paths, self.exports = (behind.path, beside.path), (behind.err, beside.err)
        self.behind, self.beside = behind.pictures(), beside.pictures()

    def changes(self):
        """The times in the media at which the viewer behind the link has got another rendition, and its width."""
        return [(pts, width) for (_, before, _), (pts, width, _) in zip(self.behind, self.behind[1:]) if width != before]

    def stall(self):
        """The longest time without a picture. The exporter keeps the last one until it knows that it is the last one."""
        came = [when for _, _, when in self.behind[:-1]]
        return max(later - earlier for earlier, later in zip(came, came[1:]))

    def delay(self):
        """By how much the latest picture was later than that of the viewer beside."""
        there = {round(pts * 1000): came for pts, _, came in self.beside[:-1]}
        return max(came - there[round(pts * 1000)] for pts, _, came in self.behind[:-1] if round(pts * 1000) in there)

    def missing(self):
        """Pictures that the viewer behind the link did not get."""
        return len(self.beside) - len(self.behind)


def fall(seconds, fall_at, rise_at, policy):
    """Runs `seconds` of media past both viewers; the link is slow between two moments of it. `policy` is that of relay.yaml."""
    link = Link(FAST, queue=QUEUE)
    try:
        source, relay = ladder_clip(), relay_of(policy)
        watch = [KARP, "--tls-disable-verify", "subscribe", "--video", "auto", "--latency", "30s"]
        behind = Export(link.inside([*watch, f"https://{link.address}:{relay.port}/show"]), scratch("behind.mp4"))
        beside = Export([*watch, relay.url("/show")], scratch("beside.mp4"))
        for viewer in (behind, beside):
            viewer.wait_for("waiting for the broadcast")
        encoder = subprocess.Popen(["ffmpeg", "-nostdin", "-v", "error", "-re", "-stream_loop", str(seconds // LOOP_S), "-t", str(seconds), "-i",
                                    source, "-map", "0", "-c", "copy", "-f", "mp4", *FRAGMENTS, "-"], stdout=subprocess.PIPE)
        publisher = Process([KARP, "--tls-disable-verify", "publish", relay.url("/show"), "--auto", "--live", "--linger", "5s"],
                            stdin=encoder.stdout)
        encoder.stdout.close()
        wait_for_picture(beside, int(fall_at * FPS))
        fell = len(beside.came) / FPS
        link.set_rate(SLOW)
        wait_for_picture(beside, int(rise_at * FPS))
        rose = len(beside.came) / FPS
        link.set_rate(FAST)
        check_equal(publisher.wait(seconds + 60), 0, f"exit status of publish: {publisher.err[-5:]}")
        encoder.wait()
        for viewer in (behind, beside):
            viewer.wait(60)
        stats = relay.stats()
        relay.stop()
        return Outcome(fell, rose, behind, beside, stats)
    finally:
        link.end()
