"""usage: prometheus.py FILE

Reads a file of Prometheus' text format as strictly as node_exporter's textfile collector, and prints the name and
the type of each family. What is not of the format, or makes the whole file be left out, is an error."""
import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
SAMPLE = re.compile(rf"(?P<name>{NAME})(?:\{{(?P<labels>{LABEL}(?:,{LABEL})*)\}})? (?P<value>\S+)\Z")  # no timestamp


def parse(text):
    types, helps, series, order = {}, {}, {}, []
    assert text.endswith("\n"), "no newline at the end"
    for line in text[:-1].split("\n"):
        comment = re.match(rf"# (HELP|TYPE) ({NAME}) (.+)\Z", line)
        if comment:
            kind, name, rest = comment.groups()
            known = helps if kind == "HELP" else types
            assert name not in known, f"a second {kind} of {name}"
            known[name] = rest
            order += [name] if name not in order else []
            assert order[-1] == name, f"{name} comes again"
            continue
        sample = SAMPLE.match(line)
        assert sample, f"not a sample: {line}"
        labels = re.findall(LABEL, sample["labels"] or "")
        assert len(dict(labels)) == len(labels), f"a label twice: {line}"
        key = (sample["name"], tuple(sorted(labels)))
        assert key not in series, f"a series twice: {line}"
        family = order[-1]
        suffix = sample["name"][len(family):]
        assert sample["name"].startswith(family), f"{line} stands under {family}"
        assert suffix in (("_bucket", "_sum", "_count") if types[family] == "histogram" else ("",)), line
        assert types[family] != "counter" or family.endswith("_total"), f"a counter's name: {family}"
        series[key] = float(sample["value"])
    assert set(types) == set(helps) == set(order)
    return types, series


def check_histograms(types, series):
    for (name, labels), count in series.items():
        family = name.removesuffix("_count")
        if name == family or types.get(family) != "histogram":
            continue
        buckets = sorted((float(dict(own)["le"]), n) for (other, own), n in series.items()
                         if other == family + "_bucket" and tuple(x for x in own if x[0] != "le") == labels)
        counts = [n for _, n in buckets]
        assert counts == sorted(counts) and buckets[-1] == (float("inf"), count), (name, labels, buckets)
        assert (family + "_sum", labels) in series


types, series = parse(open(sys.argv[1], newline="").read())
check_histograms(types, series)
for name in types:
    assert any(key[0].startswith(name) for key in series), f"{name} has no series"
    print(name, types[name])
