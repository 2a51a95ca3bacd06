"""Slow reads of a block device, for chosen processes alone, by the kernel's control groups.

Version 1 (blkio) where it is mounted, else version 2 (io.max). Needs root. Only reads that miss the
page cache are slowed down, since no others reach the device.
"""

import os
import pathlib

import measure


class Unavailable(Exception):
    """Why reads cannot be throttled here."""


def block_device(path):
    """MAJOR:MINOR of the whole disk that holds the file: throttles are not set on partitions."""
    device = os.stat(path).st_dev
    name = f"{os.major(device)}:{os.minor(device)}"
    entry = pathlib.Path("/sys/dev/block") / name
    if not entry.exists():
        raise Unavailable(f"{path} is on no block device (its device is {name})")
    if (entry / "partition").exists():
        name = (entry.resolve().parent / "dev").read_text().strip()
    return name


class Throttle:
    """In a `with` block: a control group whose processes read at most `bytes_per_second`."""

    def __init__(self, path, bytes_per_second):
        if os.geteuid() != 0:
            raise Unavailable("throttling a disk needs root")
        self._device = block_device(path)
        self._rate = bytes_per_second
        self._base, self._setting, self._line = _controller()
        self._group = self._base / f"sluice-bench-{os.getpid()}"

    def __enter__(self):
        try:
            self._group.mkdir()
            (self._group / self._setting).write_text(
                self._line.format(device=self._device, rate=self._rate))
        except OSError as error:
            self.__exit__()
            raise Unavailable(f"{self._setting}: {error}") from error
        return self

    def __exit__(self, *exception):
        if not self._group.exists():
            return
        for pid in (self._group / "cgroup.procs").read_text().split():
            _move(self._base, pid)
        self._group.rmdir()

    def add(self, pids):
        """Moves the processes with all their threads, and makes sure that they are there."""
        for pid in pids:
            _move(self._group, pid)
        listing = self._group / ("tasks" if (self._group / "tasks").exists() else "cgroup.threads")
        inside = {int(word) for word in listing.read_text().split()}
        outside = {tid for _, tid in measure.threads(pids)} - inside
        if outside:
            raise Unavailable(f"threads {sorted(outside)} are not in the control group")


def _move(group, pid):
    try:
        (group / "cgroup.procs").write_text(str(pid))
    except ProcessLookupError:
        pass  # it has ended meanwhile


def _controller():
    """(base folder, file with the setting, its line) of the version that is in use here."""
    for line in pathlib.Path("/proc/mounts").read_text().splitlines():
        _, folder, kind, options = line.split()[:4]
        base = pathlib.Path(folder)
        if kind == "cgroup" and "blkio" in options.split(","):
            if (base / "blkio.throttle.read_bps_device").exists():
                return base, "blkio.throttle.read_bps_device", "{device} {rate}"
        if kind == "cgroup2" and "io" in (base / "cgroup.controllers").read_text().split():
            (base / "cgroup.subtree_control").write_text("+io")
            return base, "io.max", "{device} rbps={rate}"
    raise Unavailable("the kernel offers no control group for block devices here")
