# SPDX-License-Identifier: MIT
"""Running programs and measuring them from outside: wall, processor, memory, equal outputs."""

import ctypes
import glob
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import time
from typing import NamedTuple

SAMPLE_S = 0.02
IN_MODIFY = 0x2


class Failure(Exception):
    """A measurement that cannot be had, or an output that is wrong."""


class Usage(NamedTuple):
    """What a run took: all of its processes, from its start to the end of the last."""

    wall_s: float
    cpu_s: float
    pss: dict  # the peaks, in bytes: of the sum, and of its parts; empty if it was not sampled


# ---- Memory --------------------------------------------------------------------------------


def processes_of(pid):
    """The process and all below it."""
    found = [pid]
    for process in found:
        for path in glob.glob(f"/proc/{process}/task/*/children"):
            try:
                with open(path, encoding="ascii") as children:
                    found += map(int, children.read().split())
            except OSError:
                pass
    return found


def pss_of(pid):
    """The proportional memory of one process: in all, and what of it is shared memory."""
    sizes = {"Pss": 0, "Pss_Shmem": 0}
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
            for line in rollup:
                name, _, rest = line.partition(":")
                if name in sizes:
                    sizes[name] = int(rest.split()[0]) * 1024
    except OSError:
        pass
    return sizes


def note_peaks(pid, peaks):
    """Raises the peaks to what the processes have now; also for each one, by its stage."""
    total = shared = 0
    for process in processes_of(pid):
        sizes = pss_of(process)
        total += sizes["Pss"]
        shared += sizes["Pss_Shmem"]
        name = "shared " + stage_of(process)
        peaks[name] = max(peaks.get(name, 0), sizes["Pss_Shmem"])
    for name, size in (("total", total), ("shared", shared), ("own", total - shared)):
        peaks[name] = max(peaks.get(name, 0), size)


def stage_of(pid):
    """What a process calls itself: one of bulkhead has the name of its stage."""
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8") as comm:
            return comm.read().strip()
    except OSError:
        return ""


# ---- Runs ----------------------------------------------------------------------------------


def run(argv, *, env=None, stdout=None, sampled=False, finished=None):
    """Runs a program to its end.

    A program that does not end by itself is given `finished`, which says whether it is done; it
    is then stopped, and the time until then is its wall.
    """
    out = open(stdout, "wb") if stdout else subprocess.DEVNULL
    peaks = {}
    started = time.monotonic()
    child = subprocess.Popen(argv, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL,
                             stdout=out, stderr=subprocess.PIPE if not finished
                             else subprocess.DEVNULL)
    wall = None
    if finished:
        while not finished():
            time.sleep(0.001)
            if child.poll() is not None:
                raise Failure(f"{argv[0]} ended by itself")
        wall = time.monotonic() - started
        child.send_signal(signal.SIGTERM)
    while sampled and os.waitid(os.P_PID, child.pid,
                                os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        note_peaks(child.pid, peaks)
        time.sleep(SAMPLE_S)
    _, status, usage = os.wait4(child.pid, 0)
    wall = wall if wall is not None else time.monotonic() - started
    words = child.stderr.read().decode(errors="replace") if child.stderr else ""
    if child.stderr:
        child.stderr.close()
    child.returncode = os.waitstatus_to_exitcode(status)
    if stdout:
        out.close()
    if child.returncode != 0:
        raise Failure(f"{' '.join(argv)}: exit {child.returncode}\n{words}")
    return Usage(wall, usage.ru_utime + usage.ru_stime, peaks)


def same_bytes(path, reference):
    """Fails if two files differ."""
    if subprocess.run(["cmp", path, reference], check=False).returncode != 0:
        raise Failure(f"{path} and {reference} differ")


def remove(path):
    """Removes a file or a directory, if it is there."""
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def settle():
    """Lets the disk finish what earlier runs have left to it."""
    os.sync()


# ---- A topology that runs ------------------------------------------------------------------


class Topology:
    """`bulkhead run` on its way, with somebody to feed it or nobody."""

    def __init__(self, bulkhead, topology, state, env, stdin=subprocess.PIPE):
        self.state = state
        self.started = time.monotonic()
        self.child = subprocess.Popen([bulkhead, "run", "--quiet", "--state", state, topology],
                                      env={**os.environ, **env}, stdin=stdin,
                                      stdout=subprocess.DEVNULL)

    def status(self):
        """What `status --json` says, asked at its socket: no process is started for it."""
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(os.path.join(self.state, "control.sock"))
            control.sendall(b"status json\n")
            answer = b""
            while piece := control.recv(1 << 16):
                answer += piece
        return json.loads(answer[answer.index(b"{"):])

    def wait_running(self):
        """Waits until all of its stages run; returns their names."""
        while True:
            if self.child.poll() is not None:
                raise Failure(f"bulkhead ended with {self.child.returncode}")
            try:
                stages = self.status()["stages"]
            except (OSError, ValueError):
                stages = []
            if stages and all(stage["state"] == "running" for stage in stages):
                return [stage["stage"] for stage in stages]
            time.sleep(0.01)

    def pid_of(self, name):
        """The process of a stage; None while it has none."""
        return next(s["pid"] for s in self.status()["stages"] if s["stage"] == name)

    def cpu_s(self):
        """Processor time of all its threads, in nanoseconds as the scheduler knows it."""
        total = 0
        for process in processes_of(self.child.pid):
            for path in glob.glob(f"/proc/{process}/task/*/schedstat"):
                with open(path, encoding="ascii") as stat:
                    total += int(stat.read().split()[0])
        return total / 1e9

    def end(self, stopped):
        """Waits for its end, or stops it."""
        if stopped:
            self.child.send_signal(signal.SIGTERM)
        code = self.child.wait(timeout=120)
        if code != 0:
            raise Failure(f"bulkhead ended with {code}")

    def kill(self):
        """Whatever it does."""
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()


class Watched:
    """A file that somebody will write into, and the moment when it happens."""

    def __init__(self, path):
        self.libc = ctypes.CDLL(None, use_errno=True)
        with open(path, "wb"):
            pass
        self.fd = self.libc.inotify_init1(os.O_CLOEXEC)
        if self.libc.inotify_add_watch(self.fd, os.fsencode(path), IN_MODIFY) < 0:
            raise Failure(f"cannot watch {path}")
        self.path = path

    def wait(self):
        """Until there is a byte in it."""
        while os.stat(self.path).st_size == 0:
            os.read(self.fd, 4096)
        os.close(self.fd)


# ---- Numbers -------------------------------------------------------------------------------


def percentile(values, part):
    """The value that this part of all is not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def spread(values):
    """Median, least and most."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def distribution(values):
    """What is told of many values in milliseconds, given in nanoseconds."""
    return {"p50_ms": percentile(values, 0.5) / 1e6, "p99_ms": percentile(values, 0.99) / 1e6,
            "max_ms": max(values) / 1e6, "count": len(values)}
