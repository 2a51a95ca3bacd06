"""Requests by RFC 9112, and requests that break it."""

import pytest

import tree
import wire

HOST = b"Host: localhost\r\n"
SMUGGLED = b"GET /smuggled.txt HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def server(serve_module, module_folder):
    root = module_folder / "root"
    tree.write(root, "index.html", "start")
    tree.write(root, "a.txt", "a" * 100)
    tree.write(root, "b.txt", "b" * 50_000)
    tree.write(root, "smuggled.txt", "smuggled")
    made = serve_module(root, head_timeout_ms=5000)
    yield made
    made.healthy()


def refused(server, data, statuses, after=SMUGGLED):
    """One answer with one of `statuses`, then the end: what followed was never read as a request."""
    with server.connect() as one:
        one.send_what_is_taken(data + after)
        answer = one.read_response()
        assert answer.status in statuses, (answer.status, data[:200])
        assert not answer.keeps_open, "the answer must say that the connection closes"
        assert b"smuggled" not in answer.body
        assert one.at_end()


def accepted(server, data, body=b"a" * 100):
    """Status 200 and a connection that stays usable."""
    with server.connect() as one:
        one.send(data)
        answer = one.read_response()
        assert (answer.status, answer.body) == (200, body), (answer.status, data[:200])
        assert one.ask("/").body == b"start"


# --- line ends, fields ----------------------------------------------------------------------------

BAD_HEADS = {
    "bare LF after the request line": b"GET /a.txt HTTP/1.1\n" + HOST + b"\r\n",
    "bare LF after a field": b"GET /a.txt HTTP/1.1\r\nHost: localhost\n\r\n",
    "bare LF as the empty line": b"GET /a.txt HTTP/1.1\r\n" + HOST + b"\n",
    "only bare LF": b"GET /a.txt HTTP/1.1\nHost: localhost\n\n",
    "bare LF within a value": b"GET /a.txt HTTP/1.1\r\n" + HOST + b"X: a\nY: b\r\n\r\n",
    "bare CR within a value": b"GET /a.txt HTTP/1.1\r\n" + HOST + b"X: a\rY: b\r\n\r\n",
    "bare CR after the request line": b"GET /a.txt HTTP/1.1\r" + HOST + b"\r\n",
    "CR CR LF": b"GET /a.txt HTTP/1.1\r\n" + HOST + b"X: a\r\r\n\r\n",
    "obs-fold with a space": b"GET /a.txt HTTP/1.1\r\n" + HOST + b"X: a\r\n b\r\n\r\n",
    "obs-fold with a tab": b"GET /a.txt HTTP/1.1\r\n" + HOST + b"X: a\r\n\tb\r\n\r\n",
    "white space before the first field": b"GET /a.txt HTTP/1.1\r\n " + HOST + b"\r\n",
    "space before the colon": b"GET /a.txt HTTP/1.1\r\n" + HOST + b"X : a\r\n\r\n",
    "tab before the colon": b"GET /a.txt HTTP/1.1\r\n" + HOST + b"X\t: a\r\n\r\n",
    "space before the colon of Host": b"GET /a.txt HTTP/1.1\r\nHost : localhost\r\n\r\n",
    "empty field name": b"GET /a.txt HTTP/1.1\r\n" + HOST + b": a\r\n\r\n",
    "line without a colon": b"GET /a.txt HTTP/1.1\r\n" + HOST + b"nonsense\r\n\r\n",
    "space within a name": b"GET /a.txt HTTP/1.1\r\n" + HOST + b"X Y: a\r\n\r\n",
    "no token as a name": b"GET /a.txt HTTP/1.1\r\n" + HOST + b"X(y): a\r\n\r\n",
    "high byte in a name": b"GET /a.txt HTTP/1.1\r\n" + HOST + b"X\xe9: a\r\n\r\n",
    "NUL in a name": b"GET /a.txt HTTP/1.1\r\n" + HOST + b"X\0: a\r\n\r\n",
    "NUL in a value": b"GET /a.txt HTTP/1.1\r\n" + HOST + b"X: a\0b\r\n\r\n",
    "escape in a value": b"GET /a.txt HTTP/1.1\r\n" + HOST + b"X: a\x1bb\r\n\r\n",
    "DEL in a value": b"GET /a.txt HTTP/1.1\r\n" + HOST + b"X: a\x7fb\r\n\r\n",
    "vertical tab in a value": b"GET /a.txt HTTP/1.1\r\n" + HOST + b"X: a\x0bb\r\n\r\n",
}


@pytest.mark.parametrize("data", BAD_HEADS.values(), ids=BAD_HEADS.keys())
def test_bad_head_is_400_and_close(server, data):
    refused(server, data, [400])


BAD_LINES = {
    "no version": b"GET /a.txt", "only a method": b"GET", "two spaces before the target": b"GET  /a.txt HTTP/1.1",
    "two spaces after the target": b"GET /a.txt  HTTP/1.1", "space at the end": b"GET /a.txt HTTP/1.1 ",
    "space at the start": b" GET /a.txt HTTP/1.1", "a tab": b"GET\t/a.txt HTTP/1.1",
    "tab before the version": b"GET /a.txt\tHTTP/1.1", "space in the target": b"GET /a .txt HTTP/1.1",
    "no target": b"GET  HTTP/1.1", "method is no token": b"G(T /a.txt HTTP/1.1",
    "high byte in the method": b"G\xc9T /a.txt HTTP/1.1", "NUL in the method": b"G\0T /a.txt HTTP/1.1",
    "NUL in the target": b"GET /a\0.txt HTTP/1.1", "escape in the target": b"GET /\x1b[2J HTTP/1.1",
    "DEL in the target": b"GET /\x7f HTTP/1.1",
    "lower case": b"GET /a.txt http/1.1", "no slash in the version": b"GET /a.txt HTTP1.1",
    "no minor version": b"GET /a.txt HTTP/1", "dot alone": b"GET /a.txt HTTP/1.", "two digits": b"GET /a.txt HTTP/1.10",
    "leading zero": b"GET /a.txt HTTP/01.1", "comma": b"GET /a.txt HTTP/1,1", "letters": b"GET /a.txt HTTP/a.b",
    "sign": b"GET /a.txt HTTP/1.-1", "another protocol": b"GET /a.txt FTP/1.1", "a word more": b"GET /a.txt HTTP/1.1 x",
}


@pytest.mark.parametrize("line", BAD_LINES.values(), ids=BAD_LINES.keys())
def test_bad_request_line_is_400_and_close(server, line):
    refused(server, line + b"\r\n" + HOST + b"\r\n", [400])


@pytest.mark.parametrize("version", ["0.9", "1.2", "1.9", "2.0", "3.0", "9.9", "0.0"])
def test_other_versions_are_505_and_close(server, version):
    refused(server, b"GET /a.txt HTTP/%s\r\n" % version.encode() + HOST + b"\r\n", [505])


def test_http2_preface_is_505(server):
    refused(server, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [505])


def test_tls_client_hello_is_refused(server):
    refused(server, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) + b"\r\n\r\n", [400])


@pytest.mark.parametrize("lines", [1, 2, 3])
def test_empty_lines_before_the_request_are_ignored(server, lines):
    accepted(server, b"\r\n" * lines + wire.request("GET", "/a.txt"))


@pytest.mark.parametrize("field", [
    b"X:a", b"X: a", b"X:\ta\t", b"X:   a   ", b"X:", b"X: ", b"X: a\tb c", b"X: \xe9\xff", b"x-lower: 1",
    b"!#$%&'*+-.^_`|~: 1", b'X: "\\"<>{}[]()@,;:/?="'])
def test_good_fields_are_accepted(server, field):
    accepted(server, b"GET /a.txt HTTP/1.1\r\n" + HOST + field + b"\r\n\r\n")


def test_field_names_are_case_insensitive(server):
    accepted(server, b"GET /a.txt HTTP/1.1\r\nhOsT: localhost\r\n\r\n")


# --- Host -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("hosts", [
    [], ["localhost", "localhost"], ["a", "b"], ["a b"], ["a/b"], ["a\\b"], ["a@b"], ["a:b"], ["a:1:2"],
    ["<a>"], ["[::1"], ["a?b"], ["a#b"], ["a:80x"], ["%"]])
def test_http11_wants_one_valid_host(server, hosts):
    lines = b"".join(b"Host: %s\r\n" % host.encode() for host in hosts)
    refused(server, b"GET /a.txt HTTP/1.1\r\n" + lines + b"\r\n", [400])


@pytest.mark.parametrize("host", [
    "localhost", "localhost:80", "LOCALHOST", "127.0.0.1", "127.0.0.1:8080", "[::1]", "[::1]:8080", "a.b-c_d.example",
    "xn--bcher-kva.example", "example.org.", "localhost:"])
def test_valid_hosts(server, host):
    accepted(server, wire.request("GET", "/a.txt", host=host))


def test_two_hosts_in_http10_are_refused(server):
    refused(server, b"GET /a.txt HTTP/1.0\r\n" + HOST * 2 + b"\r\n", [400])


def test_http10_needs_no_host(server):
    with server.connect() as one:
        one.send(b"GET /a.txt HTTP/1.0\r\n\r\n")
        assert one.read_response().body == b"a" * 100
        assert one.at_end()


@pytest.mark.parametrize("target", ["http://localhost/a.txt", "http://other.example:81/a.txt", "HTTP://localhost/a.txt",
                                    "http://[::1]:80/a.txt"])
def test_absolute_form(server, target):
    accepted(server, wire.request("GET", target))


@pytest.mark.parametrize("target, body", [("http://localhost", b"start"), ("http://localhost?x", b"start"),
                                          ("http://localhost/?x", b"start")])
def test_absolute_form_without_a_path(server, target, body):
    accepted(server, wire.request("GET", target), body)


def test_absolute_form_also_needs_a_host(server):
    refused(server, b"GET http://localhost/a.txt HTTP/1.1\r\n\r\n", [400])


@pytest.mark.parametrize("target", [
    "a.txt", "*", "localhost:80", "ftp://localhost/a.txt", "http:///a.txt", "http://user@localhost/a.txt",
    "http://[::1/a.txt", "http://localhost:port/a.txt", "http://", "://localhost/a.txt", "?a.txt", "#"])
def test_target_of_no_good_form_is_400(server, target):
    """The end of such a request is known, so the connection may stay open."""
    with server.connect() as one:
        answer = one.ask(target)
        assert answer.status == 400
        assert one.ask("/a.txt").status == 200 if answer.keeps_open else one.at_end()


# --- persistence --------------------------------------------------------------------------------------

def test_keep_alive_is_the_default_of_http11(server):
    with server.connect() as one:
        for _ in range(50):
            assert one.ask("/a.txt").status == 200
            assert one.ask("/b.txt").body == b"b" * 50_000


@pytest.mark.parametrize("value", ["close", "Close", "keep-alive, close", "x, CLOSE"])
def test_close_closes(server, value):
    with server.connect() as one:
        answer = one.ask("/a.txt", {"Connection": value})
        assert answer.status == 200
        assert "close" in answer.tokens("Connection")
        assert one.at_end(within=2)


def test_http10_closes(server):
    with server.connect() as one:
        answer = one.ask("/b.txt", version="1.0")
        assert answer.body == b"b" * 50_000
        assert one.at_end(within=2)


@pytest.mark.parametrize("value", ["keep-alive", "Keep-Alive", "x, keep-alive"])
def test_http10_keeps_alive_on_request(server, value):
    with server.connect() as one:
        for target in ["/a.txt", "/b.txt", "/none"]:
            answer = one.ask(target, {"Connection": value}, version="1.0")
            assert "keep-alive" in answer.tokens("Connection")
        one.ask("/a.txt", version="1.0")
        assert one.at_end(within=2)


def test_requests_after_close_are_not_answered(server):
    with server.connect() as one:
        one.send(wire.request("GET", "/a.txt", {"Connection": "close"}) + SMUGGLED)
        assert one.read_response().body == b"a" * 100
        assert one.at_end()


def test_number_of_requests_is_limited(serve, root):
    tree.write(root, "a.txt", "a")
    one = serve(root, requests=3).connect()
    for number in range(3):
        answer = one.ask("/a.txt")
        assert answer.keeps_open == (number < 2)
    assert one.at_end(within=2)


def test_half_closed_client_gets_its_answers(server):
    with server.connect() as one:
        one.send(wire.request("GET", "/b.txt") * 3)
        one.half_close()
        for _ in range(3):
            assert one.read_response().body == b"b" * 50_000
        assert one.at_end(within=2)


def test_end_in_the_middle_of_a_head_is_no_request(server):
    with server.connect() as one:
        one.send(b"GET /a.txt HTTP/1.1\r\nHost: loc")
        one.half_close()
        rest = one.read_to_end()
        assert rest == b"" or rest.startswith(b"HTTP/1.1 400")


# --- pieces -------------------------------------------------------------------------------------------

def test_request_split_at_every_byte(server):
    whole = wire.request("GET", "/a.txt", {"X-Long": "y" * 30, "Range": "bytes=0-9"})
    with server.connect() as one:
        for at in range(1, len(whole)):
            one.send(whole[:at])
            if at % 16 == 0:
                assert one.is_silent(0.002)
            one.send(whole[at:])
            assert one.read_response().status == 206


def test_request_byte_by_byte(server):
    with server.connect() as one:
        for value in wire.request("GET", "/a.txt"):
            one.send(bytes([value]))
        assert one.read_response().body == b"a" * 100


def test_chunked_body_split_at_every_byte(server):
    whole = (b"POST /a.txt HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
             b"5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nT: t\r\n\r\n")
    with server.connect() as one:
        for at in range(1, len(whole)):
            one.send(whole[:at])
            one.send(whole[at:])
            assert one.read_response().status == 405
        assert one.ask("/a.txt").status == 200


# --- pipelining ---------------------------------------------------------------------------------------

def test_pipelined_answers_come_in_order(server):
    targets = ["/a.txt", "/b.txt", "/none", "/", "/b.txt", "/a.txt"] * 20
    with server.connect() as one:
        one.send(b"".join(wire.request("GET", target) for target in targets))
        sizes = {"/a.txt": (200, 100), "/b.txt": (200, 50_000), "/": (200, 5)}
        for target in targets:
            answer = one.read_response()
            assert answer.status == sizes.get(target, (404, 0))[0]
            if target in sizes:
                assert len(answer.body) == sizes[target][1]
        assert not one.rest


def test_pipelined_mixture_of_methods(server):
    with server.connect() as one:
        one.send(wire.request("HEAD", "/b.txt") + wire.request("POST", "/a.txt", {"Content-Length": "3"}, b"abc")
                 + wire.request("GET", "/a.txt", {"Range": "bytes=0-4"}) + wire.request("OPTIONS", "/a.txt")
                 + wire.request("GET", "/a.txt", {"Connection": "close"}))
        seen = [one.read_response(method).status for method in ["HEAD", "POST", "GET", "OPTIONS", "GET"]]
        assert seen == [200, 405, 206, 204, 200]
        assert one.at_end()


# --- bodies -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "BREW"])
@pytest.mark.parametrize("size", [0, 1, 5000, 65536])
def test_body_with_length_is_read_away(server, method, size):
    """The body holds a request of its own, which must never be answered."""
    body = (SMUGGLED * (size // len(SMUGGLED) + 1))[:size]
    with server.connect() as one:
        answer = one.ask("/a.txt", {"Content-Length": str(size)}, method, body=body)
        assert answer.status in (200, 204, 405, 501)
        if answer.keeps_open:
            assert one.ask("/a.txt").body == b"a" * 100
        else:
            assert one.at_end()


def chunked(body, size=1000, extension=b"", trailers=b""):
    pieces = [body[at:at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x%s\r\n%s\r\n" % (len(p), extension, p) for p in pieces) + b"0\r\n" + trailers + b"\r\n"


@pytest.mark.parametrize("body", [
    chunked(b""), chunked(b"x"), chunked(SMUGGLED * 100), chunked(b"x" * 65536, 4096), chunked(b"x" * 300, 1),
    chunked(b"hello", 3, b";name=value;x"), chunked(b"hello", 3, b';q="a b"'), chunked(b"hello", 5, b"", b"T: a\r\nU: b\r\n"),
    b"00005\r\nhello\r\n000\r\n\r\n", b"A\r\n0123456789\r\n0\r\n\r\n", b"a\r\n0123456789\r\n0\r\n\r\n"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_chunked_body_is_read_away(server, body, method):
    with server.connect() as one:
        answer = one.ask("/a.txt", {"Transfer-Encoding": "chunked"}, method, body=body)
        assert answer.status == (200 if method == "GET" else 405)
        assert answer.keeps_open
        assert one.ask("/a.txt").body == b"a" * 100


def test_transfer_coding_name_is_case_insensitive(server):
    accepted(server, wire.request("GET", "/a.txt", {"Transfer-Encoding": "Chunked"}, b"0\r\n\r\n"))


def test_get_with_a_body_is_still_served(server):
    accepted(server, wire.request("GET", "/a.txt", {"Content-Length": "5"}, b"hello"))


BAD_CHUNKS = {
    "no hex": b"g\r\nx\r\n0\r\n\r\n", "0x": b"0x1\r\nx\r\n0\r\n\r\n", "sign": b"-1\r\nx\r\n0\r\n\r\n",
    "plus": b"+1\r\nx\r\n0\r\n\r\n", "empty size": b"\r\nx\r\n0\r\n\r\n", "space before": b" 1\r\nx\r\n0\r\n\r\n",
    "extension without a size": b";x\r\nx\r\n0\r\n\r\n", "17 digits": b"10000000000000001\r\nx\r\n0\r\n\r\n",
    "all ones": b"ffffffffffffffff\r\nx\r\n0\r\n\r\n", "over 64 bits": b"fffffffffffffffff\r\nx\r\n0\r\n\r\n",
    "data too long": b"1\r\nxy\r\n0\r\n\r\n", "data too short": b"3\r\nxy\r\n0\r\n\r\n",
    "bare LF after the size": b"1\nx\r\n0\r\n\r\n", "bare LF after the data": b"1\r\nx\n0\r\n\r\n",
    "bare LF at the end": b"1\r\nx\r\n0\n\n", "bare LF in an extension": b"1;a\nb\r\nx\r\n0\r\n\r\n",
    "bare CR in an extension": b"1;a\rb\r\nx\r\n0\r\n\r\n", "bare CR after the size": b"1\rx\r\n0\r\n\r\n",
    "NUL in an extension": b"1;a\0b\r\nx\r\n0\r\n\r\n", "two numbers": b"1 1\r\nx\r\n0\r\n\r\n",
    "comma": b"1,1\r\nx\r\n0\r\n\r\n", "trailer with a bare LF": b"0\r\nT: t\n\r\n",
    "trailer without a colon": b"0\r\nnonsense\r\n\r\n", "folded trailer": b"0\r\nT: t\r\n u\r\n\r\n",
    "trailer with white space before the colon": b"0\r\nT : t\r\n\r\n",
}


@pytest.mark.parametrize("body", BAD_CHUNKS.values(), ids=BAD_CHUNKS.keys())
def test_bad_chunk_is_400_and_close(server, body):
    data = b"POST /a.txt HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n" + body
    statuses = [400, 413] if body.startswith((b"f", b"1000000")) else [400]
    refused(server, data, statuses)


@pytest.mark.parametrize("value", [
    "+5", "-5", "0x5", "5 5", "5,5", "5, 5", "5, 6", "", " ", "five", "5.0", "1e3", "5;", "'5'", "\xb25",
    "9" * 30, str(2 ** 64), str(2 ** 64 + 5)])
def test_bad_content_length_is_400_and_close(server, value):
    data = b"POST /a.txt HTTP/1.1\r\n" + HOST + b"Content-Length: " + value.encode("latin-1") + b"\r\n\r\nhello"
    refused(server, data, [400, 413] if len(value) > 15 else [400])


@pytest.mark.parametrize("fields, statuses", [
    (b"Content-Length: 5\r\nContent-Length: 5\r\n", [400]), (b"Content-Length: 5\r\nContent-Length: 6\r\n", [400]),
    (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", [400]),
    (b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", [400]),
    (b"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", [400]),
    (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", [400]),
    (b"Transfer-Encoding: chunked, chunked\r\n", [400, 501]),
    (b"Transfer-Encoding: chunked, gzip\r\n", [400, 501]),
    (b"Transfer-Encoding: gzip\r\n", [400, 501]), (b"Transfer-Encoding: gzip, chunked\r\n", [400, 501]),
    (b"Transfer-Encoding: identity\r\n", [400, 501]), (b"Transfer-Encoding: identity, chunked\r\n", [400, 501]),
    (b"Transfer-Encoding: xchunked\r\n", [400, 501]), (b"Transfer-Encoding: chunkedx\r\n", [400, 501]),
    (b"Transfer-Encoding: \"chunked\"\r\n", [400, 501]), (b"Transfer-Encoding: chunked;q=1\r\n", [400, 501]),
    (b"Transfer-Encoding: \r\n", [400, 501]), (b"Transfer-Encoding: ,chunked,\r\nContent-Length: 3\r\n", [400]),
    (b"Transfer-Encoding: \x0bchunked\r\n", [400]), (b"Transfer-Encoding : chunked\r\n", [400]),
    (b"Transfer-Encoding:\r\n chunked\r\n", [400]), (b"X: a\r\n Transfer-Encoding: chunked\r\n", [400]),
    (b"Content-Length : 5\r\n", [400]), (b"X: y\nTransfer-Encoding: chunked\r\n", [400]),
    (b"Content-Length: 0\r\nContent-Length: 44\r\n", [400])])
@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_ambiguous_framing_is_refused(server, fields, statuses, method):
    """Two readings are possible: a proxy in front may have taken the other one."""
    data = method + b" /a.txt HTTP/1.1\r\n" + HOST + fields + b"\r\n" + b"0\r\n\r\n"
    refused(server, data, statuses)


def test_transfer_encoding_in_http10_is_refused(server):
    data = b"POST /a.txt HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n0\r\n\r\n"
    refused(server, data, [400])


def test_content_length_may_have_zeros_in_front(server):
    accepted(server, wire.request("GET", "/a.txt", {"Content-Length": "0005"}, b"hello"))


# --- limits -------------------------------------------------------------------------------------------

def test_body_over_the_limit_is_413_and_close(server):
    refused(server, wire.request("POST", "/a.txt", {"Content-Length": "65537"}), [405, 413], after=b"")
    refused(server, wire.request("GET", "/a.txt", {"Content-Length": "65537"}), [413], after=b"")
    refused(server, wire.request("GET", "/a.txt", {"Content-Length": str(1 << 40)}), [413], after=b"")


def test_chunked_body_over_the_limit_is_413_and_close(server):
    refused(server, wire.request("POST", "/a.txt", {"Transfer-Encoding": "chunked"}, chunked(b"x" * 65537, 4096)), [413])


def test_413_reaches_a_client_that_goes_on_sending(server):
    with server.connect() as one:
        one.send_what_is_taken(wire.request("GET", "/a.txt", {"Content-Length": str(8 << 20)}, b"x" * (8 << 20)))
        assert one.read_response().status == 413
        assert one.at_end()


def test_endless_chunk_extension_is_refused(server):
    data = wire.request("POST", "/a.txt", {"Transfer-Encoding": "chunked"}, b"1;" + b"x" * 200_000)
    refused(server, data, [400, 413, 431], after=b"")


def test_endless_trailers_are_refused(server):
    data = wire.request("POST", "/a.txt", {"Transfer-Encoding": "chunked"}, b"0\r\n" + b"T: t\r\n" * 50_000)
    refused(server, data, [400, 413, 431], after=b"")


def test_body_limit_can_be_set(serve, root):
    tree.write(root, "a.txt", "a")
    server = serve(root, body_bytes=10)
    assert server.ask("/a.txt", {"Content-Length": "10"}, body=b"x" * 10).status == 200
    assert server.ask("/a.txt", {"Content-Length": "11"}, body=b"x" * 11).status == 413


def test_long_request_line_is_414(server):
    refused(server, wire.request("GET", "/" + "x" * 20_000), [414])
    refused(server, b"GET /" + b"x" * 40_000, [414], after=b"")


def test_long_method_is_refused(server):
    refused(server, b"X" * 40_000, [400, 414, 501], after=b"")


def test_long_head_is_431(server):
    refused(server, wire.request("GET", "/a.txt", {"X": "y" * 20_000}), [431])
    refused(server, b"GET /a.txt HTTP/1.1\r\n" + HOST + b"X: " + b"y" * 40_000, [431], after=b"")


def test_head_within_the_limit_is_accepted(server):
    accepted(server, wire.request("GET", "/a.txt", {"X": "y" * 15_000}))


def test_number_of_fields_is_limited(server):
    fields = lambda count: [(f"X-{n}", "1") for n in range(count - 1)]  # and Host
    accepted(server, wire.request("GET", "/a.txt", fields(100)))
    refused(server, wire.request("GET", "/a.txt", fields(101)), [431])


def test_head_limits_can_be_set(serve, root):
    tree.write(root, "a.txt", "a")
    server = serve(root, head_bytes=65536, header_fields=10)
    assert server.ask("/a.txt", {"X": "y" * 60_000}).status == 200
    assert server.ask("/a.txt", [(f"X-{n}", "1") for n in range(10)]).status == 431


# --- Expect -------------------------------------------------------------------------------------------

def test_expect_100_continue(server):
    with server.connect() as one:
        one.send(wire.request("POST", "/a.txt", {"Expect": "100-continue", "Content-Length": "5"}))
        first = one.read_head()
        assert first.status in (100, 405)
        if first.status == 100:
            one.send(b"hello")
            assert one.read_response().status == 405
            assert one.ask("/a.txt").status == 200


@pytest.mark.parametrize("framing, body", [({"Content-Length": "5"}, b"hello"),
                                           ({"Transfer-Encoding": "chunked"}, b"5\r\nhello\r\n0\r\n\r\n")])
def test_get_with_expect_gets_100_and_then_its_answer(server, framing, body):
    with server.connect() as one:
        one.send(wire.request("GET", "/a.txt", {"Expect": "100-Continue", **framing}))
        assert one.read_head().status == 100
        one.send(body)
        assert one.read_response().body == b"a" * 100
        assert one.ask("/a.txt").status == 200


def test_expect_with_the_body_already_there(server):
    with server.connect() as one:
        answer = one.ask("/a.txt", {"Expect": "100-continue", "Content-Length": "5"}, body=b"hello")
        assert answer.status == 200
        assert len(answer.interim) <= 1
        assert one.ask("/a.txt").status == 200


def test_expect_without_a_body_gets_no_100(server):
    answer = server.ask("/a.txt", {"Expect": "100-continue"})
    assert (answer.status, answer.interim) == (200, [])


def test_expect_in_http10_gets_no_100(server):
    answer = server.ask("/a.txt", {"Expect": "100-continue", "Content-Length": "5"}, body=b"hello", version="1.0")
    assert (answer.status, answer.interim) == (200, [])


def test_expect_with_a_body_over_the_limit(server):
    with server.connect() as one:
        one.send(wire.request("GET", "/a.txt", {"Expect": "100-continue", "Content-Length": "1000000"}))
        answer = one.read_response()
        assert (answer.status, answer.interim) == (413, [])
        assert one.at_end()


@pytest.mark.parametrize("value", ["200-ok", "100-continue-please", "x=y", "100"])
def test_other_expectations_are_417(server, value):
    with server.connect() as one:
        assert one.ask("/a.txt", {"Expect": value}).status == 417
