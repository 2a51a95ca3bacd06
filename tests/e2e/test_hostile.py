"""Clients that are slow, broken or ill-willed: everybody else is served, and memory stays bounded."""

import os
import random
import shutil
import signal
import socket
import subprocess
import time

import pytest

import tree
import wire
from program import wait_for

MIB = 1 << 20


@pytest.fixture
def site(root):
    tree.write(root, "index.html", "start")
    tree.write(root, "a.txt", "a" * 100)
    tree.write(root, "big.bin", tree.content(8 * MIB))
    for number in range(100):
        tree.write(root, f"many/{number}.bin", tree.content(40_000, number))
    return root


def answered_at_once(server, within=1.0):
    started = time.monotonic()
    answer = server.ask("/a.txt")
    took = time.monotonic() - started
    assert answer.status == 200, answer
    assert took < within, f"{took:.2f} s"


# --- slow clients -----------------------------------------------------------------------------------

def test_600_half_sent_requests_against_512_connections(serve, site):
    server = serve(site, connections=512)
    half = [server.connect() for _ in range(600)]
    for client in half:
        client.send_what_is_taken(b"GET /a.txt HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
    for _ in range(20):
        answered_at_once(server)
    for client in half[-200:]:
        client.send_what_is_taken(b"more")
    for _ in range(20):
        answered_at_once(server)
    assert server.metrics().sum("sluice_http_connections_evicted_total") >= 88
    assert server.descriptors() < 700


def test_600_idle_connections_against_512(serve, site):
    server = serve(site, connections=512)
    idle = [server.connect() for _ in range(600)]
    for client in idle:
        client.send_what_is_taken(wire.request("GET", "/a.txt"))
    for _ in range(20):
        answered_at_once(server)


def test_evicted_connections_get_nobody_elses_answer(serve, root):
    """Requests that arrive while the server stands still: all but the last are evicted before they
    are answered, and their descriptors' numbers are taken by those that follow."""
    for name in "abcd":
        tree.write(root, f"{name}.txt", f"body of {name}")
    server = serve(root, connections=1, threads=1)
    for name in "abcd":
        server.ask(f"/{name}.txt")
    os.kill(server.pid, signal.SIGSTOP)
    try:
        clients = {name: server.connect() for name in "abcd"}
        for name, client in clients.items():
            client.send(wire.request("GET", f"/{name}.txt"))
    finally:
        os.kill(server.pid, signal.SIGCONT)
    answered = 0
    for name, client in clients.items():
        try:
            body = client.read_response().body
        except wire.closed_early:
            continue
        assert body == f"body of {name}".encode()
        answered += 1
        assert name == "d" and client.is_silent(0.2), "one answer for one request"
    assert answered == 1


def test_each_pipelined_request_has_its_own_time(serve, site):
    server = serve(site, head_timeout_ms=1000)
    whole = wire.request("GET", "/a.txt")
    half = len(whole) // 2
    with server.connect() as client:
        client.send(whole + whole[:half])
        for _ in range(5):
            assert client.read_response().status == 200
            time.sleep(0.4)
            client.send(whole[half:] + whole[:half])
        assert client.read_response().status == 200


def test_last_response_on_a_connection_is_not_cut_off_by_more_requests(serve, site):
    server = serve(site, requests=1)
    client = server.connect(receive_buffer=4096)
    client.send(wire.request("GET", "/big.bin"))
    time.sleep(0.2)
    client.send(wire.request("GET", "/big.bin"))
    answer = client.read_response()
    assert tree.digest(answer.body) == tree.digest((site / "big.bin").read_bytes())
    assert not answer.keeps_open


def test_full_of_transfers_the_new_one_gets_503(serve, site):
    server = serve(site, connections=8, threads=1)
    busy = [server.connect(receive_buffer=4096) for _ in range(8)]
    for client in busy:
        client.send(wire.request("GET", "/big.bin"))
        assert client.read_head().status == 200
    with server.connect() as one:
        one.send(wire.request("GET", "/a.txt"))
        answer = one.read_response()
        assert answer.status == 503
        assert not answer.keeps_open
        assert one.at_end()
    assert server.metrics().sum("sluice_http_connections_refused_total") >= 1
    for client in busy:
        client.close()
    wait_for(lambda: server.ask("/a.txt").status == 200, 5)


def test_half_sent_head_gets_408(serve, site):
    server = serve(site, head_timeout_ms=300)
    client = server.connect()
    client.send(b"GET /a.txt HTTP/1.1\r\nHost:")
    answer = client.read_response()
    assert answer.status == 408
    assert not answer.keeps_open
    assert client.at_end()


def test_head_timeout_counts_from_the_first_byte(serve, site):
    """A byte now and then must not keep a connection alive for ever."""
    server = serve(site, head_timeout_ms=600)
    client = server.connect()
    started = time.monotonic()
    for value in b"GET /a.txt HTTP/1.1\r\nX: " + b"y" * 200:
        client.send(bytes([value]))
        if not client.is_silent(0.05):
            break
    assert 0.4 < time.monotonic() - started < 4
    assert client.read_response().status == 408


def test_half_sent_body_gets_408(serve, site):
    server = serve(site, head_timeout_ms=300)
    client = server.connect()
    client.send(wire.request("POST", "/a.txt", {"Content-Length": "100"}, b"half"))
    answer = client.read_response()
    if answer.status == 405 and answer.keeps_open:  # answered first, the body still has its timeout
        answer = client.read_response()
    assert answer.status == 408
    assert client.at_end()


def test_idle_connections_are_closed_without_a_word(serve, site):
    server = serve(site, idle_timeout_ms=300)
    fresh, used = server.connect(), server.connect()
    assert used.ask("/a.txt").status == 200
    assert used.at_end(within=3)
    assert fresh.at_end(within=3)


def test_request_in_time_keeps_an_idle_connection(serve, site):
    client = serve(site, idle_timeout_ms=1000).connect()
    for _ in range(4):
        time.sleep(0.4)
        assert client.ask("/a.txt").status == 200


def test_reader_without_progress_is_cut_off(serve, root):
    tree.write(root, "huge.bin", tree.content(24 * MIB))
    server = serve(root, send_timeout_ms=400)
    client = server.connect(receive_buffer=4096)
    client.send(wire.request("GET", "/huge.bin"))
    client.read_head()
    sending = lambda: server.metrics().sum("sluice_http_connections", state="sending")
    wait_for(lambda: sending() == 1, 5, what="the response to get stuck")
    wait_for(lambda: sending() == 0, 5, what="the connection to be closed")
    with pytest.raises(wire.closed_early):
        client.read_exactly(24 * MIB)


def test_slow_reader_with_progress_is_not_cut_off(serve, site):
    server = serve(site, send_timeout_ms=1000)
    client = server.connect(receive_buffer=64 << 10)
    client.send(wire.request("GET", "/big.bin"))
    length, got = client.read_head().length, 0
    assert length == 8 * MIB
    parts = []
    for _ in range(8):
        parts.append(client.read_exactly(MIB))
        time.sleep(0.3)
    assert tree.digest(b"".join(parts)) == tree.digest((site / "big.bin").read_bytes())


def test_slow_readers_do_not_hold_up_others(serve, site):
    server = serve(site, threads=1)
    slow = [server.connect(receive_buffer=4096) for _ in range(50)]
    for client in slow:
        client.send(wire.request("GET", "/big.bin"))
    for client in slow:
        client.read_head()
    for _ in range(50):
        answered_at_once(server)
    server.memory_below(200 * MIB)


# --- resets -----------------------------------------------------------------------------------------

def test_resets_at_every_moment(serve, site):
    server = serve(site)
    answered_at_once(server)
    before, chance = server.descriptors(), random.Random(7)
    whole = wire.request("GET", "/big.bin") + wire.request("GET", "/a.txt") * 5
    for turn in range(400):
        client = wire.client(server.address, receive_buffer=chance.choice([None, 4096]))
        kind = turn % 4
        if kind >= 1:
            client.send(whole[:chance.randrange(1, len(whole))])
        if kind >= 2:
            client.is_silent(chance.random() * 0.01)
        if kind == 3 and not client.ended:
            client.half_close()
        client.reset()
    server.descriptors_return_to(before, slack=10)
    assert "rror" not in server.errors() or server.errors().count("\n") < 1000, "a reset is no event"
    answered_at_once(server)


def test_reset_in_the_middle_of_a_transfer(serve, site):
    server = serve(site)

    def reset_thirty():
        for _ in range(30):
            client = wire.client(server.address, receive_buffer=4096)
            client.send(wire.request("GET", "/big.bin"))
            client.read_head()
            client.reset()

    reset_thirty()
    wait_for(lambda: server.metrics().sum("sluice_http_connections") == 0, 5)
    before = server.descriptors()  # with the file in the cache of each loop
    reset_thirty()
    server.descriptors_return_to(before, slack=3)
    answered_at_once(server)


def test_connections_without_a_byte(serve, site):
    server = serve(site)
    before = server.descriptors()
    for _ in range(2000):
        wire.connect(server.address).close()
    server.descriptors_return_to(before, slack=3)
    answered_at_once(server)


# --- much of everything --------------------------------------------------------------------------------

def test_100_mb_of_header(serve, site):
    server = serve(site)
    before = server.resident_bytes()
    client = server.connect()
    client.send(b"GET /a.txt HTTP/1.1\r\nHost: localhost\r\n")
    line = b"X-Filler: " + b"y" * 1000 + b"\r\n"
    for _ in range(100_000_000 // len(line) // 100):
        if client.send_what_is_taken(line * 100) < len(line) * 100:
            break
    assert client.read_response().status == 431
    server.memory_below(before + 32 * MIB)
    answered_at_once(server)


def test_one_header_line_of_100_mb(serve, site):
    server = serve(site)
    before = server.resident_bytes()
    client = server.connect()
    client.send_what_is_taken(b"GET /a.txt HTTP/1.1\r\nX: " + b"y" * 100_000_000)
    assert client.read_response().status == 431
    server.memory_below(before + 32 * MIB)
    answered_at_once(server)


def test_client_that_never_stops_sending_is_cut_off(serve, site):
    """After a refusal what still comes is read away so that the answer arrives, but not for ever."""
    client = serve(site).connect()
    client.send(b"GET /a.txt HTTP/1.1\nHost: localhost\r\n\r\n")
    assert client.read_response().status == 400
    deadline = time.monotonic() + 20
    while client.send_what_is_taken(b"y" * 1000) == 1000:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_garbage(serve, site):
    server, chance = serve(site, head_timeout_ms=1000), random.Random(11)
    for turn in range(200):
        client = wire.client(server.address, timeout=5)
        client.send_what_is_taken(chance.randbytes(chance.randrange(1, 3000)) + b"\r\n\r\n")
        answer = client.read_response()
        assert answer.status in (400, 408, 414, 431, 501, 505), answer
        client.close()
    answered_at_once(server)


def test_mutated_requests_never_get_5xx_or_silence(serve, site):
    server, chance = serve(site, head_timeout_ms=500), random.Random(13)
    good = wire.request("GET", "/a.txt", {"Range": "bytes=0-5", "Accept-Encoding": "gzip;q=1", "If-None-Match": '"x"',
                                          "Content-Length": "3", "Connection": "close"}, b"abc")
    for turn in range(500):
        bad = bytearray(good)
        for _ in range(chance.randrange(1, 4)):
            at = chance.randrange(len(bad))
            kind = chance.randrange(3)
            if kind == 0:
                bad[at] = chance.randrange(256)
            elif kind == 1:
                del bad[at]
            else:
                bad.insert(at, chance.choice(b"\r\n\0 :\t,/%;\x80"))
        with wire.client(server.address, timeout=5) as client:
            client.send_what_is_taken(bytes(bad))
            method = bytes(bad).split(b" ", 1)[0]
            answer = client.read_response("HEAD" if method == b"HEAD" else "GET")
            assert answer.status < 500 or answer.status in (501, 505), (bytes(bad), answer)
    answered_at_once(server)


def test_pipeline_of_10000_requests(serve, site):
    server = serve(site)
    before = server.resident_bytes()
    client = server.connect()
    all_of_them = wire.request("GET", "/a.txt") * 10_000
    sent, received = 0, 0
    client.socket.setblocking(False)
    deadline = time.monotonic() + 30
    expected = None
    while received < 10_000:
        assert time.monotonic() < deadline
        try:
            sent += client.socket.send(all_of_them[sent:sent + 65536]) if sent < len(all_of_them) else 0
        except BlockingIOError:
            pass
        try:
            client.rest += client.socket.recv(1 << 18)
        except BlockingIOError:
            time.sleep(0.0005)
        client.socket.setblocking(False)
        while b"\r\n\r\n" in client.rest:
            end = client.rest.index(b"\r\n\r\n") + 4
            answer = wire.parse_head(client.rest[:end])
            if len(client.rest) < end + answer.length:
                break
            assert answer.status == 200 and client.rest[end:end + 100] == b"a" * 100
            client.rest = client.rest[end + answer.length:]
            received += 1
    server.memory_below(before + 32 * MIB)
    assert client.ask("/a.txt").status == 200


def test_pipeline_that_nobody_reads_is_bounded(serve, site):
    """Answers must not pile up in memory for a client that only asks."""
    server = serve(site, send_timeout_ms=2000)
    before = server.resident_bytes()
    clients = [server.connect(receive_buffer=4096) for _ in range(20)]
    for client in clients:
        client.socket.setblocking(False)
        try:
            for _ in range(200):
                client.socket.send(wire.request("GET", "/many/1.bin") * 200)
        except BlockingIOError:
            pass
    time.sleep(0.5)
    server.memory_below(before + 64 * MIB)
    answered_at_once(server)


def test_many_names_are_cached_within_the_limit(serve, root):
    for number in range(300):
        tree.write(root, f"{number}.bin", tree.content(16_000, number))
    server = serve(root, cache_bytes=MIB, cache_files=50)
    before = server.descriptors()
    with server.connect() as client:
        for turn in range(2):
            for number in range(300):
                assert client.ask(f"/{number}.bin").length == 16_000
    assert server.descriptors() <= before + 50 + 2
    page = server.metrics()
    assert page.sum("sluice_limit_used", name="cache_bytes") <= MIB
    assert page.sum("sluice_limit_used", name="cache_files") <= 50


def test_many_missing_names_are_not_remembered_for_ever(serve, site):
    server = serve(site)
    answered_at_once(server)
    with server.connect() as client:
        for number in range(2000):
            client.ask(f"/missing/{number}/{'x' * 200}")
        before = server.resident_bytes()
        for number in range(20_000):
            assert client.ask(f"/missing/{number + 5000}/{'x' * 200}").status == 404
    server.memory_below(before + 16 * MIB)


# --- descriptors run out ----------------------------------------------------------------------------

def test_no_free_descriptor_for_a_file(serve, site):
    server = serve(site)
    clients = [server.connect() for _ in range(4)]
    for client in clients:
        assert client.ask("/a.txt").status == 200
    server.limit_descriptors(server.descriptors())
    seen = set()
    for number in range(100):
        answer = clients[number % 4].ask(f"/many/{number}.bin")
        seen.add(answer.status)
        assert answer.status in (200, 503)
        if answer.status == 503:
            assert "Retry-After" in answer
            assert not answer.keeps_open or clients[number % 4].ask("/a.txt").status in (200, 503)
    server.limit_descriptors(1024)
    wait_for(lambda: clients[0].ask("/many/77.bin").status == 200, 5)
    answered_at_once(server)


def test_no_free_descriptor_for_a_connection(serve, site):
    server = serve(site)
    answered_at_once(server)
    server.limit_descriptors(server.descriptors() + 10)
    more = [server.connect() for _ in range(60)]
    for client in more:
        client.send_what_is_taken(wire.request("GET", "/a.txt"))
    used = server.cpu_seconds()
    time.sleep(1)
    assert server.cpu_seconds() - used < 0.5, "waiting for a descriptor must not spin"
    for client in more:
        client.close()
    wait_for(lambda: server.ask("/a.txt").status == 200, 5)


def test_start_with_few_descriptors(serve, site):
    server = serve(site, wrap=["prlimit", "--nofile=64:64"])
    clients = [server.connect() for _ in range(100)]
    for client in clients:
        client.send_what_is_taken(wire.request("GET", "/a.txt"))
    for client in clients:
        client.close()
    wait_for(lambda: server.ask("/a.txt").status == 200, 5)


# --- the log's disk is full ---------------------------------------------------------------------------

def log_is_full(server):
    with server.connect() as client:
        for _ in range(3000):
            assert client.ask("/a.txt", {"User-Agent": "x" * 100}).status == 200
    wait_for(lambda: server.metrics().sum("sluice_access_log_dropped_total") > 0, 10, what="dropped lines")
    answered_at_once(server)


def test_log_without_space(serve, site):
    server = serve(site, access="/dev/full", error="-") if False else serve(site, access_log="/dev/full")
    log_is_full(server)
    assert server.errors(), "the error log says so"


def test_log_on_a_full_disk(serve, site, folder):
    if os.geteuid() != 0 or not shutil.which("unshare") or subprocess.run(["unshare", "-m", "true"]).returncode:
        pytest.skip("mounting a small file system needs root and a mount namespace of its own")
    disk = folder / "disk"
    disk.mkdir()
    mounted = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=64k none "$0" && exec "$@"', str(disk)]
    if subprocess.run([*mounted, "true"]).returncode:
        pytest.skip("no tmpfs can be mounted here")
    server = serve(site, access=disk / "access.log", wrap=mounted)
    log_is_full(server)


def test_error_log_on_a_full_disk(serve, site):
    server = serve(site, error="/dev/full", level="debug")
    with server.connect() as client:
        for _ in range(200):
            client.ask("/none")
    answered_at_once(server)


# --- sockets ------------------------------------------------------------------------------------------

def test_urgent_data_is_no_request(serve, site):
    server = serve(site)
    client = server.connect()
    client.socket.send(b"!", socket.MSG_OOB)
    client.send(wire.request("GET", "/a.txt"))
    assert client.read_response().status in (200, 400)
    answered_at_once(server)
