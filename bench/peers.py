"""The servers that are compared: one worker each, on one core, no access log, the same files."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import time

import measure
import workspace

START_TIMEOUT_S = 10
BACKLOG = 4096


class Missing(Exception):
    """A peer that is not on this machine, with the reason."""


class Server:
    """A server that runs: its port, its processes and its name in the tables."""

    def __init__(self, name, process, port, log):
        self.name = name
        self.process = process
        self.port = port
        self.log = log
        self.pids = measure.process_tree(process.pid)

    def url(self, path):
        return f"http://127.0.0.1:{self.port}/{path}"

    def check_alive(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended with status {self.process.returncode}: "
                               + _tail(self.log))


class Settings:
    """What a benchmark asks of a peer."""

    def __init__(self, root, connections=1024, body_bytes=None, page=None):
        self.root = root
        self.connections = connections
        self.body_bytes = body_bytes  # for the floor, which knows one answer only
        self.page = page


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def command_for(name, bench, settings, port, folder):
    """(command line, path of the log or None) of the peer called `name`."""
    base, _, variant = name.partition(":")
    if base not in _COMMANDS:
        raise Missing(f"there is no peer called {name}; known are {', '.join(_COMMANDS)}")
    return _COMMANDS[base](bench, settings, port, folder, variant)


def start(name, bench, settings, scope):
    """Starts the peer and waits until it accepts; `scope` (an ExitStack) ends it."""
    folder = bench.folder(name.replace(":", "-"))
    port = free_port()
    command = command_for(name, bench, settings, port, folder)
    log = folder / "output.log"
    with open(log, "wb") as sink:
        announces = announces_ready(name)
        process = bench.start(command, stdin=subprocess.DEVNULL, stderr=sink,
                              stdout=subprocess.PIPE if announces else sink)
    scope.callback(workspace.stop, process)
    if announces:
        port = _port_of_ready_line(name, process, log)
    wait_until_accepts(name, process, port, log)
    return Server(name, process, port, log)


def announces_ready(name):
    return name.partition(":")[0] in ("sluice", "floor")


def _port_of_ready_line(name, process, log):
    line = process.stdout.readline().decode()
    found = re.match(r"ready http=127\.0\.0\.1:(\d+)", line)
    if not found:
        raise RuntimeError(f"{name} did not get ready: {line.strip()} {_tail(log)}")
    return int(found.group(1))


def wait_until_accepts(name, process, port, log):
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.005)
    raise RuntimeError(f"{name} did not get ready: {_tail(log)}")


def _tail(log):
    return log.read_text(errors="replace")[-400:].strip() if log.exists() else ""


def _installed(program):
    path = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        raise Missing(f"{program} is not installed")
    return path


def _built(path):
    if not path.exists():
        raise Missing(f"{path.name} is not built ({path}); script/bench builds it")
    return path


def _sluice(bench, settings, _port, _folder, variant):
    command = [_built(bench.build / "sluice"), "serve", "--root", settings.root,
               "--http", "127.0.0.1:0", "--threads", "1",
               "--connections", settings.connections, "--idle-timeout-ms", 3_600_000]
    return command + (["--mechanism", variant] if variant else [])


def _floor(bench, settings, _port, _folder, variant):
    command = [_built(bench.program("floor")), settings.body_bytes]
    if variant:
        command += ["--body", variant]
    if variant == "sendfile":
        command += ["--file", settings.root / settings.page]
    return command


_NGINX = """
worker_processes 1;
daemon off;
{user}
error_log {folder}/error.log warn;
pid {folder}/nginx.pid;
worker_rlimit_nofile {open_files};
events {{ worker_connections {connections}; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    {aio}
    open_file_cache max=1000;
    keepalive_timeout 3600s;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog={backlog};
        root {root};
    }}
}}
"""


def _nginx(bench, settings, port, folder, variant):
    if variant not in ("", "aio"):
        raise Missing(f"nginx:{variant} is not known; there are nginx and nginx:aio")
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(
        # As root its worker would become another user, who may not read the files.
        user="user root;" if os.geteuid() == 0 else "",
        aio="aio threads;" if variant == "aio" else "",
        folder=folder, port=port, root=settings.root, backlog=BACKLOG,
        # It closes idle connections when less than a sixteenth of the records is free.
        open_files=bench.open_files, connections=settings.connections * 9 // 8 + 64))
    return [_installed("nginx"), "-c", config, "-p", folder, "-e", folder / "start.log"]


_LIGHTTPD = """
server.document-root = "{root}"
server.bind = "127.0.0.1"
server.port = {port}
server.errorlog = "{folder}/error.log"
server.listen-backlog = {backlog}
server.max-fds = {open_files}
server.max-connections = {connections}
server.max-keep-alive-requests = 65535
server.max-keep-alive-idle = 3600
server.max-read-idle = 3600
server.max-write-idle = 3600
server.stat-cache-engine = "simple"
server.network-backend = "sendfile"
mimetype.assign = ( "" => "application/octet-stream" )
"""


def _lighttpd(bench, settings, port, folder, _variant):
    config = folder / "lighttpd.conf"
    config.write_text(_LIGHTTPD.format(
        folder=folder, port=port, root=settings.root, backlog=BACKLOG,
        open_files=bench.open_files, connections=settings.connections + 64))
    return [_installed("lighttpd"), "-D", "-f", config]


_COMMANDS = {"sluice": _sluice, "nginx": _nginx, "lighttpd": _lighttpd, "floor": _floor}


def chosen(bench, default):
    """The peers of this run: all of `default` unless --peers names some."""
    wanted = bench.options.peers
    if not wanted:
        return list(default)
    return [name for name in default if name in wanted] + [
        name for name in wanted if name not in default and name.partition(":")[0] in _COMMANDS]


def start_all(names, bench, settings, scope, report):
    """Starts every peer that is here; says in the report which are not."""
    servers = []
    for name in names:
        try:
            servers.append(start(name, bench, settings, scope))
        except Missing as reason:
            note = f"{name} was left out: {reason}."
            if note not in report.notes:
                report.note(note)
    return servers


def _first_line(command, pattern):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    found = re.search(pattern, done.stdout + done.stderr)
    return found.group(0) if found else None


def versions(bench):
    """Versions of all peers and tools that are here."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    found = {}
    for name in ("nginx", "lighttpd", "wrk"):
        program = shutil.which(name, path=path)
        line = _first_line([program, "-v"], rf"{name}/\S+|wrk \S+") if program else None
        found[name] = line or "not here"
    sluice = bench.build / "sluice"
    found["sluice"] = (_first_line([sluice, "--version"], r".+") if sluice.exists() else None) \
        or "not built"
    return found
