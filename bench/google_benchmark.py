"""Runs a program of Google Benchmark and reads its JSON."""

import json
import re
import subprocess

import workspace

_TIMEOUT_S = 600
_UNITS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}


def run(bench, program, filter_words, arguments=(), min_time_s=0.3, cores=None):
    """The benchmarks whose names start with one of the words: name -> its entry in the JSON."""
    path = bench.built_program(program)
    chosen = "^(" + "|".join(filter_words) + ")"
    command = [path, *arguments, f"--benchmark_filter={chosen}", "--benchmark_format=json",
               f"--benchmark_min_time={min_time_s}"]
    process = bench.start(command, cores=cores or bench.all_cores, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        output, errors = process.communicate(timeout=_TIMEOUT_S)
    finally:
        workspace.stop(process)
    if process.returncode != 0 or not output:
        raise RuntimeError(f"{path.name}: {errors.strip()[-800:]}")
    return _entries(path.name, output)


def _entries(program, output):
    found = {}
    for entry in json.loads(output)["benchmarks"]:
        if entry.get("error_occurred"):
            raise RuntimeError(f"{program}: {entry['name']}: {entry['error_message']}")
        found[_plain(entry["name"])] = entry
    if not found:
        raise RuntimeError(f"{program}: no benchmark was run")
    return found


def _plain(name):
    """Without what Google Benchmark appends about how it ran."""
    return re.sub(r"/(iterations:\d+|manual_time|process_time|real_time)", "", name)


def cpu_ns(entry):
    return entry["cpu_time"] * _UNITS[entry["time_unit"]]


def real_ns(entry):
    return entry["real_time"] * _UNITS[entry["time_unit"]]
