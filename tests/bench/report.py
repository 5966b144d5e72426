# SPDX-License-Identifier: MIT
"""The table in Markdown, and the points of issue 5 with met or missed."""

import os
import platform
import subprocess
import time

MIB = 1 << 20


def machine(root):
    """Where and of what this was measured."""
    with open("/proc/cpuinfo", encoding="ascii") as cpuinfo:
        model = next((line.split(":")[1].strip() for line in cpuinfo
                      if line.startswith("model name")), "unknown")
    commit = subprocess.run(["git", "-C", root, "describe", "--always", "--dirty"], text=True,
                            capture_output=True, check=False).stdout.strip()
    return {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "commit": commit,
            "cpu": model, "cores": os.cpu_count(), "kernel": platform.release(),
            "load": os.getloadavg()[0]}


def number(value, unit=""):
    """A number of three digits or so."""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 0.1 or value == 0 else 4
    text = f"{value:.{digits}f}"
    return text + unit


def pair(values, unit=""):
    """Least and most."""
    return f"{number(values['min'])} to {number(values['max'])}{unit}"


def cells(row):
    """What the columns have of one row."""
    cpu = memory = ""
    if "wall_s" in row:
        wall = row["wall_s"]
        result = number(wall["median"], " s")
        spread = pair(wall, " s")
        rate = f"{row['records'] / wall['median'] / 1e6:.2f} M/s"
        if "wall_ratio" in row:
            rate += f", {number(row['wall_ratio']['median'])} x"
        cpu = number(row["cpu_s"]["median"], " s")
        memory = number(row["pss"].get("total", 0) / MIB, " MiB")
        if row["pss"].get("shared"):
            memory += f" ({number(row['pss']['shared'] / MIB)} state)"
        return [row["measure"], row["who"], result, spread, rate, cpu, memory]
    if "latency" in row:
        d = row["latency"]
        spread = f"p99 {number(d['p99_ms'])}, max {number(d['max_ms'])} ms"
        note = f"n = {d['count']:,}"
        if "undisturbed_p50_ms" in row:
            note += f"; p50 of all records {number(row['undisturbed_p50_ms'])} ms"
        return [row["measure"], row["who"], "p50 " + number(d["p50_ms"], " ms"), spread, note, "",
                ""]
    if "bytes_per_key" in row:
        return [row["measure"], row["who"], number(row["bytes_per_key"], " bytes a key"), "", "",
                "", ""]
    return [row["measure"], row["who"], number(row["percent_of_core"], " % of a core"), "", "", "",
            ""]


def markdown(result):
    """All of it."""
    where = result["machine"]
    lines = [f"Measured {where['time']} at {where['commit']}, {result['options']}: {where['cpu']}, "
             f"{where['cores']} cores, Linux {where['kernel']}, load at the start "
             f"{where['load']:.1f}.", "",
             "| measure | who | median | from to | rate, wall to the first | CPU | peak PSS |",
             "|---|---|---|---|---|---|---|"]
    lines += ["| " + " | ".join(cells(row)) + " |" for row in result["rows"]]
    lines += ["", "| point | what | measured | from to | target | verdict |",
              "|---|---|---|---|---|---|"]
    for v in sorted(result["verdicts"], key=lambda v: v["point"]):
        lines.append(f"| {v['point']} | {v['what']} | {number(v['value'])} | {pair(v['spread'])} | "
                     f"at most {number(v['target'])} | {'met' if v['met'] else '**missed**'} |")
    lines += [""] + [f"- {note}" for note in result["notes"]]
    lines += [f"- skipped: {what}" for what in result["skipped"]]
    lines += [f"- **failed**: {what}" for what in result["failed"]]
    return "\n".join(lines)
