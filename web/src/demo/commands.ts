// SPDX-License-Identifier: MIT OR Apache-2.0
// How to publish and watch from a terminal, with the addresses filled in.

export interface Command {
    title: string;
    text: string;
}

/** Safe between single quotes of a POSIX shell. */
function quoteForShell(text: string): string {
    return /^[\w./:@%+=?&-]+$/.test(text) && !/[&?]/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

const MOVFLAGS = "-movflags cmaf+separate_moof+delay_moov+skip_trailer -frag_duration 1";

/** `url` is the broadcast's address as tools take it. */
export function commandsFor(url: string): Command[] {
    const where = quoteForShell(url);
    return [
        {
            title: "A file, in a loop",
            text:
                "ffmpeg -v error -re -stream_loop -1 -i in.mp4 -c:v libx264 -preset veryfast -tune zerolatency -g 60 \\\n" +
                `  -c:a aac -f mp4 ${MOVFLAGS} - \\\n` +
                `  | moq-karp publish ${where}`,
        },
        {
            title: "A test picture with a tone",
            text:
                "ffmpeg -v error -re -f lavfi -i testsrc2=size=1280x720:rate=30 -f lavfi -i sine=frequency=440 \\\n" +
                "  -c:v libx264 -preset veryfast -tune zerolatency -pix_fmt yuv420p -g 60 -c:a aac \\\n" +
                `  -f mp4 ${MOVFLAGS} - \\\n` +
                `  | moq-karp publish ${where}`,
        },
        { title: "Watch it in a terminal", text: `moq-karp subscribe ${where} | ffplay -` },
    ];
}
