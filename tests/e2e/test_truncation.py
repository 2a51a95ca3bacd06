"""A file that changes while it is being sent.

A length has been promised by then. What arrives must be a prefix of the old content (see
`is_prefix` for what the kernel adds to that), a promise that cannot be kept ends with the
connection, the log names the file, and the server goes on.
"""

import os
import time

import pytest

import tree
import wire
from program import MECHANISMS, wait_for

SIZE = 24 << 20  # far more than the socket buffers of both sides take
MIB = 1 << 20


@pytest.fixture(scope="module")
def data():
    return tree.content(SIZE)


@pytest.fixture(params=MECHANISMS)
def mechanism(request):
    return request.param


@pytest.fixture
def server(serve, root, data, mechanism):
    tree.write(root, "victim.bin", data)
    tree.write(root, "a.txt", "a")
    return serve(root, mechanism=mechanism)


def start_slow_download(server, target="/victim.bin", fields=()):
    """A client that takes the head and 4 KiB, and then waits until the server can send no more."""
    client = server.connect(receive_buffer=64 << 10)
    client.send(wire.request("GET", target, fields))
    answer = client.read_head()
    assert answer.status in (200, 206)
    first = client.read_exactly(4096)
    moved = lambda: server.metrics().sum("sluice_transfer_bytes_total")
    before = moved()

    def stands_still():
        nonlocal before
        time.sleep(0.1)
        last, before = before, moved()
        return before - last < 64 << 10  # the metrics page itself is among the bytes
    wait_for(stands_still, what="the transfer to fill the socket buffers")
    return client, answer.length, first


def drain(client, length, first):
    """All that still comes, and whether it was all that was promised."""
    try:
        return first + client.read_exactly(length - len(first)), True
    except wire.closed_early as early:
        return first + early.received, False


def copies_no_byte(server):
    """Whether the pages of the file themselves are under way, as with sendfile and splice."""
    return any(f"--mechanism={name}" in server.process.args
               for name in ("auto", "gathered_write", "sendfile", "splice"))


def is_prefix(got, data, kept, pages):
    """Whether `got` is how `data` begins. When pages are under way (not copies of them), bytes
    from position `kept` on may have been cleared: truncating clears the rest of a folio in place,
    and a folio is a page or more."""
    if not pages:
        return got == data[:len(got)]
    end = min(kept, len(got))
    return got[:end] == data[:end] and all(
        one == old or one == 0 for one, old in zip(got[end:], data[end:len(got)]))


def expect_broken(server, client, length, first, data, kept):
    got, whole = drain(client, length, first)
    assert not whole and len(got) < length
    assert is_prefix(got, data, kept, copies_no_byte(server)), "what came is no prefix of the old content"
    wait_for(lambda: "victim.bin" in server.errors(), 5, what="a log line that names the file")
    server.healthy("/a.txt")


@pytest.mark.parametrize("left", [0, MIB, 4096 * 5])
def test_truncated_while_sent(server, root, data, left):
    client, length, first = start_slow_download(server)
    os.truncate(root / "victim.bin", left)
    expect_broken(server, client, length, first, data, left)


def test_truncated_to_the_middle_of_a_page(server, root, data):
    """The length must break here as well."""
    client, length, first = start_slow_download(server)
    os.truncate(root / "victim.bin", SIZE - 5000)
    got, whole = drain(client, length, first)
    assert not whole
    assert got[:SIZE // 2] == data[:len(got)][:SIZE // 2]
    server.healthy("/a.txt")


def test_range_of_a_truncated_file(server, root, data):
    client, length, first = start_slow_download(server, fields={"Range": f"bytes=1000-{SIZE - 1001}"})
    os.truncate(root / "victim.bin", MIB)
    expect_broken(server, client, length, first, data[1000:], MIB - 1000)


def test_second_range_of_a_truncated_file(server, root, data):
    half = SIZE // 2
    client, length, first = start_slow_download(server, fields={"Range": f"bytes=0-{half},{half + 10}-"})
    os.truncate(root / "victim.bin", half + MIB)
    got, whole = drain(client, length, first)
    assert not whole
    assert data[:half // 2] in got
    server.healthy("/a.txt")


def test_deleted_while_sent_arrives_whole(server, root, data):
    client, length, first = start_slow_download(server)
    os.unlink(root / "victim.bin")
    got, whole = drain(client, length, first)
    assert whole and tree.digest(got) == tree.digest(data)
    time.sleep(0.1)
    assert client.ask("/victim.bin").status == 404


def test_replaced_while_sent_arrives_whole(server, root, data):
    client, length, first = start_slow_download(server)
    tree.replace(root / "victim.bin", b"new")
    got, whole = drain(client, length, first)
    assert whole and tree.digest(got) == tree.digest(data)
    time.sleep(0.1)
    assert client.ask("/victim.bin").body == b"new"


def test_grown_while_sent_sends_what_was_promised(server, root, data):
    client, length, first = start_slow_download(server)
    with open(root / "victim.bin", "ab") as file:
        file.write(b"more" * 1000)
    got, whole = drain(client, length, first)
    assert whole and length == SIZE and tree.digest(got) == tree.digest(data)
    time.sleep(0.1)
    assert client.ask("/a.txt").body == b"a", "not a byte too many on the connection"
    assert client.ask("/victim.bin", method="HEAD").length == SIZE + 4000


def test_truncated_and_grown_again_never_hangs(server, root, data):
    client, length, first = start_slow_download(server)
    os.truncate(root / "victim.bin", 0)
    os.truncate(root / "victim.bin", SIZE)
    got, whole = drain(client, length, first)
    assert len(got) == length or not whole
    server.healthy("/a.txt")


def test_many_victims_leave_nothing_behind(server, root, data):
    def round_of_victims():
        victims = [start_slow_download(server) for _ in range(6)]
        os.truncate(root / "victim.bin", 4096)
        for client, length, first in victims:
            drain(client, length, first)
            client.close()
        tree.replace(root / "victim.bin", data)

    for _ in range(3):
        round_of_victims()
    wait_for(lambda: server.metrics().sum("sluice_http_connections", state="sending") == 0, 5)
    before = server.descriptors()  # with what is kept on purpose: files in the cache, pipes of splice
    for _ in range(3):
        round_of_victims()
    server.descriptors_return_to(before, slack=8)
    used = server.cpu_seconds()
    time.sleep(0.5)
    assert server.cpu_seconds() - used < 0.25, "a transfer that cannot go on must not spin"
    server.healthy("/a.txt")


def test_small_file_truncated_between_requests(serve, root, mechanism):
    """Not during a transfer, but with a cached descriptor and a cached size."""
    path = tree.write(root, "f.bin", tree.content(50_000))
    server = serve(root, mechanism=mechanism)
    client = server.connect()
    client.ask("/f.bin")
    for left in (40_000, 4096, 100, 0):
        os.truncate(path, left)
        time.sleep(0.1)
        answer = client.ask("/f.bin")
        assert (answer.status, answer.body) == (200, tree.content(50_000)[:left])


def test_file_that_is_truncated_all_the_time(serve, root, mechanism):
    """Right after a truncation a promise may be broken, but bytes never change and nobody dies."""
    data = tree.content(200_000)
    path = tree.write(root, "victim.bin", data)
    server = serve(root, mechanism=mechanism)
    until, whole = time.monotonic() + 2, 0
    client = server.connect()
    while time.monotonic() < until:
        client.send(wire.request("GET", "/victim.bin"))
        os.truncate(path, 8192)
        try:
            answer = client.read_response()
            whole += 1
            assert is_prefix(answer.body, data, 0, pages=True)
        except wire.closed_early as early:
            assert is_prefix(early.received, data, 0, pages=True)
            client.close()
            client = server.connect()
        with open(path, "wb") as file:  # cleared and written again: 0 bytes for a moment
            file.write(data)
    assert whole
    server.healthy("/victim.bin")
