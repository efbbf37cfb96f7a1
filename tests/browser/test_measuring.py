# SPDX-License-Identifier: MIT OR Apache-2.0
"""The measuring itself: what is known of a page beforehand is found by it, and what is wrong on purpose is found, too."""

from browserkit import *

VIDEO = '<video id="video" src="/clips/{}" muted></video>'
APART_MS = 300  # so far are picture and sound apart on purpose
OFFSET_MS = 140  # up to this, a busy machine paints late; less than half of that
PLAY = """async () => {
    globalThis.frames = [];
    const next = (_, { mediaTime }) => {
        frames.push({ time: mediaTime, number: kit.look(video).number });
        video.requestVideoFrameCallback(next);
    };
    video.requestVideoFrameCallback(next);
    await video.play();
}"""
SEEK = """async (time) => {
    video.pause();
    video.currentTime = time;
    await new Promise((done) => { video.onseeked = done; });
}"""
# A canvas that flashes, and a loudspeaker that beeps `late` milliseconds after each flash, by the clock of the loudspeaker.
FLASH_AND_BEEP = """async (late) => {
    const picture = canvas.getContext("2d");
    const sound = new AudioContext();
    const gain = new GainNode(sound, { gain: 0 });
    const tone = new OscillatorNode(sound, { frequency: 1000 });
    tone.connect(gain).connect(sound.destination);
    tone.start();
    while (!(heard.now(sound).contextTime > 0.5)) await new Promise((done) => setTimeout(done, 100));
    const begin = sound.currentTime + 1;
    for (let n = 0; n < 10; n++) {
        const at = begin + n + late / 1000;
        gain.gain.setValueAtTime(0.7, at).setValueAtTime(0, at + 0.1);
    }
    const draw = () => {
        const { contextTime, performanceTime } = heard.now(sound);
        const since = (contextTime - begin) * 1000 + performance.now() - performanceTime;
        const number = Math.max(0, Math.floor(since / 33));
        picture.fillStyle = "black";
        picture.fillRect(0, 0, 320, 180);
        picture.fillStyle = "white";
        if (since >= 0 && since % 1000 < 100) picture.fillRect(0, 135, 80, 45);
        let check = 21;
        for (const shift of [0, 6, 12, 18]) check += (number >> shift) & 63;
        const bits = "10" + number.toString(2).padStart(24, "0") + (check & 63).toString(2).padStart(6, "0");
        for (let i = 0; i < 32; i++) if (bits[i] === "1") picture.fillRect(i * 10, 0, 10, 20);
        requestAnimationFrame(draw);
    };
    draw();
}"""


def the_number_of_each_picture_is_read():
    for name in ("h264", "60", "wide-pixels"):
        clip = clips.CLIPS[name]
        with Page(VIDEO.format(os.path.basename(clips.path_of(name)))) as page:
            page.run(PLAY)
            page.until("() => frames.length > 40", 10, "the video plays no 40 frames")
            frames = page.run("() => frames")
        wrong = [frame for frame in frames if frame["number"] is None or abs(frame["time"] * clip.fps - frame["number"]) > 1.01]
        check(len(wrong) <= len(frames) / 10, f"{len(wrong)} of {len(frames)} numbers of {name} are wrong: {wrong[:3]}")


def a_picture_is_like_ffmpegs_of_the_same_number_alone():
    for name in ("h264", "vp9-10", "odd", "rotated", "turned", "wide-pixels"):
        with Page(VIDEO.format(os.path.basename(clips.path_of(name)))) as page:
            page.run(SEEK, 2.51)
            check_picture(page, "video", name)
            number, _, _, rgb = page.picture("video")
            other = psnr(rgb, clips.reference_picture(name, number + 15)[2])
            check(other < 25, f"a picture half a second later is as like as {other:.1f} dB")


def sound_is_like_its_source_and_like_no_other():
    with Page(VIDEO.format(os.path.basename(clips.path_of("h264"))).replace("muted", "")) as page:
        page.run("""async () => {
            const context = new AudioContext();
            context.createMediaElementSource(video).connect(context.destination);
            await video.play();
        }""")
        page.until("() => video.currentTime > 1.7", 10, "the video does not play")
        likeness, loudest = page.likeness_of_sound(clips.path_of("h264"))
        check(likeness > 0.9 and loudest > 0.02, f"its sound is {likeness:.2f} like its source, and {loudest:.2f} loud")
        likeness, _ = page.likeness_of_sound(clip("h264"))
        check(likeness < 0.7, f"its sound is {likeness:.2f} like another")


def silence_is_like_nothing():
    with Page() as page:
        page.run("""() => { const context = new AudioContext(); new ConstantSourceNode(context, { offset: 0 }).connect(context.destination); }""")
        page.until("() => heard.contexts[0]?.blocks.length > 0 || heard.contexts.length", 10, "nothing is played")
        time.sleep(0.5)
        likeness, loudest = page.likeness_of_sound(clips.path_of("h264"))
        check(likeness < 0.1 and loudest == 0, f"silence is {likeness:.2f} like a clip, and {loudest:.2f} loud")


def offset_is(late):
    with Page('<canvas id="canvas" width="320" height="180"></canvas>') as page:
        page.run(FLASH_AND_BEEP, late)
        found = sound_after_picture(page, "canvas", 6)
    check(abs(found - late) < OFFSET_MS, f"a beep {late} ms after its flash is found {found:.0f} ms after it")


def a_beep_with_its_flash_is_found_there():
    offset_is(0)


def a_beep_after_its_flash_is_found_there():
    offset_is(APART_MS)


def a_beep_before_its_flash_is_found_there():
    offset_is(-APART_MS)


def a_complaint_of_a_page_fails_its_test():
    for code in ("console.error('broken')", "setTimeout(() => { throw new Error('broken') })", "Promise.reject(new Error('broken'))",
                 "new Worker(URL.createObjectURL(new Blob(['throw new Error(`broken`)'])))",
                 "new Worker(URL.createObjectURL(new Blob(['Promise.reject(new Error(`broken`))'])))"):
        try:
            with Page() as page:
                page.run("(code) => { (0, eval)(code) }", code)
                time.sleep(1)
        except Failure as why:
            check("broken" in str(why), f"{code} failed the test with: {why}")
        else:
            raise Failure(f"{code} went unnoticed")
        with Page(expected="broken") as page:
            page.run("() => console.error('broken')")


TESTS = [a_picture_is_like_ffmpegs_of_the_same_number_alone, sound_is_like_its_source_and_like_no_other, silence_is_like_nothing,
         a_beep_with_its_flash_is_found_there, a_beep_after_its_flash_is_found_there, a_beep_before_its_flash_is_found_there,
         the_number_of_each_picture_is_read, a_complaint_of_a_page_fails_its_test]
# What is seen is told by the player's worker there (drawn.js); a page itself paints too seldom on a busy machine.
FIREFOX = [sound_is_like_its_source_and_like_no_other]
