# SPDX-License-Identifier: MIT OR Apache-2.0
"""Media that can be recognised by a program that watches them: every picture bears its number, and each second begins with a beep
and a flash. Made by ffmpeg once per machine, in MOQ_CACHE.

A number is a row of 32 blocks across the top ninth of the picture, white for 1: `10`, 24 bits of the number, 6 bits of their
check. It survives scaling, cropping of a few lines, and any codec. The flash is a white block in the lower left corner, black
otherwise, as long as the beep of 1 kHz; between beeps there is a soft, rising tone, so that any stretch of sound has one place."""

import hashlib
import os
import subprocess
import threading
import time
from dataclasses import dataclass, field

from moqkit import CACHE, Process, check, check_equal, program, run

BLOCKS = 32
BEEP_S = 0.1
SOUND = ("aevalsrc=exprs='if(lt(mod(t,1),{beep}),0.7*sin(2*PI*1000*t),0.1*sin(2*PI*(200+400*mod(t,1))*mod(t,1)))':"
         "sample_rate=48000:duration={seconds}")
BT709 = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"]
KEYS = ["-g", "{fps}", "-keyint_min", "{fps}", "-sc_threshold", "0"]  # a group of a second
X264 = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "20", *KEYS]
VP9 = ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "600k", "-g", "{fps}"]
SVT = ["-c:v", "libsvtav1", "-preset", "12", "-crf", "30", "-g", "{fps}", "-svtav1-params", "lp=1"]
AOM = ["-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-crf", "30", "-b:v", "600k", "-g", "{fps}"]
HEVC = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", "-g", "{fps}"]
AAC = ["-c:a", "aac", "-b:a", "96k"]
OPUS = ["-c:a", "libopus", "-b:a", "64k"]


def check_bits(number):
    """Of 24 bits: how their four sixes of bits add up, and a little so that black is no number."""
    return (sum(number >> shift & 63 for shift in (0, 6, 12, 18)) + 21) & 63


def blocks_of(number):
    """The row of blocks as a byte each, 255 for white."""
    word = 2 << 30 | (number & 0xFFFFFF) << 6 | check_bits(number & 0xFFFFFF)
    return bytes(255 if word >> (31 - at) & 1 else 0 for at in range(BLOCKS))


@dataclass
class Clip:
    """How a clip is made, and what a viewer has to see and hear of it."""

    video: list = field(default_factory=lambda: [*X264, "-bf", "0"])
    audio: list = field(default_factory=lambda: list(AAC))
    size: tuple = (320, 180)  # of the coded picture
    fps: int = 30
    seconds: int = 8
    pixels: str = "yuv420p"
    aspect: str = "1"  # of a pixel
    rotation: int = 0  # clockwise, by which a player has to turn the coded picture
    channels: int = 2
    publish: list = field(default_factory=list)  # options of moq-karp publish
    codecs: tuple = ("avc1.", "mp4a.40.2")  # how the codecs of the catalog begin

    def frames(self):
        return self.fps * self.seconds

    def shown_size(self):
        """Width and height as they are shown: pixels made square, the picture turned."""
        top, _, bottom = self.aspect.partition("/")
        width, height = round(self.size[0] * int(top) / int(bottom or 1)), self.size[1]
        return (height, width) if self.rotation % 180 else (width, height)


CLIPS = {
    "h264": Clip(),
    "reordered": Clip(video=[*X264, "-bf", "3"], audio=OPUS, codecs=("avc1.", "opus")),
    "in-band": Clip(publish=["--in-band"]),
    "vp9": Clip(video=VP9, audio=OPUS, codecs=("vp09.00.", "opus")),
    "vp9-10": Clip(video=[*VP9, "-profile:v", "2"], pixels="yuv420p10le", audio=OPUS, codecs=("vp09.02.", "opus")),
    "av1": Clip(video=SVT, audio=OPUS, codecs=("av01.0.", "opus")),
    "av1-aom": Clip(video=AOM, audio=OPUS, seconds=4, codecs=("av01.0.", "opus")),
    "av1-10": Clip(video=SVT, pixels="yuv420p10le", codecs=("av01.0.", "mp4a.40.2")),
    "hevc": Clip(video=HEVC, codecs=("hev1.", "mp4a.40.2")),
    "odd": Clip(video=[*VP9], size=(321, 241), codecs=("vp09.00.", "mp4a.40.2")),
    "rotated": Clip(size=(180, 320), rotation=90),
    "turned": Clip(rotation=180),
    "wide-pixels": Clip(size=(240, 180), aspect="4/3"),
    "mono": Clip(channels=1),
    "surround": Clip(channels=6, audio=["-c:a", "aac", "-b:a", "256k"]),
    "surround-opus": Clip(channels=6, audio=["-c:a", "libopus", "-b:a", "192k"], codecs=("avc1.", "opus")),
    "25": Clip(fps=25),
    "50": Clip(fps=50),
    "60": Clip(fps=60),
    "silent": Clip(audio=[], codecs=("avc1.",)),
    "sound": Clip(video=[], codecs=("mp4a.40.2",)),
    "long": Clip(seconds=60),
    "large": Clip(size=(640, 360), seconds=20),
    "small": Clip(size=(160, 90), seconds=20),
}
LADDER = [(640, "1500k"), (320, "500k"), (160, "150k")]


def folder():
    path = os.path.join(CACHE, "marked-clips")
    os.makedirs(path, exist_ok=True)
    return path


def cached(name, recipe, make):
    """The path of the file that `make(path)` writes, unless one of the same recipe is there."""
    path = os.path.join(folder(), f"{name}-{hashlib.sha256(repr(recipe).encode()).hexdigest()[:12]}.mp4")
    if not os.path.exists(path):
        part = f"{path}.{os.getpid()}.mp4"
        make(part)
        os.replace(part, path)
    return path


def ffmpeg(*argv, stdin=None):
    status, _, err = run(["ffmpeg", "-v", "error", "-y", *argv], 300, stdin=stdin)
    check_equal(status, 0, f"ffmpeg {' '.join(argv)[-300:]}: {err[-1000:]}")


def marks(clip):
    """34 grey pixels per frame: the blocks of its number, and the flash twice."""
    beep = round(BEEP_S * clip.fps)
    return b"".join(blocks_of(number) + bytes([255 if number % clip.fps < beep else 0] * 2) for number in range(clip.frames()))


def filters_of(clip, size):
    """From marks and a test picture to the coded picture; `size` is that of the upright picture."""
    width, height = size
    turn = {0: "null", 90: "transpose=cclock", 180: "hflip,vflip", 270: "transpose=clock"}[clip.rotation]
    return (f"[0]split[a][b];[a]crop=32:1:0:0,scale={width}:{height // 9}:flags=neighbor[row];"
            f"[b]crop=2:1:32:0,scale={width // 4}:{height // 4}:flags=neighbor[flash];"
            f"[1]gblur=sigma=2,hue=s=0.6[soft];[soft][row]overlay=0:0[c];[c][flash]overlay=0:{height - height // 4},{turn},"
            f"scale={clip.size[0]}:{clip.size[1]}:out_color_matrix=bt709:out_range=tv,setsar={clip.aspect},format={clip.pixels}[v]")


def make_clip(clip, path):
    fps, (width, height) = str(clip.fps), clip.size if clip.rotation % 180 == 0 else clip.size[::-1]
    options = [word.format(fps=fps) for word in clip.video]
    sound = ["-f", "lavfi", "-i", SOUND.format(beep=BEEP_S, seconds=clip.seconds)]
    if not clip.video:
        return ffmpeg(*sound, "-ac", str(clip.channels), *clip.audio, path)
    picture = ["-f", "rawvideo", "-pix_fmt", "gray", "-s", "34x1", "-r", fps, "-i", "-",
               "-f", "lavfi", "-i", f"testsrc2=size={width}x{height}:rate={fps}:duration={clip.seconds}"]
    maps = ["-map", "[v]", *(["-map", "2:a", "-ac", str(clip.channels), *clip.audio] if clip.audio else [])]
    upright = f"{path}.upright.mp4" if clip.rotation else path
    ffmpeg(*picture, *sound, "-filter_complex", filters_of(clip, (width, height)), *maps, *BT709, *options, upright, stdin=marks(clip))
    if clip.rotation:
        ffmpeg("-i", upright, "-c", "copy", "-metadata:s:v:0", f"rotate={360 - clip.rotation}", path)
        os.remove(upright)
    return None


def path_of(name):
    clip = CLIPS[name]
    return cached(name, (clip, SOUND, BT709, filters_of(clip, clip.size), BLOCKS, 2), lambda path: make_clip(clip, path))


def ladder():
    """A clip of three renditions for `moq-karp publish --auto`, each with the same numbers."""
    source = CLIPS["large"]
    options = [word for at, (_, rate) in enumerate(LADDER) for word in (f"-b:v:{at}", rate, f"-maxrate:v:{at}", rate, f"-bufsize:v:{at}", rate)]
    scales = "".join(f"[s{at}]scale={width}:-2[v{at}];" for at, (width, _) in enumerate(LADDER))
    split = f"[0:v]split={len(LADDER)}" + "".join(f"[s{at}]" for at in range(len(LADDER))) + ";" + scales.rstrip(";")
    argv = ["-filter_complex", split, *[word for at in range(len(LADDER)) for word in ("-map", f"[v{at}]")], "-map", "0:a", "-c:a", "copy",
            *[word.format(fps=source.fps) for word in X264 if word not in ("-crf", "20")], "-bf", "0", *options, *BT709]
    return cached("ladder", (argv, source), lambda path: ffmpeg("-i", path_of("large"), *argv, path))


def reference_picture(name, number):
    """Frame `number` as ffmpeg shows it: width, height and RGB bytes."""
    clip = CLIPS[name]
    width, height = clip.shown_size()
    scale = f"select=eq(n\\,{number}),scale={width}:{height}:in_color_matrix=bt709:in_range=tv:flags=bicubic+accurate_rnd+full_chroma_int"
    status, out, err = run(["ffmpeg", "-v", "error", "-i", path_of(name), "-vf", scale, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt",
                            "rgb24", "-"])
    check_equal((status, len(out)), (0, width * height * 3), f"ffmpeg has no frame {number} of {name}: {err}")
    return width, height, out


def reference_sound(path, rate=8000):
    """The sound of a file, mixed to one channel, as 16-bit samples."""
    status, out, err = run(["ffmpeg", "-v", "error", "-i", path, "-vn", "-ac", "1", "-ar", str(rate), "-f", "s16le", "-"])
    check(status == 0 and out, f"ffmpeg has no sound of {path}: {err}")
    return out


class LivePublisher:
    """Pictures that bear the time at which they were made: milliseconds since the epoch, the lower 24 bits. `tone`: with a tone of so many
    Hz, without an end."""

    size, fps = (640, 360), 30

    def __init__(self, url, *more, tone=0):
        width, height = self.size
        sound = ["-f", "lavfi", "-i", f"sine=frequency={tone}:sample_rate=48000", "-c:a", "aac", "-ac", "2"] if tone else []
        encode = ["ffmpeg", "-v", "error", "-fflags", "nobuffer", "-probesize", "32", "-analyzeduration", "0", "-f", "rawvideo", "-pix_fmt",
                  "gray", "-s", f"{width}x{height}", "-r", str(self.fps), "-i", "-", *sound, "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset",
                  "ultrafast", "-tune", "zerolatency", "-g", str(self.fps), "-b:v", "2M", "-f", "mp4", "-movflags",
                  "cmaf+separate_moof+delay_moov+skip_trailer", "-frag_duration", "1", "-flush_packets", "1", "-"]
        self.ffmpeg = subprocess.Popen(encode, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
        self.karp = Process([program("moq-karp"), "--tls-disable-verify", "publish", url, *more], stdin=self.ffmpeg.stdout)
        self.ffmpeg.stdout.close()
        self.is_over = False
        self.thread = threading.Thread(target=self._write, daemon=True)
        self.thread.start()

    def _write(self):
        width, height = self.size
        noise = bytes((x * 7 + x // 640 * 13) & 127 for x in range(width * (height + self.fps)))
        begin, number = time.monotonic(), 0
        while not self.is_over:
            time.sleep(max(0.0, begin + number / self.fps - time.monotonic()))
            row = b"".join(bytes([block]) * (width // BLOCKS) for block in blocks_of(int(time.time() * 1000)))
            below = number % self.fps * width
            try:
                self.ffmpeg.stdin.write(row * (height // 9) + noise[below:below + width * (height - height // 9)])
                self.ffmpeg.stdin.flush()
            except (BrokenPipeError, ValueError):
                return
            number += 1

    def end(self):
        self.is_over = True
        self.thread.join(10)
        self.ffmpeg.kill()
        self.ffmpeg.wait()
        return self.karp.wait(20)
