# SPDX-License-Identifier: MIT OR Apache-2.0
"""A ladder of ffmpeg through moq-karp and a relay: one catalog, each rendition decodes, `auto` is one of them."""

import json

from moqkit import *

KARP = program("moq-karp")
SIZES = ["640:360", "320:180", "160:90"]
RATES = ["800k", "300k", "100k"]
ALIGNED = ["-force_key_frames", "expr:gte(t,n_forced*1)", "-sc_threshold", "0"]
H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2"]
MUXER = ["-f", "mp4", "-movflags", "cmaf+separate_moof+delay_moov+skip_trailer", "-frag_duration", "1"]


def sources(seconds):
    split = "[0:v]split=3[a][b][c];" + ";".join(f"[{name}]scale={size},setsar=1[{name}2]" for name, size in zip("abc", SIZES))
    return ["ffmpeg", "-nostdin", "-y", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size=640x360:rate=25:duration={seconds}",
            "-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:duration={seconds}", "-filter_complex", split]


def one_file(seconds=4, encoder=H264, keys=ALIGNED):
    """Three renditions and sound in one file."""
    path = scratch("ladder.mp4")
    maps = [word for name in ("[a2]", "[b2]", "[c2]", "1:a") for word in ("-map", name)]
    rates = [word for number, rate in enumerate(RATES) for word in (f"-b:v:{number}", rate)]
    status, _, err = run([*sources(seconds), *maps, *encoder, "-pix_fmt", "yuv420p", *keys, *rates, "-c:a", "aac", *MUXER, path], 120)
    check_equal(status, 0, f"ffmpeg cannot make the ladder: {err}")
    return path


def decodes(path, frames):
    """Checks that ffmpeg decodes so many pictures, and says nothing."""
    status, _, err = run(["ffmpeg", "-v", "error", "-xerror", "-i", path, "-map", "0", "-f", "null", "-"], 60)
    check_equal((status, err), (0, ""), f"decoding {path}")
    status, out, err = run(["ffprobe", "-v", "error", "-select_streams", "v", "-count_frames", "-show_entries",
                            "stream=nb_read_frames,width", "-of", "json", path], 60)
    streams = json.loads(out)["streams"]
    check_equal([int(stream["nb_read_frames"]) for stream in streams], [frames], f"pictures in {path}")
    return streams[0]["width"]


def same_times(packets_here, packets_there, words):
    check_equal(len(packets_here), len(packets_there), words)
    check(all(abs(here[0] - there[0]) <= 1 for here, there in zip(packets_here, packets_there)), words)


def publish(relay, path, inputs, *options, stdin=subprocess.DEVNULL):
    words = [word for name in inputs for word in ("--input", name)]
    return Process([KARP, "--tls-disable-verify", "publish", relay.url(path), *words, *options, "--linger", "3s"], stdin=stdin)


def info(relay, path):
    status, out, err = run([KARP, "--tls-disable-verify", "info", "--json", "--duration", "500ms", relay.url(path)])
    check_equal(status, 0, err)
    return json.loads(out)["catalog"]


def one_file_becomes_a_ladder_with_auto():
    relay, source = Relay(), one_file()
    wanted = ["auto", "video1", "video2", "video3"]
    viewers = {name: subscriber(relay.url("/ladder"), scratch(name + ".mp4"), "--video", name) for name in wanted}
    viewers["all"] = subscriber(relay.url("/ladder"), scratch("all.mp4"))
    for viewer in viewers.values():
        viewer.wait_for("waiting for the broadcast")
    publisher = publish(relay, "/ladder", [source], "--auto")
    publisher.wait_for("publishing")
    catalog = info(relay, "/ladder")
    check_equal([(entry["track"]["name"], entry.get("bitrate"), entry.get("ladder")) for entry in catalog["video"]],
                [("auto", None, None), ("video1", 800000, "auto"), ("video2", 300000, "auto"), ("video3", 100000, "auto")], "the catalog")
    check_equal([entry["resolution"]["width"] for entry in catalog["video"]], [640, 640, 320, 160], "widths")
    check(all("description" not in entry for entry in catalog["video"]), f"descriptions in {catalog}")
    check_equal(publisher.wait(60), 0, f"exit status of publish: {publisher.err}")
    check(not [line for line in publisher.err if " warn " in line], f"warnings: {publisher.err}")
    for name, viewer in viewers.items():
        check_equal(viewer.wait(30), 0, f"exit status of the viewer of {name}: {viewer.err}")
    check_equal([decodes(scratch(name + ".mp4"), 100) for name in wanted], [320, 640, 320, 160], "widths of the pictures")
    before, after = packets(source), packets(scratch("all.mp4"))
    for number in range(4):
        same_times(after[number], before[number], f"times of stream {number}")
    same_times(packets(scratch("auto.mp4"))[0], before[1], "times of auto")
    relay.stop()


def one_pipe_for_each_rendition():
    """ffmpeg opens its outputs in another order than the publisher its inputs, and none of them waits for ever."""
    relay = Relay()
    pipes = [scratch(f"rendition-{number}.mp4") for number in range(3)]
    for pipe in pipes:
        os.mkfifo(pipe)
    outputs = []
    for number in (2, 0, 1):
        sound = ["-map", "1:a", "-c:a", "aac"] if number == 0 else []
        outputs += ["-map", f"[{'abc'[number]}2]", *sound, *H264, "-pix_fmt", "yuv420p", *ALIGNED, "-b:v", RATES[number], *MUXER, pipes[number]]
    result = scratch("pipes.mp4")
    viewer = waiting_subscriber(relay.url("/pipes"), result)
    publisher = publish(relay, "/pipes", pipes, "--auto")
    encoder = Process([*sources(4), *outputs])
    publisher.wait_for("publishing")
    catalog = info(relay, "/pipes")
    check_equal([entry["track"]["name"] for entry in catalog["video"] + catalog["audio"]],
                ["auto", "video1.1", "video2.1", "video3.1", "audio1.2"], "names of the tracks")
    check_equal(encoder.wait(60), 0, f"exit status of ffmpeg: {encoder.err}")
    check_equal(publisher.wait(60), 0, f"exit status of publish: {publisher.err}")
    check(not [line for line in publisher.err if " warn " in line], f"warnings: {publisher.err}")
    check_equal(viewer.wait(30), 0, f"exit status of subscribe: {viewer.err}")
    streams = packets(result)
    check_equal([len(streams[number]) for number in range(3)], [100] * 3, "pictures")
    check_equal([packet[0] for packet in streams[1]], [packet[0] for packet in streams[2]], "times of the renditions")
    relay.stop()


def alone(number, seconds, *more):
    """One rendition in a file of its own."""
    path = scratch(f"file-{number}.mp4")
    size = SIZES[number].replace(":", "x")
    status, _, err = run(["ffmpeg", "-nostdin", "-y", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25:duration={seconds}",
                          *H264, "-pix_fmt", "yuv420p", *ALIGNED, "-b:v", RATES[number], *MUXER, *more, path], 60)
    check_equal(status, 0, f"ffmpeg: {err}")
    return path


def files_for_each_rendition_keep_the_same_pace():
    relay = Relay()
    pair = [alone(0, 3), alone(2, 3, "-frag_duration", "500000")]
    result = scratch("pair.mp4")
    viewer = waiting_subscriber(relay.url("/pair"), result)
    began = time.monotonic()
    publisher = publish(relay, "/pair", pair, "--in-band")
    check_equal(publisher.wait(60), 0, f"exit status of publish: {publisher.err}")
    check_equal(viewer.wait(30), 0, f"exit status of subscribe: {viewer.err}")
    check(time.monotonic() - began > 2.5, "3 s of media went faster than that")
    check_equal([len(stream) for stream in packets(result).values()], [75] * 2, "pictures")
    relay.stop()


def a_source_of_the_relay_becomes_a_ladder():
    port, config, source, result = free_port(), scratch("source.yaml"), one_file(), scratch("source.mp4")
    with open(config, "w") as file:
        file.write(f'listen: [{{ address: "[::]:{port}", self_signed: [localhost] }}]\nhttp: {{ address: listen }}\nmodules:\n'
                   f'  - karp:\n      sources: [{{ path: demo/source, file: "{source}", auto: true, loop: true }}]\n')
    relay = Relay(port=port, argv=[program("moq-relay"), config])
    viewer = subscriber(relay.url("/demo/source"), result, "--video", "auto")
    wait_until(lambda: os.path.exists(result) and os.path.getsize(result) > 50000, 20, f"no media comes: {viewer.err[-4:]}")
    check_equal([entry["track"]["name"] for entry in info(relay, "/demo/source")["video"]], ["auto", "video1", "video2", "video3"], "tracks")
    check_equal(viewer.end(), 0, f"exit status of the viewer: {viewer.err}")
    status, _, err = run(["ffmpeg", "-v", "error", "-xerror", "-i", result, "-map", "0", "-f", "null", "-"], 60)
    check_equal((status, err), (0, ""), "decoding auto")
    relay.stop()


def renditions_that_are_not_aligned_are_told():
    relay = Relay()
    source = one_file(6, keys=["-g:v:0", "25", "-g:v:1", "30", "-g:v:2", "25"])
    publisher = publish(relay, "/apart", [source], "--in-band", "--no-pace")
    check_equal(publisher.wait(60), 0, f"exit status of publish: {publisher.err}")
    lines = [line for line in publisher.err if "-force_key_frames" in line]
    check_equal(len(lines), 1, f"lines about it in {publisher.err}")
    check("video2" in lines[0], f"the name of the track in {lines[0]}")
    relay.stop()


def inputs_that_cannot_be_read_are_named():
    relay = Relay()
    status, _, err = run([KARP, "--tls-disable-verify", "publish", relay.url("/none"), "--input", scratch("none.mp4")])
    check(status == 1 and "none.mp4: no such file" in err, f"{status}: {err}")
    status, _, err = run([KARP, "publish", relay.url("/none"), "--input", "a.mp4", "--input", "a.mp4"])
    check(status == 2 and "given twice" in err, f"{status}: {err}")
    broken = scratch("broken.mp4")
    with open(broken, "wb") as file:
        file.write(b"no media at all")
    status, _, err = run([KARP, "--tls-disable-verify", "publish", relay.url("/none"), "--input", one_file(1), "--input", broken])
    check(status == 1 and "broken.mp4: " in err, f"{status}: {err}")
    relay.stop()


TESTS = [one_file_becomes_a_ladder_with_auto, one_pipe_for_each_rendition, files_for_each_rendition_keep_the_same_pace,
         a_source_of_the_relay_becomes_a_ladder, renditions_that_are_not_aligned_are_told, inputs_that_cannot_be_read_are_named]
