"""What the server tells about itself: access log, /metrics and /healthz."""

import json
import re

import pytest

import tree
import wire
from program import MECHANISMS, wait_for

MIB = 1 << 20
COMBINED = re.compile(
    r'(?P<client>\S+) - - \[(?P<time>\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "(?P<line>(?:[^"\\]|\\.)*)" '
    r'(?P<status>\d{3}) (?P<bytes>\d+|-) "(?P<referer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)" '
    r'(?P<duration>\d+) (?P<sent>\d+) (?P<mechanism>\S+) (?P<copied>\d+)')
JSON_KEYS = {"time", "client", "host", "method", "target", "version", "status", "body_bytes", "sent_bytes", "duration_us",
             "mechanism", "copied_bytes", "referer", "user_agent"}


@pytest.fixture
def site(root):
    tree.write(root, "a.html", "a" * 5120, tree.OLD)
    tree.write(root, "big.bin", tree.content(MIB), tree.OLD)
    return root


class log:
    """The access log of a server; `of` waits for the lines of requests that carry a mark."""

    def __init__(self, serve, site, folder, form, **options):
        self.path = folder / "access.log"
        self.server = serve(site, access=self.path, access_format=form, **options)
        self.form = form

    def text(self):
        return self.path.read_text("utf-8", "surrogateescape") if self.path.exists() else ""

    def of(self, mark, count=1):
        def found():
            lines = [line for line in self.text().split("\n") if mark in line]
            return lines if len(lines) >= count and self.text().endswith("\n") else None
        lines = wait_for(found, 5, what=f"{count} log lines with {mark}")
        assert len(lines) == count
        return [self.parse(line) for line in lines]

    def parse(self, line):
        if self.form == "json":
            return json.loads(line)
        match = COMBINED.fullmatch(line)
        assert match, line
        return match.groupdict()


@pytest.fixture
def combined(serve, site, folder):
    return log(serve, site, folder, "combined")


@pytest.fixture
def as_json(serve, site, folder):
    return log(serve, site, folder, "json")


# --- access log ---------------------------------------------------------------------------------------

def test_combined_line(combined):
    answer = combined.server.ask("/a.html?mark", {"User-Agent": "test/1.0", "Referer": "http://a.example/"})
    line, = combined.of("?mark")
    assert line["client"] == "127.0.0.1"
    assert line["line"] == "GET /a.html?mark HTTP/1.1"
    assert (line["status"], line["bytes"]) == ("200", "5120")
    assert (line["referer"], line["agent"]) == ("http://a.example/", "test/1.0")
    assert line["mechanism"] in MECHANISMS
    head = sum(len(name) + len(value) + 4 for name, value in answer.fields) + len("HTTP/1.1 200 OK\r\n\r\n")
    assert abs(int(line["sent"]) - 5120 - head) <= 40
    assert int(line["duration"]) < 5_000_000


def test_missing_fields_are_a_dash(combined):
    combined.server.ask("/a.html?mark")
    line, = combined.of("?mark")
    assert (line["referer"], line["agent"]) == ("-", "-")


def test_json_line(as_json):
    as_json.server.ask("/a.html?mark", {"User-Agent": "test/1.0"}, host="site.example")
    line, = as_json.of("?mark")
    assert JSON_KEYS <= line.keys()
    assert (line["client"], line["host"], line["method"]) == ("127.0.0.1", "site.example", "GET")
    assert (line["target"], line["status"], line["body_bytes"]) == ("/a.html?mark", 200, 5120)
    assert line["version"] in ("HTTP/1.1", "1.1")
    assert line["user_agent"] == "test/1.0"
    assert line["sent_bytes"] > 5120 and isinstance(line["duration_us"], int)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", line["time"])


@pytest.mark.parametrize("target, fields, method, status, size", [
    ("/none?mark", {}, "GET", 404, None), ("/a.html?mark", {"Range": "bytes=0-9"}, "GET", 206, 10),
    ("/a.html?mark", {"If-Modified-Since": tree.OLD_HTTP}, "GET", 304, 0), ("/a.html?mark", {}, "HEAD", 200, 0),
    ("/a.html?mark", {}, "POST", 405, None), ("/a.html?mark", {}, "OPTIONS", 204, 0), ("/%zz?mark", {}, "GET", 400, None)])
def test_every_kind_of_answer_is_logged(as_json, target, fields, method, status, size):
    as_json.server.ask(target, fields, method)
    line, = as_json.of("mark")
    assert (line["status"], line["method"]) == (status, method)
    if size is not None:
        assert line["body_bytes"] == size


def test_refused_framing_is_logged(as_json):
    with as_json.server.connect() as one:
        one.send(b"GET /mark HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        assert one.read_response().status == 400
    wait_for(lambda: '"status":400' in as_json.text().replace(": ", ":"), 5)


def test_pipelined_requests_have_a_line_each(combined):
    with combined.server.connect() as one:
        one.send(wire.request("GET", "/a.html?mark") * 50)
        for _ in range(50):
            one.read_response()
    combined.of("?mark", 50)


def test_aborted_download_is_logged_with_what_was_sent(serve, root, folder):
    tree.write(root, "huge.bin", tree.content(32 * MIB))
    access = log(serve, root, folder, "json")
    client = access.server.connect(receive_buffer=4096)
    client.send(wire.request("GET", "/huge.bin?mark"))
    client.read_exactly(10_000)
    client.reset()
    line, = access.of("?mark")
    assert 0 < line["sent_bytes"] < 32 * MIB


def copied_for(access, mark):
    access.server.ask(f"/big.bin?warm")
    access.server.ask(f"/big.bin?{mark}")
    return access.of(f"?{mark}")[0]


def test_sendfile_copies_next_to_nothing(serve, site, folder):
    line = copied_for(log(serve, site, folder, "json", mechanism="sendfile"), "mark")
    assert line["mechanism"] == "sendfile"
    assert line["copied_bytes"] < MIB // 100


def test_splice_copies_next_to_nothing(serve, site, folder):
    line = copied_for(log(serve, site, folder, "json", mechanism="splice"), "mark")
    assert line["mechanism"] == "splice"
    assert line["copied_bytes"] < MIB // 100


def test_read_write_copies_twice(serve, site, folder):
    line = copied_for(log(serve, site, folder, "json", mechanism="read_write"), "mark")
    assert line["mechanism"] == "read_write"
    assert 2 * MIB <= line["copied_bytes"] < 2 * MIB + MIB // 10


def test_mapped_write_copies_once(serve, site, folder):
    line = copied_for(log(serve, site, folder, "json", mechanism="mapped_write"), "mark")
    assert line["mechanism"] == "mapped_write"
    assert MIB <= line["copied_bytes"] < MIB + MIB // 10


def test_auto_sends_large_bodies_by_sendfile_and_small_ones_from_memory(as_json):
    assert copied_for(as_json, "mark")["mechanism"] == "sendfile"
    as_json.server.ask("/a.html?warm")
    as_json.server.ask("/a.html?small")
    assert as_json.of("?small")[0]["mechanism"] == "gathered_write"


HOSTILE = [
    b'"quote', b"back\\slash", b'a" 200 5 "x" "y', b"\xff\xfe", "grüße".encode(), b"tab\there", b"\xc2\x85\xe2\x80\xa8",
    b"</script>", b"\x80\x9b31m", b'\\"', b"{}[],:", b"%0a%0d", b"%"]


@pytest.mark.parametrize("form", ["combined", "json"])
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_bytes_cannot_forge_a_line(serve, site, folder, form, text):
    access = log(serve, site, folder, form)
    access.server.ask("/a.html?mark", [("User-Agent", text), ("Referer", text)])
    raw = [line for line in wait_for(lambda: access.text().strip() and access.text(), 5).split("\n") if line]
    assert len(raw) == 1
    assert not re.search(r"[\x00-\x1f\x7f]", raw[0].replace("\t", "")) or form == "json"
    line, = access.of("?mark")
    assert line["status"] in ("200", 200)
    if form == "json":
        assert not re.search(r"[\x00-\x1f]", raw[0])
        if text.isascii():
            assert line["user_agent"] == text.decode()


@pytest.mark.parametrize("form", ["combined", "json"])
@pytest.mark.parametrize("target", [b"/mark\x1b[2J", b"/mark\"x", b"/mark\xff\xfe", b"/mark\x00x", b"/mark%0a127.0.0.1"])
def test_hostile_targets_cannot_forge_a_line(serve, site, folder, form, target):
    access = log(serve, site, folder, form)
    with access.server.connect() as one:
        one.send(b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert one.read_response().status in (400, 404)
    raw = [line for line in wait_for(lambda: access.text().strip() and access.text(), 5).split("\n") if line]
    assert len(raw) == 1
    assert not re.search(r"[\x00-\x1f\x7f]", raw[0])
    access.parse(raw[0])


def test_hostile_bytes_in_the_error_log(serve, root):
    server = serve(root, level="debug")
    server.ask("/x%1b%5b2J")
    server.ask(b"/\xe2\x80\xae\xc2\x9b")
    with server.connect() as one:
        one.send(b"GET /\x1b[31m HTTP/1.1\r\nHost: \x1b[31m\r\n\r\n")
        one.read_response()
    assert "\x1b" not in server.errors()


def test_log_on_standard_output_follows_the_ready_line(serve, site):
    server = serve(site, access="-")
    server.ask("/a.html?mark")
    wait_for(lambda: "?mark" in server.output(), 5)
    assert server.output().startswith("ready ")


def test_nothing_is_lost_at_the_end(serve, site, folder):
    access = log(serve, site, folder, "combined")
    with access.server.connect() as one:
        one.send(wire.request("GET", "/a.html?mark") * 500)
        for _ in range(500):
            one.read_response()
    access.server.finish()
    assert access.text().count("?mark") == 500


# --- metrics ------------------------------------------------------------------------------------------

METRICS = """sluice_http_requests_total sluice_http_request_duration_seconds_bucket sluice_http_request_duration_seconds_sum
    sluice_http_request_duration_seconds_count sluice_http_connections sluice_http_connections_accepted_total
    sluice_http_connections_evicted_total sluice_http_connections_refused_total sluice_transfer_bytes_total
    sluice_transfer_calls_total sluice_transfer_would_block_total sluice_transfer_copied_bytes_total
    sluice_copied_bytes_per_byte_sent sluice_cold_chunks_total sluice_stalls_total sluice_stall_seconds_total
    sluice_access_log_dropped_total sluice_limit sluice_limit_used""".split()


def test_metrics_page(serve, site):
    server = serve(site)
    server.ask("/a.html")
    server.ask("/big.bin")
    with wire.client(server.admin) as one:
        answer = one.ask("/metrics")
        assert answer.status == 200
        assert answer["Content-Type"].startswith("text/plain")
        assert one.ask("/metrics", method="HEAD").status == 200
        assert one.ask("/none").status == 404
    page = server.metrics()
    assert set(METRICS) <= page.names(), sorted(set(METRICS) - page.names())
    assert "sluice_fallbacks_total" in page.types, "named even when it has no sample yet"
    for name in page.types:
        assert name.startswith("sluice_") or name.startswith("process_")
        assert (page.types[name] == "counter") == name.endswith("_total"), name
    assert page.types["sluice_http_request_duration_seconds"] == "histogram"
    assert page.labels("sluice_http_connections", "state") >= {"idle", "reading", "sending"}
    assert page.labels("sluice_transfer_copied_bytes_total", "where") == {"user_kernel", "user"}
    assert {"connections", "cache_bytes", "cache_files"} <= page.labels("sluice_limit_used", "name")


def test_histogram_is_one(serve, site):
    server = serve(site)
    for _ in range(10):
        server.ask("/a.html")
    page = wait_for(lambda: (p := server.metrics()).sum("sluice_http_request_duration_seconds_count") >= 10 and p, 5)
    buckets = sorted((float(dict(labels)["le"]), value) for (name, labels), value in page.samples.items()
                     if name == "sluice_http_request_duration_seconds_bucket")
    values = [value for _, value in buckets]
    assert values == sorted(values), "buckets are cumulative"
    assert buckets[-1] == (float("inf"), page.sum("sluice_http_request_duration_seconds_count"))


def test_requests_are_counted_by_code_and_method(serve, site):
    server = serve(site)
    for target, method in [("/a.html", "GET"), ("/a.html", "GET"), ("/a.html", "HEAD"), ("/none", "GET"), ("/a.html", "POST")]:
        server.ask(target, method=method)
    count = lambda page, code, method: page.sum("sluice_http_requests_total", code=code, method=method)
    page = wait_for(lambda: (p := server.metrics()).sum("sluice_http_requests_total") >= 5 and p, 5)
    assert [count(page, "200", "GET"), count(page, "200", "HEAD"), count(page, "404", "GET"), count(page, "405", "POST")] \
        == [2, 1, 1, 1]


def test_unknown_methods_do_not_make_metrics_grow(serve, site):
    """A label that a client may choose would be memory that a client may take."""
    server = serve(site)
    for number in range(50):
        server.ask("/a.html", method=f"M{number}")
    assert len(server.metrics().labels("sluice_http_requests_total", "method")) < 12


def test_connections_by_state(serve, root):
    tree.write(root, "huge.bin", tree.content(16 * MIB))
    server = serve(root)
    states = lambda: [server.metrics().sum("sluice_http_connections", state=s) for s in ("idle", "reading", "sending")]
    none = states()  # the admin connection that asks may be among them
    idle, reading, sending = server.connect(), server.connect(), server.connect(receive_buffer=4096)
    assert idle.ask("/none").status == 404
    reading.send(b"GET / HT")
    sending.send(wire.request("GET", "/huge.bin"))
    sending.read_head()
    wait_for(lambda: states() == [count + 1 for count in none], 5, what="one connection more in each state")
    for client in (idle, reading, sending):
        client.reset()
    wait_for(lambda: states() == none, 5, what="no connection more in any state")
    assert server.metrics().sum("sluice_http_connections_accepted_total") >= 3


@pytest.mark.parametrize("mechanism, low, high", [
    ("sendfile", 0, 0.01), ("splice", 0, 0.01), ("mapped_write", 0.99, 1.1), ("read_write", 1.99, 2.1)])
def test_copied_bytes_per_byte_sent(serve, site, mechanism, low, high):
    server = serve(site, mechanism=mechanism)
    for _ in range(8):
        server.ask("/big.bin")
    page = wait_for(lambda: (p := server.metrics()).sum("sluice_transfer_bytes_total") >= 8 * MIB and p, 5)
    assert page.sum("sluice_transfer_bytes_total", mechanism=mechanism) >= 8 * MIB
    assert page.sum("sluice_transfer_calls_total", mechanism=mechanism) >= 8
    sent = page.sum("sluice_transfer_bytes_total")
    assert low <= page.sum("sluice_transfer_copied_bytes_total") / sent <= high
    assert low <= page.sum("sluice_copied_bytes_per_byte_sent") <= high


def test_would_block_is_counted(serve, root):
    tree.write(root, "huge.bin", tree.content(16 * MIB))
    server = serve(root)
    client = server.connect(receive_buffer=4096)
    client.send(wire.request("GET", "/huge.bin"))
    client.read_head()
    wait_for(lambda: server.metrics().sum("sluice_transfer_would_block_total") > 0, 5)


def test_counters_never_go_down(serve, site):
    server = serve(site)
    server.ask("/a.html")
    first = server.metrics()
    for _ in range(5):
        server.ask("/big.bin")
    second = server.metrics()
    for (name, labels), value in first.samples.items():
        if name.endswith("_total"):
            assert second.samples[(name, labels)] >= value, name


def test_limits_are_shown_with_their_use(serve, site):
    server = serve(site, connections=123, cache_files=45)
    clients = [server.connect() for _ in range(5)]
    for client in clients:
        client.ask("/big.bin")
    wait_for(lambda: server.metrics().sum("sluice_limit_used", name="cache_files") > 0, 3, what="an open file")
    page = server.metrics()
    assert page.sum("sluice_limit", name="connections") == 123
    assert page.sum("sluice_limit", name="cache_files") == 45
    assert 5 <= page.sum("sluice_limit_used", name="connections") <= 6
    assert page.sum("sluice_limit_used", name="cache_files") <= 3


def test_admin_is_not_on_the_public_address(serve, site):
    server = serve(site)
    assert server.ask("/metrics").status == 404
    assert server.ask("/healthz").status == 404
