"""The clients that people use."""

import gzip
import http.client
import json
import os
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request

import pytest

import tree

MIB = 1 << 20


@pytest.fixture(scope="module")
def site(module_folder):
    root = module_folder / "root"
    tree.write(root, "index.html", '<a href="a.txt">a</a> <a href="sub/">sub</a>', tree.OLD)
    tree.write(root, "a.txt", "a" * 5000, tree.OLD)
    tree.write(root, "big.bin", tree.content(20 * MIB), tree.OLD)
    tree.write(root, "packed.txt", "plain text " * 500, tree.OLD)
    tree.write(root, "packed.txt.gz", gzip.compress(b"plain text " * 500), tree.OLD)
    for number in range(5):
        tree.write(root, f"sub/{number}.txt", f"file {number}", tree.OLD)
    tree.write(root, "sub/deeper/two words.txt", "deeper", tree.OLD)
    return root


@pytest.fixture(scope="module")
def server(serve_module, site):
    return serve_module(site, listing=True)


def need(name):
    if not shutil.which(name):
        pytest.skip(f"{name} is not installed")


def run(*words, cwd=None, status=0):
    result = subprocess.run([*map(str, words)], capture_output=True, cwd=cwd, timeout=120,
                            env={**os.environ, "no_proxy": "*", "http_proxy": "", "LC_ALL": "C.UTF-8"})
    assert result.returncode == status, (words, result.returncode, result.stderr.decode(errors="replace")[-2000:])
    return result


# --- curl -------------------------------------------------------------------------------------------

@pytest.fixture
def curl():
    need("curl")
    return lambda *words, **more: run("curl", "-q", "-sS", *words, **more)


def test_curl_get(curl, server, site):
    assert tree.digest(curl("-f", server.url + "/big.bin").stdout) == tree.digest((site / "big.bin").read_bytes())


def test_curl_head(curl, server):
    assert b"Content-Length: 5000" in curl("-fI", server.url + "/a.txt").stdout


@pytest.mark.parametrize("span, first, last", [("0-99", 0, 99), ("100-", 100, 4999), ("-7", 4993, 4999)])
def test_curl_range(curl, server, site, span, first, last):
    assert curl("-f", "-r", span, server.url + "/a.txt").stdout == (site / "a.txt").read_bytes()[first:last + 1]


def test_curl_ranges(curl, server):
    assert curl("-f", "-r", "0-9,100-109", server.url + "/big.bin").stdout.count(b"Content-Range") == 2


def test_curl_resume(curl, server, site, folder):
    whole = (site / "big.bin").read_bytes()
    (folder / "big.bin").write_bytes(whole[:5_000_000])
    curl("-f", "-C", "-", "-O", server.url + "/big.bin", cwd=folder)
    assert tree.digest((folder / "big.bin").read_bytes()) == tree.digest(whole)


def test_curl_compressed(curl, server, site):
    assert curl("-f", "--compressed", server.url + "/packed.txt").stdout == (site / "packed.txt").read_bytes()
    seen = curl("-f", "-H", "Accept-Encoding: gzip", "-o", os.devnull, "-w", "%{size_download}", server.url + "/packed.txt")
    assert int(seen.stdout) == (site / "packed.txt.gz").stat().st_size


def test_curl_parallel(curl, server, folder):
    curl("-f", "-Z", "--parallel-max", "20", *[server.url + f"/big.bin?{n}" for n in range(10)],
         *[server.url + f"/sub/{n % 5}.txt" for n in range(100)], *["-o", os.devnull] * 110, "--no-progress-meter")


def test_curl_upload_is_not_allowed(curl, server, site):
    seen = curl("-T", site / "a.txt", "-o", os.devnull, "-w", "%{http_code}", server.url + "/new.txt")
    assert seen.stdout == b"405"
    assert not (site / "new.txt").exists()


def test_curl_large_upload_is_refused(curl, server, site):
    """With Expect: 100-continue, which curl sends for bodies over 1 MiB."""
    seen = curl("-T", site / "big.bin", "-o", os.devnull, "-w", "%{http_code}", server.url + "/new.txt")
    assert seen.stdout in (b"405", b"413")


def test_curl_post(curl, server):
    assert curl("-d", "x=1", "-o", os.devnull, "-w", "%{http_code}", server.url + "/a.txt").stdout == b"405"


@pytest.mark.parametrize("version", ["--http1.0", "--http1.1", "--http2"])
def test_curl_versions(curl, server, site, version):
    assert curl("-f", version, server.url + "/a.txt").stdout == (site / "a.txt").read_bytes()


def test_curl_keeps_the_connection(curl, server):
    seen = curl("-f", *[server.url + "/a.txt"] * 5, *["-o", os.devnull] * 5, "-w", "%{num_connects}\n")
    assert seen.stdout.split() == [b"1", b"0", b"0", b"0", b"0"]


def test_curl_time_condition_and_etag(curl, server, folder):
    code = ["-o", os.devnull, "-w", "%{http_code}"]
    assert curl("-z", tree.OLD_HTTP, *code, server.url + "/a.txt").stdout == b"304"
    curl("-f", "--etag-save", folder / "tag", "-o", os.devnull, server.url + "/a.txt")
    assert curl("--etag-compare", folder / "tag", *code, server.url + "/a.txt").stdout == b"304"


def test_curl_path_as_is(curl, server):
    seen = curl("--path-as-is", "-o", os.devnull, "-w", "%{http_code}", server.url + "/../../etc/passwd")
    assert seen.stdout == b"400"


def test_curl_slow(curl, server, site):
    """A client that limits itself; the server must wait for it."""
    got = curl("-f", "--limit-rate", "20M", server.url + "/big.bin").stdout
    assert tree.digest(got) == tree.digest((site / "big.bin").read_bytes())


# --- wget -------------------------------------------------------------------------------------------

@pytest.fixture
def wget():
    need("wget")
    return lambda *words, **more: run("wget", "-nv", "--no-config", *words, **more)


def test_wget_mirrors_a_listing(wget, server, site, folder):
    wget("-r", "-np", "-nH", "-R", "index.html*", server.url + "/sub/", cwd=folder)
    got = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.txt")}
    wanted = {str(path.relative_to(site)): path.read_bytes() for path in (site / "sub").rglob("*.txt")}
    assert got == wanted


def test_wget_mirrors_a_page(wget, server, folder):
    wget("-r", "-l", "1", "-nH", server.url + "/", cwd=folder)
    assert (folder / "a.txt").read_bytes() == b"a" * 5000


def test_wget_resume(wget, server, site, folder):
    whole = (site / "big.bin").read_bytes()
    (folder / "big.bin").write_bytes(whole[:7_654_321])
    wget("-c", server.url + "/big.bin", cwd=folder)
    assert tree.digest((folder / "big.bin").read_bytes()) == tree.digest(whole)
    wget("-c", server.url + "/big.bin", cwd=folder)  # nothing left: 416 is understood


def test_wget_timestamping(wget, server, folder):
    wget("-N", server.url + "/a.txt", cwd=folder)
    assert int((folder / "a.txt").stat().st_mtime) == tree.OLD
    (folder / "a.txt").write_bytes(b"b" * 5000)
    os.utime(folder / "a.txt", (tree.OLD, tree.OLD))
    wget("-N", server.url + "/a.txt", cwd=folder)
    assert (folder / "a.txt").read_bytes() == b"b" * 5000, "not newer, so it was not fetched again"


# --- wrk --------------------------------------------------------------------------------------------

@pytest.mark.parametrize("target, connections", [("/a.txt", 64), ("/big.bin", 8), ("/sub/", 16), ("/none", 16)])
def test_wrk(server, target, connections):
    need("wrk")
    text = run("wrk", "-t2", f"-c{connections}", "-d1s", server.url + target).stdout.decode()
    assert "Socket errors" not in text, text
    assert ("Non-2xx" in text) == (target == "/none"), text
    assert int(re.search(r"(\d+) requests in", text)[1]) > 20
    server.healthy()


# --- Python -----------------------------------------------------------------------------------------

def test_urllib(server, site):
    with urllib.request.urlopen(server.url + "/big.bin") as answer:
        assert tree.digest(answer.read()) == tree.digest((site / "big.bin").read_bytes())
    with urllib.request.urlopen(server.url + "/sub?format=json") as answer:  # follows the redirect
        assert answer.url.endswith("/sub/?format=json")
        json.load(answer)
    with pytest.raises(urllib.error.HTTPError) as failure:
        urllib.request.urlopen(server.url + "/none")
    assert failure.value.code == 404


def test_http_client_keeps_the_connection(server):
    connection = http.client.HTTPConnection(server.host, server.port, timeout=10)
    for _ in range(20):
        connection.request("GET", "/a.txt")
        stream = connection.sock
        assert connection.getresponse().read() == b"a" * 5000
        assert connection.sock is stream
    connection.request("POST", "/a.txt", body=iter([b"x" * 100] * 3), encode_chunked=True,
                       headers={"Transfer-Encoding": "chunked"})
    answer = connection.getresponse()
    assert answer.status == 405
    answer.read()
    connection.request("HEAD", "/a.txt")
    assert connection.getresponse().read() == b""
    connection.close()


# --- slowhttptest ------------------------------------------------------------------------------------

def test_slowhttptest_finds_the_service_available(serve, site):
    need("slowhttptest")
    server = serve(site, connections=512)
    text = run("slowhttptest", "-c", "600", "-H", "-i", "2", "-r", "300", "-l", "6", "-p", "2",
               "-u", server.url + "/a.txt").stdout.decode()
    found = re.findall(r"service available:\s*(YES|NO)", re.sub(r"\x1b\[[0-9;]*m", "", text))
    assert found and "NO" not in found, text[-1500:]
    started = time.monotonic()
    assert server.ask("/a.txt").status == 200
    assert time.monotonic() - started < 1
