"""What a plain request for a file or a directory gets."""

import html.parser
import json
import os
import re
import urllib.parse

import pytest

import tree
import wire
from program import MECHANISMS

SIZES = [0, 1, 200, 4095, 4096, 4097, 16383, 16384, 16385, 65536, (1 << 20) - 1, (1 << 20) + 1,
         20 << 20]
GIB = 1 << 30
HUGE = 5 * GIB
MARK = b"<a mark in the hole of the file>"


@pytest.fixture(scope="module")
def site(module_folder):
    root = module_folder / "root"
    tree.write(root, "index.html", "<h1>start</h1>")
    tree.write(root, "a.html", "<p>a page</p>", tree.OLD)
    tree.write(root, "empty.txt", "")
    tree.write(root, "with/index/index.html", "inner index")
    tree.write(root, "list/b.txt", "bb")
    tree.write(root, "list/a&<\"'.txt", "quoted")
    tree.write(root, "list/javascript:alert(1)", "a name that looks like another scheme")
    tree.write(root, "list/.hidden", "hidden")
    tree.write(root, "list/sub/c.txt", "c")
    tree.write(root, "list/ünï.txt", "umlaut")
    tree.write(root, "names/two words.txt", "space")
    tree.write(root, "names/grüße €.txt", "utf-8")
    tree.write(root, "names/100%.txt", "percent")
    tree.write(root, "names/a+b&c=d;e,f.txt", "reserved")
    tree.write(root, "names/what?.txt", "question")
    tree.write(root, "names/hash#.txt", "hash")
    tree.write(root, "names/noextension", "none")
    tree.write(root, "deep/" * 200 + "end.txt", "deep")
    for size in SIZES:
        tree.write(root, f"sizes/{size}.bin", tree.content(size))
    return root


@pytest.fixture(scope="module")
def server(serve_module, site):
    return serve_module(site, listing=True)


@pytest.fixture(scope="module", params=MECHANISMS)
def forced(request, serve_module, site):
    return serve_module(site, mechanism=request.param)


# --- one file -----------------------------------------------------------------------------------

def test_get_has_body_and_fields(server):
    answer = server.ask("/a.html")
    assert (answer.version, answer.status) == ("1.1", 200)
    assert answer.body == b"<p>a page</p>"
    assert answer.length == 13
    assert answer["Last-Modified"] == tree.OLD_HTTP
    assert answer["Accept-Ranges"] == "bytes"
    assert re.fullmatch(r'"[^"]+"', answer["ETag"]), "a strong ETag"
    assert "Date" in answer


@pytest.mark.parametrize("target", ["/a.html", "/sizes/65536.bin", "/empty.txt", "/list/", "/none"])
def test_head_has_the_fields_of_get_and_no_body(server, target):
    with server.connect() as one:
        get = one.ask(target)
        head = one.ask(target, method="HEAD")
        assert head.status == get.status
        same = lambda answer: {k.lower(): v for k, v in answer.fields if k.lower() != "date"}
        assert same(head) == same(get)
        assert one.ask("/a.html").status == 200, "no body was sent, so the connection is usable"


def test_options_names_the_methods(server):
    answer = server.ask("/a.html", method="OPTIONS")
    assert answer.status == 204
    assert set(answer.tokens("Allow")) == {"get", "head", "options"}


def test_options_of_the_whole_server(server):
    answer = server.ask("*", method="OPTIONS")
    assert answer.status in (200, 204)
    assert "get" in answer.tokens("Allow")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE"])
def test_known_methods_are_not_allowed(server, method):
    with server.connect() as one:
        answer = one.ask("/a.html", method=method)
        assert answer.status == 405
        assert set(answer.tokens("Allow")) == {"get", "head", "options"}
        if answer.keeps_open:
            assert one.ask("/a.html").status == 200


def test_connect_is_not_allowed(server):
    answer = server.ask("localhost:80", method="CONNECT")
    assert answer.status == 405
    assert "get" in answer.tokens("Allow")


@pytest.mark.parametrize("method", ["BREW", "get", "Get", "GETT", "GE", "PROPFIND", "X" * 40, "!#$%&'*+-.^_`|~"])
def test_other_methods_are_not_implemented(server, method):
    assert server.ask("/a.html", method=method).status == 501


def test_missing_name(server):
    with server.connect() as one:
        assert one.ask("/none").status == 404
        assert one.ask("/a.html/under-a-file").status == 404
        assert one.ask("/a.html/").status == 404
        assert one.ask("/a.html").status == 200, "404 keeps the connection"


def test_zero_length_file(server):
    answer = server.ask("/empty.txt")
    assert (answer.status, answer.length, answer.body) == (200, 0, b"")


def test_query_is_ignored_for_a_file(server):
    assert server.ask("/a.html?x=1&y=/../..").body == b"<p>a page</p>"


@pytest.mark.parametrize("name, kind", [
    ("page.html", "text/html; charset=utf-8"), ("style.css", "text/css; charset=utf-8"),
    ("plain.txt", "text/plain; charset=utf-8"), ("code.js", "javascript"), ("data.json", "application/json"),
    ("pic.png", "image/png"), ("pic.jpg", "image/jpeg"), ("pic.svg", "image/svg+xml"),
    ("app.wasm", "application/wasm"), ("film.mp4", "video/mp4"), ("font.woff2", "font/woff2"),
    ("doc.pdf", "application/pdf"), ("LOUD.HTML", "text/html; charset=utf-8"),
    ("two.dots.css", "text/css; charset=utf-8")])
def test_content_type_by_extension(serve, root, name, kind):
    tree.write(root, name, "x")
    assert kind in serve(root).ask("/" + name)["Content-Type"].lower()


@pytest.mark.parametrize("name", ["plain", "odd.unknownextension", "ends."])
def test_content_type_without_a_known_extension_is_not_guessed_as_html(serve, root, name):
    tree.write(root, name, "<script>alert(1)</script>")
    answer = serve(root).ask("/" + name)
    assert answer.status == 200
    assert "html" not in (answer.get("Content-Type") or "")


# --- names --------------------------------------------------------------------------------------

@pytest.mark.parametrize("name, body", [
    ("two words.txt", b"space"), ("grüße €.txt", b"utf-8"), ("100%.txt", b"percent"),
    ("a+b&c=d;e,f.txt", b"reserved"), ("what?.txt", b"question"), ("hash#.txt", b"hash")])
def test_names_come_percent_encoded(server, name, body):
    assert server.ask("/names/" + urllib.parse.quote(name)).body == body
    every = "".join(f"%{byte:02x}" for byte in name.encode())
    assert server.ask("/names/" + every).body == body


def test_plus_is_no_space(server):
    assert server.ask("/names/two+words.txt").status == 404


@pytest.mark.parametrize("target", ["/./a.html", "/names/../a.html", "/a/../a.html", "/%2e/a.html",
                                    "/names/%2E%2e/a.html", "/names/./.././a.html"])
def test_dot_segments_inside_the_root_are_resolved(server, target):
    assert server.ask(target).body == b"<p>a page</p>"


def test_deep_path(server):
    assert server.ask("/" + "deep/" * 200 + "end.txt").body == b"deep"
    assert server.ask("/" + "deep/" * 201 + "end.txt").status == 404


# --- directories --------------------------------------------------------------------------------

def test_index_file(server):
    assert server.ask("/").body == b"<h1>start</h1>"
    assert server.ask("/with/index/").body == b"inner index"
    assert server.ask("/")["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("target, location", [
    ("/with/index", "/with/index/"), ("/list?x=1&y=%2F", "/list/?x=1&y=%2F"), ("/list/sub?", "/list/sub/")])
def test_directory_without_slash_is_redirected(server, target, location):
    answer = server.ask(target)
    assert answer.status == 301
    place = urllib.parse.urlsplit(answer["Location"])
    got = place.path + ("?" + place.query if place.query else "")
    assert got == location


def test_redirect_never_leaves_the_host(server):
    """`//name` would be read as another host by a browser."""
    answer = server.ask("//with/index")
    assert answer.status in (200, 301, 400, 404)
    if answer.status == 301:
        assert urllib.parse.urlsplit(answer["Location"]).netloc in ("", "localhost")


def test_redirect_of_a_name_with_spaces_is_encoded(serve, root):
    tree.write(root, "two words/grüße/x.txt", "x")
    answer = serve(root).ask("/two%20words/gr%C3%BC%C3%9Fe")
    assert answer.status == 301
    assert urllib.parse.urlsplit(answer["Location"]).path == "/two%20words/gr%C3%BC%C3%9Fe/"


class links(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "a" and dict(attributes).get("href"):
            self.found.append(dict(attributes)["href"])


def test_listing_as_html(server):
    answer = server.ask("/list/")
    assert answer.status == 200
    assert answer["Content-Type"] == "text/html; charset=utf-8"
    text = answer.body.decode()
    base = "http://localhost/list/"
    found = {urllib.parse.urljoin(base, link) for link in links(text).found}
    wanted = {urllib.parse.urljoin(base, urllib.parse.quote(name))
              for name in ["b.txt", "a&<\"'.txt", "ünï.txt", "javascript:alert(1)"]} | {base + "sub/"}
    plain = lambda link: urllib.parse.unquote(link.split("?")[0].split("#")[0])
    assert {plain(one) for one in wanted} <= {plain(one) for one in found}
    assert "a&<" not in text, "a name must be escaped"
    assert ".hidden" not in text


def test_every_link_of_the_listing_is_served(server):
    with server.connect() as one:
        for link in links(one.ask("/list/").body.decode()).found:
            target = urllib.parse.urlsplit(urllib.parse.urljoin("http://localhost/list/", link))
            assert one.ask(target.path + ("?" + target.query if target.query else "")).status == 200, link


@pytest.mark.parametrize("target, fields", [
    ("/list/?format=json", {}), ("/list/", {"Accept": "application/json"}),
    ("/list/", {"Accept": "application/json, text/plain, */*"})])
def test_listing_as_json(server, target, fields):
    answer = server.ask(target, fields)
    assert answer.status == 200
    assert answer["Content-Type"].startswith("application/json")
    listing = json.loads(answer.body)
    text = json.dumps(listing, ensure_ascii=False)
    for name in ["b.txt", "sub", "ünï.txt", "a&<\\\"'.txt"]:
        assert name in text
    assert ".hidden" not in text


def test_listing_varies_by_accept(server):
    assert "accept" in server.ask("/list/").tokens("Vary")
    assert "html" in server.ask("/list/", {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})["Content-Type"]


def test_listing_is_off_by_default(serve, root):
    tree.write(root, "sub/x.txt", "x")
    one = serve(root)
    assert one.ask("/sub/").status == 403
    assert one.ask("/").status == 403
    assert one.ask("/sub/x.txt").status == 200


def test_listing_is_cut_at_its_limit(serve, root):
    for number in range(60):
        tree.write(root, f"n{number:03}.txt", "")
    one = serve(root, listing=True, listing_entries=20)
    body = one.ask("/").body.decode()
    assert len({link for link in links(body).found if link.lstrip("./").startswith("n")}) == 20
    whole = serve(root, listing=True).ask("/").body.decode()
    assert len({link for link in links(whole).found if link.lstrip("./").startswith("n")}) == 60
    words = lambda text: set(re.findall(r"[a-z]+", re.sub(r"<style.*?</style>|<script.*?</script>", "", text, flags=re.S)))
    assert words(body) - words(whole), "the listing says that it was cut"


def test_listing_of_an_empty_directory(serve, root):
    (root / "empty").mkdir()
    one = serve(root, listing=True)
    assert one.ask("/empty/").status == 200
    json.loads(one.ask("/empty/?format=json").body)


@pytest.mark.parametrize("names", [["home.htm", "index.html"], ["index.html", "home.htm"]])
def test_index_names_are_tried_in_order(serve, root, names):
    tree.write(root, "home.htm", "home.htm")
    tree.write(root, "index.html", "index.html")
    one = serve(config={"site": [{"root": str(root), "index": names}]})
    assert one.ask("/").body == names[0].encode()


# --- every byte, every mechanism ----------------------------------------------------------------

@pytest.mark.parametrize("size", SIZES)
def test_bytes_are_exact(forced, site, size):
    with forced.connect() as one:
        for round_trip in range(2 if size <= 1 << 20 else 1):
            answer = one.ask(f"/sizes/{size}.bin")
            assert answer.status == 200
            assert tree.digest(answer.body) == tree.digest((site / f"sizes/{size}.bin").read_bytes())


def test_ranges_are_exact(forced, site):
    whole = (site / "sizes" / f"{20 << 20}.bin").read_bytes()
    spans = [(0, 0), (0, 16383), (1, 16384), (4095, 4096), (65535, 1 << 20), ((1 << 20) - 1, 3 << 20),
             ((20 << 20) - 1, (20 << 20) - 1), (12345, (20 << 20) - 1)]
    with forced.connect() as one:
        for first, last in spans:
            answer = one.ask(f"/sizes/{20 << 20}.bin", {"Range": f"bytes={first}-{last}"})
            assert answer.status == 206
            assert tree.digest(answer.body) == tree.digest(whole[first:last + 1]), (first, last)


def test_forced_mechanism_is_the_one_that_is_counted(forced):
    before = forced.metrics()
    assert forced.ask(f"/sizes/{1 << 20 | 1}.bin").status == 200
    after = forced.metrics()
    moved = {name: after.sum("sluice_transfer_bytes_total", mechanism=name)
             - before.sum("sluice_transfer_bytes_total", mechanism=name)
             for name in after.labels("sluice_transfer_bytes_total", "mechanism")}
    wanted = next(word.split("=")[1] for word in forced.process.args if word.startswith("--mechanism="))
    if wanted in ("auto", "gathered_write"):  # which moves memory only
        wanted = "sendfile"
    assert moved.get(wanted, 0) >= (1 << 20), moved


# --- a file of 5 GiB ----------------------------------------------------------------------------

@pytest.fixture(scope="module")
def huge(module_folder, serve_module):
    """A sparse file with marks across 2^31 and 2^32 and at its end."""
    root = module_folder / "huge"
    root.mkdir()
    with open(root / "huge.bin", "wb") as file:
        for place in (2 * GIB, 4 * GIB):
            os.pwrite(file.fileno(), MARK, place - len(MARK) // 2)
        os.pwrite(file.fileno(), MARK, HUGE - len(MARK))
    return serve_module(root)


def test_huge_file_has_its_length(huge):
    assert huge.ask("/huge.bin", method="HEAD").length == HUGE


@pytest.mark.parametrize("place", [2 * GIB, 4 * GIB])
def test_ranges_across_32_bits(huge, place):
    first = place - len(MARK) // 2
    answer = huge.ask("/huge.bin", {"Range": f"bytes={first}-{first + len(MARK) - 1}"})
    assert answer.status == 206
    assert answer["Content-Range"] == f"bytes {first}-{first + len(MARK) - 1}/{HUGE}"
    assert answer.body == MARK
    big = huge.ask("/huge.bin", {"Range": f"bytes={place - (1 << 20)}-{place + (1 << 20) - 1}"})
    assert len(big.body) == 2 << 20
    assert big.body[(1 << 20) - len(MARK) // 2:][:len(MARK)] == MARK


def test_suffix_of_a_huge_file(huge):
    assert huge.ask("/huge.bin", {"Range": f"bytes=-{len(MARK)}"}).body == MARK


def test_two_ranges_of_a_huge_file(huge):
    answer = huge.ask("/huge.bin", {"Range": f"bytes=0-9,{4 * GIB}-{4 * GIB + 9}"})
    assert answer.status == 206
    assert answer.body.count(b"Content-Range:".lower()) + answer.body.count(b"Content-Range:") == 2
    assert f"bytes {4 * GIB}-{4 * GIB + 9}/{HUGE}".encode() in answer.body


def test_one_range_of_more_than_2_gib(huge):
    """One sendfile call is limited to 2 GiB less a page; the rest must follow."""
    size = 2 * GIB + (64 << 20)
    with huge.connect() as one:
        one.send(wire.request("GET", "/huge.bin", {"Range": f"bytes={2 * GIB - 100}-{4 * GIB + (64 << 20) - 101}"}))
        head = one.read_head()
        assert (head.status, head.length) == (206, size)
        space, left = bytearray(1 << 20), size - len(one.rest)
        one.rest = b""
        while left:
            got = one.socket.recv_into(space, min(left, len(space)))
            assert got, f"{left} bytes missing"
            left -= got
        assert one.ask("/huge.bin", method="HEAD").status == 200
