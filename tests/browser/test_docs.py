# SPDX-License-Identifier: MIT OR Apache-2.0
"""The examples of docs/web.md and docs/web-players.md work word for word: pages play, programs run and have types that fit. Only the
address https://relay.example is another one here. An example that this file does not know fails."""

import json
import shutil

from browserkit import MEASURE
from playerkit import *
from test_demo import loop, relay_with_page

PAGES = ("docs/web.md", "docs/web-players.md")
DRAWING = """const canvas = document.createElement("canvas");
setInterval(() => canvas.getContext("2d").fillRect(Math.random() * 300, 0, 9, 9), 30);"""
TRACK = 'import { createTrack } from "@moq-relay/player/transfork"; const track = createTrack(["mine"]);'
# A line of each program; what it takes from the page around it, for its run and for its types; what holds afterwards.
PROGRAMS = {
    "publisher.setTracks(": (DRAWING + "const token = undefined, show = (state) => { globalThis.shown = state; };",
                             "declare const token: string | undefined, show: (state: unknown) => void, canvas: HTMLCanvasElement;",
                             "() => globalThis.shown?.status === 'live'"),
    'import "@moq-relay/player/element";': ("", "", "() => customElements.get('moq-video') !== undefined"),
    "MoqPublishElement.workerUrl": ("", "", "() => customElements.get('moq-publish').workletUrl === '/publish-worklet.js'"),
    "player.attachCanvas(": ("const button = document.body;",
                             "declare const button: HTMLButtonElement;", "() => document.querySelector('canvas')?.width === 320"),
    "new Broadcast(": ("", "", None),
    'createTrack(["scores", "final"])': ("", "", None),
    "new Connection(": (TRACK + "const fetchToken = async () => '';", "declare const fetchToken: () => Promise<string>;\n" + TRACK, None),
}


def examples(language):
    for path in PAGES:
        with open(os.path.join(TOP, path), encoding="utf-8") as file:
            yield from re.findall(rf"^```{language}\n(.*?)^```", file.read(), re.DOTALL | re.MULTILINE)


def program_of(code):
    found = [program for line, program in PROGRAMS.items() if line in code]
    check_equal(len(found), 1, f"entries of PROGRAMS for the example\n{code}")
    return found[0]


def package():
    with open(os.path.join(WEB, "package.json"), encoding="utf-8") as file:
        return json.load(file)


def import_map():
    """The doors of the package, as a page without a bundler finds them."""
    doors = {}
    for door, file in package()["exports"].items():
        doors["@moq-relay/player" + door[1:]] = (file if isinstance(file, str) else file["default"])[1:]
    return f'<script type="importmap">{json.dumps({"imports": doors})}</script>'


def here(text, relay):
    return re.sub(r'(src|from) ?(=?)"(?:https://relay\.example)?/(moq-\w+\.js)"', r'\1 \2"/dist/\3"', text).replace("https://relay.example/", relay.url("/", "http"))


def pages_play():
    relay = relay_with_page(loop("demo/bbb"))
    found = list(examples("html"))
    check_equal(len(found), 2, "pages")
    for html in found:
        with Page(here(html, relay)) as page:
            if "<moq-video" in html:
                page.until("() => document.querySelector('moq-video').state?.status === 'playing'", 30, "it does not play")
            else:
                page.until("() => document.querySelector('moq-publish').state?.status === 'idle'", 30, "it offers nothing to publish")
    relay.stop()


def programs_run():
    for code in examples("js"):
        before, _, holds = program_of(code)
        relay = relay_with_page(loop("demo/bbb"))  # of its own, so that what it counts is of this program
        wait_until(lambda: relay.stats()["announcements"] > 0, 20, "the clip is not announced")
        stats = relay.stats()
        with Page(import_map() + f'<script type="module">{before}\n{here(code, relay)}</script>') as page:
            if holds:
                page.until(holds, 30, f"nothing came of\n{code}\n")
            else:
                wait_until(lambda: any(relay.stats()[name] > stats[name] for name in ("viewers", "announcements")), 30, f"nothing came of\n{code}\n")
            time.sleep(0.5)  # for what it complains about
        relay.stop()


def doors_of(code):
    """The files that a page imports are doors of the package."""
    return code.replace('"/moq-publish.js"', '"@moq-relay/player/publish"').replace('"/moq-video.js"', '"@moq-relay/player/element"')


def types_fit():
    """As a program of others sees them: a package in node_modules, with strict checks."""
    home = scratch("types")
    installed = os.path.join(home, "node_modules/@moq-relay/player")
    os.makedirs(installed)
    shutil.copy(os.path.join(WEB, "package.json"), installed)
    os.symlink(player_folder(), os.path.join(installed, "dist"))
    for number, code in enumerate(examples("js")):
        _, given, _ = program_of(code)
        with open(os.path.join(home, f"{number}.ts"), "w", encoding="utf-8") as file:
            file.write(given + "\n" + doors_of(code) + "\nexport {};\n")
    with open(os.path.join(home, "tsconfig.json"), "w", encoding="utf-8") as file:
        json.dump({"compilerOptions": {"strict": True, "module": "esnext", "moduleResolution": "bundler", "target": "es2022", "noEmit": True,
                                       "lib": ["es2023", "dom", "dom.iterable", "dom.asynciterable"], "types": []}, "include": ["*.ts"]}, file)
    packages()
    status, out, err = run(["node", os.path.join(WEB, "node_modules/typescript/bin/tsc"), "-p", home], 120)
    check_equal(status, 0, f"tsc: {out.decode()[-2000:]}{err[-500:]}")


def policy_of(relay, page_origin):
    """What the table of the docs says, for an `http:` address."""
    with open(os.path.join(TOP, PAGES[0]), encoding="utf-8") as file:
        rows = re.findall(r"^\| `((?:script|worker|connect|style)-src [^`]*)`", file.read(), re.MULTILINE)
    check_equal([row.split()[0] for row in rows], ["script-src", "worker-src", "connect-src", "style-src"], "directives")
    rows = [row.replace("https://relay.example", f"{page_origin} http://localhost:{relay.port} https://localhost:{relay.port}") for row in rows]
    return "; ".join(["default-src 'none'", *rows])


def the_policy_is_enough():
    relay = relay_with_page(loop("demo/bbb"))
    with Page() as blank:
        policy = policy_of(relay, blank.origin)
    # The page's own measuring is not under the policy: it comes before.
    html = (f'{MEASURE}<script type="module">await import("/kit/measure.js"); const meta = document.createElement("meta"); meta.httpEquiv = "Content-Security-Policy";'
            f' meta.content = {json.dumps(policy)}; document.head.append(meta); globalThis.player = Object.assign(document.createElement("moq-video"),'
            f' {{ src: "{relay.url("/demo/bbb", "http")}", controls: true }}); const script = document.createElement("script"); script.type = "module";'
            ' script.src = "/dist/moq-video.js"; document.body.append(player, script);</script>')
    with Page(html, expected="data:text/javascript,0") as page:
        page.until("() => globalThis.player?.state?.status === 'playing'", 30, "it does not play")
        page.until("() => globalThis.heard?.contexts[0]?.blocks.length > 100", 20, "no sound is played")
        check_equal(page.run("async () => { try { await import('data:text/javascript,0'); return 'taken'; } catch { return 'refused'; } }"), "refused", "another script")
    relay.stop()


TESTS = [pages_play, programs_run, types_fit, the_policy_is_enough]
