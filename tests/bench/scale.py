#!/usr/bin/env python3
"""What grows how: partitions, senders, consumers, notifications, records. A table and a plot of each."""

import argparse
import json
import math
import re
import sys
import time
from dataclasses import dataclass
from statistics import median

import lab as labs
import show
from bench import OUT, about, say
from lab import Failed, Lab, Run, expect
from rows import count, lines_of, manifest_of, status_of

LOG_SECONDS = 60  # a log that would take longer to write is left out, with all that are larger
LIST_EVENTS = 1_000_000  # a list of all batches keeps them all in memory


@dataclass
class Curve:
    """One row of the table: what was measured at each place of the x axis."""

    name: str
    unit: str
    points: list  # (x, y)


@dataclass
class Study:
    name: str
    about: str
    x: str
    curves: list
    note: str = ""


def figure_of(lab, make_run, runs):
    """The median of some runs after a warm-up."""
    lab.measure(make_run(), warming=True)
    return show.medians([lab.measure(make_run()) for _ in range(runs)])


class Curves:
    """Several kinds of work over the same x axis, as they are measured."""

    def __init__(self):
        self.by_name = {}

    def add(self, name, unit, x, y):
        self.by_name.setdefault(name, Curve(name, unit, [])).points.append((x, y))
        say(f"  {name}, {count(x)}: {number(y)} {unit}")

    def list(self):
        return list(self.by_name.values())


def number(value):
    return f"{value:.0f}" if value >= 100 else show.figure(value)


def send_run(lab, stream, lines, n):
    batch = lab.create(stream)
    return Run(f"batch-send -s {stream} -B {batch} {lines}", check=manifest_of(n))


def consume_run(stream, batch, n):
    return Run(f"batch-consume -s {stream} -B {batch}", sink=True, check=lines_of(n))


# --- partitions


def partitions(lab, o):
    n, curves = o.lines, Curves()
    lines = lab.lines(n)
    for p in (1, 4, 16, 64):
        stream = lab.stream(p)
        sent = figure_of(lab, lambda: send_run(lab, stream, lines, n), o.rounds)
        batch = lab.finished(stream, lines)
        got = figure_of(lab, lambda: consume_run(stream, batch, n), o.rounds)
        curves.add("send", "records/s", p, n / sent["wall"])
        curves.add("consume", "records/s", p, n / got["wall"])
        curves.add("send, peak memory", "MiB", p, sent["memory"])
        curves.add("consume, peak memory", "MiB", p, got["memory"])
        lab.drop_streams()
    return Study("partitions", f"a batch of {count(n)} lines of 190 bytes", "partitions",
        curves.list())


# --- senders of one batch, consumers of one group


def parallel(commands):
    """All at the same time; the first that fails decides."""
    waits = "; ".join(f"wait ${{p[{i}]}} || exit" for i in range(len(commands)))
    starts = " ".join(f"{c} & p+=($!);" for c in commands)
    return f"bash -c '{starts} {waits}'"


def senders_run(lab, stream, parts, senders):
    batch = lab.create(stream)
    return Run(parallel([f"batch-send -s {stream} -B {batch} {part} >{part}.sent"
        for part in parts[:senders]]))


def split(lab, lines, senders):
    """The lines in so many files of about the same size."""
    lab.tell(f"split -n l/{senders} -d {lines} {lab.folder}/part.{senders}.")
    return sorted(p for p in lab.folder.glob(f"part.{senders}.*") if p.suffix != ".sent")


def consumers_run(lab, stream, batches, consumers):
    """Each member ends where the log ended at its start; together they have all of it."""
    group = f"g{time.monotonic_ns()}"
    outs = [lab.folder / f"member.{i}" for i in range(consumers)]
    command = parallel([f"batch-consume -s {stream} -G {group} -e --exec \"wc -l\" >{out}"
        for out in outs])

    def check(_):
        lines = [int(n) for out in outs for n in out.read_text().split()]
        expect("batches", len(lines), len(batches))

    return Run(command, check=check)


def processes(lab, o):
    n, curves = o.lines, Curves()
    lines = lab.lines(n)
    few = lab.lines(n // 16)
    stream = lab.stream(16)
    target = lab.stream(16)
    batches = [lab.finished(stream, few) for _ in range(16)]
    for p in (1, 2, 4, 8):
        parts = split(lab, lines, p)
        sent = figure_of(lab, lambda: senders_run(lab, target, parts, p), o.rounds)
        got = figure_of(lab, lambda: consumers_run(lab, stream, batches, p), o.rounds)
        curves.add("senders of one batch", "records/s", p, n / sent["wall"])
        curves.add("consumers of a group", "records/s", p, n // 16 * 16 / got["wall"])
    lab.drop_streams()
    return Study("processes", f"{count(n)} lines of 190 bytes, 16 partitions; consumers: 16 "
        f"batches", "processes at the same time", curves.list())


# --- notifications


def log_curves(lab, o, n, curves):
    """Adds the figures of a log of n events; the seconds it took to write it."""
    began = time.monotonic()
    stream, batch = lab.log(n, 30 * 86400, "ours", "batch.num.messages=1000")
    took = time.monotonic() - began

    def listed(options):
        return Run(f"batch-status -s {stream} --size 1 --ids {options}",
            check=lambda text: expect("id", text.strip(), batch))

    fresh = figure_of(lab, lambda: Run(f"batch-status -s {stream} -B {batch}",
        check=status_of("started")), 2 * o.rounds)
    hour = figure_of(lab, lambda: listed("--since=-1h"), o.rounds)
    curves.add("one fresh batch", "ms", n, 1000 * fresh["wall"])
    curves.add("list of the last hour", "ms", n, 1000 * hour["wall"])
    if n <= LIST_EVENTS:
        full = figure_of(lab, lambda: listed(""), 1 if n > 100_000 else o.rounds)
        curves.add("list of all", "ms", n, 1000 * full["wall"])
        curves.add("list of all, peak memory", "MiB", n, full["memory"])
    return took


def notifications(lab, o):
    n, curves = 1000, Curves()
    while True:
        took = log_curves(lab, o, n, curves)
        lab.drop_streams()
        if n * 10 > o.log or took * 10 > LOG_SECONDS:
            break
        n *= 10
    return Study("notifications", "batch-status, a log of 30 days, four partitions",
        "events in the log", curves.list(), f"the log of {count(n)} took {took:.0f} s to write")


# --- records


def records(lab, o):
    curves = Curves()
    n = 1000
    while n <= o.records:
        base = lab.lines(min(n, 1_000_000))
        files = " ".join([str(base)] * max(1, n // 1_000_000))
        stream = lab.stream()
        rounds = o.rounds if n <= 1_000_000 else 1
        sent = figure_of(lab, lambda: send_run(lab, stream, files, n), rounds)
        batch = lab.finished(stream, files)
        got = figure_of(lab, lambda: consume_run(stream, batch, n), rounds)
        curves.add("send", "ms", n, 1000 * sent["wall"])
        curves.add("consume", "ms", n, 1000 * got["wall"])
        curves.add("send, peak memory", "MiB", n, sent["memory"])
        curves.add("consume, peak memory", "MiB", n, got["memory"])
        size = len(lab.tell(f"batch-status -s {stream} -B {batch}"))
        curves.add("the document", "bytes", n, size)
        lab.drop_streams()
        n *= 10
    return Study("records", "one batch of lines of 190 bytes, four partitions", "records",
        curves.list())


# --- what comes out


def slope(points):
    """How y grows with x: 0 not at all, 1 in step, by the last two places."""
    (x0, y0), (x1, y1) = points[-2:]
    return math.log(y1 / y0) / math.log(x1 / x0)


def table(study):
    xs = [x for x, _ in study.curves[0].points]
    rows = [[study.x] + [count(x) for x in xs] + ["last step grows by x^"]]
    for c in study.curves:
        grows = f"{slope(c.points):.2f}" if len(c.points) > 1 else "-"
        gap = ["-"] * (len(xs) - len(c.points))
        rows.append([f"{c.name}, {c.unit}"] + [number(y) for _, y in c.points] + gap + [grows])
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(r, widths)).rstrip() for r in rows)


def plot(study, path):
    """The first unit on the left, the second on the right; what has a third is in the table only."""
    units = list(dict.fromkeys(c.unit for c in study.curves))[:2]
    drawn = [c for c in study.curves if c.unit in units]
    blocks = "\n".join(f"$c{i} << EOD\n" + "\n".join(f"{x} {y}" for x, y in c.points) + "\nEOD"
        for i, c in enumerate(drawn))
    lines = ", ".join(f'$c{i} axes x1y{1 + units.index(c.unit)} with linespoints lw 2 '
        f'dashtype {1 + units.index(c.unit)} title "{c.name}, {c.unit}"'
        for i, c in enumerate(drawn))
    right = f'set logscale y2\nset y2tics\nset y2label "{units[1]}"' if units[1:] else ""
    show.gnuplot(f"""
set terminal svg noenhanced size 900,560 font "sans,13" background "white"
set output "{path}"
set title {show.quoted(study.about)}
set logscale xy
set format x "%.0s%c"
set xlabel "{study.x}"
set ylabel "{units[0]}"
{right}
set grid
set key outside bottom center
{blocks}
plot {lines}
""")


STUDIES = {"partitions": partitions, "processes": processes, "notifications": notifications,
    "records": records}


def options():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--only", metavar="REGEX", default="", help=" ".join(STUDIES))
    p.add_argument("--rounds", type=int, metavar="N", default=3, help="runs at each place (3)")
    p.add_argument("--lines", type=int, metavar="N", default=1_000_000,
        help="of the batch for partitions and processes (1M)")
    p.add_argument("--log", type=int, metavar="N", default=10_000_000,
        help="longest log of notifications (10M)")
    p.add_argument("--records", type=int, metavar="N", default=10_000_000,
        help="largest batch (10M)")
    return p.parse_args()


def tell(facts, studies):
    OUT.mkdir(parents=True, exist_ok=True)
    print(show.heading(facts))
    for s in studies:
        plot(s, OUT / f"scale-{s.name}.svg")
        print(f"\n{s.name}: {s.about}{'; ' + s.note if s.note else ''}\n{table(s)}")
    told = {"about": facts, "studies": [{**vars(s), "curves": [vars(c) for c in s.curves]}
        for s in studies]}
    (OUT / "scale.json").write_text(json.dumps(told, indent=1) + "\n")


def main():
    o = options()
    o.quick = False
    try:
        with Lab() as lab:
            facts = {**about(o, lab), "command": "make scale"}
            studies = []
            for name, study in STUDIES.items():
                if re.search(o.only, name):
                    say(f"# {name}")
                    studies.append(study(lab, o))
    except Failed as e:
        sys.exit(f"scale: {e}")
    tell(facts, studies)


if __name__ == "__main__":
    main()
