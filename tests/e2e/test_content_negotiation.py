"""Neighbours NAME.br, NAME.zst and NAME.gz that are sent instead of NAME."""

import gzip
import os

import pytest

import tree

PLAIN = b"plain text, plain text, plain text. " * 200
CODED = {"br": b"brotli bytes" * 20, "zstd": b"zstandard bytes" * 20, "gzip": gzip.compress(PLAIN)}
SUFFIX = {"br": ".br", "zstd": ".zst", "gzip": ".gz"}


@pytest.fixture(scope="module")
def site(module_folder):
    root = module_folder / "root"
    tree.write(root, "all.txt", PLAIN, tree.OLD)
    for coding, data in CODED.items():
        tree.write(root, "all.txt" + SUFFIX[coding], data, tree.OLD)
    tree.write(root, "only-gz.css", PLAIN, tree.OLD)
    tree.write(root, "only-gz.css.gz", CODED["gzip"], tree.OLD + 100)
    tree.write(root, "none.txt", PLAIN, tree.OLD)
    tree.write(root, "stale.txt", PLAIN, tree.OLD)
    tree.write(root, "stale.txt.gz", gzip.compress(b"old text"), tree.OLD - 1)
    tree.write(root, "alone.txt.gz", CODED["gzip"], tree.OLD)
    tree.write(root, "folder.txt", PLAIN, tree.OLD)
    (root / "folder.txt.gz").mkdir()
    tree.write(root, "dir/index.html", PLAIN, tree.OLD)
    tree.write(root, "dir/index.html.br", CODED["br"], tree.OLD)
    return root


@pytest.fixture(scope="module")
def server(serve_module, site):
    return serve_module(site)


def ask(server, accept, target="/all.txt", **more):
    return server.ask(target, {} if accept is None else {"Accept-Encoding": accept}, **more)


@pytest.mark.parametrize("accept, coding", [
    ("br", "br"), ("zstd", "zstd"), ("gzip", "gzip"), ("x-gzip", "gzip"), ("GZIP", "gzip"),
    ("gzip, br", "br"), ("gzip, deflate, br", "br"), ("gzip, deflate, br, zstd", None),
    ("br;q=1.0, gzip;q=0.5", "br"), ("br;q=0.1, gzip;q=0.9", "gzip"), ("zstd;q=0.9, gzip;q=0.8, br;q=0.1", "zstd"),
    ("br;q=0, gzip", "gzip"), ("br;q=0.000, zstd;q=0, gzip", "gzip"), ("*;q=0, gzip", "gzip"),
    ("gzip;q=0.001", "gzip"), ("br ; q=0.5 , gzip ; q=0.9", "gzip"), (",gzip,,", "gzip"),
    ("gzip;Q=0.5", "gzip"), ("identity;q=0.5, gzip;q=0.8", "gzip")])
def test_accepted_coding_is_sent(server, accept, coding):
    answer = ask(server, accept)
    assert answer.status == 200
    got = answer.get("Content-Encoding")
    assert got == coding if coding else got in ("br", "zstd")
    assert answer.body == CODED[got]
    assert answer.length == len(CODED[got])
    assert answer["Content-Type"] == "text/plain; charset=utf-8", "the type of the name, not of the neighbour"
    assert "accept-encoding" in answer.tokens("Vary")


@pytest.mark.parametrize("accept", [
    None, "", "identity", "deflate", "compress", "gzip;q=0", "gzip;q=0.0, br;q=0, zstd;q=0", "*;q=0, identity",
    "gzipx", "xgzip", "g", "identity, gzip;q=0", "identity;q=1, gzip;q=0.5", "br2"])
def test_otherwise_the_plain_file_is_sent(server, accept):
    answer = ask(server, accept)
    assert answer.status == 200
    assert "Content-Encoding" not in answer
    assert answer.body == PLAIN
    assert "accept-encoding" in answer.tokens("Vary"), "caches must know that the answer could differ"


def test_star_accepts_any_coding(server):
    answer = ask(server, "*")
    assert answer.status == 200
    got = answer.get("Content-Encoding")
    assert answer.body == (CODED[got] if got else PLAIN)


@pytest.mark.parametrize("accept", ["gzip;q=2", "gzip;q=-1", "gzip;q=x", "gzip;q=", "gzip;q=0.1234", ";q=1", "gzip;;", "\xff",
                                    "gzip;q=nan", "gzip;q=1e9", "gzip " * 100, "," * 1000])
def test_odd_field_never_breaks_the_answer(server, accept):
    answer = ask(server, accept)
    assert answer.status == 200
    got = answer.get("Content-Encoding")
    assert answer.body == (CODED[got] if got else PLAIN)


def test_two_accept_encoding_fields_are_one_list(server):
    answer = server.ask("/all.txt", [("Accept-Encoding", "deflate"), ("Accept-Encoding", "gzip")])
    assert answer["Content-Encoding"] == "gzip"


def test_only_what_is_there(server):
    assert ask(server, "br, zstd", "/only-gz.css").body == PLAIN
    answer = ask(server, "br, zstd, gzip", "/only-gz.css")
    assert gzip.decompress(answer.body) == PLAIN
    assert "text/css" in answer["Content-Type"]


def test_no_neighbour_no_vary_needed(server):
    answer = ask(server, "gzip, br", "/none.txt")
    assert answer.body == PLAIN
    assert "Content-Encoding" not in answer


def test_stale_neighbour_is_ignored(server):
    answer = ask(server, "gzip", "/stale.txt")
    assert answer.body == PLAIN
    assert "Content-Encoding" not in answer


def test_neighbour_without_the_plain_file(server):
    assert ask(server, "gzip", "/alone.txt").status == 404
    assert ask(server, "gzip", "/alone.txt.gz").body == CODED["gzip"]


def test_neighbour_by_its_own_name_is_a_plain_file(server):
    answer = ask(server, "gzip, br", "/all.txt.gz")
    assert answer.body == CODED["gzip"]
    assert "Content-Encoding" not in answer


def test_directory_is_no_neighbour(server):
    answer = ask(server, "gzip", "/folder.txt")
    assert (answer.status, answer.body) == (200, PLAIN)


def test_index_file_has_neighbours_too(server):
    answer = ask(server, "br", "/dir/")
    assert (answer["Content-Encoding"], answer.body) == ("br", CODED["br"])
    assert answer["Content-Type"] == "text/html; charset=utf-8"


def test_every_variant_has_its_own_etag(server):
    tags = [ask(server, accept)["ETag"] for accept in [None, "br", "zstd", "gzip"]]
    assert len(set(tags)) == 4
    assert not any(tag.startswith("W/") for tag in tags)


def test_etag_of_a_variant_revalidates_it(server):
    tag = ask(server, "br")["ETag"]
    fresh = server.ask("/all.txt", {"Accept-Encoding": "br", "If-None-Match": tag})
    assert fresh.status == 304
    assert "accept-encoding" in fresh.tokens("Vary")
    assert server.ask("/all.txt", {"If-None-Match": tag}).status == 200, "the tag is not that of the plain file"


def test_head_tells_of_the_variant(server):
    answer = ask(server, "gzip", method="HEAD")
    assert answer["Content-Encoding"] == "gzip"
    assert answer.length == len(CODED["gzip"])


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip"])
def test_range_counts_in_bytes_of_the_variant(server, coding):
    answer = server.ask("/all.txt", {"Accept-Encoding": coding, "Range": "bytes=10-19"})
    if answer.status == 206 and answer.get("Content-Encoding") == coding:
        assert answer.body == CODED[coding][10:20]
        assert answer["Content-Range"] == f"bytes 10-19/{len(CODED[coding])}"
    else:  # the plain file is a right answer as well
        assert answer.status == 206
        assert answer.body == PLAIN[10:20]
        assert answer["Content-Range"] == f"bytes 10-19/{len(PLAIN)}"


def test_if_range_keeps_variants_apart(server):
    tag = ask(server, "gzip")["ETag"]
    same = server.ask("/all.txt", {"Accept-Encoding": "gzip", "Range": "bytes=0-4", "If-Range": tag})
    other = server.ask("/all.txt", {"Range": "bytes=0-4", "If-Range": tag})
    assert other.status == 200
    assert other.body == PLAIN
    assert same.status in (200, 206)


def test_it_can_be_switched_off(serve, root):
    tree.write(root, "a.txt", PLAIN, tree.OLD)
    tree.write(root, "a.txt.gz", CODED["gzip"], tree.OLD)
    answer = serve(root, precompressed=False).ask("/a.txt", {"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer
    assert answer.body == PLAIN


def test_neighbour_that_leads_out_of_the_root_is_ignored(serve, folder, root):
    secret = tree.write(folder, "secret", b"the secret")
    tree.write(root, "a.txt", PLAIN, tree.OLD)
    os.symlink(secret, root / "a.txt.gz")
    answer = serve(root).ask("/a.txt", {"Accept-Encoding": "gzip"})
    assert b"secret" not in answer.body
    assert (answer.status, answer.body) == (200, PLAIN)
