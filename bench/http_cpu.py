"""Processor time of the server for one request, peers interleaved round by round."""

import load
import machine
import measure
import pages
import peers
from report import number, spread_of

WARM_UP_S = 1
QUIET_CORES = 0.10  # more load than this from elsewhere, and the figures are called provisional


class Samples:
    """What each round gave, by peer: lists that run parallel to the rounds."""

    def __init__(self, names):
        self.cpu_us = {name: [] for name in names}
        self.rate = {name: [] for name in names}
        self.softirq_us = {name: [] for name in names}
        self.other_load = {name: [] for name in names}

    def raw(self):
        return {"cpu_us_per_request": self.cpu_us, "requests_per_second": self.rate,
                "ksoftirqd_us_per_request": self.softirq_us, "other_load_cores": self.other_load}


def by_wrk(bench, server, name, seconds):
    return load.wrk(bench, server.url(name), seconds)


def by_download(bench, server, name, seconds):
    """Downloads one after the other, each on a connection of its own, for at least that long: one
    alone swings by a factor of two with the state its connection happens to fall into."""
    total = {"requests": 0, "bytes": 0, "seconds": 0.0}
    while total["seconds"] < seconds:
        for key, value in load.download(bench, server.port, name).items():
            total[key] += value
    return total


def _measure_once(bench, server, name, client, samples):
    machine.make_resident(bench.pages / name)
    before = (measure.cpu_ns(server.pids), measure.softirq_thread_ns(), measure.busy_ns(),
              load.clients_cpu_ns())
    totals = client(bench, server, name, bench.options.seconds)
    after = (measure.cpu_ns(server.pids), measure.softirq_thread_ns(), measure.busy_ns(),
             load.clients_cpu_ns())
    server.check_alive()
    cpu, softirq, busy, clients = (b - a for a, b in zip(before, after))
    requests, seconds = totals["requests"], totals["seconds"]
    samples.cpu_us[server.name].append(cpu / 1e3 / requests)
    samples.rate[server.name].append(requests / seconds)
    samples.softirq_us[server.name].append(softirq / 1e3 / requests)
    others = max(0, busy - cpu - clients - softirq)
    samples.other_load[server.name].append(others / 1e9 / seconds)


def measure_size(bench, report, names, size, client=by_wrk, default_rounds=7):
    """Measures one body size; adds its table to the report; returns the samples."""
    page = pages.page(bench.pages, size)
    machine.make_resident(bench.pages / page)
    with bench.scope() as scope:
        settings = peers.Settings(bench.pages, body_bytes=size, page=page)
        servers = peers.start_all(names, bench, settings, scope, report)
        samples = Samples([server.name for server in servers])
        for server in servers:
            if size <= 1 << 20:
                load.check_answer(server, bench.pages, page)
            client(bench, server, page, WARM_UP_S)
        for turn in range(bench.rounds(default_rounds)):
            # A B C, then B C A, then C A B: nobody always runs behind the same neighbour.
            shift = turn % max(1, len(servers))
            for server in servers[shift:] + servers[:shift]:
                _measure_once(bench, server, page, client, samples)
    _add_table(report, size, samples)
    _note_other_load(report, size, samples)
    report.raw[pages.size_name(size)] = samples.raw()
    return samples


def _add_table(report, size, samples):
    unit, scale = ("µs", 1) if size < 1 << 28 else ("ms", 1000)
    rows = []
    for name, values in samples.cpu_us.items():
        if not values:
            continue
        cpu = measure.summary([value / scale for value in values])
        softirq = measure.summary([value / scale for value in samples.softirq_us[name]])
        rows.append([name, number(cpu["median"]), spread_of(cpu),
                     f"{number(cpu['q1'])}–{number(cpu['q3'])}", number(softirq["median"]),
                     number(measure.summary(samples.rate[name])["median"]),
                     f"{measure.summary(samples.other_load[name])['median']:.2f}"])
    report.table(f"{pages.size_name(size)}: server CPU {unit} per request",
                 ["peer", f"median {unit}", "min–max", "quartiles", f"+ ksoftirqd {unit}",
                  "requests/s", "other load, cores"], rows)


def _note_other_load(report, size, samples):
    loads = [load_now for values in samples.other_load.values() for load_now in values]
    if loads and measure.summary(loads)["median"] > QUIET_CORES:
        report.note(f"{pages.size_name(size)}: THE MACHINE WAS NOT QUIET: other programs used "
                    f"{measure.summary(loads)['median']:.2f} cores. The figures are provisional.")


def add_target(report, samples, size, over, limit, of="sluice"):
    """The target `of` at most `limit` times `over`, by the median of the rounds' ratios."""
    text = f"{pages.size_name(size)}: {of} / {over}, CPU per request"
    mine, theirs = samples.cpu_us.get(of), samples.cpu_us.get(over)
    if not mine or not theirs:
        report.target(text, limit, None)
        return
    ratio = measure.summary(measure.ratios(mine, theirs))
    report.target(text, limit, ratio["median"], spread=ratio)


def add_ratios(report, samples, size, over):
    """A table of every peer over one of them, round by round."""
    if not samples.cpu_us.get(over):
        return
    rows = []
    for name, values in samples.cpu_us.items():
        if name != over and values:
            ratio = measure.summary(measure.ratios(values, samples.cpu_us[over]))
            rows.append([f"{name} / {over}", number(ratio["median"]), spread_of(ratio)])
    report.table(f"{pages.size_name(size)}: CPU ratios, round by round",
                 ["ratio", "median", "min–max"], rows)
