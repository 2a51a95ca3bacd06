"""startup: from starting the program until it serves."""

import contextlib
import os
import socket
import subprocess
import time

import measure
import pages
import peers
import workspace
from report import Report, number, spread_of

PEERS = ("sluice", "nginx", "lighttpd", "floor")
ROUNDS = 20
LIMIT_MS = 20
_TARGET = "sluice: from start to the ready line"


def run(bench):
    report = Report("startup", "from starting the program until it says, or shows, that it serves")
    page = pages.page(bench.pages, 200)
    taken = {}
    for _ in range(bench.rounds(ROUNDS)):
        for name in peers.chosen(bench, PEERS):
            try:
                took = _start_once(bench, name, page)
            except peers.Missing as reason:
                if not any(name in note for note in report.notes):
                    report.note(f"{name} was left out: {reason}.")
                continue
            taken.setdefault(name, []).append(took)
    rows = []
    for name, values in taken.items():
        took = measure.summary(values)
        sign = "ready line" if peers.announces_ready(name) else "accepts a connection"
        rows.append([name, sign, number(took["median"]), spread_of(took)])
    report.table("Milliseconds", ["peer", "until", "median", "min–max"], rows)
    mine = measure.summary(taken["sluice"]) if "sluice" in taken else None
    report.target(_TARGET, LIMIT_MS, mine and mine["median"], unit="ms", spread=mine)
    report.raw["milliseconds"] = taken
    report.note("The programs' files are in the page cache.")
    return report


def _start_once(bench, name, page):
    port = peers.free_port()
    settings = peers.Settings(bench.pages, body_bytes=200, page=page)
    command = peers.command_for(name, bench, settings, port, bench.folder("startup"))
    announces = peers.announces_ready(name)
    words = [str(word) for word in command]
    # Not Workspace.start: its work between fork and exec would be counted, too.
    os.sched_setaffinity(0, {bench.server_core})
    with contextlib.ExitStack() as scope:
        start = time.perf_counter_ns()
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, start_new_session=True)
        scope.callback(workspace.stop, process)
        os.sched_setaffinity(0, {bench.client_core})
        if announces:
            served = process.stdout.readline().startswith(b"ready ")
        else:
            served = _wait_until_accepts(process, port)
        took = (time.perf_counter_ns() - start) / 1e6
        process.stdout.close()
        if not served:
            raise RuntimeError(f"{name} did not start")
    return took


def _wait_until_accepts(process, port):
    end = time.monotonic() + peers.START_TIMEOUT_S
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return True
        except ConnectionRefusedError:
            time.sleep(0.0002)
    return False
