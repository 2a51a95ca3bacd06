"""http-small: small files on kept connections."""

import http_cpu
import peers
from report import Report

PEERS = ("sluice", "nginx", "lighttpd", "floor")


def run(bench):
    report = Report("http-small", "200 B and 4 KiB, keep-alive, 32 connections")
    for size in (200, 4 << 10):
        names = peers.chosen(bench, PEERS)
        samples = http_cpu.measure_size(bench, report, names, size)
        http_cpu.add_ratios(report, samples, size, over="nginx")
        http_cpu.add_target(report, samples, size, over="nginx", limit=0.70)
        http_cpu.add_target(report, samples, size, over="floor", limit=1.25)
    return report
