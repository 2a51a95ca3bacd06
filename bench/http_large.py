"""http-large: files that a copy costs more than a system call."""

import http_cpu
import peers
from report import Report

PEERS = ("sluice", "nginx", "lighttpd", "floor:sendfile", "floor:writev")


def run(bench):
    report = Report("http-large", "64 KiB and 1 MiB by wrk, 32 connections; 1 GiB by one download")
    names = peers.chosen(bench, PEERS)
    for size, limit in ((64 << 10, 0.75), (1 << 20, 0.75)):
        samples = http_cpu.measure_size(bench, report, names, size)
        _compare(report, samples, size, limit)
    size = 1 << 30
    samples = http_cpu.measure_size(bench, report, names, size, client=http_cpu.by_download)
    _compare(report, samples, size, 0.95)
    return report


def _compare(report, samples, size, limit):
    http_cpu.add_ratios(report, samples, size, over="nginx")
    http_cpu.add_target(report, samples, size, over="nginx", limit=limit)
