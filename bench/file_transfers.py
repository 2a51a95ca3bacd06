"""file-transfers: CPU per GB of file to socket and socket to file, beside Java's channels."""

import contextlib
import dataclasses
import functools
import pathlib
import subprocess

import google_benchmark
import java_peer
import machine
import pages
import paired
import workspace
from report import Report, number

ROUNDS = 7

# (heading, Java's case and ours, what the process on the other side does, limit, Java's call)
_DIRECTIONS = (
    ("file to socket", "to-socket", "discard", 0.95, "transferTo"),
    ("socket to file", "from-socket", "send", 0.7, "transferFrom"),
)


def run(bench):
    size = 64 << 20 if bench.quick else 1 << 30
    report = Report("file-transfers", f"{pages.size_name(size)} between a file in the page cache "
                                      "and a socket, CPU per GB")
    source = bench.pages / pages.page(bench.pages, size)
    fresh = bench.disk_folder("transfers")
    for heading, case, other_side, limit, java_call in _DIRECTIONS:
        with contextlib.ExitStack() as scope:
            what = _Transfer(case, _start_other_side(bench, scope, other_side, size), size,
                             source if case == "to-socket" else fresh / "received")
            result = _measure(bench, report, scope, what, java_call)
            _add(report, heading, case, result, limit, java_call)
            report.raw[case] = result.figures
    report.note(f"{java_peer.version()}, {' '.join(java_peer.jvm_flags(bench))}.")
    report.note("CPU time (user and system) of all threads of the process that moves the bytes; of "
                "Java's also those of its collector and compiler. 1 GB is 10^9 bytes. The other "
                "side is a process of its own on another core, over loopback; each transfer has a "
                "connection of its own. The file that is sent was in the page cache; the file that "
                "is received is new each time, and removing it is not counted.")
    return report


@dataclasses.dataclass
class _Transfer:
    case: str
    port: int
    size: int
    path: pathlib.Path

    def prepare(self):
        """A file that is to be sent is in the page cache, or the round fails."""
        if self.case == "to-socket":
            machine.make_resident(self.path)


def _start_other_side(bench, scope, what, size):
    """Starts the process that takes, or gives, the bytes; returns its port."""
    process = bench.start([bench.built_program("socket_peer"), what, size],
                          core=bench.client_core, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, text=True)
    scope.callback(workspace.stop, process)
    return int(process.stdout.readline())


def _measure(bench, report, scope, what, java_call):
    milliseconds = 100 if bench.quick else bench.options.seconds * 1000
    what.prepare()
    java = java_peer.JavaPeer(bench, scope, what.case, cores={bench.server_core}, port=what.port,
                              path=what.path, bytes=what.size, milliseconds=milliseconds)
    return paired.Contenders({
        "sluice": functools.partial(_our_round, bench, report, what, milliseconds),
        f"Java: {java_call}": functools.partial(_java_round, java, what),
    }).run(bench.rounds(ROUNDS))


def _our_round(bench, report, what, milliseconds):
    what.prepare()
    arguments = [f"--port={what.port}", f"--path={what.path}", f"--bytes={what.size}",
                 f"--milliseconds={milliseconds}"]
    found = google_benchmark.run(bench, "file_transfers", [what.case], arguments,
                                 cores={bench.server_core})
    report.raw.setdefault("google_benchmark", {}).setdefault(what.case, []).append(found)
    entry = found[what.case]
    report.raw.setdefault("ways", {})[what.case] = entry["label"]
    return {key: entry[key] for key in ("cpu_s_per_gb", "seconds_per_gb", "calls", "transfers")}


def _java_round(java, what):
    what.prepare()
    return java.round()


def _add(report, heading, case, result, limit, java_call):
    rows = []
    ways = {"sluice": f"sluice, by {report.raw['ways'][case]}"}
    for name in result.figures:
        seconds = result.summary(name, "seconds_per_gb")
        transfers = result.summary(name, "transfers")
        rows.append([ways.get(name, name),
                     *paired.cells(result.summary(name, "cpu_s_per_gb")),
                     number(seconds["median"]), number(transfers["median"])])
    report.table(f"{heading}: CPU seconds per GB",
                 ["", "CPU s/GB", "min–max", "elapsed s/GB", "transfers a round"], rows)
    paired.target(report, f"{heading}: CPU per GB over {java_call}'s", limit,
                  result.ratio("sluice", "cpu_s_per_gb", f"Java: {java_call}"))
