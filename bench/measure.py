"""Processor time and memory of processes, and the statistics of rounds.

Times come from the scheduler's account (schedstat, nanoseconds of run time of each thread), not
from the clock ticks of /proc/PID/stat: 2 s of a server are only 200 ticks.
"""

import os
import statistics


def process_tree(pid):
    """pid and all its descendants."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="ascii", errors="replace") as file:
                    parents[int(entry)] = int(file.read().rsplit(")", 1)[1].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
    tree, grown = {pid}, True
    while grown:
        more = {child for child, parent in parents.items() if parent in tree} - tree
        tree |= more
        grown = bool(more)
    return sorted(tree)


def threads(pids):
    """(process, thread) of every thread of the processes."""
    return [(pid, int(tid)) for pid in pids for tid in os.listdir(f"/proc/{pid}/task")]


def cpu_ns(pids):
    """Run time (user + system) of all threads of the processes, in nanoseconds."""
    total = 0
    for pid, tid in threads(pids):
        try:
            with open(f"/proc/{pid}/task/{tid}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue  # a thread that ended between the two calls
    return total


def softirq_thread_ns():
    """Run time of the kernel's ksoftirqd threads: network work that no process was charged for."""
    total = 0
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/comm", encoding="ascii", errors="replace") as file:
                    if file.read().startswith("ksoftirqd/"):
                        total += cpu_ns([int(entry)])
            except (FileNotFoundError, ProcessLookupError):
                continue
    return total


def busy_ns():
    """Time that all processors together were not idle (steal included), in nanoseconds."""
    with open("/proc/stat", encoding="ascii") as file:
        fields = [int(word) for word in file.readline().split()[1:]]
    user, nice, system, _idle, _iowait, irq, softirq, steal = fields[:8]
    return (user + nice + system + irq + softirq + steal) * (10**9 // os.sysconf("SC_CLK_TCK"))


def memory(pids):
    """Bytes of the processes together: rss, pss (shared pages divided) and private."""
    total = {"rss": 0, "pss": 0, "private": 0}
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as lines:
            for line in lines:
                name, _, rest = line.partition(":")
                if name in ("Rss", "Pss"):
                    total[name.lower()] += int(rest.split()[0]) * 1024
                elif name in ("Private_Clean", "Private_Dirty"):
                    total["private"] += int(rest.split()[0]) * 1024
    return total


def tcp_buffer_bytes():
    """Kernel memory of all TCP sockets of the machine: what no process's resident size shows."""
    with open("/proc/net/sockstat", encoding="ascii") as lines:
        for line in lines:
            if line.startswith("TCP:"):
                words = line.split()
                return int(words[words.index("mem") + 1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def summary(values):
    """median, quartiles, min and max of the rounds."""
    ordered = sorted(values)
    if len(ordered) > 1:
        low, _, high = statistics.quantiles(ordered, n=4, method="inclusive")
    else:
        low = high = ordered[0]
    return {"median": statistics.median(ordered), "q1": low, "q3": high,
            "min": ordered[0], "max": ordered[-1], "rounds": len(ordered)}


def percentile(values, share):
    """The value that `share` (0 to 1) of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = max(0, min(len(ordered) - 1, -(-len(ordered) * share // 1) - 1))
    return ordered[int(rank)]


def ratios(samples, over):
    """Round by round samples[i] / over[i]: both were taken within one round, so drift cancels."""
    return [a / b for a, b in zip(samples, over)]
