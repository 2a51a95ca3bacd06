"""A file that is not in the page cache is served right, and holds up nobody else."""

import contextlib
import ctypes
import mmap
import os
import pathlib
import threading
import time

import pytest

import tree
import wire

MIB = 1 << 20
COLD = 32 * MIB
RATE = 8 * MIB


def resident_pages(path):
    """How many pages of a file are in the page cache. Python's mmap hides its address, hence libc."""
    libc, size = ctypes.CDLL(None), os.path.getsize(path)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
    libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    state = (ctypes.c_ubyte * (size // 4096 + 1))()
    with open(path, "rb") as file:
        address = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, file.fileno(), 0)
    failed = libc.mincore(address, size, ctypes.addressof(state))
    libc.munmap(address, size)
    assert not failed
    return sum(one & 1 for one in state)


def evict(path):
    """Drops the file's pages; skips the test where that has no effect, as on tmpfs."""
    with open(path, "rb") as file:
        os.fdatasync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    if resident_pages(path) > os.path.getsize(path) // 4096 // 10:
        pytest.skip(f"pages cannot be evicted on the file system of {path}")


@pytest.fixture
def data():
    return tree.content(COLD)


@pytest.fixture
def site(root, data):
    tree.write(root, "hot.txt", "h" * 200)
    tree.write(root, "cold.bin", data)
    return root


def cold_chunks(server):
    return server.metrics().sum("sluice_cold_chunks_total")


@pytest.mark.parametrize("mechanism", ["auto", "sendfile", "splice", "mapped_write", "read_write"])
def test_evicted_file_is_served_right(serve, site, data, mechanism):
    server = serve(site, mechanism=mechanism)
    with server.connect() as client:
        evict(site / "cold.bin")
        assert tree.digest(client.ask("/cold.bin").body) == tree.digest(data)
        counted = cold_chunks(server)
        assert counted >= 1
        assert tree.digest(client.ask("/cold.bin").body) == tree.digest(data)
        assert cold_chunks(server) <= counted + 2, "the second time it is in the cache"


def test_ranges_of_an_evicted_file(serve, site, data):
    server = serve(site)
    with server.connect() as client:
        for first, last in [(COLD // 2, COLD // 2 + 99), (0, 0), (COLD - 5000, COLD - 1), (10 * MIB - 1, 12 * MIB)]:
            evict(site / "cold.bin")
            answer = client.ask("/cold.bin", {"Range": f"bytes={first}-{last}"})
            assert (answer.status, answer.body) == (206, data[first:last + 1])


def test_many_clients_of_one_evicted_file(serve, site, data):
    server = serve(site, cold_reads=2)
    evict(site / "cold.bin")
    wanted, failures = tree.digest(data), []

    def download():
        try:
            assert tree.digest(server.ask("/cold.bin").body) == wanted
        except Exception as failure:
            failures.append(repr(failure))
    threads = [threading.Thread(target=download) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_client_that_leaves_during_a_cold_read(serve, site):
    server = serve(site)
    server.ask("/hot.txt")
    before = server.descriptors()
    for turn in range(20):
        evict(site / "cold.bin")
        client = wire.client(server.address)
        client.send(wire.request("GET", "/cold.bin"))
        client.is_silent(turn * 0.0005)
        client.reset()
    server.descriptors_return_to(before, slack=3)
    server.healthy("/hot.txt")


def test_stop_during_a_cold_read(serve, site):
    server = serve(site)
    evict(site / "cold.bin")
    client = server.connect(receive_buffer=4096)
    client.send(wire.request("GET", "/cold.bin"))
    client.read_head()
    client.close()
    server.finish()


# --- with a slow disk -----------------------------------------------------------------------------------

class throttle:
    """Limits how fast one process reads from the device of a path, by cgroup v1 or v2."""

    def __init__(self, path, bytes_per_second):
        if os.geteuid() != 0:
            pytest.skip("throttling a disk needs root")
        device = self._device(os.stat(path).st_dev)
        name = f"sluice-test-{os.getpid()}"
        first, second = pathlib.Path("/sys/fs/cgroup/blkio"), pathlib.Path("/sys/fs/cgroup")
        try:
            if (first / "cgroup.procs").exists():
                self.group = first / name
                self.group.mkdir()
                (self.group / "blkio.throttle.read_bps_device").write_text(f"{device} {bytes_per_second}")
            elif "io" in (second / "cgroup.controllers").read_text().split():
                (second / "cgroup.subtree_control").write_text("+io")
                self.group = second / name
                self.group.mkdir()
                (self.group / "io.max").write_text(f"{device} rbps={bytes_per_second}")
            else:
                pytest.skip("no cgroup with an I/O limit here")
        except OSError as error:
            self.remove()
            pytest.skip(f"no cgroup with an I/O limit can be made here: {error}")

    @staticmethod
    def _device(number):
        """The whole disk: limits are for disks, not for their partitions."""
        place = pathlib.Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")
        if not place.exists():
            pytest.skip("the files are on no block device")
        place = place.resolve()
        return ((place.parent if (place / "partition").exists() else place) / "dev").read_text().strip()

    def add(self, pid):
        (self.group / "cgroup.procs").write_text(str(pid))

    def remove(self):
        group = getattr(self, "group", None)
        if group and group.exists():
            for pid in (group / "cgroup.procs").read_text().split():
                (group.parent / "cgroup.procs").write_text(pid)
            for _ in range(100):
                with contextlib.suppress(OSError):
                    group.rmdir()
                    return
                time.sleep(0.02)


@pytest.fixture
def slow_disk(site):
    limit = throttle(site, RATE)
    yield limit
    limit.remove()


def hot_latencies(client, seconds):
    took, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        started = time.monotonic()
        assert client.ask("/hot.txt").status == 200
        took.append(time.monotonic() - started)
        time.sleep(0.005)
    return sorted(took)


def test_hot_requests_stay_fast_while_a_cold_file_is_read(serve, site, data, slow_disk):
    server = serve(site, threads=1)
    slow_disk.add(server.pid)
    hot = server.connect()
    hot_latencies(hot, 0.2)
    evict(site / "cold.bin")
    before, received = cold_chunks(server), []

    def download():
        started = time.monotonic()
        with server.connect(timeout=60) as cold:
            received.append((cold.ask("/cold.bin").body, time.monotonic() - started))
    other = threading.Thread(target=download)
    other.start()
    took = hot_latencies(hot, 2.0)
    other.join()
    body, seconds = received[0]
    assert tree.digest(body) == tree.digest(data)
    if seconds < 1:
        pytest.skip(f"the disk was not throttled: {COLD} bytes in {seconds:.2f} s")
    assert cold_chunks(server) >= before + COLD // MIB // 2
    slowest = took[int(len(took) * 0.99)]
    assert slowest < 0.05, f"p99 of hot requests {slowest * 1000:.1f} ms, max {took[-1] * 1000:.1f} ms"
    assert took[-1] < 0.3, f"max {took[-1] * 1000:.1f} ms"
