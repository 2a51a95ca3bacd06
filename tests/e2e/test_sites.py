"""Sites and their options; the configuration file and the command line."""

import time

import pytest

import program
import tree
import wire


def site(folder, name, **options):
    root = folder / name
    tree.write(root, "index.html", name)
    tree.write(root, "a.txt", f"a of {name}")
    return {"root": str(root), **options}


# --- virtual hosts --------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def hosts(serve_module, module_folder):
    return serve_module(config={"site": [
        site(module_folder, "first", hosts=["first.example"]),
        site(module_folder, "second", hosts=["second.example", "www.second.example"]),
        site(module_folder, "exact", hosts=["exact.wild.example"]),
        site(module_folder, "wild", hosts=["*.wild.example"])]})


@pytest.mark.parametrize("host, name", [
    ("first.example", "first"), ("second.example", "second"), ("www.second.example", "second"),
    ("SECOND.Example", "second"), ("second.example:8080", "second"), ("second.example.", "second"),
    ("a.wild.example", "wild"), ("a.b.wild.example", "wild"), ("A.WILD.example:1", "wild"),
    ("exact.wild.example", "exact"), ("other.example", "first"), ("wild.example", "first"),
    ("xwild.example", "first"), ("127.0.0.1", "first"), ("xsecond.example", "first"),
    ("second.example.evil.example", "first")])
def test_site_by_host(hosts, host, name):
    assert hosts.ask("/", host=host).body == name.encode()


def test_absolute_form_decides_over_host(hosts):
    assert hosts.ask("http://second.example/a.txt", host="first.example").body == b"a of second"


def test_http10_without_host_gets_the_first_site(hosts):
    with hosts.connect() as one:
        one.send(b"GET /a.txt HTTP/1.0\r\n\r\n")
        assert one.read_response().body == b"a of first"


def test_sites_change_on_one_connection(hosts):
    with hosts.connect() as one:
        for name in ["first", "second", "first", "second"]:
            assert one.ask("/a.txt", host=f"{name}.example").body == f"a of {name}".encode()


# --- fallback, error pages ------------------------------------------------------------------------

def test_fallback_page(serve, root):
    tree.write(root, "index.html", "app")
    tree.write(root, "a.css", "css")
    one = serve(root, fallback="/index.html")
    for target in ["/users/7", "/users/7?tab=2", "/deep/er/path", "/a.cssx"]:
        answer = one.ask(target)
        assert (answer.status, answer.body) == (200, b"app"), target
        assert answer["Content-Type"] == "text/html; charset=utf-8"
    assert one.ask("/a.css").body == b"css"
    assert one.ask("/users/7", method="HEAD").length == 3
    assert one.ask("/users/7", method="POST").status == 405
    assert one.ask("/%00").status == 400, "the fallback is for names that do not exist, not for bad ones"


def test_fallback_page_that_is_missing(serve, root):
    assert serve(root, fallback="/index.html").ask("/users/7").status in (404, 403)


def test_error_pages(serve, root):
    tree.write(root, "404.html", "<h1>not here</h1>")
    tree.write(root, "403.html", "<h1>not for you</h1>")
    tree.write(root, "dir/x.txt", "")
    one = serve(root, error_page=["404=/404.html", "403=/403.html"])
    missing = one.ask("/none")
    assert (missing.status, missing.body) == (404, b"<h1>not here</h1>")
    assert missing["Content-Type"] == "text/html; charset=utf-8"
    assert one.ask("/none", method="HEAD").length == len("<h1>not here</h1>")
    denied = one.ask("/dir/")
    assert (denied.status, denied.body) == (403, b"<h1>not for you</h1>")
    assert one.ask("/404.html").status == 200


def test_error_page_ignores_ranges_and_conditions(serve, root):
    tree.write(root, "404.html", "x" * 100, tree.OLD)
    one = serve(root, error_page="404=/404.html")
    for fields in [{"Range": "bytes=0-9"}, {"If-Modified-Since": tree.OLD_HTTP}, {"If-None-Match": "*"}]:
        answer = one.ask("/none", fields)
        assert (answer.status, len(answer.body)) == (404, 100), fields


def test_error_page_that_is_missing_itself(serve, root):
    one = serve(root, error_page="404=/404.html")
    with one.connect() as client:
        assert client.ask("/none").status == 404
        assert client.ask("/404.html").status == 404
    one.healthy()


# --- fields by path -------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def headers(serve_module, module_folder):
    root = module_folder / "headers"
    for name in ["assets/a.js", "assets/deep/b.js", "assets/x1.js", "style.css", "deep/style.css", "index.html", "404.html"]:
        tree.write(root, name, name)
    return serve_module(config={"site": [{"root": str(root), "error_pages": {404: "/404.html"}, "headers": [
        {"path": "/**", "set": {"X-All": "yes", "X-Level": "1"}},
        {"path": "/assets/*", "set": {"Cache-Control": "public, max-age=31536000", "X-Level": "2"}},
        {"path": "*.css", "set": {"X-Css": "1"}},
        {"path": "/assets/x?.js", "set": {"X-One": "1", "X-Level": "3"}}]}]})


@pytest.mark.parametrize("target, level, cache, css, one", [
    ("/assets/a.js", "2", True, False, False), ("/assets/x1.js", "3", True, False, True),
    ("/assets/deep/b.js", "1", False, False, False), ("/style.css", "1", False, True, False),
    ("/deep/style.css", "1", False, True, False), ("/index.html", "1", False, False, False)])
def test_fields_by_path(headers, target, level, cache, css, one):
    answer = headers.ask(target)
    assert answer.status == 200
    assert answer["X-All"] == "yes"
    assert answer["X-Level"] == level, "later rules win"
    assert ("Cache-Control" in answer, "X-Css" in answer, "X-One" in answer) == (cache, css, one)


def test_pattern_sees_the_decoded_path(headers):
    assert headers.ask("/%61ssets/a.js")["X-Level"] == "2"
    assert headers.ask("/deep/../assets/a.js")["X-Level"] == "2"


def test_rules_cannot_break_framing(serve, root):
    tree.write(root, "a.txt", "a")
    bad = program.run("serve", f"--root={root}", "--http=127.0.0.1:0", "--header=/** X: a\r\nY: b", within=20)
    assert bad.returncode in (1, 2)


# --- CORS ------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def cors(serve_module, module_folder):
    return serve_module(config={"site": [
        site(module_folder, "open", hosts=["open.example"], cors=["*"]),
        site(module_folder, "some", hosts=["some.example"], cors=["https://a.example", "https://b.example:8443"]),
        site(module_folder, "closed", hosts=["closed.example"])]})


def test_cors_for_everyone(cors):
    answer = cors.ask("/a.txt", {"Origin": "https://x.example"}, host="open.example")
    assert answer["Access-Control-Allow-Origin"] in ("*", "https://x.example")


@pytest.mark.parametrize("origin", ["https://a.example", "https://b.example:8443"])
def test_cors_for_a_listed_origin(cors, origin):
    answer = cors.ask("/a.txt", {"Origin": origin}, host="some.example")
    assert answer["Access-Control-Allow-Origin"] == origin
    assert "origin" in answer.tokens("Vary")


@pytest.mark.parametrize("origin", ["https://evil.example", "http://a.example", "https://a.example.evil", "null",
                                    "https://a.example:444", "https://a.exampl", "*"])
def test_no_cors_for_others(cors, origin):
    answer = cors.ask("/a.txt", {"Origin": origin}, host="some.example")
    assert answer.status == 200
    assert "Access-Control-Allow-Origin" not in answer
    assert "origin" in answer.tokens("Vary"), "a shared cache must not give this answer to a listed origin"


def test_no_cors_unless_configured(cors):
    answer = cors.ask("/a.txt", {"Origin": "https://a.example"}, host="closed.example")
    assert "Access-Control-Allow-Origin" not in answer


def test_preflight(cors):
    answer = cors.ask("/a.txt", {"Origin": "https://a.example", "Access-Control-Request-Method": "GET",
                                 "Access-Control-Request-Headers": "range"}, "OPTIONS", host="some.example")
    assert answer.status == 204
    assert answer["Access-Control-Allow-Origin"] == "https://a.example"
    assert "get" in answer.tokens("Access-Control-Allow-Methods")
    assert answer.tokens("Access-Control-Allow-Headers") and \
        ({"range", "*"} & set(answer.tokens("Access-Control-Allow-Headers")))


def test_preflight_of_another_origin(cors):
    answer = cors.ask("/a.txt", {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"},
                      "OPTIONS", host="some.example")
    assert answer.status in (204, 403)
    assert "Access-Control-Allow-Origin" not in answer


def test_hostile_origin_is_not_reflected(cors):
    for value in ["https://a.example\x0b", "a" * 5000, "https://a.example, https://evil.example"]:
        with cors.connect() as one:
            one.send(wire.request("GET", "/a.txt", {"Origin": value}, host="some.example"))
            assert "Access-Control-Allow-Origin" not in one.read_response()


# --- rate limit ------------------------------------------------------------------------------------

@pytest.mark.parametrize("mechanism", ["auto", "read_write"])
def test_rate_limit(serve, root, mechanism):
    data = tree.content(600_000)
    tree.write(root, "f.bin", data)
    one = serve(root, rate_limit=400_000, mechanism=mechanism)
    started = time.monotonic()
    with one.connect() as client:
        assert tree.digest(client.ask("/f.bin").body) == tree.digest(data)
    took = time.monotonic() - started
    assert took > 0.4, f"600 kB at 400 kB/s in {took:.2f} s"
    assert took < 10


def test_rate_limit_is_for_each_connection(serve, root):
    tree.write(root, "f.bin", tree.content(400_000))
    server = serve(root, rate_limit=400_000)
    started = time.monotonic()
    many = [server.connect() for _ in range(8)]
    for one in many:
        one.send(wire.request("GET", "/f.bin"))
    for one in many:
        assert len(one.read_response().body) == 400_000
    assert time.monotonic() - started < 5


def test_rate_limited_download_leaves_others_alone(serve, root):
    tree.write(root, "f.bin", tree.content(2_000_000))
    tree.write(root, "a.txt", "a")
    server = serve(root, rate_limit=200_000)
    slow = server.connect()
    slow.send(wire.request("GET", "/f.bin"))
    slow.read_head()
    with server.connect() as one:
        for _ in range(50):
            started = time.monotonic()
            assert one.ask("/a.txt").body == b"a"
            assert time.monotonic() - started < 1


# --- the file and the command line -----------------------------------------------------------------

def test_file_and_options_say_the_same(serve, root):
    tree.write(root, "a.css", "x", tree.OLD)
    tree.write(root, "404.html", "gone")
    tree.write(root, "dir/b.txt", "b", tree.OLD)
    tree.write(root, ".dot", "dot")
    by_words = serve(root, listing=True, dotfiles=True, cors="*", index="start.html", body_bytes=5,
                     header="*.css Cache-Control: no-store", error_page="404=/404.html", header_fields=20)
    by_file = serve(config={
        "server": {"http": ["127.0.0.1:0"], "admin": "127.0.0.1:0"}, "limits": {"body_bytes": 5, "header_fields": 20},
        "site": [{"root": str(root), "listing": True, "dotfiles": True, "cors": ["*"], "index": ["start.html"],
                  "headers": [{"path": "*.css", "set": {"Cache-Control": "no-store"}}],
                  "error_pages": {404: "/404.html"}}]})
    asked = [("/a.css", {}), ("/dir/?format=json", {}), ("/none", {}), ("/.dot", {}),
             ("/a.css", {"Origin": "https://a.example"}), ("/a.css", [(f"X{n}", "1") for n in range(25)])]
    for target, fields in asked:
        answers = [server.ask(target, fields) for server in (by_words, by_file)]
        for one in answers:
            one.fields = [pair for pair in one.fields if pair[0].lower() != "date"]
        assert answers[0] == answers[1], target
    for server in (by_words, by_file):
        assert server.ask("/a.css", {"Content-Length": "6"}, body=b"123456").status == 413


def test_command_line_wins_over_the_file(serve, folder, root):
    tree.write(root, "a.txt", "a")
    server = serve(config={"limits": {"body_bytes": 5}, "site": [{"root": str(root)}]}, body_bytes=50)
    assert server.ask("/a.txt", {"Content-Length": "20"}, body=b"x" * 20).status == 200


def test_switch_without_a_value_means_yes(serve, root):
    tree.write(root, "dir/a.txt", "a")
    assert serve(root, "--listing").ask("/dir/").status == 200


def test_words_with_a_space_and_with_an_equals_sign(serve, root):
    tree.write(root, "a.txt", "a")
    assert serve(None, "--root", root, "--threads", "1").ask("/a.txt").status == 200


def test_relative_root(serve, root):
    tree.write(root, "a.txt", "a")
    server = serve(None, "--root=.", wrap=["env", "--chdir", str(root)])
    assert server.ask("/a.txt").body == b"a"


# --- refused ---------------------------------------------------------------------------------------

def one_line(result):
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    assert lines, "it must say why"
    assert len(lines) <= 3, result.stderr
    return result.stderr


@pytest.mark.parametrize("words", [
    ["--nonsense=1"], ["--root"], ["--connections=many"], ["--connections=-1"], ["--head-bytes=1x"],
    ["--mechanism=magic"], ["--http=nonsense"], ["--http=127.0.0.1:99999"], ["--http=127.0.0.1:http"],
    ["--access-format=xml"], ["--level=loud"], ["--listing=maybe"], ["--error-page=404"], ["--error-page=abc=/x"],
    ["--header=nonsense"], ["--rate-limit=-5"], ["--threads=0.5"], ["extra"], ["--send-timeout-ms=1e400"]],
    ids=lambda words: words[0])
def test_bad_words_are_status_2(root, words):
    good = [] if words == ["--root"] else [f"--root={root}"]
    result = program.run("serve", "--http=127.0.0.1:0", *good, *words)
    assert result.returncode == 2, result
    one_line(result)
    assert "ready" not in result.stdout


def test_missing_root_option(folder):
    result = program.run("serve", "--http=127.0.0.1:0")
    assert result.returncode == 2
    assert "root" in one_line(result)


def test_unknown_command():
    assert program.run("sing").returncode == 2
    assert program.run().returncode == 2


@pytest.mark.parametrize("make", ["missing", "file"])
def test_root_that_is_no_directory(folder, make):
    path = folder / "nowhere"
    if make == "file":
        path.write_text("x")
    result = program.run("serve", "--http=127.0.0.1:0", f"--root={path}")
    assert result.returncode in (1, 2)
    assert str(path) in one_line(result)


BAD_FILES = {
    "unknown key": ('[server]\nhttp = ["127.0.0.1:0"]\n[limits]\nconnexions = 5\n[[site]]\nroot = "ROOT"\n', 4, "connexions"),
    "unknown table": ('[server]\nhttp = ["127.0.0.1:0"]\n[speed]\nx = 1\n[[site]]\nroot = "ROOT"\n', 3, "speed"),
    "unknown key of a site": ('[[site]]\nroot = "ROOT"\nlisting = true\nlustig = 1\n', 4, "lustig"),
    "text for a number": ('[limits]\nconnections = "many"\n[[site]]\nroot = "ROOT"\n', 2, "connections"),
    "negative number": ('[limits]\n\nhead_bytes = -1\n[[site]]\nroot = "ROOT"\n', 3, "head_bytes"),
    "number for a switch": ('[[site]]\nroot = "ROOT"\nlisting = 3\n', 3, "listing"),
    "unknown mechanism": ('[server]\nmechanism = "magic"\n[[site]]\nroot = "ROOT"\n', 2, "mechanism"),
    "bad address": ('[server]\nhttp = ["127.0.0.1:0", "nonsense"]\n[[site]]\nroot = "ROOT"\n', 2, "nonsense"),
    "unknown log format": ('[log]\naccess_format = "xml"\n[[site]]\nroot = "ROOT"\n', 2, "access_format"),
    "no TOML": ('[server]\nhttp = [\n[[site]]\nroot = "ROOT"\n', None, ""),
    "key twice": ('[limits]\nranges = 1\nranges = 2\n[[site]]\nroot = "ROOT"\n', 3, "ranges"),
    "bad host": ('[[site]]\nroot = "ROOT"\nhosts = ["a.example", "a b"]\n', 3, "a b"),
    "bad header rule": ('[[site]]\nroot = "ROOT"\nheaders = [{path = "/x", sett = {A = "b"}}]\n', 3, "headers"),
    "bad field name": ('[[site]]\nroot = "ROOT"\nheaders = [{path = "/x", set = {"A b" = "c"}}]\n', 3, "A b"),
    "line break in a field": ('[[site]]\nroot = "ROOT"\nheaders = [{path = "/x", set = {A = "b\\r\\nC: d"}}]\n', 3, ""),
    "bad error page": ('[[site]]\nroot = "ROOT"\nerror_pages = {abc = "/404.html"}\n', 3, "abc"),
    "error page of another kind": ('[[site]]\nroot = "ROOT"\nerror_pages = {404 = 5}\n', 3, "error_pages"),
    "site without a root": ('[[site]]\nhosts = ["a.example"]\n', 1, "root"),
    "root of another kind": ('[[site]]\nroot = 5\n', 2, "root"),
}


@pytest.mark.parametrize("text, line, word", BAD_FILES.values(), ids=BAD_FILES.keys())
def test_bad_file_is_refused_with_its_line(folder, root, text, line, word):
    path = folder / "bad.toml"
    path.write_text(text.replace("ROOT", str(root)))
    words = [] if "http" in text else ["--http=127.0.0.1:0"]
    result = program.run("serve", *words, f"--config={path}")
    assert result.returncode == 1, result
    said = one_line(result)
    assert word in said
    assert f"{path}:{line}" in said if line else str(path) in said


def test_config_that_is_not_there(folder):
    result = program.run("serve", f"--config={folder}/none.toml")
    assert result.returncode in (1, 2)
    assert "none.toml" in one_line(result)


def test_config_that_is_a_directory(folder):
    result = program.run("serve", f"--config={folder}")
    assert result.returncode in (1, 2)
    one_line(result)


def test_rate_limit_holds_for_short_responses_in_a_row(serve, root):
    tree.write(root, "short.bin", tree.content(20_000))
    server = serve(root, rate_limit=100_000)
    started = time.monotonic()
    with server.connect() as client:
        for _ in range(5):
            assert client.ask("/short.bin").status == 200
    assert time.monotonic() - started > 0.7


@pytest.mark.parametrize("field", ["Content-Length: 3", "transfer-encoding: chunked", "ETag: x"])
def test_fields_of_the_server_cannot_be_set(root, field):
    result = program.run("serve", f"--root={root}", f"--header=/** {field}")
    assert result.returncode == 2
    assert field.split(":")[0] in result.stderr


def test_help_lists_every_option():
    result = program.run("serve", "--help")
    assert result.returncode == 0
    assert not result.stderr
    for key in """config http admin threads drain_timeout_ms mechanism connections head_bytes header_fields body_bytes
            head_timeout_ms idle_timeout_ms send_timeout_ms requests ranges small_body_bytes cache_bytes cache_files
            cold_reads listing_entries root index listing fallback precompressed dotfiles follow_links cors rate_limit
            error_page header access_format""".split():
        assert "--" + key.replace("_", "-") in result.stdout, key
    assert "serve" in program.run("--help").stdout
