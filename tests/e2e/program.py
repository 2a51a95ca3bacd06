"""Starts the program under test, and checks what it leaves behind.

`SLUICE_BIN` names the program; without it build/sluice of this tree is taken.
"""

import ctypes
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import time

import prometheus
import wire

TREE = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("SLUICE_BIN") or str(TREE / "build" / "sluice")
MECHANISMS = ["read_write", "mapped_write", "sendfile", "splice", "gathered_write", "auto"]

_REPORT = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|Assertion .* failed"
                     r"|terminate called|==\d+==ERROR")
_READY = re.compile(r"^ready (.*)$", re.MULTILINE)


def wait_for(condition, within=wire.PATIENCE_S, step=0.005, what="a condition"):
    """Polls until `condition()` is true and returns its value."""
    deadline = time.monotonic() + within
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {within} s for {what}"
        time.sleep(step)


def die_with_parent():
    """A test run that is killed must not leave servers behind."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def toml(value, path=()):
    """A small TOML writer: tables of scalars, arrays and inline tables, arrays of tables."""
    lines, tables = [], []
    for key, entry in value.items():
        if isinstance(entry, dict) and not path:
            tables.append(f"\n[{key}]\n" + toml(entry, (key,)))
        elif isinstance(entry, list) and entry and isinstance(entry[0], dict) and not path:
            tables += [f"\n[[{key}]]\n" + toml(one, (key,)) for one in entry]
        else:
            lines.append(f"{key} = {_toml_value(entry)}\n")
    return "".join(lines + tables)


def _toml_value(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(_toml_value(entry) for entry in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml_key(k)} = {_toml_value(v)}" for k, v in value.items()) + "}"
    return json.dumps(str(value))


def _toml_key(key):
    return str(key) if re.fullmatch(r"[A-Za-z0-9_-]+", str(key)) else json.dumps(str(key))


# Words whose bare key would say too little on a command line.
_SPELLING = {"access": "access-log", "error": "error-log"}


def option_words(options):
    """{"rate_limit": 5, "http": ["a", "b"]} as words of the command line."""
    words = []
    for key, value in options.items():
        key = _SPELLING.get(key, key).replace("_", "-")
        for entry in value if isinstance(value, (list, tuple)) else [value]:
            text = str(entry).lower() if isinstance(entry, bool) else str(entry)
            words.append(f"--{key}={text}")
    return words


def run(*words, within=wire.PATIENCE_S, environment=None):
    """Runs `sluice WORDS` to its end: for calls that must fail or only print."""
    return subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=within,
                          env=environment, preexec_fn=die_with_parent, stdin=subprocess.DEVNULL)


def parse_address(text):
    """HOST:PORT, [IPV6]:PORT or unix:PATH as an address for `wire.client`."""
    if text.startswith("unix:"):
        return text[5:]
    host, port = text.rsplit(":", 1)
    return host.strip("[]"), int(port)


class server:
    """A running `sluice serve`. Made by the `serve` fixtures, which also call `finish`."""

    def __init__(self, folder, words, *, wrap=(), environment=None, pass_fds=(), drain_s=10.0):
        self.folder, self.drain_s = pathlib.Path(folder), drain_s
        self.output_path, self.error_path = self.folder / "stdout", self.folder / "stderr"
        self.clients, self.finished = [], False
        with open(self.output_path, "wb") as output, open(self.error_path, "wb") as error:
            self.process = subprocess.Popen(
                [*wrap, PROGRAM, "serve", *map(str, words)], stdin=subprocess.DEVNULL, stdout=output,
                stderr=error, pass_fds=pass_fds, preexec_fn=die_with_parent,
                env=environment and {**os.environ, **environment})
        self.pid = self.process.pid
        self.addresses, self.admin = self._wait_ready()

    def _wait_ready(self):
        def ready():
            assert self.process.poll() is None, \
                f"exit status {self.process.returncode} before ready: {self.errors()}"
            return _READY.search(self.output())
        try:
            line = wait_for(ready, within=30, what="the ready line")[1]
        except AssertionError:
            self.kill()
            raise
        found = dict(word.split("=", 1) for word in line.split(" "))
        admin = found.get("admin")
        return ([parse_address(one) for one in found["http"].split(",")],
                parse_address(admin) if admin else None)

    @property
    def address(self):
        return self.addresses[0]

    @property
    def host(self):
        return self.address[0]

    @property
    def port(self):
        return self.address[1]

    @property
    def url(self):
        return f"http://{self.host}:{self.port}"

    def output(self):
        return self.output_path.read_text("utf-8", "surrogateescape")

    def errors(self):
        return self.error_path.read_text("utf-8", "surrogateescape")

    def connect(self, address=None, **options):
        made = wire.client(address or self.address, **options)
        self.clients.append(made)
        return made

    def ask(self, target="/", fields=(), method="GET", **more):
        """One request on a connection of its own."""
        with wire.client(self.address) as one:
            return one.ask(target, fields, method, **more)

    def healthy(self, target="/"):
        """Asserts that a new client is answered at once and that the process lives."""
        assert self.process.poll() is None, f"the server is gone: {self.errors()[-2000:]}"
        with wire.client(self.address, timeout=5) as one:
            answer = one.ask(target)
        assert answer.status < 500, answer
        if self.admin:
            with wire.client(self.admin, timeout=5) as one:
                assert one.ask("/healthz").status == 200
        return answer

    def metrics(self):
        with wire.client(self.admin) as one:
            answer = one.ask("/metrics")
        assert answer.status == 200, answer
        return prometheus.page(answer.body.decode())

    def signal(self, number):
        self.process.send_signal(number)

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def resident_bytes(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def sanitized(self):
        """Sanitizers keep freed memory, so bounds on memory and time do not hold under them."""
        maps = pathlib.Path(f"/proc/{self.pid}/maps").read_text()
        return any(name in maps for name in ("libasan", "libtsan", "libubsan", "libclang_rt"))

    def descriptors_return_to(self, before, slack=0, within=10):
        """`slack` is what the test itself makes the server keep; a few are opened once, when first needed."""
        opened_once = 6
        wait_for(lambda: self.descriptors() <= before + slack + opened_once, within,
                 what=f"the descriptors to return to {before}")

    def memory_below(self, limit):
        if not self.sanitized:
            assert self.resident_bytes() < limit, f"{self.resident_bytes()} bytes resident"

    def limit_descriptors(self, number):
        hard = resource.prlimit(self.pid, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (number, hard))

    def kill(self):
        self.finished = True
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def ends_well(self, within):
        """Waits for the end that a signal has asked for: exit status 0, no sanitizer report."""
        self.finished = True
        try:
            status = self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still running {within} s after the signal") from None
        finally:
            errors = self.errors()
            print(f"--- standard error of the server (its end) ---\n{errors[-4000:]}")
        assert not _REPORT.search(errors), "the program reported an error of its own"
        assert status == 0, f"exit status {status}"

    def finish(self):
        """What the fixtures do at the end of every test: SIGTERM, and all must be well."""
        if self.finished:
            return
        for one in self.clients:
            one.close()
        early = self.process.poll()
        if early is None:
            self.signal(signal.SIGTERM)
        self.ends_well(self.drain_s + 10)
        assert early is None, "the server ended by itself"


class group:
    """The servers of one test (or one file of tests), in one folder."""

    def __init__(self, folder):
        self.folder, self.servers, self.started = pathlib.Path(folder), [], 0

    def start(self, root=None, *words, config=None, wrap=(), environment=None, pass_fds=(), **options):
        """Starts a server on ports of its own. Options are those of docs/serve.md with underscores;
        `config` is a table that is written to a TOML file, which then also names the addresses."""
        folder = self.folder / f"server-{self.started}"
        self.started += 1
        folder.mkdir()
        words = list(words)
        drain_ms = options.setdefault("drain_timeout_ms", 3000)
        if config is not None:
            path = folder / "sluice.toml"
            path.write_text(toml(config))
            words.append(f"--config={path}")
        listens = config is not None and "http" in config.get("server", {})
        if not listens and not pass_fds:
            options.setdefault("http", "127.0.0.1:0")
        if config is None or "admin" not in config.get("server", {}):
            options.setdefault("admin", "127.0.0.1:0")
        if options["drain_timeout_ms"] is None:
            del options["drain_timeout_ms"]
        if options.get("admin", "") is None:
            del options["admin"]
        if root is not None:
            words.append(f"--root={root}")
        made = server(folder, [*words, *option_words(options)], wrap=wrap, environment=environment,
                      pass_fds=pass_fds, drain_s=(drain_ms or 10000) / 1000)
        if config is not None:
            made.config_path = path
        self.servers.append(made)
        return made

    def finish(self):
        failures = []
        for one in self.servers:
            try:
                one.finish()
            except AssertionError as failure:
                failures.append(str(failure))
        assert not failures, "; ".join(failures)
