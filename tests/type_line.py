#!/usr/bin/env python3
"""Types lines into an interactive shell, as a user at a terminal does.

usage: type_line.py PROMPT COMMAND [ARG...] < LINES

Runs COMMAND at a terminal and types each line of standard input, then Enter, whenever PROMPT has come. A
TAB in a line is the key. Prints what the terminal showed.
"""

import os
import pty
import select
import sys
import time

LIMIT_S = 60


def show_until(fd, wanted, seen):
    """Reads on until the text has come."""
    end = time.monotonic() + LIMIT_S
    start = len(seen)
    while wanted not in seen[start:]:
        ready, _, _ = select.select([fd], [], [], max(0, end - time.monotonic()))
        if not ready:
            sys.exit(f"type_line.py: {wanted!r} did not come: {bytes(seen)!r}")
        seen.extend(os.read(fd, 65536))


def main():
    prompt = sys.argv[1].encode()
    lines = sys.stdin.buffer.read().splitlines()
    pid, fd = pty.fork()
    if pid == 0:
        os.execvp(sys.argv[2], sys.argv[2:])
    seen = bytearray()
    show_until(fd, prompt, seen)
    for line in lines:
        os.write(fd, line + b"\r")
        show_until(fd, prompt, seen)
    os.close(fd)
    os.waitpid(pid, 0)
    sys.stdout.buffer.write(seen)


main()
