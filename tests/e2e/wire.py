"""A raw HTTP/1 client with a parser of its own.

A library client forgives framing errors, so the tests read every byte themselves: whatever is not
exactly a response by RFC 9112 raises `framing_error`, and bytes that follow a response stay in
`client.rest` for the test to see.
"""

import dataclasses
import re
import socket
import struct
import time

PATIENCE_S = 20.0

_STATUS_LINE = re.compile(rb"HTTP/(\d\.\d) (\d{3}) ([\t\x20-\x7e\x80-\xff]*)")
_FIELD_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\x20-\x7e\x80-\xff\t]*?)[ \t]*")
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})(;[\t\x20-\x7e]*)?")


class framing_error(AssertionError):
    """The peer sent something that is not a response."""


class closed_early(AssertionError):
    """The connection ended before a whole response; `received` is what came of its body."""

    def __init__(self, message, received=b""):
        super().__init__(message)
        self.received = received


class no_answer(AssertionError):
    """Nothing came before the deadline."""


@dataclasses.dataclass
class response:
    version: str
    status: int
    reason: str
    fields: list
    body: bytes = b""
    interim: list = dataclasses.field(default_factory=list)

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def get(self, name, default=None):
        values = self.all(name)
        if len(values) > 1:
            raise framing_error(f"{name} comes {len(values)} times: {values}")
        return values[0] if values else default

    def __getitem__(self, name):
        value = self.get(name)
        assert value is not None, f"no {name} in {self.status} {self.fields}"
        return value

    def __contains__(self, name):
        return bool(self.all(name))

    @property
    def length(self):
        return int(self["Content-Length"])

    @property
    def keeps_open(self):
        connection = (self.get("Connection") or "").lower()
        return "keep-alive" in connection if self.version == "1.0" else "close" not in connection

    def tokens(self, name):
        """The members of a comma-separated field, in lower case."""
        members = ",".join(self.all(name)).split(",")
        return [member.strip().lower() for member in members if member.strip()]


def request(method="GET", target="/", fields=(), body=b"", version="1.1", host="localhost"):
    """The bytes of one request. `host=None` leaves the Host field out."""
    if isinstance(target, str):
        target = target.encode("utf-8")
    lines = [b"%s %s HTTP/%s" % (method.encode(), target, version.encode())]
    if host is not None:
        lines.append(b"Host: " + host.encode())
    for name, value in dict(fields).items() if isinstance(fields, dict) else fields:
        lines.append(_bytes(name) + b": " + _bytes(value))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def _bytes(text):
    return text if isinstance(text, bytes) else text.encode("latin-1")


def parse_head(head):
    """A response without its body from the bytes up to and with the empty line."""
    if not head.endswith(b"\r\n\r\n"):
        raise framing_error(f"head without its end: {head[:200]!r}")
    lines = head[:-4].split(b"\r\n")
    match = _STATUS_LINE.fullmatch(lines[0])
    if not match:
        raise framing_error(f"not a status line: {lines[0][:200]!r}")
    fields = []
    for line in lines[1:]:
        field = _FIELD_LINE.fullmatch(line)
        if not field:
            raise framing_error(f"not a field line: {line[:200]!r}")
        fields.append((field[1].decode("latin-1"), field[2].decode("latin-1")))
    return response(match[1].decode(), int(match[2]), match[3].decode("latin-1"), fields)


def connect(address, receive_buffer=None, timeout=PATIENCE_S):
    """A connected socket. A small receive buffer must be set before connecting to take effect."""
    family = socket.AF_UNIX if isinstance(address, str) else (
        socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
    stream = socket.socket(family, socket.SOCK_STREAM)
    if receive_buffer:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    stream.settimeout(timeout)
    stream.connect(address)
    if family != socket.AF_UNIX:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return stream


class client:
    """One connection. Every read has a deadline, so that a silent server fails a test, not hangs it."""

    def __init__(self, address, receive_buffer=None, timeout=PATIENCE_S):
        self.timeout = timeout
        self.rest = b""
        self.ended = None  # None while open, then "end" or "reset"
        self.socket = connect(address, receive_buffer, timeout)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Closes with RST, as a client that crashed would."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def send(self, data):
        self.socket.settimeout(self.timeout)
        self.socket.sendall(data)

    def send_what_is_taken(self, data):
        """Sends until all is gone or the peer has closed. Returns the number of bytes taken."""
        taken = 0
        self.socket.settimeout(self.timeout)
        try:
            while taken < len(data):
                taken += self.socket.send(data[taken:taken + 65536])
        except (BrokenPipeError, ConnectionResetError):
            pass
        return taken

    def ask(self, target="/", fields=(), method="GET", **more):
        """Sends one request and reads its response."""
        self.send(request(method, target, fields, **more))
        return self.read_response(method)

    def read_more(self, most=1 << 18, deadline=None):
        """One receive into `rest`; False at the end of the connection."""
        if self.ended:
            return False
        left = self.timeout if deadline is None else max(deadline - time.monotonic(), 0.001)
        self.socket.settimeout(left)
        try:
            data = self.socket.recv(most)
        except TimeoutError:
            raise no_answer(f"no byte in {left:.1f} s; so far: {self.rest[:200]!r}") from None
        except ConnectionResetError:
            self.ended = "reset"
            return False
        if not data:
            self.ended = "end"
            return False
        self.rest += data
        return True

    def read_head(self):
        deadline = time.monotonic() + self.timeout
        while b"\r\n\r\n" not in self.rest:
            if not self.read_more(deadline=deadline):
                raise closed_early(f"{self.ended} before a whole head: {self.rest[:200]!r}")
        end = self.rest.index(b"\r\n\r\n") + 4
        head, self.rest = self.rest[:end], self.rest[end:]
        return parse_head(head)

    def read_exactly(self, size):
        """`size` bytes, those of `rest` first. The deadline counts from the last byte that came."""
        parts, have = [self.rest[:size]], min(size, len(self.rest))
        self.rest = self.rest[size:]
        while have < size:
            self.rest = b""
            if not self.read_more(min(size - have, 1 << 20)):
                raise closed_early(f"{self.ended} after {have} of {size} bytes", b"".join(parts))
            parts.append(self.rest)
            have += len(self.rest)
            self.rest = b""
        return b"".join(parts)

    def read_line(self):
        while b"\n" not in self.rest:
            if not self.read_more():
                raise closed_early(f"{self.ended} in a line: {self.rest[:200]!r}")
        end = self.rest.index(b"\n") + 1
        line, self.rest = self.rest[:end], self.rest[end:]
        if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
            raise framing_error(f"line without CRLF: {line[:200]!r}")
        return line[:-2]

    def read_chunked(self):
        body = []
        while True:
            match = _CHUNK_LINE.fullmatch(self.read_line())
            if not match:
                raise framing_error("not a chunk size")
            size = int(match[1], 16)
            if size == 0:
                break
            body.append(self.read_exactly(size))
            if self.read_exactly(2) != b"\r\n":
                raise framing_error("chunk without CRLF at its end")
        while self.read_line():
            pass
        return b"".join(body)

    def read_to_end(self):
        while self.read_more():
            pass
        data, self.rest = self.rest, b""
        return data

    def read_response(self, method="GET"):
        """One final response with its body; interim (1xx) ones are kept in `interim`."""
        interim = []
        answer = self.read_head()
        while 100 <= answer.status < 200:
            interim.append(answer)
            answer = self.read_head()
        answer.interim = interim
        check_head(answer)
        answer.body = self._read_body(answer, method)
        return answer

    def _read_body(self, answer, method):
        if method == "HEAD" or answer.status in (204, 304):
            return b""
        if "Transfer-Encoding" in answer:
            return self.read_chunked()
        if "Content-Length" in answer:
            return self.read_exactly(answer.length)
        if answer.keeps_open:
            raise framing_error(f"{answer.status}: no length on a connection that stays open")
        return self.read_to_end()

    def at_end(self, within=None):
        """True when the peer closes with no further byte. A byte more is a framing error."""
        if self.rest or self.read_more(deadline=time.monotonic() + (within or self.timeout)):
            raise framing_error(f"bytes where the end should be: {self.rest[:200]!r}")
        return True

    def is_silent(self, seconds=0.1):
        """True when neither a byte nor the end comes for a while."""
        try:
            self.read_more(deadline=time.monotonic() + seconds)
        except no_answer:
            return True
        return False


def check_head(answer):
    """What holds for every final response of an origin server."""
    for name in ("Content-Length", "Content-Type", "Date", "ETag", "Last-Modified", "Location",
                 "Content-Range", "Content-Encoding", "Transfer-Encoding"):
        answer.get(name)  # raises when the field comes twice
    if "Content-Length" in answer and not re.fullmatch(r"\d+", answer["Content-Length"]):
        raise framing_error(f"Content-Length: {answer['Content-Length']!r}")
    if "Content-Length" in answer and "Transfer-Encoding" in answer:
        raise framing_error("both Content-Length and Transfer-Encoding")
    if answer.status == 204 and "Content-Length" in answer:
        raise framing_error("204 with Content-Length (RFC 9110 section 8.6)")
    if answer.status < 500:
        imf = r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
        assert re.fullmatch(imf + r" \d{4} \d\d:\d\d:\d\d GMT", answer["Date"]), answer["Date"]


def multipart_byteranges(answer):
    """The parts of a multipart/byteranges body as (first, last, size, content type, bytes)."""
    kind = re.fullmatch(r'multipart/byteranges; *boundary="?([^"]{1,70})"?', answer["Content-Type"])
    assert kind, answer["Content-Type"]
    delimiter = b"--" + kind[1].encode()
    body = answer.body
    assert body.startswith((delimiter, b"\r\n" + delimiter)), body[:100]
    parts, at = [], body.index(delimiter) + len(delimiter)
    while not body.startswith(b"--", at):
        assert body.startswith(b"\r\n", at), body[at:at + 50]
        end = body.index(b"\r\n\r\n", at) + 4
        part = parse_head(b"HTTP/1.1 206 part" + body[at:end])
        span = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", part["Content-Range"])
        first, last, size = (int(number) for number in span.groups())
        at = end + last - first + 1
        parts.append((first, last, size, part.get("Content-Type"), body[end:at]))
        assert body.startswith(b"\r\n" + delimiter, at), body[at:at + 50]
        at += 2 + len(delimiter)
    assert body[at:] in (b"--", b"--\r\n"), body[at:at + 50]
    return parts
