# SPDX-License-Identifier: MIT
"""What is measured of a topology while it runs: latency, recovery, start, idle."""

import os
import random
import re
import signal
import struct
import subprocess
import sys
import time

import measure
from workloads import HERE

STREAM = os.path.join(HERE, "stream.yaml")
FOLLOW = os.path.join(HERE, "follow.yaml")
DURABILITIES = ("process", "host")


class Fed:
    """The topology of stream.yaml, with paced loads at its standard input."""

    def __init__(self, place, durability, *, fill, rate, count):
        self.output = place.path("stream-output")
        self.results = place.path("stream-results")
        self.state = place.path("stream-state")
        for path in (self.output, self.results, self.state):
            measure.remove(path)
        measure.settle()
        self.paced = subprocess.Popen(
            [place.tool("paced"), "--output", self.output, "--results", self.results,
             "--fill", str(fill), "--rate", str(rate), "--count", str(count)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.topology = measure.Topology(place.bulkhead, STREAM, self.state,
                                         {"OUTPUT": self.output, "DURABILITY": durability},
                                         stdin=self.paced.stdout)
        self.paced.stdout.close()

    def wait_filled(self):
        """Until the state is full and the paced loads begin."""
        words = self.paced.stderr.readline()
        if words != b"filled\n":
            raise measure.Failure(words.decode() + self.paced.stderr.read().decode())

    def times(self, enough=False):
        """To the end of all, or now: for each paced load when it was sent, and when answered."""
        if enough:
            self.paced.send_signal(signal.SIGTERM)
        words = self.paced.stderr.read()
        if self.paced.wait() != 0:
            raise measure.Failure(words.decode())
        self.topology.end(False)
        with open(self.results, "rb") as file:
            return list(struct.iter_unpack("=QQ", file.read()))

    def close(self):
        """Leaves nothing behind."""
        self.topology.kill()
        if self.paced.poll() is None:
            self.paced.kill()
        self.paced.wait()
        self.paced.stderr.close()
        for path in (self.output, self.results, self.state):
            measure.remove(path)


# ---- Latency -------------------------------------------------------------------------------


def latency_once(place, durability, rate, seconds):
    """The latencies of one run, in nanoseconds."""
    fed = Fed(place, durability, fill=rate // 2, rate=rate, count=rate * seconds)
    try:
        fed.wait_filled()
        return [seen - sent for sent, seen in fed.times()]
    finally:
        fed.close()


def latency(place, options):
    """From the write into standard input to the answer in the file."""
    seconds = options.size(5, 1)
    cases = [(rate, durability) for rate in (1000, 10_000) for durability in DURABILITIES]
    found = {case: [] for case in cases}
    print("bench: latency", file=sys.stderr)
    runs = min(options.runs, 5)
    for turn in range(runs):
        turn %= len(cases)
        for rate, durability in cases[turn:] + cases[:turn]:
            found[rate, durability].append(latency_once(place, durability, rate, seconds))
    rows = []
    for (rate, durability), times in found.items():
        row = {"measure": f"latency, {rate:,}/s", "who": f"processes, durability {durability}",
               "latency": measure.distribution(sum(times, [])),
               "p50_runs_ms": measure.spread([measure.percentile(t, 0.5) / 1e6 for t in times]),
               "p99_runs_ms": measure.spread([measure.percentile(t, 0.99) / 1e6 for t in times])}
        rows.append(row)
        if (rate, durability) == (10_000, "process"):
            options.verdict("5", "latency at 10,000/s, process: p50 in ms", row["p50_runs_ms"], 1.0)
            options.verdict("5", "latency at 10,000/s, process: p99 in ms", row["p99_runs_ms"],
                            10.0)
    return rows


# ---- Recovery ------------------------------------------------------------------------------

RECOVERY_RATE = 2000
KILL_INTERVAL_S = 0.2


def first_answers(kills, times):
    """For each kill how long it took to the first answer to a load that was sent after it."""
    found, at = [], 0
    for stage, killed in sorted(kills, key=lambda kill: kill[1]):
        while at < len(times) and times[at][0] <= killed:
            at += 1
        if at == len(times):
            raise measure.Failure("a kill came after the last load")
        found.append((stage, times[at][1] - killed))
    return found


def kill_stages(fed, stages, each, rng):
    """Kills every stage that many times, in a random order; returns who was killed when."""
    plan = stages * each
    rng.shuffle(plan)
    kills = []
    for stage in plan:
        time.sleep(KILL_INTERVAL_S * (0.75 + rng.random() / 2))
        fed.topology.wait_running()
        pid = fed.topology.pid_of(stage)
        kills.append((stage, time.monotonic_ns()))
        os.kill(pid, signal.SIGKILL)
    return kills


def recovery_once(place, options, durability, keys):
    """Who was killed, and how long it took."""
    each = options.size(20, 2)
    rng = random.Random(f"{options.seed} {durability} {keys}")
    fed = Fed(place, durability, fill=keys, rate=RECOVERY_RATE, count=RECOVERY_RATE * 3600)
    try:
        fed.wait_filled()
        stages = [name for name in fed.topology.wait_running() if name != "dead-letters"]
        time.sleep(0.5)
        kills = kill_stages(fed, stages, each, rng)
        time.sleep(KILL_INTERVAL_S)
        times = fed.times(enough=True)
        return first_answers(kills, times), [seen - sent for sent, seen in times]
    finally:
        fed.close()


def recovery(place, options):
    """From SIGKILL of a stage to the first answer to a load that came after it."""
    rows, medians = [], {durability: {} for durability in DURABILITIES}
    for keys in options.size([0, 10_000, 1_000_000, 10_000_000], [0, 10_000]):
        for durability in DURABILITIES:
            print(f"bench: recovery with {keys:,} keys, {durability}", file=sys.stderr)
            found, usual = recovery_once(place, options, durability, keys)
            each = {}
            for stage, took in found:
                each.setdefault(stage, []).append(took)
            row = {"measure": f"recovery, {keys:,} keys",
                   "who": f"processes, durability {durability}",
                   "latency": measure.distribution([took for _, took in found]),
                   "stages": {stage: measure.distribution(took) for stage, took in each.items()},
                   "undisturbed_p50_ms": measure.percentile(usual, 0.5) / 1e6}
            rows.append(row)
            medians[durability][keys] = row["latency"]
    for durability, found in medians.items():
        p50 = [d["p50_ms"] for d in found.values()]
        p99 = [d["p99_ms"] for d in found.values()]
        options.verdict("4", f"recovery: p50 in ms, all sizes of state, {durability}",
                        measure.spread(p50), 5.0, worst=True)
        options.verdict("4", f"recovery: p99 in ms, all sizes of state, {durability}",
                        measure.spread(p99), 50.0, worst=True)
        options.verdict("4", f"recovery: p50 with the most keys to that with none, {durability}",
                        measure.spread([p50[-1] / p50[0]]), 1.5)
    return rows + recovery_at_speed(place, options)


def recovery_at_speed(place, options):
    """The same while records come as fast as they are taken, as `bulkhead chaos` sees it."""
    print("bench: recovery at full speed", file=sys.stderr)
    rows = []
    for durability in DURABILITIES:
        source = place.loads(options.size(2_000_000, 200_000))
        said = subprocess.run(
            [place.bulkhead, "chaos", "--quiet", "--kills", str(options.size(150, 10)),
             "--seed", str(options.seed), "--targets", "loads,parse,once,limits,format,answers",
             place.velocity_limits(durability)],
            env={**os.environ, "INPUT": source, "TMPDIR": place.work}, text=True,
            capture_output=True, check=False)
        found = re.search(r"recovery of a stage: +p50 ([\d.]+) ms, p99 ([\d.]+) ms, "
                          r"max ([\d.]+) ms, of ([\d,]+)", said.stdout)
        if said.returncode != 0 or found is None:
            raise measure.Failure(f"bulkhead chaos: exit {said.returncode}\n"
                                  f"{said.stdout}{said.stderr}")
        p50, p99, longest = map(float, found.groups()[:3])
        rows.append({"measure": "recovery at full speed",
                     "who": f"processes, durability {durability}",
                     "latency": {"p50_ms": p50, "p99_ms": p99, "max_ms": longest,
                                 "count": int(found[4].replace(",", ""))}})
    return rows


# ---- Start ---------------------------------------------------------------------------------


def start_once(place, argv, env, output):
    """Nanoseconds from exec to the first byte of output."""
    watched = measure.Watched(output)
    started = time.monotonic_ns()
    child = subprocess.Popen(argv, env={**os.environ, **env}, stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL)
    watched.wait()
    took = time.monotonic_ns() - started
    if child.wait() != 0:
        raise measure.Failure(f"{argv}: exit {child.returncode}")
    return took


def start(place, options):
    """From `bulkhead run` to the first answer, of a small file."""
    source = place.loads(1000)
    cases = [("processes", "host"), ("processes", "process"), ("inline", "host")]
    found = {case: [] for case in cases}
    print("bench: start", file=sys.stderr)
    for _ in range(options.size(25, 3)):
        for host, durability in cases:
            state, output = place.path("start-state"), place.path("start-output")
            measure.remove(state)
            argv = [place.bulkhead, "run", "--quiet", "--state", state]
            argv += (["--inline"] if host == "inline" else [])
            argv.append(place.velocity_limits(durability))
            found[host, durability].append(
                start_once(place, argv, {"INPUT": source, "OUTPUT": output}, output))
    rows = [{"measure": "start to first output", "who": f"{host}, durability {durability}",
             "latency": measure.distribution(times)}
            for (host, durability), times in found.items()]
    for row in rows[:2]:
        options.verdict("6", f"start in ms, {row['who']}",
                        measure.spread([t / 1e6 for t in found[cases[rows.index(row)]]]), 60.0)
    return rows


# ---- Idle ----------------------------------------------------------------------------------


def idle_once(place, topology, durability, seconds):
    """The part of a core that a topology takes without input."""
    state, output = place.path("idle-state"), place.path("idle-output")
    source = place.path("idle-input")
    for path in (state, output):
        measure.remove(path)
    with open(place.loads(1000), "rb") as loads, open(source, "wb") as file:
        file.write(loads.read())
    running = measure.Topology(place.bulkhead, topology, state,
                               {"INPUT": source, "OUTPUT": output, "DURABILITY": durability})
    try:
        running.wait_running()
        time.sleep(1)
        before, began = running.cpu_s(), time.monotonic()
        time.sleep(seconds)
        part = (running.cpu_s() - before) / (time.monotonic() - began)
        running.end(True)
        return part
    finally:
        running.kill()
        running.child.stdin.close()


def idle(place, options):
    """Processor time of six stages that have nothing to do."""
    seconds = options.size(10, 2)
    print("bench: idle", file=sys.stderr)
    rows = []
    for name, topology in (("stdin", STREAM), ("followed file", FOLLOW)):
        percent = 100 * idle_once(place, topology, "host", seconds)
        rows.append({"measure": f"idle, {name}", "who": "processes, durability host",
                     "percent_of_core": percent})
        options.verdict("6", f"idle in percent of a core, {name}", measure.spread([percent]), 0.5)
    return rows
