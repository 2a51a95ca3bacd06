#!/usr/bin/env python3
"""Runs benchmarks of sluice beside its peers: bench/run.py NAME [options]; docs/benchmarks.md."""

import argparse
import importlib
import pathlib
import signal
import sys

import machine
import peers
import report
from workspace import Workspace

BENCHMARKS = {
    "http-small": "http_small",
    "http-large": "http_large",
    "floor": "floor_bound",
    "idle-connections": "idle_connections",
    "slow-readers": "slow_readers",
    "cold-file": "cold_file",
    "startup": "startup",
    "mechanisms": "mechanisms",
    "memory": "memory",
    "appends": "appends",
    "file-transfers": "file_transfers",
    "zip": "zip_files",
}
GROUPS = {
    "all": tuple(BENCHMARKS),
    "library": ("memory", "appends", "file-transfers", "zip"),
}
TREE = pathlib.Path(__file__).resolve().parent.parent


def parse_arguments():
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME",
                        help="which benchmarks, or all; without a name they are listed")
    parser.add_argument("--rounds", type=int,
                        help="rounds for each peer (7; 3 where a round is long; 20 for startup)")
    parser.add_argument("--quick", action="store_true",
                        help="only see that memory, appends, file-transfers and zip run: two "
                             "short rounds, small files; the figures mean nothing")
    parser.add_argument("--seconds", type=int, default=2, help="length of one measurement (2)")
    parser.add_argument("--peers", type=lambda text: text.split(","), default=[],
                        help="only these: sluice, nginx, nginx:aio, lighttpd, floor, "
                             "floor:sendfile, floor:writev, sluice:MECHANISM")
    parser.add_argument("--json", metavar="FILE", help="write the figures of every round there")
    parser.add_argument("--build", default=TREE / "build", help="build directory (build)")
    parser.add_argument("--check", action="store_true",
                        help="exit status 1 when a target is missed")
    options = parser.parse_args()
    for name in options.names:
        if name not in BENCHMARKS and name not in GROUPS:
            parser.error(f"no such benchmark: {name}")
    return options


def chosen(words):
    """The benchmarks that the words name, each once, in the order of the table."""
    wanted = {name for word in words for name in GROUPS.get(word, (word,))}
    return [name for name in BENCHMARKS if name in wanted]


def run_one(name, bench):
    """The report of one benchmark; one that fails must not take the others with it."""
    try:
        return benchmark(name).run(bench), True
    except (RuntimeError, OSError, ValueError, peers.Missing) as error:
        print(f"bench: {name}: {error}", file=sys.stderr)
        failed = report.Report(name, "did not run")
        failed.note(str(error))
        return failed, False


def benchmark(name):
    return importlib.import_module(BENCHMARKS[name])


def list_benchmarks():
    for name in BENCHMARKS:
        print(f"{name:18}{benchmark(name).__doc__.splitlines()[0].partition(': ')[2]}")
    print(f"{'library':18}{', '.join(GROUPS['library'])}")
    print(f"{'all':18}all of them")


def main():
    options = parse_arguments()
    if not options.names:
        list_benchmarks()
        return 0
    # A killed run must end its servers just as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    names = chosen(options.names)
    facts, reports, all_ran = machine.describe(), [], True
    with Workspace(options) as bench:
        versions = peers.versions(bench)
        print(report.heading(facts, versions), flush=True)
        for name in names:
            done, ran = run_one(name, bench)
            all_ran = all_ran and ran
            reports.append(done)
            print(done.markdown(), flush=True)
            if options.json:
                report.write_json(options.json, facts, versions, reports)
    missed = any(target["met"] is False for done in reports for target in done.targets)
    return 1 if not all_ran or (options.check and missed) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
