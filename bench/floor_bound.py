"""floor: what the machine asks for an answer when the server does nothing else."""

import http_cpu
import peers
from report import Report

WAYS = ("floor", "floor:writev", "floor:sendfile")


def run(bench):
    report = Report("floor", "bare epoll, one receive and one answer, by size and way of sending")
    for size in (200, 4 << 10, 64 << 10, 1 << 20):
        names = peers.chosen(bench, WAYS)
        http_cpu.measure_size(bench, report, names, size, default_rounds=3)
    return report
