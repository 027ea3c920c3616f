#!/usr/bin/env python3
"""usage: interleave.py STREAM BATCHES FILE

Sends FILE into so many batches at the same time, 256 lines to one sender after the other, and
completes them."""

import itertools
import json
import subprocess
import sys

STRIPE = 256


def output(*command, **how):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, **how).stdout


def start(stream):
    batch = json.loads(output("batch-create", "-s", stream, "-n", "interleaved"))["id"]
    return subprocess.Popen(["batch-send", "-s", stream, "-B", batch], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE)


def end(sender):
    document = sender.communicate()[0]
    if sender.returncode:
        sys.exit(f"batch-send: exit status {sender.returncode}")
    output("batch-complete", input=document)


def main():
    stream, batches, name = sys.argv[1:]
    senders = [start(stream) for _ in range(int(batches))]
    with open(name, "rb") as f:
        for stripe in iter(lambda: b"".join(itertools.islice(f, STRIPE)), b""):
            for sender in senders:
                sender.stdin.write(stripe)
                sender.stdin.flush()
    for sender in senders:
        end(sender)


main()
