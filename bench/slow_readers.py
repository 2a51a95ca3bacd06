"""slow-readers: memory while many clients take a large file a few bytes at a time."""

import contextlib
import time

import load
import measure
import pages
import peers
from report import Report, number, spread_of

PEERS = ("sluice", "nginx", "lighttpd")
READERS = 1000
LIMIT_BYTES = 32 << 20
RECEIVE_BUFFER = 4096  # the kernel doubles it for its own bookkeeping
PAUSE_S = 0.25
SECONDS = 6
_TARGET = f"sluice: growth of resident memory with {READERS:,} slow readers"


def run(bench):
    report = Report("slow-readers",
                    f"{READERS:,} clients take 1 GiB, 1 KiB at a time, for {SECONDS} s")
    page = pages.sparse_page(bench.pages, 1 << 30)
    names = peers.chosen(bench, PEERS)
    taken = {}
    for _ in range(bench.rounds(3)):
        for name in names:
            growth = _one_round(bench, report, name, page)
            if growth:
                taken.setdefault(name, []).append(growth)
    _add_rows(report, taken)
    report.raw["memory_bytes"] = taken
    report.note("Growth is the highest value seen while the clients read. The file is sparse; "
                "a server that maps it shows the mapped pages in RSS, but not in private memory. "
                "Socket buffers are the kernel's memory of all TCP sockets of the machine.")
    return report


def _one_round(bench, report, name, page):
    settings = peers.Settings(bench.pages, connections=READERS + 200)
    with contextlib.ExitStack() as scope:
        servers = peers.start_all([name], bench, settings, scope, report)
        if not servers:
            return None
        server = servers[0]
        load.check_answer(server, bench.pages, pages.page(bench.pages, 200))
        before, buffers = measure.memory(server.pids), measure.tcp_buffer_bytes()
        clients = []
        scope.callback(lambda: [client.close() for client in clients])
        for _ in range(READERS):
            clients.append(load.KeepAlive(server.port, receive_buffer=RECEIVE_BUFFER))
            clients[-1].ask(page)
        peak = _read_slowly(server, clients)
        peak["socket_buffers"] = measure.tcp_buffer_bytes() - buffers
        server.check_alive()
    return {"before": before, "peak": peak}


def _read_slowly(server, clients):
    """The highest figures of memory while every client reads 1 KiB at each turn."""
    peak = {"rss": 0, "pss": 0, "private": 0}
    for client in clients:
        if not client.socket.recv(1024).startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(f"{server.name}: a slow reader was not answered 200")
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        for client in clients:
            if not client.socket.recv(1024):
                raise RuntimeError(f"{server.name} closed the connection of a slow reader")
        now = measure.memory(server.pids)
        peak = {key: max(peak[key], now[key]) for key in peak}
        time.sleep(PAUSE_S)
    return peak


def _growth_mib(rounds, key):
    return measure.summary([(one["peak"][key] - one["before"][key]) / 2**20 for one in rounds])


def _add_rows(report, taken):
    rows = []
    for name, rounds in taken.items():
        rss = _growth_mib(rounds, "rss")
        buffers = measure.summary([one["peak"]["socket_buffers"] / 2**20 for one in rounds])
        rows.append([name, number(rss["median"]), spread_of(rss),
                     number(_growth_mib(rounds, "private")["median"]),
                     number(rounds[-1]["before"]["rss"] / 2**20), number(buffers["median"])])
    report.table("Growth, MiB",
                 ["peer", "RSS", "min–max", "private", "RSS before", "socket buffers"], rows)
    mine = _growth_mib(taken["sluice"], "rss") if "sluice" in taken else None
    report.target(_TARGET, LIMIT_BYTES >> 20, mine and mine["median"], unit="MiB", spread=mine)
