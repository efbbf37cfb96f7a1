# SPDX-License-Identifier: MIT OR Apache-2.0
"""What <moq-publish> makes of a camera, and what becomes of it when tabs come, go and hide: moq-karp, ffmpeg and players watch."""

from publishkit import *

# A browser without devices, or one whose devices do not start, answers like this.
REFUSING = """if (navigator.mediaDevices) navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("no words for people", "NAME"); }"""


def frames_of(file, kind="v"):
    """(time in seconds, whether it is a keyframe) of each packet."""
    status, out, err = run(["ffprobe", "-v", "error", "-select_streams", kind, "-show_entries", "packet=pts_time,flags", "-of", "json", file])
    check_equal((status, err), (0, ""), f"ffprobe of {file}")
    return [(float(packet["pts_time"]), packet["flags"].startswith("K")) for packet in json.loads(out)["packets"]]


def streams_of(file):
    status, out, err = run(["ffprobe", "-v", "error", "-show_entries", "stream=codec_type", "-of", "csv=p=0", file])
    check_equal((status, err), (0, ""), f"ffprobe of {file}")
    return out.decode().split()


def check_reads(file):
    """Neither reading nor decoding makes ffmpeg say a word, and times rise when it only copies."""
    for words in (["-enc_time_base", "-1"], ["-c", "copy"]):
        status, _, err = run(["ffmpeg", "-v", "error", "-xerror", "-i", file, "-map", "0", *words, "-f", "null", "-"], 60)
        check_equal((status, err), (0, ""), f"ffmpeg {words} of {file}")


def check_keyframes(frames, interval_s):
    """Each keyframe is within two frames of its time, or the first one after it on a machine that was late. The one that the times are
    counted from may have been late itself."""
    times = [time for time, _ in frames]
    keys = [time for time, is_key in frames if is_key][1:]  # one more may follow the first when somebody joins
    check(len(keys) >= 4, f"keyframes at {keys}")
    step = statistics.median(b - a for a, b in zip(times, times[1:]))
    for key in keys[1:]:
        place = keys[0] + round((key - keys[0]) / interval_s) * interval_s
        before = max(time for time in times if time < key)
        is_near = abs(key - place) <= 2 * step
        check(is_near or before < place < key + step, f"of the frames around {place}, {before} is none and {key} is the keyframe; {keys}")


def keyframes_come_with_the_first_frame_that_is_due():
    relay = Relay()
    for codec, interval_s in (("h264", 1), ("vp9", 0.5), ("av1", 1)):
        path = f"/demo/{codec}"
        with Publishing(relay, f'source="camera" codec="{codec}" keyframe-interval="{interval_s}"', path) as page:
            page.wait_live()
            file = record(relay, path, 7, f"keys-{codec}.mp4")
            check_reads(file)
            check_keyframes(frames_of(file), interval_s)
    relay.stop()


def a_picture_without_sound_is_published():
    relay = Relay()
    with Publishing(relay, 'source="camera" audio="off"') as page:
        page.wait_live()
        check(not page.state()["hasSound"], f"the state says that there is sound: {page.state()}")
        file = record(relay, ME, 4, "silent.mp4")
    check_equal(streams_of(file), ["video"], "streams")
    check_reads(file)
    relay.stop()


def the_first_publisher_is_seen_again_when_a_second_one_leaves():
    """Two tabs have the same name; the second one is closed without a word."""
    relay = Relay()
    with Publishing(relay) as first, Viewer(relay, path=ME, attributes="muted") as viewer:
        first.wait_live()
        viewer.until("() => player.videoHeight === 480", 20, "the first one is not seen")
        second = Publishing(relay, size=(320, 240))
        second.wait_live()
        viewer.until("() => player.videoHeight === 240", 20, "the second one is not seen")
        second.__exit__(None)
        viewer.until("() => player.videoHeight === 480", 30, "the first one is not seen again")
        viewer.run("() => { globalThis.seen = player.currentTime; }")
        viewer.until("() => player.currentTime > seen + 1", 10, "the first one stands still")
    relay.stop()


def a_camera_follows_the_size_that_is_wished_for():
    relay = Relay()
    with Publishing(relay, size=(640, 480)) as page:
        page.wait_live()
        instance = page.state()["instance"]
        for width, height in ((1280, 720), (320, 240)):
            page.set("width", str(width))
            page.set("height", str(height))
            page.until("(width) => publisher.state.renditions[0]?.width === width", 20, f"the picture is not {width} wide", width)
        check_equal(page.state()["instance"], instance, "the instance")
    relay.stop()


def a_publisher_goes_on_by_itself_when_the_relay_is_killed():
    relay = Relay.quick()
    with Publishing(relay, expected=r"net::ERR_|Failed to load resource|WebTransport") as page:
        page.wait_live()
        before = int(page.state()["instance"])
        relay.kill()
        page.until("() => publisher.state.status === 'connecting'", 40, "it has not noticed")
        relay = Relay.quick(port=relay.port)
        page.wait_live(seconds=60)
        check(int(page.state()["instance"]) > before, f"instance {page.state()['instance']} follows {before}")
        check_reads(record(relay, ME, 4, "again.mp4"))
    relay.stop()


def devices_that_do_not_begin_are_told_in_words():
    relay = Relay()
    for name, code, words in (
        ("NotFoundError", "no-device", "Connect one"),
        ("NotAllowedError", "permission-denied", "Allow it"),
        ("NotReadableError", "device-busy", "Close other programs"),
        ("AbortError", "device-failed", "Start again"),
        ("SomethingNew", "device-failed", "no words for people"),
    ):
        with Publishing(relay, 'source="camera" controls', init=[REFUSING.replace("NAME", name)]) as page:
            page.until("(code) => publisher.state.error?.code === code", 10, f"{name} is not told as {code}", code)
            check_equal(page.told(), [{"type": "error", "code": code}], "events")
            shown = page.run("() => publisher.shadowRoot.querySelector('.status').textContent")
            check(words in shown, f"{name} is told as {shown!r}")
            check(relay.stats()["announcements"] == 0, "something is published")
    relay.stop()


def files_are_published_whatever_they_are():
    """MP4 with H.264 and AAC; nothing but sound; and what is no media."""
    relay = Relay()
    script = """async (name, bytes) => {
        const file = new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name);
        await publisher.publish("file", file);
    }"""
    sound = scratch("sound.ogg")
    status, _, err = run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "sine=frequency=500:duration=3", "-c:a", "libopus", sound])
    check_equal(status, 0, f"ffmpeg: {err}")
    with Publishing(relay, "controls") as page:
        for path, tracks in ((clip("h264"), ["video", "audio"]), (sound, ["audio"])):
            with open(path, "rb") as file:
                page.run(script, os.path.basename(path), base64.b64encode(file.read()).decode())
            page.until("(count) => publisher.state.status === 'live' && publisher.state.hasSound && publisher.state.renditions.length === count",
                       30, f"{path} is not published", tracks.count("video"))
            file = record(relay, ME, 5, "file.mp4")
            check_equal(streams_of(file), tracks, f"streams of {path}")
            check_reads(file)
        page.run(script, "notes.mp4", base64.b64encode(b"not a film").decode())
        check_equal(page.state()["error"]["message"], "This browser cannot play the file", "the error")
    relay.stop()


TESTS = [keyframes_come_with_the_first_frame_that_is_due, a_picture_without_sound_is_published,
         the_first_publisher_is_seen_again_when_a_second_one_leaves, a_camera_follows_the_size_that_is_wished_for,
         a_publisher_goes_on_by_itself_when_the_relay_is_killed,
         devices_that_do_not_begin_are_told_in_words, files_are_published_whatever_they_are]
