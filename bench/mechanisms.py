"""mechanisms: what the sender pays for a response, by the way its body is moved and by its size."""

import json

import load
import machine
import pages
import peers
from report import Report, number

CONTENT_BYTES = 64 << 20
BATCHES_PER_ROUND = 100


def run(bench):
    report = Report("mechanisms", "sender CPU per response over loopback, through the library")
    page = bench.pages / pages.page(bench.pages, CONTENT_BYTES)
    program = bench.program("mechanisms")
    if not program.exists():
        raise peers.Missing(f"{program} is not built; script/bench builds it")
    machine.make_resident(page)
    batches = BATCHES_PER_ROUND * bench.rounds(3)
    output = load.run_client(bench, [program, page, batches, bench.server_core, bench.client_core],
                             timeout=600, core=bench.server_core)
    figures = [json.loads(line) for line in output.splitlines()]
    report.raw["figures"] = figures
    _add_table(report, figures, "p10_us",
               f"CPU µs per response, 10th percentile of {batches} batches")
    _add_table(report, figures, "median_us", "CPU µs per response, median")
    _add_table(report, figures, "copies_per_byte", "Bytes copied per byte sent, from the ledger")
    _add_table(report, figures, "calls_per_response", "System calls per response, from the ledger")
    report.note("Receive work of the loopback device can be charged to the sender; above 256 KiB "
                "it outweighs the differences between the ways.")
    return report


def _add_table(report, figures, key, heading):
    ways = list(dict.fromkeys(figure["way"] for figure in figures))
    sizes = list(dict.fromkeys(figure["body_bytes"] for figure in figures))
    value = {(figure["body_bytes"], figure["way"]): figure[key] for figure in figures}
    rows = [[_size_name(size)] + [number(value[size, way]) for way in ways] for size in sizes]
    report.table(heading, ["body", *ways], rows)


def _size_name(size):
    if size < 1 << 10:
        return f"{size} B"
    return f"{size >> 10} KiB" if size < 1 << 20 else f"{size >> 20} MiB"
