"""zip: ten files of 2 MiB that do not compress into an archive, beside Java's ways."""

import contextlib
import functools
import os
import resource
import subprocess
import time
import zipfile

import java_peer
import paired
import workspace
from report import Report, number

ROUNDS = 7
FILES = 10
FILE_BYTES = 2 << 20
LIMIT = 0.15
_JAVA_WAYS = ("buffered", "transferTo", "pipe", "stored")
_TIMEOUT_S = 120


def run(bench):
    report = Report("zip", f"{FILES} files of {FILE_BYTES >> 20} MiB of noise into an archive, ms")
    folder = bench.disk_folder("zip")
    inputs = _make_inputs(folder / "inputs")
    with contextlib.ExitStack() as scope:
        java = java_peer.JavaPeer(bench, scope, "zip", inputs=folder / "inputs",
                                  archive=folder / "java.zip")
        result = paired.Contenders({
            "sluice": functools.partial(_our_round, bench, folder / "sluice.zip", inputs),
            "Java": java.round,
        }).run(bench.rounds(ROUNDS))
    for name in ("java.zip", "sluice.zip"):
        _check(folder / name, inputs)
    _add_table(report, result)
    _add_targets(report, result)
    report.raw["rounds"] = result.figures
    report.note(f"{java_peer.version()}, {' '.join(java_peer.jvm_flags(bench))}.")
    report.note("Elapsed time. sluice's is that of the example `zip`, from starting the program "
                "to its end; Java's is of a warm JVM. The files are in the page cache. "
                "The last archives of both were read back and compared with the files. Nothing is "
                "synced to the disk.")
    return report


def _make_inputs(folder):
    folder.mkdir()
    for index in range(FILES):
        (folder / f"{index}.jpg").write_bytes(os.urandom(FILE_BYTES))
    return sorted(folder.iterdir())


def _our_round(bench, archive, inputs):
    """Runs the example; its own CPU time, and the time from starting to ending it."""
    archive.unlink(missing_ok=True)
    command = [bench.built_program("zip"), archive, *inputs]
    before = _children_cpu_s()
    start = time.perf_counter_ns()
    process = bench.start(command, cores=bench.all_cores, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        _, errors = process.communicate(timeout=_TIMEOUT_S)
        took = (time.perf_counter_ns() - start) / 1e6
    finally:
        workspace.stop(process)
    if process.returncode != 0:
        raise RuntimeError(f"zip: {errors.strip()[-500:]}")
    cpu_ms = (_children_cpu_s() - before) * 1e3
    return {"ms": took, "cpu_ms": cpu_ms, "bytes": archive.stat().st_size}


def _children_cpu_s():
    """Of those that have ended; the JVM has not."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _check(archive, inputs):
    with zipfile.ZipFile(archive) as opened:
        for path in inputs:
            if opened.read(_entry(opened, path.name)) != path.read_bytes():
                raise RuntimeError(f"{archive.name}: {path.name} came out otherwise")


def _entry(opened, name):
    return next(entry for entry in opened.namelist() if entry.rpartition("/")[2] == name)


def _add_table(report, result):
    cpu, size = result.summary("sluice", "cpu_ms"), result.summary("sluice", "bytes")
    rows = [["sluice", *paired.cells(result.summary("sluice", "ms")), number(cpu["median"]),
             number(size["median"])]]
    for way in _JAVA_WAYS:
        cpu, size = result.summary("Java", f"{way} cpu"), result.summary("Java", f"{way} bytes")
        rows.append([f"Java: {way}", *paired.cells(result.summary("Java", way)),
                     number(cpu["median"]), number(size["median"])])
    report.table("Milliseconds", ["way", "elapsed", "min–max", "CPU", "archive, bytes"], rows)


def _add_targets(report, result):
    deflating = [way for way in _JAVA_WAYS if way != "stored"]
    best = min(deflating, key=lambda way: result.summary("Java", way)["median"])
    paired.target(report, f"zip / Java's best deflating way ({best})", LIMIT,
                  result.ratio("sluice", "ms", "Java", best))
    ratio = result.ratio("sluice", "ms", "Java", "stored")
    report.note(f"Over Java's STORED, which its user would have to choose: "
                f"{number(ratio['median'])}.")
