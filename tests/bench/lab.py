"""The lab: a broker of its own, streams, inputs, and runs of commands that are measured."""

import json
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BROKER = ROOT / "tests/kafka/broker.sh"
MIB = 1 << 20

# What a run of the bench may have in the folder at once, with the broker's logs.
ROOM = 8 << 30

# So much of a partition is kept: the largest batch, spread over four, needs a third of it.
PROPERTIES = {
    "log.segment.bytes": 64 * MIB,
    "log.retention.bytes": 512 * MIB,
    "log.retention.check.interval.ms": 5000,
    "log.segment.delete.delay.ms": 1000,
}

WORDS = """patient observed stable acute chronic renal cardiac hepatic mild severe recurrent fever
cough dyspnea edema anemia fracture lesion biopsy insulin aspirin heparin statin dose daily twice
weekly follow referral discharge admitted blood pressure glucose sodium potassium creatinine""".split()


class Failed(Exception):
    """A run that did not do what it should have; its figure would mean nothing."""


@dataclass
class Run:
    """A command, what feeds it, and what it must have done. A command with a | goes to bash."""

    command: str
    stdin: str = "/dev/null"
    check: object = None  # called with the text of standard output; raises Failed
    sink: bool = False  # records: looked at in the warm-up only, else they go to /dev/null


@dataclass
class Sample:
    wall: float
    cpu: float
    memory: float
    broker: float


def expect(what, got, wanted):
    if got != wanted:
        raise Failed(f"{what}: {got} instead of {wanted}")


def free_memory():
    with open("/proc/meminfo") as f:
        for line in f:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return 0


def choose_folder():
    shm = "/dev/shm"
    if os.path.isdir(shm) and min(shutil.disk_usage(shm).free, free_memory()) > 2 * ROOM:
        return shm
    return tempfile.gettempdir()


def words(rng, length):
    text = " ".join(rng.choices(WORDS, k=length // 6 + 1))
    return text[:length].ljust(length, ".")


def line(rng, number, length):
    head = f'{{"id":{number},"patient":"P{rng.randrange(10**7):07}","code":"{rng.getrandbits(32):08x}","note":"'
    return f'{head}{words(rng, length - len(head) - 2)}"}}\n'


class Lab:
    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="batch-bench.", dir=choose_folder()))
        self.kafka = self.folder / "kafka"
        self.streams = 0
        self.logs = {}
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("BATCH_")}
        self.env["PATH"] = f"{ROOT}/build/bin:{ROOT}/build/bench:{self.env['PATH']}"
        self.env["LC_ALL"] = "C.UTF-8"

    def __enter__(self):
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda n, _: sys.exit(128 + n))
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def start(self):
        options = [w for k, v in PROPERTIES.items() for w in ("--property", f"{k}={v}")]
        # Kafka's own defaults instead of the small and quickly started JVM of the tests.
        env = {"BATCH_TEST_JVM": "-Xms1g -Xmx1g -XX:+UseG1GC", **os.environ}
        subprocess.run([BROKER, "start", self.kafka, "--owner", str(os.getpid()), *options],
            env=env, check=True, stdout=subprocess.DEVNULL)
        self.brokers = (self.kafka / "address").read_text().strip()
        self.pid = int((self.kafka / "pid").read_text())
        self.env["BATCH_BROKERS"] = self.brokers

    def close(self):
        subprocess.run([BROKER, "stop", self.kafka, "--rm"])
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- what is not measured

    def tell(self, command, stdin="/dev/null"):
        """Runs a command of the set-up; its standard output."""
        with open(stdin, "rb") as f:
            done = subprocess.run(argv_of(command), env=self.env, stdin=f, capture_output=True)
        if done.returncode:
            raise Failed(f"{command[:200]}: exit status {done.returncode}: {done.stderr.decode()}")
        return done.stdout.decode()

    def stream(self, partitions=4):
        self.streams += 1
        name = f"s{self.streams}"
        self.tell(f"batch-init -s {name} --partitions {partitions} --replication 1")
        return name

    def drop_streams(self):
        """A deleted topic frees its room, before the next work needs it."""
        subprocess.run([BROKER, "topics", self.kafka, "--delete", "--if-exists", "--topic",
            r"s[0-9]+\..*"], check=True, stdout=subprocess.DEVNULL)
        self.logs.clear()

    def create(self, stream, options=""):
        return json.loads(self.tell(f"batch-create -s {stream} -n bench {options}"))["id"]

    def finished(self, stream, *files, options=""):
        """A batch that is sent and completed; its id."""
        batch = self.create(stream, options)
        names = " ".join(map(str, files))
        self.tell(f"batch-send -s {stream} -B {batch} {names} | batch-complete")
        return batch

    def log(self, events, span, kind, settings=""):
        """A stream with a history of so many events in so many seconds, and a fresh batch in it."""
        key = events, span, kind
        if key not in self.logs:
            stream = self.stream()
            self.tell(f"fill {self.brokers} {stream} {events} {span} {kind} {settings}")
            self.logs[key] = stream, self.create(stream)
        return self.logs[key]

    def ready(self, batches):
        """A new stream with so many batches of ten records that wait for a worker."""
        stream = self.stream()
        self.tell(f"fill {self.brokers} {stream} {2 * batches} 60 ready")
        return stream

    def size(self, topic, partitions=4):
        """How many records the topic was given, all in all."""
        ends = " ".join(f"-t {topic}:{p}:-1" for p in range(partitions))
        answer = self.tell(f"kcat -Q -b {self.brokers} {ends}")
        return sum(int(a.split()[-1]) for a in answer.splitlines())

    def grows(self, topic, count, partitions=4):
        """The check that a run added so many records to the topic."""
        before = self.size(topic, partitions)
        return lambda _: expect(f"records in {topic}",
            self.size(topic, partitions) - before, count)

    def make(self, name, writer):
        """An input file, made when it is first asked for."""
        path = self.folder / name
        if not path.exists():
            with open(path, "wb") as f:
                writer(f)
        return path

    def lines(self, count):
        def write(f):
            rng = random.Random(1)
            for n in range(count):
                f.write(line(rng, n + 1, 190).encode())
        return self.make(f"lines.{count}", write)

    def long_lines(self, count):
        """Lines of 10 KB. A thousand differ: no compressor looks back that far."""
        def write(f):
            rng = random.Random(2)
            some = "".join(line(rng, n + 1, 10_000) for n in range(1000)).encode()
            for _ in range(count // 1000):
                f.write(some)
        return self.make(f"long.{count}", write)

    def fhir(self, size):
        def write(f):
            files = sorted((ROOT / "tests/data/fhir").glob("*.ndjson.gz"))
            some = subprocess.run(["gzip", "-dc", *files], check=True, capture_output=True).stdout
            for _ in range(max(1, round(size / len(some)))):
                f.write(some)
        return self.make(f"fhir.{size}", write)

    # --- what is

    def broker_cpu(self):
        with open(f"/proc/{self.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def measure(self, run, warming=False):
        figures, out, err = (self.folder / n for n in ("figures", "out", "err"))
        target = "/dev/null" if run.sink and not warming else out
        before = self.broker_cpu()
        with open(run.stdin, "rb") as i, open(target, "wb") as o, open(err, "wb") as e:
            subprocess.run(["measure", figures, *argv_of(run.command)], env=self.env, stdin=i,
                stdout=o, stderr=e)
        broker = self.broker_cpu() - before
        wall, user, system, memory, status = map(int, figures.read_text().split())
        if status:
            raise Failed(f"{run.command[:200]}: exit status {status}: {err.read_text()[-2000:]}")
        if run.check and (warming or not run.sink):
            run.check(out if run.sink else out.read_text())
        if run.sink and warming:
            out.unlink()
        return Sample(wall / 1e6, (user + system) / 1e6, memory / 1024, broker)


def no_newest(lab):
    """Why there is no newer librdkafka; None, and lab.newest is its folder."""
    done = subprocess.run([ROOT / "tests/kafka/newer.sh"], capture_output=True, text=True)
    lab.newest = done.stdout.strip()
    return done.stderr.strip() if done.returncode else None


def no_franz(lab):
    """Why there is no franz-go; None, and build/bench/franz is built."""
    if not shutil.which("go"):
        return "command go is not there"
    done = subprocess.run(["go", "build", "-o", ROOT / "build/bench/franz", "."],
        cwd=ROOT / "tests/bench/franz", capture_output=True, text=True)
    return f"go build failed: {done.stderr.strip()}" if done.returncode else None


def argv_of(command):
    if "|" in command:
        return ["bash", "-o", "pipefail", "-c", command]
    return shlex.split(command)


def count_lines(path):
    with open(path, "rb") as f:
        return sum(block.count(b"\n") for block in iter(lambda: f.read(MIB), b""))
