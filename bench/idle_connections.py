"""idle-connections: what a kept connection costs in memory while nobody asks."""

import contextlib
import time

import load
import measure
import pages
import peers
from report import Report, number, spread_of

PEERS = ("sluice", "nginx", "lighttpd")
CONNECTIONS = 10_000
LIMIT_BYTES = 4096
# One address has 28,000 ports, and those of connections that were just closed are not free yet.
SOURCES = [f"127.0.0.{host}" for host in range(2, 10)]


def run(bench):
    report = Report("idle-connections", f"{CONNECTIONS:,} kept connections after one request each")
    if bench.open_files < 2 * CONNECTIONS:
        report.note(f"left out: only {bench.open_files} open files are allowed here")
        report.target(_TARGET, LIMIT_BYTES, None, unit="B")
        return report
    page = pages.page(bench.pages, 200)
    names = peers.chosen(bench, PEERS)
    taken = {}
    for _ in range(bench.rounds(3)):
        for name in names:
            growth = _one_round(bench, report, name, page)
            if growth:
                taken.setdefault(name, []).append(growth)
    _add_rows(report, taken)
    report.raw["growth_bytes"] = taken
    report.note("The kernel's own memory for the sockets is not in these figures. nginx sets up "
                "the records of all its connections when it starts: that part is no growth either.")
    return report


_TARGET = "sluice: growth of resident memory per idle connection"


def _one_round(bench, report, name, page):
    settings = peers.Settings(bench.pages, connections=CONNECTIONS + 200, body_bytes=200, page=page)
    with contextlib.ExitStack() as scope:
        servers = peers.start_all([name], bench, settings, scope, report)
        if not servers:
            return None
        server = servers[0]
        for _ in range(50):  # what is set up once must not be charged to the connections
            load.check_answer(server, bench.pages, page)
        before = measure.memory(server.pids)
        clients = []
        scope.callback(_close_all, clients)
        for turn in range(CONNECTIONS):
            clients.append(load.KeepAlive(server.port, source=SOURCES[turn % len(SOURCES)]))
            status, _, _ = clients[-1].get(page)
            if status != 200:
                raise RuntimeError(f"{name}: connection {turn} was answered {status}")
        time.sleep(0.5)  # whatever a server frees once a connection is idle, it has freed
        after = measure.memory(server.pids)
        server.check_alive()
        _check_open(name, clients)
    return {"before": before, "after": after}


def _check_open(name, clients):
    for client in clients:
        client.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            raise RuntimeError(f"{name} closed a connection: {client.socket.recv(1)!r}")


def _close_all(clients):
    for client in clients:
        client.close()


def _per_connection(rounds, key):
    return measure.summary([(one["after"][key] - one["before"][key]) / CONNECTIONS
                            for one in rounds])


def _add_rows(report, taken):
    rows = []
    for name, rounds in taken.items():
        rss = _per_connection(rounds, "rss")
        rows.append([name, number(rss["median"]), spread_of(rss),
                     number(_per_connection(rounds, "pss")["median"]),
                     number(_per_connection(rounds, "private")["median"]),
                     number(rounds[-1]["before"]["rss"] / 2**20),
                     number(rounds[-1]["after"]["rss"] / 2**20)])
    report.table("Growth per connection, bytes",
                 ["peer", "RSS", "min–max", "PSS", "private", "RSS before, MiB",
                  "RSS with all, MiB"], rows)
    mine = _per_connection(taken["sluice"], "rss") if "sluice" in taken else None
    report.target(_TARGET, LIMIT_BYTES, mine and mine["median"], unit="B", spread=mine)
