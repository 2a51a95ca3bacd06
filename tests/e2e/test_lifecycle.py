"""From the ready line to the last byte after SIGTERM."""

import os
import re
import signal
import socket
import sys
import threading
import time

import pytest

import program
import tree
import wire
from program import wait_for

MIB = 1 << 20


@pytest.fixture
def site(root):
    tree.write(root, "index.html", "start")
    tree.write(root, "a.txt", "a")
    tree.write(root, "big.bin", tree.content(16 * MIB))
    return root


def free_ports(count):
    """Ports that are free now; for addresses that must be known before the server starts."""
    holders = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [holder.getsockname()[1] for holder in holders]
    for holder in holders:
        holder.close()
    return ports


# --- start ------------------------------------------------------------------------------------------

def test_ready_line_is_all_of_standard_output(serve, site):
    server = serve(site)
    server.healthy()
    assert re.fullmatch(r"ready http=127\.0\.0\.1:\d+ admin=127\.0\.0\.1:\d+\n", server.output())


def test_ready_line_without_admin(serve, site):
    server = serve(site, admin=None)
    assert re.fullmatch(r"ready http=127\.0\.0\.1:\d+\n", server.output())


def test_several_addresses(serve, site):
    server = serve(site, http=["127.0.0.1:0", "127.0.0.1:0", "127.0.0.2:0"])
    assert len(set(server.addresses)) == 3
    for address in server.addresses:
        with server.connect(address) as one:
            assert one.ask("/a.txt").body == b"a"


def test_unix_socket(serve, site, folder):
    path = str(folder / "s")
    server = serve(site, http=["127.0.0.1:0", f"unix:{path}"])
    assert path in server.addresses
    for _ in range(2):
        with server.connect(path) as one:
            assert one.ask("/a.txt").body == b"a"
            assert len(one.ask("/big.bin").body) == 16 * MIB
    server.finish()
    assert not os.path.exists(path), "the socket is taken away at the end"


def test_unix_socket_that_a_dead_server_left(serve, site, folder):
    path = str(folder / "s")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
    server = serve(site, http=f"unix:{path}")
    with server.connect(path) as one:
        assert one.ask("/a.txt").body == b"a"


def test_ipv6(serve, site):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")
    server = serve(site, http="[::1]:0")
    assert server.host == "::1"
    assert "http=[::1]:" in server.output()
    assert server.ask("/a.txt").body == b"a"


@pytest.mark.parametrize("option", ["http", "admin"])
def test_taken_port_is_one_clear_line(site, option):
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = "127.0.0.1:%d" % holder.getsockname()[1]
        other = "--http=127.0.0.1:0" if option == "admin" else "--admin=127.0.0.1:0"
        result = program.run("serve", f"--root={site}", other, f"--{option}={taken}")
    assert result.returncode == 1
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert taken in lines[0]
    assert "in use" in lines[0]
    assert "ready" not in result.stdout


def test_port_is_free_again_at_once(serve, site):
    """Connections in TIME_WAIT must not stand in the way of a restart."""
    first = serve(site)
    client = first.connect()
    assert client.ask("/a.txt").status == 200
    address = f"127.0.0.1:{first.port}"
    first.signal(signal.SIGTERM)
    assert client.at_end()
    first.ends_well(10)
    second = serve(site, http=address)
    assert second.ask("/a.txt").body == b"a"


# --- systemd sockets ----------------------------------------------------------------------------------

ACTIVATE = """
import os, sys
fds = [int(word) for word in sys.argv[1].split(",")]
for number, fd in enumerate(fds):
    os.dup2(fd, 3 + number, inheritable=True)
    os.close(fd)
os.environ["LISTEN_PID"] = str(os.getpid())
os.environ["LISTEN_FDS"] = str(len(fds))
if sys.argv[2]:
    os.environ["LISTEN_FDNAMES"] = sys.argv[2]
os.execv(sys.argv[3], sys.argv[3:])
"""


def activated(sockets, names=""):
    """Words in front of the program that hand it listening sockets as systemd does."""
    # Moved out of the way first: the numbers from 3 on may be in use by the very sockets to pass.
    moved = [os.dup(one.fileno()) for one in sockets]
    high = [os.dup2(fd, 100 + number, inheritable=True) for number, fd in enumerate(moved)]
    for fd in moved:
        os.close(fd)
    return ["/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable, "-c", ACTIVATE,
            ",".join(map(str, high)), names], high


def start_activated(serve, site, sockets, names="", **options):
    wrap, passed = activated(sockets, names)
    try:
        return serve(site, wrap=wrap, pass_fds=passed, **options)
    finally:
        for fd in passed:
            os.close(fd)


def test_socket_activation(serve, site):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = start_activated(serve, site, [listener], admin=None)
        assert server.address == listener.getsockname()
        assert server.ask("/a.txt").body == b"a"


def test_socket_activation_with_an_admin_socket(serve, site):
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        server = start_activated(serve, site, [one, two], "admin:http", admin=None)
        assert (server.admin, server.address) == (one.getsockname(), two.getsockname())
        server.healthy()


def test_socket_activation_with_a_unix_socket(serve, site, folder):
    path = str(folder / "s")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        server = start_activated(serve, site, [listener], admin=None)
        with server.connect(path) as one:
            assert one.ask("/a.txt").body == b"a"
        server.finish()
        assert os.path.exists(path), "a socket that was passed in belongs to who made it"


def test_socket_activation_replaces_the_configured_address(serve, site):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = start_activated(serve, site, [listener], admin=None, http="127.0.0.1:1")
        assert server.addresses == [listener.getsockname()]


def test_reload_leaves_passed_sockets_alone(serve, site):
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_server(("127.0.0.1", 0)) as other:
        free = other.getsockname()[1]
        other.close()
        config = config_of(site)
        config["server"]["http"] = [f"127.0.0.1:{free}"]
        server = start_activated(serve, None, [listener], config=config)
        server.signal(signal.SIGHUP)
        wait_for(lambda: "has been read again" in server.errors(), 5)
        assert server.ask("/a.txt").body == b"a"
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", free)).close()


def test_activation_for_another_process_is_ignored(serve, site):
    server = serve(site, environment={"LISTEN_PID": "1", "LISTEN_FDS": "1"})
    assert server.ask("/a.txt").body == b"a"


# --- the end ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_an_idle_server_at_once(serve, site, number):
    server = serve(site)
    idle = [server.connect() for _ in range(5)]
    assert idle[0].ask("/a.txt").status == 200
    started = time.monotonic()
    server.signal(number)
    server.ends_well(5)
    assert time.monotonic() - started < 2
    for client in idle:
        assert client.at_end()


def test_sigterm_lets_a_download_come_to_its_end(serve, site):
    server = serve(site, drain_timeout_ms=20_000)
    client = server.connect(receive_buffer=64 << 10)
    client.send(wire.request("GET", "/big.bin"))
    length = client.read_head().length
    parts = [client.read_exactly(100_000)]
    server.signal(signal.SIGTERM)
    wait_for(lambda: not accepts(server), 5, what="the listener to close")
    while (have := sum(map(len, parts))) < length:
        parts.append(client.read_exactly(min(2 * MIB, length - have)))
        time.sleep(0.05)
    assert tree.digest(b"".join(parts)) == tree.digest((site / "big.bin").read_bytes())
    assert client.at_end(within=5)
    server.ends_well(5)


def accepts(server):
    try:
        wire.connect(server.address).close()
        return True
    except (ConnectionRefusedError, ConnectionResetError):
        return False


def test_sigterm_answers_what_has_been_asked(serve, site):
    server = serve(site)
    client = server.connect(receive_buffer=16 << 10)
    client.send(wire.request("GET", "/big.bin") + wire.request("GET", "/a.txt") * 3)
    client.read_head()
    server.signal(signal.SIGTERM)
    assert len(client.read_exactly(16 * MIB)) == 16 * MIB
    answers = []
    while True:
        try:
            answers.append(client.read_response())
        except wire.closed_early:
            break
    assert all(answer.body == b"a" for answer in answers)
    if answers:
        assert not answers[-1].keeps_open, "the last answer says that the connection closes"
    server.ends_well(10)


def test_sigterm_cuts_off_at_the_drain_timeout(serve, site):
    server = serve(site, drain_timeout_ms=500)
    client = server.connect(receive_buffer=4096)
    client.send(wire.request("GET", "/big.bin"))
    client.read_head()
    started = time.monotonic()
    server.signal(signal.SIGTERM)
    server.ends_well(10)
    assert 0.3 < time.monotonic() - started < 4


def test_healthz_says_draining(serve, site):
    server = serve(site, drain_timeout_ms=5000)
    with wire.client(server.admin) as one:
        answer = one.ask("/healthz")
        assert (answer.status, answer.body.strip()) == (200, b"ok")
    client = server.connect(receive_buffer=4096)
    client.send(wire.request("GET", "/big.bin"))
    client.read_head()
    server.signal(signal.SIGTERM)

    def draining():
        with wire.client(server.admin) as one:
            answer = one.ask("/healthz")
        return answer.status == 503 and answer.body.strip() == b"draining"
    wait_for(draining, 3, what="503 draining")
    client.close()
    server.ends_well(10)


def test_second_sigterm_is_no_crash(serve, site):
    server = serve(site, drain_timeout_ms=1000)
    client = server.connect(receive_buffer=4096)
    client.send(wire.request("GET", "/big.bin"))
    client.read_head()
    for _ in range(3):
        server.signal(signal.SIGTERM)
        time.sleep(0.02)
    server.ends_well(10)


def test_download_during_sigterm_with_a_client_that_goes_away(serve, site):
    server = serve(site, drain_timeout_ms=20_000)
    client = server.connect(receive_buffer=4096)
    client.send(wire.request("GET", "/big.bin"))
    client.read_head()
    server.signal(signal.SIGTERM)
    client.reset()
    started = time.monotonic()
    server.ends_well(10)
    assert time.monotonic() - started < 5


# --- reload -------------------------------------------------------------------------------------------

def config_of(site, **more):
    return {"server": {"http": ["127.0.0.1:0"], "admin": "127.0.0.1:0"}, "site": [{"root": str(site), **more}]}


def reload(server, config):
    text = config if isinstance(config, str) else program.toml(config)
    server.config_path.write_text(text)
    server.signal(signal.SIGHUP)


def test_reload_takes_effect_for_the_next_request(serve, site, folder):
    other = folder / "other"
    tree.write(other, "index.html", "other start")
    tree.write(other, "dir/x.txt", "x")
    server = serve(config=config_of(site))
    client = server.connect()
    assert client.ask("/").body == b"start"
    rule = {"path": "/**", "set": {"X-New": "yes"}}
    reload(server, config_of(other, listing=True, headers=[rule]))
    wait_for(lambda: client.ask("/").body == b"other start", 5)
    assert client.ask("/")["X-New"] == "yes"
    assert client.ask("/dir/").status == 200
    assert server.ask("/").body == b"other start"


def test_reload_under_load_loses_no_request(serve, site):
    server = serve(config=config_of(site))
    stop, failures, counts = threading.Event(), [], []

    def hammer(keep):
        count = 0
        try:
            client = server.connect()
            while not stop.is_set():
                if not keep:
                    client.close()
                    client = wire.client(server.address)
                answer = client.ask("/a.txt" if count % 2 else "/")
                assert answer.status == 200 and answer.body in (b"a", b"start")
                count += 1
        except Exception as failure:
            failures.append(repr(failure))
        counts.append(count)

    threads = [threading.Thread(target=hammer, args=(number % 2 == 0,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for turn in range(20):
        reload(server, config_of(site, headers=[{"path": "/**", "set": {"X-Turn": str(turn)}}]))
        wait_for(lambda: server.ask("/a.txt").get("X-Turn") == str(turn), 5, what=f"reload {turn}")
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert min(counts) > 20


def test_reload_during_a_download(serve, site, folder):
    other = folder / "other"
    tree.write(other, "a.txt", "other")
    server = serve(config=config_of(site))
    client = server.connect(receive_buffer=64 << 10)
    client.send(wire.request("GET", "/big.bin"))
    length = client.read_head().length
    reload(server, config_of(other))
    wait_for(lambda: server.ask("/a.txt").body == b"other", 5)
    assert tree.digest(client.read_exactly(length)) == tree.digest((site / "big.bin").read_bytes())
    assert client.ask("/a.txt").body == b"other"


@pytest.mark.parametrize("bad, line", [
    ('[limits]\nconnexions = 5\n', 2), ('[[site]]\nroot = "/nonexistent-root"\n', 2), ('[server\n', 1),
    ('[limits]\nbody_bytes = "x"\n[[site]]\nroot = "/"\n', 2)])
def test_bad_file_keeps_the_old_configuration(serve, site, bad, line):
    server = serve(config=config_of(site))
    client = server.connect()
    assert client.ask("/a.txt").body == b"a"
    reload(server, bad)
    wait_for(lambda: f"{server.config_path}:{line}" in server.errors(), 5, what="a log line with the line of the file")
    assert client.ask("/a.txt").body == b"a"
    server.healthy()
    reload(server, config_of(site, headers=[{"path": "/**", "set": {"X-Good": "1"}}]))
    wait_for(lambda: "X-Good" in server.ask("/a.txt"), 5, what="the next good file")


def test_file_that_vanished_keeps_the_old_configuration(serve, site):
    server = serve(config=config_of(site))
    server.config_path.unlink()
    server.signal(signal.SIGHUP)
    wait_for(lambda: "sluice.toml" in server.errors(), 5)
    server.healthy()


def test_bad_file_is_refused_as_a_whole(serve, site, folder):
    other = folder / "other"
    tree.write(other, "a.txt", "other")
    server = serve(config=config_of(site))
    reload(server, program.toml(config_of(other)) + "\nlustig = 1\n")
    wait_for(lambda: "lustig" in server.errors(), 5)
    assert server.ask("/a.txt").body == b"a"


def test_reload_changes_limits(serve, site):
    server = serve(config=config_of(site))
    send = lambda: server.ask("/a.txt", {"Content-Length": "50"}, body=b"x" * 50).status
    assert send() == 200
    reload(server, {**config_of(site), "limits": {"body_bytes": 10}})
    wait_for(lambda: send() == 413, 5)


def test_reload_opens_and_closes_addresses(serve, site):
    first, second = free_ports(2)
    config = config_of(site)
    config["server"]["http"] = [f"127.0.0.1:{first}"]
    server = serve(config=config)
    client = server.connect()
    assert client.ask("/a.txt").body == b"a"
    config["server"]["http"] = [f"127.0.0.1:{first}", f"127.0.0.1:{second}"]
    reload(server, config)

    def open_at(port):
        try:
            with wire.client(("127.0.0.1", port)) as one:
                return one.ask("/a.txt").body == b"a"
        except (ConnectionRefusedError, wire.closed_early):
            return False
    wait_for(lambda: open_at(second), 5, what="the new address")
    assert open_at(first)
    config["server"]["http"] = [f"127.0.0.1:{second}"]
    reload(server, config)
    wait_for(lambda: not open_at(first), 5, what="the old address to close")
    assert open_at(second)
    assert client.ask("/a.txt").body == b"a", "no connection is lost"


def test_reload_without_a_file_is_harmless(serve, site):
    server = serve(site)
    server.signal(signal.SIGHUP)
    time.sleep(0.1)
    server.healthy()


def test_many_reloads_leave_nothing_behind(serve, site):
    server = serve(config=config_of(site))
    server.healthy()
    before = server.descriptors()
    for turn in range(30):
        reload(server, config_of(site, headers=[{"path": "/**", "set": {"X-Turn": str(turn)}}]))
        wait_for(lambda: server.ask("/a.txt").get("X-Turn") == str(turn), 5)
    server.descriptors_return_to(before, slack=4)


# --- logs are opened again ----------------------------------------------------------------------------

def test_sigusr1_opens_the_logs_again(serve, site, folder):
    access, error = folder / "access.log", folder / "error.log"
    server = serve(site, access=access, error=error)
    assert server.ask("/a.txt?first").status == 200
    wait_for(lambda: "?first" in access.read_text(), 5)
    os.rename(access, folder / "access.log.1")
    os.rename(error, folder / "error.log.1")
    assert server.ask("/a.txt?second").status == 200
    wait_for(lambda: "?second" in (folder / "access.log.1").read_text(), 5, what="the renamed file to be written on")
    server.signal(signal.SIGUSR1)
    wait_for(access.exists, 5)
    wait_for(error.exists, 5)
    assert server.ask("/a.txt?third").status == 200
    wait_for(lambda: "?third" in access.read_text(), 5)
    assert "?third" not in (folder / "access.log.1").read_text()


def test_sigusr1_when_the_folder_is_gone(serve, site, folder):
    logs = folder / "logs"
    logs.mkdir()
    server = serve(site, access=logs / "access.log")
    assert server.ask("/a.txt").status == 200
    os.rename(logs, folder / "moved")
    server.signal(signal.SIGUSR1)
    for _ in range(20):
        server.healthy()


def test_log_that_cannot_be_opened_is_a_clear_failure(site, folder):
    result = program.run("serve", f"--root={site}", "--http=127.0.0.1:0", f"--access-log={folder}/none/access.log")
    assert result.returncode == 1
    assert f"{folder}/none/access.log" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
