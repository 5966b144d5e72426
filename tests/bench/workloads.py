# SPDX-License-Identifier: MIT
"""W1, W2, W3: who takes part, and rounds in which all do the same job side by side."""

import os
import re
import shutil
import subprocess
import sys

import measure

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LIMITS = os.path.join(ROOT, "topology/library/velocity-limits.yaml")
SEED = "1"


class Place:
    """The directories of a benchmark, the inputs in them, and what is built."""

    def __init__(self, build):
        self.build = os.path.join(ROOT, build)
        self.bulkhead = os.path.join(self.build, "bulkhead")
        self.inputs = os.path.join(self.build, "bench/inputs")
        self.work = os.path.join(self.build, "bench/work")
        os.makedirs(self.inputs, exist_ok=True)
        measure.remove(self.work)
        os.makedirs(self.work)

    def tool(self, name):
        """A program of this folder that was compiled."""
        return os.path.join(self.build, "tests/bench", name)

    def path(self, name):
        """A file or directory to work with."""
        return os.path.join(self.work, name)

    def generated(self, name, argv):
        """An input, made once: argv is called with the file to write as its last argument."""
        path = os.path.join(self.inputs, name)
        if not os.path.exists(path):
            print(f"bench: making {name}", file=sys.stderr)
            subprocess.run([*argv, path + ".new"], check=True)
            os.rename(path + ".new", path)
        return path

    def loads(self, records):
        """Loads for W2 and W3: as many a day and customer whatever their number."""
        days = max(1, records * 60 // 2_000_000)
        return self.generated(
            f"loads-{records}.jsonl",
            [os.path.join(ROOT, "scripts/generate-loads"), "--records", str(records),
             "--customers", "20000", "--repeats", "1", "--days", str(days), "--seed", SEED, "-o"])

    def events(self, records):
        """Events for W1."""
        return self.generated(f"events-{records}.jsonl",
                              [os.path.join(HERE, "generate-events"), str(records)])

    def velocity_limits(self, durability):
        """The library's topology with a durability."""
        with open(LIMITS, encoding="utf-8") as file:
            text = re.sub(r"(?m)^version: .*$", r"\g<0>\ndurability: " + durability, file.read(),
                          count=1)
        path = self.path(f"velocity-limits-{durability}.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path


# ---- Contestants ---------------------------------------------------------------------------


class Contestant:
    """One way to do a job. Makes `output` of `source`; each round begins with nothing there."""

    def __init__(self, name, place):
        self.name = name
        self.output = place.path("output-" + re.sub(r"\W+", "-", name))

    def prepare(self):
        """Removes what the last round has left."""
        measure.remove(self.output)

    def run(self, source, sampled):
        """Does the job; returns a measure.Usage."""
        raise NotImplementedError

    def check(self):
        """Fails if more than the output shows that something went wrong."""


class Program(Contestant):
    """A program that is told its input and its output."""

    def __init__(self, name, place, argv):
        super().__init__(name, place)
        self.argv = argv

    def run(self, source, sampled):
        return measure.run([*self.argv, source, self.output], sampled=sampled)


class Filter(Contestant):
    """A program that writes to standard output."""

    def __init__(self, name, place, argv):
        super().__init__(name, place)
        self.argv = argv

    def run(self, source, sampled):
        return measure.run([*self.argv, source], stdout=self.output, env={"LC_ALL": "C"},
                           sampled=sampled)


class Bulkhead(Contestant):
    """A topology in one of the hosts."""

    def __init__(self, name, place, topology, *, durability, inline=False):
        super().__init__(name, place)
        self.state = self.output + ".state"
        self.argv = [place.bulkhead, "run", "--quiet", "--state", self.state]
        self.argv += ["--inline"] if inline else []
        self.argv.append(topology)
        self.durability = durability

    def prepare(self):
        super().prepare()
        measure.remove(self.state)

    def run(self, source, sampled):
        env = {"INPUT": source, "OUTPUT": self.output, "DURABILITY": self.durability}
        return measure.run(self.argv, env=env, sampled=sampled)

    def check(self):
        if os.path.getsize(os.path.join(self.state, "dead-letters.jsonl")) != 0:
            raise measure.Failure(f"{self.name}: there are dead letters")


class Rsyslog(Contestant):
    """rsyslogd never ends: it is done when its output is as long as it should be."""

    def __init__(self, name, place, reference):
        super().__init__(name, place)
        self.work = self.output + ".work"
        self.reference = reference

    def prepare(self):
        super().prepare()
        measure.remove(self.work)
        os.makedirs(self.work)

    def run(self, source, sampled):
        with open(os.path.join(HERE, "rename-rsyslog.conf"), encoding="utf-8") as file:
            text = file.read()
        for name, value in (("IN", source), ("OUT", self.output), ("WORK", self.work)):
            text = text.replace(f"@{name}@", value)
        conf = os.path.join(self.work, "rsyslog.conf")
        with open(conf, "w", encoding="utf-8") as file:
            file.write(text)
        wanted = os.path.getsize(self.reference.output)

        def finished():
            return os.path.exists(self.output) and os.path.getsize(self.output) >= wanted

        return measure.run(["rsyslogd", "-n", "-f", conf, "-i", os.path.join(self.work, "pid")],
                           finished=finished, sampled=sampled)


def hosts(place, topology_of):
    """Both hosts with both durabilities; topology_of says which file that takes."""
    return [Bulkhead(f"{host}, durability {durability}", place, topology_of(durability),
                     durability=durability, inline=host == "inline")
            for host in ("processes", "inline") for durability in ("host", "process")]


# ---- Rounds --------------------------------------------------------------------------------


def ratios(rounds, name, base, part):
    """How often one took what the other took, round by round, as spread."""
    return measure.spread([getattr(r[name], part) / getattr(r[base], part) for r in rounds])


def one_round(contestants, source, reference, sampled, turn):
    """All contestants once, beginning with another one each time."""
    usages = {}
    turn %= len(contestants)
    for contestant in contestants[turn:] + contestants[:turn]:
        contestant.prepare()
        measure.settle()
        usages[contestant.name] = contestant.run(source, sampled)
        contestant.check()
        if contestant is not reference:
            measure.same_bytes(contestant.output, reference.output)
        print(f"bench:   {contestant.name}: {usages[contestant.name].wall_s:.3f} s",
              file=sys.stderr)
    for contestant in contestants:
        if contestant is not reference:
            contestant.prepare()
    return usages


def contest(name, contestants, source, records, runs):
    """Measures all contestants; the rows of the table, and the rounds by name."""
    print(f"bench: {name}", file=sys.stderr)
    reference = contestants[0]
    # Round 0 warms the cache and looks at memory, which costs time; the others count.
    sampled = one_round(contestants, source, reference, True, 0)
    rounds = []
    for turn in range(runs):
        # The reference keeps its output of the round before until its turn.
        rounds.append(one_round(contestants, source, reference, False, turn))
    rows = [{"measure": name, "who": contestant.name, "records": records,
             "wall_s": measure.spread([r[contestant.name].wall_s for r in rounds]),
             "cpu_s": measure.spread([r[contestant.name].cpu_s for r in rounds]),
             "pss": sampled[contestant.name].pss,
             "wall_ratio": ratios(rounds, contestant.name, reference.name, "wall_s"),
             "cpu_ratio": ratios(rounds, contestant.name, reference.name, "cpu_s"),
             "runs": [r[contestant.name]._asdict() for r in rounds]}
            for contestant in contestants]
    for contestant in contestants:
        contestant.prepare()
    return rows, rounds


def least_of(rounds, names, part):
    """In each round, what the best of several took."""
    return [min(getattr(r[name], part) for name in names) for r in rounds]


def compared(rounds, name, bases, part):
    """The median of the ratios to the best of several in the same round, and their spread."""
    best = least_of(rounds, bases, part)
    return measure.spread([getattr(r[name], part) / b for r, b in zip(rounds, best)])


def w1(place, options):
    """Rename and filter."""
    records = options.size(2_000_000, 100_000)
    source = place.events(records)
    yajl = Program("C with yajl, one process", place, [place.tool("rename_yajl")])
    contestants = [yajl]
    has_mawk = shutil.which("mawk") is not None
    if has_mawk:
        awk = ["mawk", "-F", '"', "-f", os.path.join(HERE, "rename.awk")]
        contestants.append(Filter("mawk", place, awk))
    else:
        options.skip("W1: mawk: it is not installed")
    contestants.append(Program("Python", place, [os.path.join(HERE, "rename_plain.py")]))
    if shutil.which("rsyslogd") or os.path.exists("/usr/sbin/rsyslogd"):
        contestants.append(Rsyslog("rsyslog", place, yajl))
    else:
        options.skip("W1: rsyslog: it is not installed (apt-get install rsyslog)")
    topology = os.path.join(HERE, "rename.yaml")
    contestants += hosts(place, lambda durability: topology)
    rows, rounds = contest("W1", contestants, source, records, options.runs)
    for durability in ("host", "process") if has_mawk else ():
        wall = compared(rounds, f"processes, durability {durability}", ["mawk"], "wall_s")
        options.verdict("3", f"W1: wall to that of mawk, {durability}", wall, 1.0)
    return rows


def check_odd_loads(place, contestants):
    """The same bytes also where lines are malformed, unusual, out of order, too late, too long."""
    source = place.generated(
        "loads-odd.jsonl",
        [os.path.join(ROOT, "scripts/generate-loads"), "--records", "50000", "--customers", "200",
         "--malformed", "5", "--disorder", "5", "--late", "3", "--crlf", "--long-line",
         "--no-final-newline", "--seed", SEED, "-o"])
    for contestant in contestants:
        contestant.prepare()
        contestant.run(source, False)
        measure.same_bytes(contestant.output, contestants[0].output)
    for contestant in contestants:
        contestant.prepare()


def w2(place, options):
    """Load limits."""
    records = options.size(2_000_000, 100_000)
    yajl = [place.tool("limits_yajl")]
    plain = Program("C with yajl, one process", place, yajl)
    huge = Program("C with yajl, huge pages", place, [*yajl, "--huge"])
    contestants = [plain, huge,
                   Program("Python", place, [os.path.join(HERE, "limits_plain.py")]),
                   *hosts(place, place.velocity_limits)]
    check_odd_loads(place, [c for c in contestants if c.name != "Python"])
    rows, rounds = contest("W2", contestants, place.loads(records), records, options.runs)
    yardsticks = [plain.name, huge.name]
    for durability in ("host", "process"):
        processes = f"processes, durability {durability}"
        inline = f"inline, durability {durability}"
        options.verdict("1", f"W2: wall to that of the faster yajl program, {durability}",
                        compared(rounds, processes, yardsticks, "wall_s"), 1.0)
        options.verdict("1", f"W2: CPU to that of the faster yajl program, {durability}",
                        compared(rounds, processes, yardsticks, "cpu_s"), 2.0)
        options.verdict("2", f"W2: wall, processes to inline, {durability}",
                        compared(rounds, processes, [inline], "wall_s"), 1.0)
        options.verdict("2", f"W2: CPU, processes to inline, {durability}",
                        compared(rounds, processes, [inline], "cpu_s"), 1.4)
    return rows


def w3(place, options):
    """Eight stages with a diamond and workers."""
    records = options.size(2_000_000, 100_000)
    topology = os.path.join(HERE, "diamond.yaml")
    inline_first = sorted(hosts(place, lambda durability: topology),
                          key=lambda contestant: contestant.name)
    rows, rounds = contest("W3", inline_first, place.loads(records), records, options.runs)
    for durability in ("host", "process"):
        for part, what, limit in (("wall_s", "wall", 1.0), ("cpu_s", "CPU", 1.4)):
            options.verdict("2", f"W3: {what}, processes to inline, {durability}",
                            compared(rounds, f"processes, durability {durability}",
                                     [f"inline, durability {durability}"], part), limit)
    return rows


# ---- Growth and memory ---------------------------------------------------------------------


def growth(place, options):
    """W2 with more and more records: time for each, and memory."""
    sizes = options.size([500_000, 2_000_000, 8_000_000, 20_000_000], [50_000, 100_000, 200_000])
    rows, per_record, per_yajl, own = [], [], [], {}
    runs = min(options.runs, 3)
    sources = {size: place.loads(size) for size in sizes}
    contestants = [Program("C with yajl, one process", place, [place.tool("limits_yajl")]),
                   Bulkhead("processes, durability host", place, place.velocity_limits("host"),
                            durability="host")]
    print("bench: growth", file=sys.stderr)
    rounds = []
    for turn in range(runs + 1):
        first = turn % len(sizes)
        rounds.append({size: one_round(contestants, sources[size], contestants[0], turn == 0, 0)
                       for size in sizes[first:] + sizes[:first]})
    contestants[0].prepare()
    for size in sizes:
        for contestant in contestants:
            usages = [r[size][contestant.name] for r in rounds[1:]]
            rows.append({"measure": f"growth: W2 with {size / 1e6:g} M", "who": contestant.name,
                         "records": size,
                         "wall_s": measure.spread([u.wall_s for u in usages]),
                         "cpu_s": measure.spread([u.cpu_s for u in usages]),
                         "pss": rounds[0][size][contestant.name].pss,
                         "runs": [u._asdict() for u in usages]})
        own[size] = rounds[0][size][contestants[1].name].pss
    for r in rounds[1:]:
        for name, found in ((contestants[1].name, per_record), (contestants[0].name, per_yajl)):
            times = [r[size][name].wall_s / size for size in sizes]
            found.append(times[-1] / times[0])
    many = f"{sizes[-1] / 1e6:g} M to {sizes[0] / 1e6:g} M"
    options.verdict("7", f"time per record, {many}", measure.spread(per_record), 1.1)
    options.note(f"time per record of the yajl program, {many}: "
                 f"{measure.spread(per_yajl)['median']:.2f} times")
    middle = sizes[1]
    options.verdict("6", f"memory without the state, {sizes[-1] / 1e6:g} M to {middle / 1e6:g} M",
                    measure.spread([own[sizes[-1]]["own"] / own[middle]["own"]]), 1.1)
    return rows


def state(place, options):
    """What a key costs: one load for each of many customers, at several fills of the tables."""
    rows = []
    worst = {"once": [], "limits": []}
    for count in options.size([600_000, 800_000, 1_000_000, 1_200_000], [60_000, 100_000]):
        source = place.generated(f"keys-{count}.jsonl",
                                 [os.path.join(HERE, "generate-keys"), str(count)])
        contestant = Bulkhead("processes, durability host", place, place.velocity_limits("host"),
                              durability="host")
        contestant.prepare()
        pss = contestant.run(source, True).pss
        contestant.prepare()
        for stage, found in worst.items():
            found.append(pss["shared " + stage] / count)
            rows.append({"measure": f"state of `{stage}`, {count:,} keys", "who": contestant.name,
                         "bytes_per_key": found[-1]})
    options.verdict("6", "bytes of state for each customer of limits",
                    measure.spread(worst["limits"]), 64, worst=True)
    options.verdict("6", "bytes of state for each id of dedupe",
                    measure.spread(worst["once"]), 24, worst=True)
    return rows
