"""What is measured, against what, and the bars: each Pair is run in turn, each Row is a line of the table."""

import filecmp
import json
from dataclasses import dataclass

import lab as labs
from lab import ROOT, Failed, Run, expect

UUID = "01a1fea6-fa73-7ebc-817c-2e156be5bd78"
JAVA = f"java -cp '{ROOT}/build/kafka/libs/*' -Dorg.slf4j.simpleLogger.defaultLogLevel=error"


@dataclass
class Bar:
    """at least: their time by ours, how many times as fast; at most: ours by theirs."""

    limit: float
    least: bool
    text: str


def at_least(limit):
    return Bar(limit, True, f"at least {limit}")


def at_most(limit, text=None):
    return Bar(limit, False, f"at most {text or limit}")


SAID_FASTER = Bar(None, True, "")
SAID_SHARE = Bar(None, False, "")


@dataclass
class Row:
    work: str
    against: str
    bar: Bar
    of: str = "wall"  # wall, cpu or memory
    under: float = None  # MiB that neither side may exceed


@dataclass
class Sizes:
    lines: int = 1_000_000
    long: int = 100_000
    fhir: int = 600_000_000
    interleaved: int = 50_000
    log: int = 1_000_000
    many: int = 10_000
    small: int = 20 << 20
    large: int = 2 << 30


QUICK = Sizes(lines=200_000, long=10_000, fhir=60_000_000, interleaved=10_000, log=100_000,
    many=1000, large=200 << 20)


def count(n):
    for size, unit in ((1_000_000, "M"), (1000, "k")):
        if n >= size and n % size == 0:
            return f"{n // size}{unit}"
    return str(n)


def manifest_of(n):
    def check(text):
        expect("records in the manifest", json.loads(text)["manifest"]["records"], n)
    return check


def status_of(status):
    def check(text):
        expect("status", json.loads(text)["status"], status)
    return check


def same_as(path):
    def check(out):
        if not filecmp.cmp(path, out, shallow=False):
            raise Failed(f"{out} is not {path}")
    return check


def lines_of(n):
    return lambda out: expect("lines", labs.count_lines(out), n)


class Pair:
    """Two sides to run in turn. prepare() once, then ours() and theirs() for each run."""

    many = False  # short runs: more of them
    slow = False  # runs of many seconds: fewer
    big = False  # leaves much in the broker
    needs = staticmethod(lambda lab: None)  # why it can't be measured here
    with_newest = False  # both sides with the newest librdkafka

    def use(self, command):
        return f"env LD_LIBRARY_PATH={self.lab.newest} {command}" if self.with_newest else command

    def __init__(self, lab, sizes):
        self.lab = lab
        self.sizes = sizes
        self.rows = self.describe()

    def prepare(self):
        self.own = self.lab.stream()
        self.other = self.lab.stream()


# --- sending


class SendLines(Pair):
    big = True
    floor = "floor-send"

    def work(self):
        return f"send {count(self.sizes.lines)} lines of 190 bytes"

    def describe(self):
        return [Row(self.work(), "bare loop", at_least(0.95)),
            Row(f"processor time: {self.work()}", "bare loop", at_most(1.15), "cpu")]

    def prepare(self):
        super().prepare()
        self.lines = self.lab.lines(self.sizes.lines)

    def ours(self):
        batch = self.lab.create(self.own)
        return Run(self.use(f"batch-send -s {self.own} -B {batch} {self.lines}"),
            check=manifest_of(self.sizes.lines))

    def theirs(self):
        return Run(f"{self.floor} {self.lab.brokers} {self.other}.in 4 {self.lines}",
            check=lambda text: expect("acknowledged", int(text), self.sizes.lines))


class SendLinesLibc(SendLines):
    floor = "floor-send-libc"

    def describe(self):
        return [Row(self.work(), "bare loop, malloc of libc", SAID_FASTER)]


class SendLinesKcat(SendLines):
    def describe(self):
        return [Row(self.work(), "kcat -P -z lz4, one header", at_least(1.3)),
            Row(f"processor time: {self.work()}", "kcat -P -z lz4, one header", at_most(0.75), "cpu")]

    def theirs(self):
        topic = f"{self.other}.in"
        return Run(self.use(f"kcat -P -b {self.lab.brokers} -t {topic} -z lz4 -H batchId={UUID}"),
            stdin=self.lines, check=self.lab.grows(topic, self.sizes.lines))


class SendLinesNewest(SendLinesKcat):
    needs = staticmethod(labs.no_newest)
    with_newest = True

    def work(self):
        return f"{super().work()}: newest librdkafka"


class SendLinesFranz(SendLines):
    needs = staticmethod(labs.no_franz)

    def describe(self):
        return [Row(self.work(), "franz-go", SAID_FASTER),
            Row(f"processor time: {self.work()}", "franz-go", SAID_SHARE, "cpu")]

    def theirs(self):
        topic = f"{self.other}.in"
        return Run(f"franz send {self.lab.brokers} {topic}", stdin=self.lines,
            check=self.lab.grows(topic, self.sizes.lines))


class SendLinesConsole(SendLines):
    slow = True

    def describe(self):
        return [Row(self.work(), "kafka-console-producer", at_least(5))]

    def theirs(self):
        topic = f"{self.other}.in"
        return Run(f"{JAVA} -Xmx512M org.apache.kafka.tools.ConsoleProducer --bootstrap-server "
            f"{self.lab.brokers} --topic {topic} --compression-codec lz4", stdin=self.lines,
            check=self.lab.grows(topic, self.sizes.lines))


class SendLinesPerf(SendLines):
    slow = True

    def describe(self):
        return [Row(self.work(), "kafka-producer-perf-test", SAID_FASTER)]

    def theirs(self):
        n, topic = self.sizes.lines, f"{self.other}.in"
        return Run(f"{JAVA} -Xmx512M org.apache.kafka.tools.ProducerPerformance --topic {topic} "
            f"--num-records {n} --throughput -1 --payload-file {self.lines} --producer-props "
            f"bootstrap.servers={self.lab.brokers} compression.type=lz4 acks=all",
            check=self.lab.grows(topic, n))


class SendFhir(Pair):
    big = True

    def describe(self):
        return [Row(f"send {self.sizes.fhir // 10**6} MB of FHIR, --json, key by pointer",
            "kcat -P -z lz4, no check, no key", at_least(0.8))]

    def prepare(self):
        super().prepare()
        self.lines = self.lab.fhir(self.sizes.fhir)
        self.records = labs.count_lines(self.lines)

    def ours(self):
        batch = self.lab.create(self.own)
        return Run(f"batch-send -s {self.own} -B {batch} --json -k /id {self.lines}",
            check=manifest_of(self.records))

    def theirs(self):
        topic = f"{self.other}.in"
        return Run(f"kcat -P -b {self.lab.brokers} -t {topic} -z lz4", stdin=self.lines,
            check=self.lab.grows(topic, self.records))


class SendLong(SendFhir):
    def describe(self):
        return [Row(f"send {count(self.sizes.long)} records of 10 KB", "kcat -P -z lz4",
            at_least(1.2))]

    def prepare(self):
        Pair.prepare(self)
        self.lines = self.lab.long_lines(self.sizes.long)
        self.records = self.sizes.long

    def ours(self):
        batch = self.lab.create(self.own)
        return Run(f"batch-send -s {self.own} -B {batch} {self.lines}",
            check=manifest_of(self.records))


# --- consuming


class Consume(Pair):
    big = True
    floor = "floor-consume"

    def work(self):
        return f"consume {count(self.sizes.lines)} of one batch, merged, verified"

    def describe(self):
        return [Row(self.work(), "bare loop, no order, no check", at_least(0.9)),
            Row(f"processor time: {self.work()}", "bare loop", at_most(1.15), "cpu")]

    def prepare(self):
        self.lines = self.lab.lines(self.sizes.lines)
        self.own = self.lab.stream()
        self.batch = self.lab.finished(self.own, self.lines)

    def ours(self):
        return Run(self.use(f"batch-consume -s {self.own} -B {self.batch}"), sink=True,
            check=same_as(self.lines))

    def theirs(self):
        return Run(f"{self.floor} {self.lab.brokers} {self.own}.in 4 {self.sizes.lines}",
            sink=True, check=lines_of(self.sizes.lines))


class ConsumeLibc(Consume):
    floor = "floor-consume-libc"

    def describe(self):
        return [Row(self.work(), "bare loop, malloc of libc", SAID_FASTER)]


class ConsumeHeaders(Consume):
    def describe(self):
        return [Row(self.work(), "bare loop that reads headers", SAID_FASTER),
            Row(f"processor time: {self.work()}", "bare loop that reads headers", SAID_SHARE, "cpu")]

    def theirs(self):
        return Run(f"floor-consume {self.lab.brokers} {self.own}.in 4 {self.sizes.lines} headers",
            sink=True, check=lines_of(self.sizes.lines))


class ConsumeKcat(Consume):
    faster = 1.5

    def describe(self):
        peer = f"kcat -C -c {self.sizes.lines}"
        return [Row(self.work(), peer, at_least(self.faster)),
            Row(f"processor time: {self.work()}", peer, at_most(0.6), "cpu")]

    def theirs(self):
        return Run(self.use(f"kcat -C -q -b {self.lab.brokers} -t {self.own}.in -c {self.sizes.lines}"),
            sink=True, check=lines_of(self.sizes.lines))


class ConsumeNewest(ConsumeKcat):
    needs = staticmethod(labs.no_newest)
    with_newest = True
    faster = 1.3

    def work(self):
        return f"{super().work()}: newest librdkafka"


class ConsumeFranz(Consume):
    needs = staticmethod(labs.no_franz)

    def describe(self):
        return [Row(self.work(), "franz-go", SAID_FASTER),
            Row(f"processor time: {self.work()}", "franz-go", SAID_SHARE, "cpu")]

    def theirs(self):
        return Run(f"franz consume {self.lab.brokers} {self.own}.in {self.sizes.lines}", sink=True,
            check=lines_of(self.sizes.lines))


class ConsumeUnordered(Consume):
    def describe(self):
        return [Row(f"{self.work()}: --unordered", "the same, in input order", at_least(1)),
            Row(f"processor time: {self.work()}: --unordered", "the same, in input order",
                at_most(1.05), "cpu")]

    def ours(self):
        return Run(f"batch-consume --unordered -s {self.own} -B {self.batch}", sink=True,
            check=lines_of(self.sizes.lines))

    def theirs(self):
        return super().ours()


class ConsumePerf(Consume):
    slow = True

    def describe(self):
        return [Row(self.work(), "kafka-consumer-perf-test", SAID_FASTER)]

    def theirs(self):
        return Run(f"{JAVA} -Xmx512M org.apache.kafka.tools.ConsumerPerformance "
            f"--bootstrap-server {self.lab.brokers} --topic {self.own}.in "
            f"--messages {self.sizes.lines} --timeout 60000")


class ConsumeWide(Consume):
    def describe(self):
        return [Row(f"{self.work()}: 64 partitions", "the same, 4 partitions", at_least(0.5))]

    def prepare(self):
        super().prepare()
        self.wide = self.lab.stream(64)
        self.wide_batch = self.lab.finished(self.wide, self.lines)

    def ours(self):
        return Run(f"batch-consume -s {self.wide} -B {self.wide_batch}", sink=True,
            check=same_as(self.lines))

    def theirs(self):
        return super().ours()


class ConsumeOne(Pair):
    """Twenty senders at the same time, each fed a little in turn."""

    big = True
    batches = 20

    def describe(self):
        n = count(self.sizes.interleaved)
        return [Row(f"consume one batch of {n} among {self.batches} interleaved",
            "the whole topic with kcat and grep", at_least(5))]

    def prepare(self):
        self.own = self.lab.stream()
        self.lines = self.lab.lines(self.sizes.interleaved)
        script = ROOT / "tests/bench/interleave.py"
        self.lab.tell(f"{script} {self.own} {self.batches} {self.lines}")
        self.batch = self.lab.tell(f"batch-status -s {self.own} --ids --size 1").strip()

    def ours(self):
        return Run(f"batch-consume -s {self.own} -B {self.batch}", sink=True,
            check=same_as(self.lines))

    def theirs(self):
        # with its output in /dev/null grep would stop at the first match
        return Run(f"kcat -C -q -e -b {self.lab.brokers} -t {self.own}.in -f '%h\\t%s\\n' | "
            f"grep -F batchId={self.batch} | cat", sink=True,
            check=lines_of(self.sizes.interleaved))


class Envelopes(Consume):
    def describe(self):
        return [Row(f"-J out and in again, {count(self.sizes.lines)}", "kcat -C -J, out only",
            at_least(1.5))]

    def prepare(self):
        super().prepare()
        self.copy = self.lab.stream()

    def ours(self):
        batch = self.lab.create(self.copy)
        return Run(f"batch-consume -J -s {self.own} -B {self.batch} | "
            f"batch-send -J -s {self.copy} -B {batch}", check=manifest_of(self.sizes.lines))

    def theirs(self):
        return Run(f"kcat -C -J -q -b {self.lab.brokers} -t {self.own}.in -c {self.sizes.lines}",
            sink=True, check=lines_of(self.sizes.lines))


# --- short runs


class Create(Pair):
    many = True
    tool = "batch-create"
    status = "started"
    options = ""

    def describe(self):
        return [Row(self.tool, "kcat -P of one record", at_most(1.3))]

    def prepare(self):
        super().prepare()
        self.record = self.lab.lines(1)

    def ours(self):
        return Run(f"batch-create -s {self.own} -n bench", check=status_of(self.status))

    def theirs(self):
        topic = f"{self.other}.in"
        return Run(f"kcat -P -b {self.lab.brokers} -t {topic}", stdin=self.record,
            check=self.lab.grows(topic, 1))


class Complete(Create):
    tool = "batch-complete"
    status = "completed"
    options = " --records 0"

    def ours(self):
        batch = self.lab.create(self.own)
        return Run(f"{self.tool} -s {self.own} -B {batch}{self.options}",
            check=status_of(self.status))


class Terminate(Complete):
    tool = "batch-terminate"
    status = "terminated"
    options = ""


class Status(Pair):
    """A fresh batch after a history of 30 days."""

    many = True
    events = 1_000_000
    span = 30 * 86400
    kind = "ours"
    bar = at_most(1.5)
    what = ""

    def describe(self):
        self.events = min(self.events, self.sizes.log)
        return [Row(f"batch-status of a fresh id, log of {count(self.events)}{self.what}",
            "the same, log of 10", self.bar)]

    def log(self, events):
        return self.lab.log(events, self.span, self.kind)

    def prepare(self):
        self.own, self.batch = self.log(self.events)
        self.other, self.small = self.log(10)

    def status(self, stream, batch):
        return Run(f"batch-status -s {stream} -B {batch}", check=status_of("started"))

    def ours(self):
        return self.status(self.own, self.batch)

    def theirs(self):
        return self.status(self.other, self.small)


class StatusMiddle(Status):
    events = 10_000


class StatusForeign(Status):
    kind = "foreign"
    what = ", others' events"


class StatusBusy(Status):
    """Many other batches were made within the hour by which clocks may differ."""

    span = 3000
    bar = at_most(2)
    what = ", all of the last hour"


class StatusKcat(Status):
    many = False

    def describe(self):
        self.events = min(self.events, self.sizes.log)
        return [Row(f"batch-status of a fresh id, log of {count(self.events)}",
            "kcat -C -e of that log", at_most(1 / 20, "1/20"))]

    def prepare(self):
        self.own, self.batch = self.log(self.events)

    def theirs(self):
        return Run(f"kcat -C -e -q -b {self.lab.brokers} -t {self.own}.notification", sink=True,
            check=lines_of(self.events + 1))


class StatusKcatMiddle(StatusKcat):
    events = 10_000


class StatusKcatSmall(StatusKcat):
    events = 10


class WholePipe(Pair):
    def describe(self):
        return [Row("create, send 100 records, complete", "one kafka-console-producer",
            at_most(1 / 15, "1/15"))]

    def prepare(self):
        super().prepare()
        self.lines = self.lab.lines(100)

    def ours(self):
        return Run(f"batch-create -s {self.own} -n bench | batch-send {self.lines} | "
            "batch-complete", check=manifest_of(100))

    def theirs(self):
        topic = f"{self.other}.in"
        return Run(f"{JAVA} -Xmx512M org.apache.kafka.tools.ConsoleProducer --bootstrap-server "
            f"{self.lab.brokers} --topic {topic}", stdin=self.lines,
            check=self.lab.grows(topic, 100))


# --- working


class Work(Pair):
    big = True
    chunk = 10_000

    def work(self):
        return f"work: {count(self.sizes.lines)} lines in chunks of {count(self.chunk)} to cat"

    def describe(self):
        return [Row(self.work(), f"kcat -C and parallel --pipe -N {self.chunk}", at_least(1))]

    def prepare(self):
        super().prepare()
        self.groups = 0
        self.lines = self.lab.lines(self.sizes.lines)

    def worker(self, options, command):
        self.lab.finished(self.own, self.lines, options="--processing")
        self.groups += 1
        return Run(f"batch-work -s {self.own} -G g{self.groups} -j 3 --chunk {self.chunk} --once "
            f"--out none {options} -- {command}")

    def ours(self):
        return self.worker("", "sh -c 'cat >/dev/null'")

    def reader(self):
        self.lab.tell(f"batch-create -s {self.other} -n bench | batch-send {self.lines}")
        return (f"kcat -C -q -b {self.lab.brokers} -t {self.other}.in -o -{self.sizes.lines} "
            f"-c {self.sizes.lines}")

    def theirs(self):
        return Run(f"{self.reader()} | parallel --will-cite --pipe -N {self.chunk} -j 3 'cat >/dev/null'")


class WorkXargs(Work):
    chunk = 100

    def work(self):
        return f"work: {count(self.sizes.lines)} lines in chunks of {count(self.chunk)}, true for each"

    def describe(self):
        return [Row(self.work(), f"kcat -C and xargs -n {self.chunk} -P 3", at_most(1.2))]

    def ours(self):
        return self.worker("--order none --allow-partial-read", "true")

    def theirs(self):
        return Run(f"{self.reader()} | xargs -d '\\n' -n {self.chunk} -P 3 true")


class WorkMany(Pair):
    """Many batches of ten records that are all ready at once."""

    slow = True

    def work(self):
        return f"{count(self.sizes.many)} batches of ten to cat"

    def describe(self):
        few = f"{count(self.sizes.many // 10)} of them"
        return [Row(f"work: {self.work()}", few, at_most(11, "11: in step")),
            Row(f"peak memory: work, {self.work()}", few, SAID_SHARE, "memory")]

    def worker(self, batches):
        stream = self.lab.ready(batches)
        return Run(f"batch-work -s {stream} -G bench --once --out none -- cat",
            check=lambda _: expect("batches", self.lab.tell(f"batch-status -s {stream} "
                f"--status completed --size {batches + 1} --ids").count("\n"), batches))

    def ours(self):
        return self.worker(self.sizes.many)

    def theirs(self):
        return self.worker(self.sizes.many // 10)


# --- memory


class SendMemory(Pair):
    big = slow = True

    def work(self):
        return f"peak memory: send {self.sizes.large >> 20} MiB"

    def describe(self):
        return [Row(self.work(), f"the same, {self.sizes.small >> 20} MiB", at_most(1.1), "memory",
            64)]

    def prepare(self):
        super().prepare()
        self.count = self.sizes.small // 191
        self.lines = self.lab.lines(self.count)
        self.times = round(self.sizes.large / (self.count * 191))

    def send(self, stream, times):
        batch = self.lab.create(stream)
        files = " ".join([str(self.lines)] * times)
        return Run(f"batch-send -s {stream} -B {batch} {files}",
            check=manifest_of(self.count * times))

    def ours(self):
        return self.send(self.own, self.times)

    def theirs(self):
        return self.send(self.other, 1)


class ConsumeMemory(SendMemory):
    def work(self):
        return f"peak memory: consume {self.sizes.large >> 20} MiB"

    def prepare(self):
        super().prepare()
        self.large = self.lab.finished(self.own, *[self.lines] * self.times)
        self.small = self.lab.finished(self.other, self.lines)

    def consume(self, stream, batch, times):
        return Run(f"batch-consume -s {stream} -B {batch}", sink=True,
            check=lines_of(self.count * times))

    def ours(self):
        return self.consume(self.own, self.large, self.times)

    def theirs(self):
        return self.consume(self.other, self.small, 1)


PAIRS = [SendLines, SendLinesLibc, SendLinesKcat, SendLinesNewest,
    SendLinesFranz, SendLinesConsole, SendLinesPerf, SendFhir,
    SendLong, Consume, ConsumeLibc, ConsumeHeaders, ConsumeKcat, ConsumeNewest,
    ConsumeFranz, ConsumeUnordered, ConsumePerf, ConsumeWide, ConsumeOne, Envelopes,
    Create, Complete, Terminate, StatusMiddle, Status, StatusForeign, StatusBusy, StatusKcatSmall,
    StatusKcatMiddle, StatusKcat, WholePipe, Work, WorkXargs, WorkMany, SendMemory,
    ConsumeMemory]
