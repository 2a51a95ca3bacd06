"""What the figures were taken on, and the page cache of that machine."""

import ctypes
import datetime
import os
import platform
import time

_LIBC = ctypes.CDLL(None, use_errno=True)
_SYS_CACHESTAT = 451  # the same number on every architecture; Linux 6.5
_PAGE = os.sysconf("SC_PAGE_SIZE")


def _cpu_model():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as lines:
        for line in lines:
            if line.startswith(("model name", "Model")):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def describe():
    """A dictionary of facts about this machine, for the report and its JSON."""
    memory = os.sysconf("SC_PHYS_PAGES") * _PAGE
    virtual = os.path.exists("/sys/hypervisor") or "hypervisor" in open(
        "/proc/cpuinfo", encoding="ascii", errors="replace").read()
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "virtual_machine": virtual,
        "memory_gib": round(memory / 2**30, 1),
        "kernel": platform.release(),
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "load_average": os.getloadavg()[0],
    }


def cores():
    """(server core, client core). They are the same when there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[-1], usable[0]


class _Range(ctypes.Structure):
    _fields_ = [("offset", ctypes.c_uint64), ("length", ctypes.c_uint64)]


class _CacheStat(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in (
        "cache", "dirty", "writeback", "evicted", "recently_evicted")]


def resident_share(path):
    """Share (0 to 1) of the file's pages that are in the page cache."""
    size = os.path.getsize(path)
    if size == 0:
        return 1.0
    with open(path, "rb") as file:
        found = _cachestat(file.fileno(), size)
        if found is None:
            found = _mincore(file.fileno(), size)
    return found / (-(-size // _PAGE))


def _cachestat(fd, size):
    what, stat = _Range(0, size), _CacheStat()
    if _LIBC.syscall(_SYS_CACHESTAT, fd, ctypes.byref(what), ctypes.byref(stat), 0) != 0:
        return None  # older kernel, or a sandbox that does not allow it
    return stat.cache


def _mincore(fd, size):
    _LIBC.mmap.restype = ctypes.c_void_p
    _LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int,
                           ctypes.c_int, ctypes.c_long]
    address = _LIBC.mmap(None, size, 1, 1, fd, 0)  # PROT_READ, MAP_SHARED
    if address in (None, ctypes.c_void_p(-1).value):
        raise OSError(ctypes.get_errno(), "mmap for mincore")
    pages = -(-size // _PAGE)
    vector = (ctypes.c_ubyte * pages)()
    failed = _LIBC.mincore(ctypes.c_void_p(address), ctypes.c_size_t(size), vector)
    _LIBC.munmap(ctypes.c_void_p(address), ctypes.c_size_t(size))
    if failed:
        raise OSError(ctypes.get_errno(), "mincore")
    return sum(flag & 1 for flag in vector)


def make_resident(path):
    """Reads the file until all its pages are in the page cache; raises when that does not help."""
    for _ in range(3):
        if resident_share(path) == 1.0:
            return
        with open(path, "rb", buffering=0) as file:
            while file.read(1 << 20):
                pass
    share = resident_share(path)
    if share < 1.0:
        raise RuntimeError(f"{path}: only {share:.1%} of it stays in the page cache")


def evict(path, patience_s=15):
    """Drops the file from the page cache; raises when pages of it stay.

    Pages that a read is still filling, or that a socket still holds, cannot go at once.
    """
    end = time.monotonic() + patience_s
    fd = os.open(path, os.O_RDWR)
    try:
        os.fdatasync(fd)
        while True:
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            share = resident_share(path)
            if share == 0.0:
                return
            if time.monotonic() > end:
                raise RuntimeError(f"{path}: {share:.1%} of it stays in the page cache")
            time.sleep(0.1)
    finally:
        os.close(fd)
