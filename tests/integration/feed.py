#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Feed a run through a pipe in pieces while its stages are killed.

feed.py [--kills N] [--pieces small|large] [--stage NAME] [--output FILE] [--fifo] INPUT COMMAND...

Starts COMMAND with a pipe as its standard input and writes INPUT into it. Meanwhile each new
process of the stage is killed after a random moment, N times; after each kill the next part of the
input comes. With --fifo it is the command itself that is killed and started again, and
the pipe is kept open over its lives. FILE is what grows when there is progress. Prints the seed, SEED=
replays it. Exits as the command does.
"""

import argparse
import fcntl
import os
import random
import signal
import subprocess
import sys
import termios
import threading
import time


def stage_pid(supervisor, name):
    """The process of a stage, or None if there is none now."""
    try:
        with open(f"/proc/{supervisor}/task/{supervisor}/children", encoding="ascii") as file:
            for pid in file.read().split():
                with open(f"/proc/{pid}/comm", encoding="utf-8") as comm:
                    if comm.read().rstrip("\n") == name:
                        return int(pid)
    except (FileNotFoundError, ProcessLookupError):
        pass
    return None


class Writer(threading.Thread):
    """Writes the input, as much of it as the kills that are done allow."""

    def __init__(self, rng, pipe, data, kills, small):
        super().__init__(daemon=True)
        self.rng, self.pipe, self.data, self.small = rng, pipe, data, small
        self.kills, self.done = kills, 0
        self.waits = False
        self.changed = threading.Condition()

    def killed(self):
        """Lets the next part go."""
        with self.changed:
            self.done += 1
            self.waits = False
            self.changed.notify()

    def allowed(self, at):
        """Where the present part ends, when it begins before that."""
        with self.changed:
            end = 0
            while end <= at:
                end = len(self.data) * (self.done + 1) // (self.kills + 1)
                if end <= at:
                    self.waits = True
                    self.changed.wait()
            return end

    def run(self):
        """Pieces end anywhere, in the middle of lines too."""
        at = 0
        while at < len(self.data):
            size = self.rng.randint(1, 4000 if self.small else 300_000)
            at += os.write(self.pipe, self.data[at:min(at + size, self.allowed(at))])
            if self.small and self.rng.random() < 0.05:
                time.sleep(0.001)  # a writer that is slower than its reader
        os.close(self.pipe)


def size_of(path):
    """Bytes of a file; 0 if it is not there."""
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def is_empty(pipe):
    """Whether a pipe holds nothing."""
    return fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)) == bytes(4)


def kill_stage(rng, command, options, writer, pipe):
    """
    Kills each new process of the stage after a random moment. Every fourth time that may be before
    it got anywhere; otherwise the output has grown, unless it had all there is when it was seen.
    """
    last = None
    while writer.done < options.kills and command.poll() is None:
        pid = stage_pid(command.pid, options.stage)
        if pid is None or pid == last:
            time.sleep(0.0005)
            continue
        before = size_of(options.output)
        while writer.done % 4 != 3 and size_of(options.output) == before and \
                command.poll() is None and stage_pid(command.pid, options.stage) == pid and \
                not (writer.waits and is_empty(pipe)):
            time.sleep(0.0005)
        time.sleep(rng.random() ** 4 * 0.04)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        last = pid
        writer.killed()


def kill_command(rng, arguments, pipe, kills, writer):
    """Runs the command again and again on the same pipe, and kills all but the last."""
    for _ in range(kills):
        command = subprocess.Popen(arguments, stdin=pipe, stderr=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL)
        time.sleep(0.05 + rng.random() * 0.2)
        command.kill()
        command.wait()
        writer.killed()
    return subprocess.Popen(arguments, stdin=pipe)


def main():
    """Feeds, kills, and says how the command ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--pieces", choices=["small", "large"], default="large")
    parser.add_argument("--stage", default="in")
    parser.add_argument("--fifo", action="store_true")
    parser.add_argument("--output", default="out")
    parser.add_argument("input")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(2**32))
    print(f"SEED={seed}", file=sys.stderr)
    rng = random.Random(seed)
    with open(options.input, "rb") as file:
        data = file.read()
    read_end, write_end = os.pipe()
    writer = Writer(random.Random(seed + 1), write_end, data, options.kills,
                    options.pieces == "small")
    writer.start()
    if options.fifo:
        command = kill_command(rng, options.command, read_end, options.kills, writer)
    else:
        command = subprocess.Popen(options.command, stdin=read_end)
        kill_stage(rng, command, options, writer, read_end)
    os.close(read_end)
    code = command.wait()
    print(f"{writer.done} kills, exit {code}", file=sys.stderr)
    return code if writer.done == options.kills else 99


sys.exit(main())
