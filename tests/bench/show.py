"""The table as text and as Markdown, the JSON, the plot."""

import json
import subprocess
from statistics import median

HEAD = ["work", "against", "bar", "ours", "theirs", "ratio", "held", "cpu s", "MiB", "broker cpu s"]
QUOTED = HEAD.index("cpu s") + 1
UNITS = {"wall": "s", "cpu": "s", "memory": "MiB"}


def medians(samples):
    return {key: median(getattr(s, key) for s in samples)
        for key in ("wall", "cpu", "memory", "broker")}


def verdict(row, ours, theirs):
    """The ratio as the bar means it, and whether it is held; None: there is no bar."""
    own, other = ours[row.of], theirs[row.of]
    ratio = (other / own if own else 0) if row.bar.least else (own / other if other else 0)
    if row.bar.limit is None:
        return ratio, None
    held = ratio >= row.bar.limit if row.bar.least else ratio <= row.bar.limit
    if row.of == "memory":
        held = held and 1 / ratio <= row.bar.limit
    if row.under:
        held = held and max(own, other) < row.under
    return ratio, held


def result(row, ours, theirs):
    own, other = medians(ours), medians(theirs)
    ratio, held = verdict(row, own, other)
    return {"work": row.work, "against": row.against, "bar": bar_text(row), "of": row.of,
        "limit": row.bar.limit, "least": row.bar.least, "ratio": ratio, "held": held,
        "ours": own, "theirs": other, "samples": {"ours": [vars(s) for s in ours],
        "theirs": [vars(s) for s in theirs]}}


def bar_text(row):
    if row.under:
        return f"within 10 %, under {row.under} MiB"
    return row.bar.text


def figure(value):
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def both(r, key):
    return f"{figure(r['ours'][key])} / {figure(r['theirs'][key])}"


def cells(r):
    held = {True: "held", False: "NOT", None: "-"}[r["held"]]
    unit = UNITS[r["of"]]
    return [r["work"], r["against"], r["bar"] or "-", f"{figure(r['ours'][r['of']])} {unit}",
        f"{figure(r['theirs'][r['of']])} {unit}", figure(r["ratio"]), held, both(r, "cpu"),
        both(r, "memory"), both(r, "broker")]


def text_table(results):
    rows = [HEAD] + [cells(r) for r in results]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths)).rstrip() for row in rows)


def markdown_table(results):
    """What the README quotes: the rows with a bar, without what explains them."""
    barred = [cells(r) for r in results if r["held"] is not None]
    rows = [HEAD, ["---"] * len(HEAD)] + barred
    return "\n".join("| " + " | ".join(c.replace("|", "\\|") for c in row[:QUOTED]) + " |"
        for row in rows)


def start_lines(starts):
    """Where the time from exec to the first byte goes, a line for each program."""
    for name, steps in starts.items():
        way = ", ".join(f"{what} {ms:.1f}" for what, ms in steps.items())
        yield f"start of {name}, ms after exec: {way}"


def heading(about):
    return (f"{about['when']}, {about['machine']}, {about['versions']}, logs in {about['folder']}, "
        f"load {about['load']} at the start, {about['rounds']} rounds: {about['command']}")


def tally(results):
    held = [r["held"] for r in results if r["held"] is not None]
    return f"{sum(held)} held, {len(held) - sum(held)} not"


def write_json(path, about, results, starts):
    path.write_text(json.dumps({"about": about, "rows": results, "starts": starts}, indent=1) + "\n")


def gnuplot(script):
    subprocess.run(["gnuplot"], input=script.encode(), check=True)


def quoted(text):
    return '"' + text.replace("\\", "").replace('"', "'") + '"'


def margin(r):
    """How many times the bar: 1 just holds it."""
    good = r["ratio"] or 1e-3
    return good / r["limit"] if r["least"] else r["limit"] / good


def write_plot(path, about, results):
    rows = [r for r in results if r["held"] is not None]
    if not rows:
        return
    low, high = min(0.5, *map(margin, rows)) / 1.2, max(2, *map(margin, rows)) * 1.2
    data = []
    for y, r in enumerate(reversed(rows)):
        label = f"{r['work']} | {r['against']}: {r['bar']}"
        data.append(f"{margin(r):.4f} {y} {0x2e7d32 if r['held'] else 0xc62828} {quoted(label)}")
    gnuplot(f"""
set terminal svg noenhanced size 1500,{120 + 24 * len(rows)} font "sans,12" background "white"
set output "{path}"
set title {quoted(f"Work | beside what: bar. {about['when']}, {about['command']}")}
set lmargin at screen 0.58
set rmargin at screen 0.97
set logscale x
set xrange [{low}:{high}]
set xlabel "how many times its bar; 1: just held"
set xtics (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
set grid xtics
set yrange [-0.7:{len(rows) - 0.3}]
unset ytics
set arrow from 1,graph 0 to 1,graph 1 nohead lw 2
unset key
set style fill solid 0.8 noborder
$rows << EOD
{chr(10).join(data)}
EOD
plot $rows using (1):2:(1 < $1 ? 1 : $1):(1 < $1 ? $1 : 1):($2-0.35):($2+0.35):3 \
    with boxxyerror lc rgb variable, \
    $rows using ({low}):2:4 with labels right offset -1,0
""")
