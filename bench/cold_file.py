"""cold-file: what hot requests feel while the same worker sends a file that is not in memory."""

import contextlib
import gc
import time

import load
import machine
import measure
import pages
import peers
import throttle
from report import Report, number

PEERS = ("sluice", "nginx", "nginx:aio", "lighttpd")
COLD_BYTES = 64 << 20
RATE = 8 << 20
INTERVAL_S = 0.005
WARM_UP_REQUESTS = 50
BASELINE_REQUESTS = 300
DURING_S = 6
P99_LIMIT_MS = 5
MAX_LIMIT_MS = 50
_P99 = "sluice: p99 of hot requests while a cold file is read"
_MAX = "sluice: slowest hot request while a cold file is read"


def run(bench):
    report = Report("cold-file", "200 B every 5 ms, while 64 MiB come cold from a disk of 8 MiB/s")
    hot = pages.page(bench.pages, 200)
    cold = pages.page(bench.pages, COLD_BYTES, kind="cold-")
    taken = {}
    try:
        for _ in range(bench.rounds(3)):
            for name in peers.chosen(bench, PEERS):
                one = _one_round(bench, report, name, hot, cold)
                if one:
                    taken.setdefault(name, []).append(one)
    except throttle.Unavailable as reason:
        report.note(f"left out: {reason}")
        report.target(_P99, P99_LIMIT_MS, None, unit="ms")
        report.target(_MAX, MAX_LIMIT_MS, None, unit="ms")
        return report
    _add_rows(report, taken)
    report.raw["rounds"] = taken
    return report


def _one_round(bench, report, name, hot, cold):
    settings = peers.Settings(bench.pages)
    with contextlib.ExitStack() as scope:
        # The throttle must go last: its end moves the server out of the group.
        brake = scope.enter_context(throttle.Throttle(bench.pages / cold, RATE))
        servers = peers.start_all([name], bench, settings, scope, report)
        if not servers:
            return None
        server = servers[0]
        client = load.KeepAlive(server.port)
        scope.callback(client.close)
        brake.add(server.pids)
        machine.make_resident(bench.pages / hot)
        machine.evict(bench.pages / cold)
        for _ in range(WARM_UP_REQUESTS):
            client.get(hot)
        before = _ask_repeatedly(client, hot, lambda asked: asked < BASELINE_REQUESTS)
        download = load.start_download(bench, server.port, cold, DURING_S)
        scope.callback(download.kill)
        during = _ask_repeatedly(client, hot, lambda _: download.poll() is None)
        taken = load.finish_download(download)
        brake.add(server.pids)  # threads that were started meanwhile must be in the group as well
        server.check_alive()
    return {"before_ms": before, "during_ms": during,
            "cold_bytes_per_second": taken["bytes"] / taken["seconds"],
            "planned": int(taken["seconds"] / INTERVAL_S)}


def _ask_repeatedly(client, path, goes_on):
    """Milliseconds of each GET, one every INTERVAL_S; one that is late is followed at once."""
    times = []
    gc.disable()
    due = time.perf_counter()
    while goes_on(len(times)):
        start = time.perf_counter()
        status, _, _ = client.get(path)
        times.append((time.perf_counter() - start) * 1e3)
        if status != 200:
            raise RuntimeError(f"a hot request was answered {status}")
        due = max(due + INTERVAL_S, start)
        time.sleep(max(0.0, due - time.perf_counter()))
    gc.enable()
    return times


def _rounds(rounds, key, share):
    """The percentile `share` of each round's times. share 1.0: the slowest request."""
    return measure.summary([measure.percentile(one[key], share) for one in rounds])


def _figures(rounds, key):
    """Median of p50, median of p99, and the slowest of all rounds."""
    return [number(_rounds(rounds, key, 0.5)["median"]),
            number(_rounds(rounds, key, 0.99)["median"]),
            number(_rounds(rounds, key, 1.0)["max"])]


def _add_rows(report, taken):
    rows = []
    for name, rounds in taken.items():
        rate = measure.summary([one["cold_bytes_per_second"] / 1e6 for one in rounds])
        asked = measure.summary([min(1.0, len(one["during_ms"]) / one["planned"])
                                 for one in rounds])
        rows.append([name, *_figures(rounds, "before_ms"), *_figures(rounds, "during_ms"),
                     f"{asked['median']:.0%}", number(rate["median"])])
        if rate["max"] > RATE * 1.5 / 1e6:
            report.note(f"THE THROTTLE DID NOT HOLD for {name}: {number(rate['max'])} MB/s. "
                        "Its figures say nothing.")
    report.table("Hot requests, ms (p50 and p99: median over the rounds; max: the slowest of all)",
                 ["peer", "p50 before", "p99 before", "max before", "p50 during", "p99 during",
                  "max during", "asked of planned", "cold MB/s"], rows)
    report.note("A hot request that waits keeps the next ones from being asked: "
                "\"asked of planned\" is the share that was asked at all.")
    _add_targets(report, taken.get("sluice"))


def _add_targets(report, rounds):
    p99 = rounds and _rounds(rounds, "during_ms", 0.99)
    slowest = rounds and _rounds(rounds, "during_ms", 1.0)
    report.target(_P99, P99_LIMIT_MS, p99 and p99["median"], unit="ms", spread=p99)
    report.target(_MAX, MAX_LIMIT_MS, slowest and slowest["max"], unit="ms", spread=slowest)
