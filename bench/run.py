#!/usr/bin/env python3
"""Runs benchmarks of sluice beside its peers: bench/run.py NAME [options]. See docs/benchmarks.md."""

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
}
TREE = pathlib.Path(__file__).resolve().parent.parent


def parse_arguments():
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument("name", choices=[*BENCHMARKS, "all"], help="which benchmark")
    parser.add_argument("--rounds", type=int, help="rounds per peer (default: 7, fewer where one is long)")
    parser.add_argument("--seconds", type=int, default=2, help="length of one measurement (2)")
    parser.add_argument("--peers", type=lambda text: text.split(","), default=[],
                        help="only these: sluice, nginx, nginx:aio, lighttpd, floor, floor:sendfile, "
                             "floor:writev, sluice:MECHANISM")
    parser.add_argument("--json", metavar="FILE", help="write the figures of every round there, too")
    parser.add_argument("--build", default=TREE / "build", help="build directory (build)")
    parser.add_argument("--check", action="store_true", help="exit status 1 when a target is missed")
    return parser.parse_args()


def main():
    options = parse_arguments()
    # A killed run must end its servers just as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    names = list(BENCHMARKS) if options.name == "all" else [options.name]
    facts, reports = machine.describe(), []
    with Workspace(options) as bench:
        versions = peers.versions(bench)
        print(report.heading(facts, versions), flush=True)
        for name in names:
            reports.append(importlib.import_module(BENCHMARKS[name]).run(bench))
            print(reports[-1].markdown(), flush=True)
            if options.json:
                report.write_json(options.json, facts, versions, reports)
    missed = [target for done in reports for target in done.targets if target["met"] is False]
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except (RuntimeError, OSError, peers.Missing) as error:
        print(f"bench: {error}", file=sys.stderr)
        sys.exit(1)
