// SPDX-License-Identifier: MIT OR Apache-2.0
// Runs before a page's own scripts, and in workers that drawn.js reaches: takes the marks of clips.py out of a picture.
globalThis.marks = {
    BLOCKS: 32,

    /** Two rows of pixels: the first has three for each block of the number, the second begins with one of the flash. */
    copyMarks(small, source, width, height) {
        const across = globalThis.marks.BLOCKS * 3;
        small.drawImage(source, 0, height / 18 - 1, width, 2, 0, 0, across, 1); // the middle of the row of blocks
        small.drawImage(source, width / 8 - 2, (height * 7) / 8 - 2, 4, 4, 0, 1, 1, 1);
        return small.getImageData(0, 0, across, 2).data;
    },
};
