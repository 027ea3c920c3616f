#!/usr/bin/env python3
"""How fast the tools are, beside the peers and the floor: pairs of runs in turn, and a table."""

import argparse
import datetime
import os
import platform
import re
import subprocess
import sys

import show
import start
from lab import ROOT, Failed, Lab
from rows import PAIRS, QUICK, Create, Sizes

OUT = ROOT / "build/bench"
MANY = 6  # times as many rounds of short runs
WARM_UPS = 3  # a broker that does something for the first times is slow at it


def options():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--only", metavar="REGEX", default="", help="rows whose work or peer matches")
    p.add_argument("--rounds", type=int, metavar="N", help="runs of each side (5; quick: 3)")
    p.add_argument("--quick", action="store_true", help="smaller inputs, rows with a bar only: rougher")
    p.add_argument("--markdown", action="store_true", help="the rows with a bar as Markdown, as in the README")
    o = p.parse_args()
    o.rounds = o.rounds or (3 if o.quick else 5)
    if o.rounds < 1:
        p.error("--rounds: at least 1")
    return o


def say(text):
    print(text, file=sys.stderr, flush=True)


def first_line(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return (done.stdout or done.stderr).strip().splitlines()[0]


def processor():
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def about(o, lab):
    clients = next((ROOT / "build/kafka/libs").glob("kafka-clients-*.jar")).stem
    return {
        "when": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
        "machine": f"{os.cpu_count()} x {processor()}",
        "versions": f"{first_line(ROOT / 'build/bin/batch-send', '-V')}, librdkafka "
            f"{first_line('pkg-config', '--modversion', 'rdkafka')}, {clients}",
        "folder": str(lab.folder.parent),
        "load": f"{os.getloadavg()[0]:.1f}",
        "rounds": o.rounds,
        "command": f"make bench{'-quick (smaller inputs, fewer rounds)' if o.quick else ''}",
    }


def rounds_of(pair, o):
    if pair.many:
        return MANY * o.rounds
    return min(o.rounds, 2) if pair.slow and o.quick else o.rounds


def measure(lab, pair, rounds):
    """A B A B ... after some warm-ups of each."""
    sides = (pair.ours, pair.theirs)
    samples = ([], [])
    warm_ups = 1 if pair.slow else WARM_UPS
    for n in range(-warm_ups, rounds):
        for side, kept in zip(sides, samples):
            sample = lab.measure(side(), warming=n < 0)
            if n >= 0:
                kept.append(sample)
    return samples


def run_pair(lab, pair, o):
    say(f"# {pair.rows[0].work}: {pair.rows[0].against}")
    why = pair.needs(lab)
    if why:
        say(f"  not measured: {why}")
        return []
    pair.prepare()
    ours, theirs = measure(lab, pair, rounds_of(pair, o))
    if pair.big:
        lab.drop_streams()
    results = [show.result(row, ours, theirs) for row in pair.rows]
    for r in results:
        say(f"  {' | '.join(show.cells(r)[2:7])}")
    return results


def run_starts(lab, sizes, o):
    say("# start: exec to first byte on the socket")
    if not start.can_trace():
        say("  not measured: strace may not trace here")
        return {}
    pair = Create(lab, sizes)
    pair.prepare()
    runs = 2 * o.rounds
    return {"batch-create": start.steps(lab, pair.ours, runs),
        "kcat -P": start.steps(lab, pair.theirs, runs)}


def is_wanted(row, o):
    """Rows without a bar are for the curious, who have the time."""
    if o.quick and row.bar.limit is None:
        return False
    return re.search(o.only, f"{row.work}: {row.against}") is not None


def run_all(lab, o):
    sizes = QUICK if o.quick else Sizes()
    results = []
    for kind in PAIRS:
        pair = kind(lab, sizes)
        pair.rows = [row for row in pair.rows if is_wanted(row, o)]
        if pair.rows:
            results += run_pair(lab, pair, o)
    starts = run_starts(lab, sizes, o) if re.search(o.only, "start") else {}
    return results, starts


def tell(o, facts, results, starts):
    OUT.mkdir(parents=True, exist_ok=True)
    show.write_json(OUT / "bench.json", facts, results, starts)
    print(show.heading(facts), end="\n\n")
    print(show.markdown_table(results) if o.markdown else show.text_table(results), end="\n\n")
    for line in show.start_lines(starts):
        print(line)
    show.write_plot(OUT / "bench.svg", facts, results)
    print(show.tally(results))


def main():
    o = options()
    try:
        with Lab() as lab:
            facts = about(o, lab)
            results, starts = run_all(lab, o)
    except Failed as e:
        sys.exit(f"bench: {e}")
    tell(o, facts, results, starts)


if __name__ == "__main__":
    main()
