"""usage: verify.py ID EVENTS RECORDS [INPUT...]

Judges one batch from outside: EVENTS and RECORDS are the stream's two topics as kcat -J wrote them,
each INPUT is what one sender was to send, a line a record. It shares no code with the tools. Says each
invariant that does not hold, and exits with 1; else prints what it saw as one line of JSON.

I1  no loss: what was sent of each INPUT is in the log, when the batch was completed
I2  no ghost: nothing else is in the log under this batch; what a sender left that the manifest of the
    completed batch does not name (a stray) is of an INPUT, too
I3  what is there twice has the same sender, number, key and value
I4  of each sender the numbers in a partition go up, leaving out what is there a second time
I6  the events that count make one legal history; a completed batch's counts are those of the log
"""

import json
import sys

MAY = {
    None: {"started"},
    "started": {"sendCompleted", "completed", "terminated", "failed"},
    "sendCompleted": {"completed", "failed"},
    "completed": {"failed"},
    "terminated": set(),
    "failed": set(),
}


class Broken(Exception):
    pass


def need(holds, invariant, text):
    if not holds:
        raise Broken(f"{invariant}: {text}")


def lines(path):
    with open(path, "rb") as f:
        data = f.read()
    return data[:-1].split(b"\n") if data.endswith(b"\n") else data.split(b"\n") if data else []


def headers(message):
    flat = message.get("headers") or []
    return dict(zip(flat[::2], flat[1::2]))


def messages(path):
    for line in lines(path):
        message = json.loads(line)
        yield message, headers(message)


def fold(batch, path):
    """The documents of the events that count, and how many do not."""
    counted, ignored = [], 0
    for message, head in messages(path):
        document = json.loads(message["payload"])
        if document.get("id") != batch:
            continue
        if head.get("ce_type") == "batch.standing":  # says again what stands
            need(counted and document["status"] == counted[-1]["status"], "I6", "an answer says what does not stand")
            continue
        before = counted[-1]["status"] if counted else None
        version = int(head.get("ce_batchversion", len(counted) + 1))
        if version == len(counted) + 1 and document["status"] in MAY[before]:
            counted.append(document)
        else:
            ignored += 1
    return counted, ignored


def collect(batch, path):
    """By sender and number each record, by partition; and how many are there again."""
    first, again = {}, 0
    for message, head in messages(path):
        if head.get("batchId") != batch:
            continue
        sender, _, number = head["batchSeq"].rpartition(":")
        place = sender, int(number)
        content = message["key"], message["payload"]
        if place in first:
            need(first[place][0] == content, "I3", f"{place} is there twice, and not the same")
            again += 1
            continue
        first[place] = content, message["partition"], message["offset"]
    return first, again


def check_order(first):
    last = {}
    for (sender, number), (_, partition, offset) in sorted(first.items(), key=lambda r: r[1][2]):
        before = last.get((sender, partition), 0)
        need(number > before, "I4", f"{sender}:{number} after {before} in partition {partition}")
        last[sender, partition] = number


def of_sender(first, sender):
    return {number: content[1].encode() for (s, number), (content, _, _) in first.items() if s == sender}


def check_input(records, wanted, complete, name):
    for number, value in records.items():
        need(number <= len(wanted), "I2", f"{name}: number {number} of {len(wanted)}")
        need(value == wanted[number - 1], "I2", f"{name}: number {number} is another record")
    missing = [n for n in range(1, len(wanted) + 1) if n not in records]
    need(not complete or not missing, "I1", f"{name}: {len(missing)} missing, first {missing[:3]}")


def input_of(sender, records, inputs):
    lowest = min(records)
    for name, wanted in inputs.items():
        if lowest <= len(wanted) and wanted[lowest - 1] == records[lowest]:
            return name
    raise Broken(f"I2: sender {sender} sent none of the inputs")


def named_in(document):
    """The senders that the manifest names; None: it names none."""
    manifest = (document or {}).get("manifest") or {}
    return {s["sender"] for s in manifest.get("senders") or []} or None


def match_senders(first, inputs, complete, named):
    """Each sender sent one of the inputs, each input had one sender, strays aside."""
    all_inputs = {name: lines(name) for name in inputs}
    left = dict(all_inputs)
    for sender in sorted({s for s, _ in first}):
        records = of_sender(first, sender)
        if named is not None and sender not in named:
            name = input_of(sender, records, all_inputs)
            check_input(records, all_inputs[name], False, name)
        else:
            name = input_of(sender, records, left)
            check_input(records, left.pop(name), complete, name)
    unsent = [name for name, wanted in left.items() if wanted]
    need(not complete or not unsent, "I1", f"nothing of {unsent}")


def check_counts(document, count):
    manifest = document.get("manifest")
    expected = document.get("expectedRecordCount", 0)
    need(expected == count, "I6", f"completed with {expected} records, the log has {count}")
    need(not manifest or manifest["records"] == count, "I6", "the manifest counts otherwise")


def judge(batch, events, records, inputs):
    counted, ignored = fold(batch, events)
    first, again = collect(batch, records)
    last = counted[-1] if counted else None
    status = last["status"] if last else None
    named = named_in(last)
    strays = sum(1 for sender, _ in first if named is not None and sender not in named)
    check_order(first)
    if inputs:
        match_senders(first, inputs, status == "completed", named)
    if status == "completed":
        check_counts(last, len(first) - strays)
    return {
        "status": status,
        "counted": [d["status"] for d in counted],
        "ignored": ignored,
        "records": len(first),
        "duplicates": again,
        "strays": strays,
        "senders": len({s for s, _ in first}),
        "last": last,
    }


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    batch, events, records, *inputs = sys.argv[1:]
    try:
        print(json.dumps(judge(batch, events, records, inputs)))
    except Broken as broken:
        print(f"batch {batch}: {broken}")
        return 1
    return 0


sys.exit(main())
