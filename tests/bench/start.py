"""Where the time goes between exec and the first byte on the socket, as strace sees it."""

import re
import subprocess
from statistics import median

# In the order in which they come; the first line that fits ends the step.
STEPS = [
    ("libraries linked", r"munmap\("),
    ("settings read", r"sasl2|clone3?\("),
    ("librdkafka begun", r"clone3?\("),
    ("connecting", r"connect\(\d+, \{sa_family=AF_INET"),
    ("first byte sent", r"sendmsg\("),
    ("end", r"exit_group\("),
]
SYSCALLS = "execve,openat,munmap,clone,clone3,connect,sendmsg,exit_group"


def can_trace():
    done = subprocess.run(["strace", "--seccomp-bpf", "-f", "-o", "/dev/null", "true"],
        capture_output=True)
    return done.returncode == 0


def walk(lines):
    lines = iter(lines)
    first = float(next(lines).split()[1])
    for what, pattern in STEPS:
        for line in lines:
            if re.search(pattern, line):
                yield what, 1000 * (float(line.split()[1]) - first)
                break


def trace(lab, run):
    log = lab.folder / "strace"
    lab.tell(f"strace --seccomp-bpf -f -ttt -o {log} -e trace={SYSCALLS} {run.command}", run.stdin)
    return dict(walk(log.read_text().splitlines()))


def steps(lab, make_run, runs):
    """Milliseconds after exec; medians."""
    traces = [trace(lab, make_run()) for _ in range(runs)]
    return {what: median(t[what] for t in traces) for what, _ in STEPS
        if all(what in t for t in traces)}
