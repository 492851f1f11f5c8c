"""Words that a shell reads back, whatever is in them."""

from __future__ import annotations

import os
import subprocess

from deconvsurgery.program.shell_words import shell_line

BYTES = [bytes([number]) for number in range(1, 256)]
WORDS = [
    "",
    "plain",
    "it's a 'word'\"",
    "$HOME `ls` \\ !x",
    "\u202e\xa0é\U0001f600",
    "\x1b[31mab\n\r\t'\\",
    *(os.fsdecode(b"a" + byte + b"f0'") for byte in BYTES),
    os.fsdecode(b"".join(BYTES)),
]


def test_bash_reads_every_word_back() -> None:
    line = shell_line(WORDS)
    assert line.isprintable()
    script = os.fsencode(f"printf '%s\\0' {line}")
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=True)
    assert [os.fsdecode(word) for word in done.stdout.split(b"\0")[:-1]] == WORDS


def test_half_a_pair_that_is_no_byte_shows() -> None:
    assert shell_line(["\ud800"]).isprintable()
