"""memory: buffers and chains beside Netty's: nanoseconds for one operation."""

import contextlib
import dataclasses
import functools

import google_benchmark
import java_peer
import measure
import paired
from report import Report, number, spread_of

ROUNDS = 7
_NETTY = "Netty"
_POOLED = "Netty, older allocator"
_DETECTING = "Netty, leak detector on"
_OURS = "sluice"
_SEVERAL = "sluice, several threads"
_BOUND = "sluice, thread_bound"
_KEPT = "sluice, heap kept"

_SEVERAL_THREADS = ("--threads=several",)
_THREAD_BOUND = ("--storage=thread_bound",)
_HEAP_KEPT = ("--heap=kept",)


@dataclasses.dataclass
class Group:
    """Operations that belong together: one program of ours and one JVM of each kind measure them.

    figures: what is asked for, by the name it has on both sides. limits: nanoseconds, by figure.
    ours: our ways to run, each the arguments of the program. theirs: Netty's ways, each the options
    of the Java case and its flags.
    """
    heading: str
    case: str
    figures: tuple
    limits: dict
    ours: dict
    theirs: dict
    elapsed: bool = False
    held: tuple = (_OURS,)  # which of our ways the limits are for


_ADAPTIVE = {_NETTY: ({"allocator": "adaptive"}, (java_peer.NO_LEAK_DETECTION,))}
_BOTH_ALLOCATORS = {**_ADAPTIVE,
                    _POOLED: ({"allocator": "pooled"}, (java_peer.NO_LEAK_DETECTION,))}
_ALL_WAYS = {_OURS: (), _SEVERAL: _SEVERAL_THREADS, _BOUND: _THREAD_BOUND}
_ALLOCATE = tuple(f"allocate/{size}" for size in (64, 256, 1024, 4096, 16384, 65536))
_HANDOVER = ("handover/in-turns/1024", "handover/at-once/1024")

GROUPS = (
    Group("Allocate and release, pooled, one thread, by size", "allocate", _ALLOCATE,
          {figure: 12 for figure in _ALLOCATE}, _ALL_WAYS,
          {**_BOTH_ALLOCATORS, _DETECTING: ({"allocator": "adaptive"}, ())}),
    Group("Allocate 1 KiB here, release in another thread", "handover", _HANDOVER, {},
          {_OURS: ()}, _BOTH_ALLOCATORS, elapsed=True),
    Group("Slice and release", "slice", ("slice",), {"slice": 5}, _ALL_WAYS,
          {**_ADAPTIVE, _DETECTING: ({"allocator": "adaptive"}, ())},
          held=(_OURS, _SEVERAL, _BOUND)),
    Group("Read 8 bytes at random, by number of pieces of 64 bytes", "random-read",
          tuple(f"random-read/{kind}{pieces}" for kind in ("", "uneven/", "cursor/")
                for pieces in (16, 256, 4096)),
          {"random-read/16": 10, "random-read/256": 15, "random-read/4096": 25},
          {_OURS: ()}, _ADAPTIVE),
    Group("Read on, byte by byte, over 256 pieces of 64 bytes", "sequential-read",
          ("sequential-read/256",), {"sequential-read/256": 0.5}, {_OURS: ()}, _ADAPTIVE),
    Group("Export 4,096 pieces as I/O vectors", "export", ("export/4096",), {"export/4096": 4_000},
          {_OURS: ()}, _ADAPTIVE),
    Group("Append a slice of 1 KiB to a chain, up to that many pieces", "append",
          tuple(f"append/{kind}{length}" for kind in ("", "kept/")
                for length in (1000, 10000, 100000)),
          {"append/1000": 10, "append/10000": 10, "append/100000": 10},
          {_OURS: (), _KEPT: _HEAP_KEPT}, _ADAPTIVE, held=(_OURS, _KEPT)),
)


def run(bench):
    report = Report("memory", "buffers and chains beside Netty's, ns for one operation")
    results = {}
    for group in GROUPS:
        results[group.case] = _measure(bench, report, group)
        _add_table(report, group, results[group.case])
        _add_targets(report, group, results[group.case])
    _add_handover_target(report, results)
    _add_flatness_target(report, results)
    _add_allocations(report, results)
    _add_notes(bench, report)
    report.raw["rounds"] = {case: result.figures for case, result in results.items()}
    return report


def _measure(bench, report, group):
    """All rounds of a group; its JVMs are warm before the first and end after the last."""
    entries = report.raw.setdefault("google_benchmark", {}).setdefault(group.case, {})
    with contextlib.ExitStack() as scope:
        measures = {}
        for name, arguments in group.ours.items():
            kept = entries.setdefault(name, [])
            measures[name] = functools.partial(_our_round, bench, group, arguments, kept)
        for name, (options, flags) in group.theirs.items():
            milliseconds = {"milliseconds": 30 if bench.quick else 300}
            if group.elapsed and bench.quick:
                milliseconds["count"] = 200_000
            peer = java_peer.JavaPeer(bench, scope, group.case, flags, **options, **milliseconds)
            measures[name] = peer.round
        return paired.Contenders(measures).run(bench.rounds(ROUNDS))


def _our_round(bench, group, arguments, kept):
    found = google_benchmark.run(bench, "memory", [group.case], arguments,
                                 min_time_s=0.03 if bench.quick else 0.3)
    kept.append(found)
    figures = {}
    for name, entry in found.items():
        # Where a round is not a plain loop, the program reckons itself.
        figures[name] = entry.get("ns_each", google_benchmark.cpu_ns(entry))
        if "allocations" in entry:
            figures[f"{name} allocations"] = entry["allocations"]
    return figures


def _add_table(report, group, result):
    names = list(result.figures)
    rows = []
    for figure in group.figures:
        row = [figure]
        for name in names:
            summary = result.summary(name, figure)
            row.append("-" if summary is None
                       else f"{number(summary['median'])} ({spread_of(summary)})")
        ratio = result.ratio(_OURS, figure, _NETTY)
        row.append("-" if ratio is None else f"{number(ratio['median'])} ({spread_of(ratio)})")
        rows.append(row)
    report.table(group.heading, ["", *names, "sluice / Netty, round by round"], rows)


def _add_targets(report, group, result):
    for name in group.held:
        for figure, limit in group.limits.items():
            text = figure if name == _OURS else f"{figure}, {name.removeprefix('sluice, ')}"
            paired.target(report, text, limit, result.summary(name, figure), unit="ns")


def _add_handover_target(report, results):
    """Three times what one thread pays: the medians, since they are from different rounds."""
    alone = results["allocate"].summary(_OURS, "allocate/1024")
    for figure in _HANDOVER:
        values = results["handover"].values(_OURS, figure)
        ratio = measure.summary([value / alone["median"] for value in values]) if values else None
        paired.target(report, f"{figure} over allocate/1024", 3, ratio)


def _add_flatness_target(report, results):
    for name in (_OURS, _KEPT):
        ratio = results["append"].ratio(name, "append/100000", name, "append/1000")
        paired.target(report, f"append/100000 over append/1000 (flat), {name}", 1.25, ratio)


def _add_allocations(report, results):
    paired.target(report, "allocations in one export of 4,096 pieces", 0,
                  results["export"].summary(_OURS, "export/4096 allocations"))
    garbage = results["export"].summary(_NETTY, "export/4096 garbage")
    if garbage:
        report.note(f"One export of 4,096 pieces leaves {number(garbage['median'])} bytes of "
                    f"garbage on Java's heap.")


def _add_notes(bench, report):
    flags = " ".join([*java_peer.jvm_flags(bench), java_peer.NO_LEAK_DETECTION])
    report.note(f"Netty {java_peer.NETTY_VERSION} on {java_peer.version()}, {flags}; \"leak "
                f"detector on\" is the default level (simple).")
    report.note("Medians, and in brackets lowest to highest, of the rounds. CPU time of the thread "
                "that works; what Java's collector and compiler threads do is not in it. handover: "
                "elapsed time, both threads working (at-once), or CPU time of allocating and then "
                "releasing batches of 512 (in-turns).")
    report.note("\"Netty\" is its default allocator (adaptive), in an event loop's thread, which "
                "is where it is fastest. sluice's figures are of a process with one thread; "
                "\"several threads\": the same in a process that has started another one; "
                "\"thread_bound\": with storages that count without atomic operations; \"heap "
                "kept\": where malloc keeps its memory, as a JVM does, and need not fetch fresh "
                "pages for a growing chain.")
    report.note("Random reads are calls with a position (Netty's getLong); uneven: with pieces of "
                "1 to 127 bytes; cursor: seeking and then reading. append/kept: all chains live "
                "on, so each has to get memory for its lists.")
