"""The clients: wrk for many small requests, bench_download for large bodies, a plain socket."""

import json
import pathlib
import resource
import shutil
import socket
import subprocess

import peers
import workspace

CONNECTIONS = 32
_SCRIPT = pathlib.Path(__file__).resolve().parent / "report_stats.lua"


def wrk(bench, url, seconds):
    """One run of wrk on the client's core: {"requests", "bytes", "seconds", "failed", ...}."""
    program = shutil.which("wrk")
    if program is None:
        raise peers.Missing("wrk is not installed")
    output = run_client(bench, [program, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", _SCRIPT,
                                url], timeout=seconds + 30)
    totals = json.loads(output.strip().splitlines()[-1])
    if totals["failed"]:
        raise RuntimeError(f"{url}: {totals['failed']} of wrk's requests failed")
    if not totals["requests"]:
        raise RuntimeError(f"{url}: no answers")
    return totals


def download(bench, port, path, count=1, seconds=600):
    """bench_download on the client's core: {"requests", "bytes", "seconds"}."""
    output = run_client(bench, [bench.program("download"), "127.0.0.1", port, f"/{path}", count,
                                seconds], timeout=seconds + 30)
    totals = json.loads(output)
    return {"requests": totals["responses"], "bytes": totals["body_bytes"],
            "seconds": totals["seconds"]}


def start_download(bench, port, path, seconds):
    """The same, not waited for: `finish_download` gives its totals."""
    command = [bench.program("download"), "127.0.0.1", port, f"/{path}", 1, seconds]
    return bench.start(command, core=bench.client_core, stdout=subprocess.PIPE, text=True)


def finish_download(process):
    totals = json.loads(process.communicate(timeout=60)[0])
    return {"bytes": totals["body_bytes"], "seconds": totals["seconds"]}


def run_client(bench, command, timeout, core=None):
    """Runs a program, on the client's core unless another is given; returns its standard output."""
    process = bench.start(command, core=bench.client_core if core is None else core,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        output, errors = process.communicate(timeout=timeout)
    except BaseException:
        workspace.stop(process)
        raise
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]}: status {process.returncode}: {errors.strip()}")
    return output


def clients_cpu_ns():
    """Processor time of all client processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return int((used.ru_utime + used.ru_stime) * 1e9)


class KeepAlive:
    """One connection that asks again and again. Blocking; for small bodies and for checks."""

    def __init__(self, port, timeout_s=60, source=None, receive_buffer=None):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source is not None:
            # Without this a bind takes a port that no other connection from the address may use.
            self.socket.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
            self.socket.bind((source, 0))
        self.socket.settimeout(timeout_s)
        self.socket.connect(("127.0.0.1", port))

    def ask(self, path):
        self.socket.sendall(f"GET /{path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())

    def get(self, path):
        """(status, head, body) of one request."""
        self.ask(path)
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._receive()
        head, _, body = data.partition(b"\r\n\r\n")
        length = content_length(head)
        parts, got = [body], len(body)
        while got < length:
            parts.append(self._receive())
            got += len(parts[-1])
        return int(head.split(b" ", 2)[1]), head, b"".join(parts)

    def _receive(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise ConnectionError("the server closed the connection")
        return data

    def close(self):
        self.socket.close()


def content_length(head):
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise ValueError("an answer without Content-Length")


def check_answer(server, root, name):
    """Fails unless the server's answer is the file itself; returns the size of its head."""
    client = KeepAlive(server.port)
    status, head, body = client.get(name)
    client.close()
    expected = (root / name).read_bytes()
    same = len(body) == len(expected) if server.name.startswith("floor") else body == expected
    if status != 200 or not same:
        raise RuntimeError(f"{server.name}: GET /{name} gave {status} and {len(body)} bytes, "
                           "which are not the file")
    return len(head) + 4
