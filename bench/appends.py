"""appends: a million appends of 60 bytes to a file, beside Java's."""

import contextlib
import functools

import google_benchmark
import java_peer
import paired
from report import Report, number

ROUNDS = 7
APPENDS = 1_000_000
RECORD_BYTES = 60

_BARE = "memcpy into pages populated ahead"
# Our ways, as the program calls them, and Java's, as the options of its case.
_OURS = {
    "mapping": "mapping/reserved",
    "mapping, growing": "mapping/growing",
    "buffered": "stream",
    "write each": "write",
    _BARE: "bare/populated",
    "memcpy into fresh pages": "bare/fresh",
}
_JAVA = {
    "Java: mapping": {"way": "mapping"},
    "Java: buffered": {"way": "stream"},
    "Java: buffered, 64 KiB": {"way": "stream", "stream_buffer": 65536},
    "Java: write each": {"way": "write"},
}


def run(bench):
    report = Report("appends", f"{APPENDS:,} appends of {RECORD_BYTES} bytes to a new file, ms")
    appends = APPENDS // 10 if bench.quick else APPENDS
    folder = bench.disk_folder("appends")
    with contextlib.ExitStack() as scope:
        measures = {name: functools.partial(_our_round, bench, report, way, folder, appends)
                    for name, way in _OURS.items()}
        for name, options in _JAVA.items():
            measures[name] = java_peer.JavaPeer(bench, scope, "file-append", folder=folder,
                                                appends=appends, record=RECORD_BYTES,
                                                **options).round
        result = paired.Contenders(measures).run(bench.rounds(ROUNDS))
    _add_table(report, result)
    _add_targets(report, result)
    report.raw["rounds"] = result.figures
    report.note(f"{java_peer.version()}, {' '.join(java_peer.jvm_flags(bench))}.")
    report.note("Appending: elapsed time of the appends alone, and of the last flush where there "
                "is one. \"mapping\" and \"populated ahead\": the pages were made, and are in "
                "memory and writable, before; \"growing\": while appending. Whole: with creating, "
                "preallocating, populating and unmapping or closing the file. Nothing is synced to "
                "the disk. The file is removed after each time.")
    return report


def _our_round(bench, report, way, folder, appends):
    arguments = [f"--folder={folder}", f"--appends={appends}", f"--record={RECORD_BYTES}"]
    found = google_benchmark.run(bench, "appends", [way], arguments)
    report.raw.setdefault("google_benchmark", {}).setdefault(way, []).append(found)
    entry = found[way]
    return {key: entry[key] for key in ("ms", "cpu_ms", "whole_ms", "whole_cpu_ms")}


def _add_table(report, result):
    rows = []
    for name in result.figures:
        cpu, whole_cpu = (result.summary(name, key)["median"] for key in ("cpu_ms", "whole_cpu_ms"))
        rows.append([name, *paired.cells(result.summary(name, "ms")), number(cpu),
                     *paired.cells(result.summary(name, "whole_ms")), number(whole_cpu)])
    report.table("Milliseconds", ["way", "appending", "min–max", "its CPU", "whole", "min–max",
                                  "its CPU"], rows)


def _add_targets(report, result):
    for figure, what in (("ms", "appending"), ("whole_ms", "whole")):
        paired.target(report, f"mapping / Java's, {what}", 0.95,
                      result.ratio("mapping", figure, "Java: mapping"))
        paired.target(report, f"mapping / {_BARE}, {what}", 1.25,
                      result.ratio("mapping", figure, _BARE))
    paired.target(report, "buffered / Java's", 0.6,
                  result.ratio("buffered", "ms", "Java: buffered"))
    in_cpu = [number(result.ratio(ours, figure, theirs)["median"]) for ours, figure, theirs in (
        ("mapping", "whole_cpu_ms", "Java: mapping"), ("mapping", "whole_cpu_ms", _BARE),
        ("buffered", "cpu_ms", "Java: buffered"))]
    report.note("The same in CPU time, which other load disturbs less: mapping, whole, "
                f"{in_cpu[0]} of Java's and {in_cpu[1]} of the bare loop's; buffered {in_cpu[2]} "
                "of Java's.")
    ratio = result.ratio("buffered", "ms", "Java: buffered, 64 KiB")
    report.note(f"Buffered over Java's with a buffer of 64 KiB, as large as ours is by default: "
                f"{number(ratio['median'])}. Java's own default is 8 KiB.")
