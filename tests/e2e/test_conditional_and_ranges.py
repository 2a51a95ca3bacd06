"""Preconditions (RFC 9110 section 13) and ranges (section 14)."""

import time

import pytest

import tree
import wire

SIZE = 100_000
LATER = "Sun, 13 Sep 2020 12:26:41 GMT"
EARLIER = "Sun, 13 Sep 2020 12:26:39 GMT"


@pytest.fixture(scope="module")
def data():
    return tree.content(SIZE)


@pytest.fixture(scope="module")
def server(serve_module, module_folder, data):
    root = module_folder / "root"
    tree.write(root, "f.bin", data, tree.OLD)
    tree.write(root, "small.bin", data[:100], tree.OLD)
    tree.write(root, "empty.bin", b"", tree.OLD)
    tree.write(root, "new.bin", data)
    return serve_module(root)


@pytest.fixture(scope="module")
def etag(server):
    return server.ask("/f.bin")["ETag"]


def ask(server, fields, target="/f.bin", method="GET"):
    return server.ask(target, fields, method)


# --- preconditions ------------------------------------------------------------------------------

def test_etags_of_different_files_differ(server, etag):
    assert server.ask("/small.bin")["ETag"] != etag
    assert server.ask("/f.bin")["ETag"] == etag, "and stay the same"


@pytest.mark.parametrize("form", ['{0}', 'W/{0}', '"x", {0}', '"x" ,W/{0},"y"', '*', '"a,b", {0}', ', {0} ,'])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_if_none_match_of_the_current_tag_is_304(server, etag, form, method):
    answer = ask(server, {"If-None-Match": form.format(etag)}, method=method)
    assert answer.status == 304
    assert answer["ETag"] == etag
    assert "Date" in answer


@pytest.mark.parametrize("form", ['"other"', 'W/"other"', '"x", "y"', '""'])
def test_if_none_match_of_another_tag_is_200(server, form, data):
    answer = ask(server, {"If-None-Match": form})
    assert answer.status == 200
    assert answer.body == data


def test_304_keeps_the_connection_and_has_no_body(server, etag):
    with server.connect() as one:
        assert one.ask("/f.bin", {"If-None-Match": etag}).status == 304
        assert one.ask("/small.bin").status == 200


def test_304_carries_the_fields_of_200(serve, root):
    tree.write(root, "a.css", "body{}", tree.OLD)
    one = serve(root, header="*.css Cache-Control: max-age=60")
    tag = one.ask("/a.css")["ETag"]
    assert one.ask("/a.css", {"If-None-Match": tag})["Cache-Control"] == "max-age=60"


@pytest.mark.parametrize("date, status", [
    (tree.OLD_HTTP, 304), (LATER, 304), (EARLIER, 200),
    ("Sunday, 13-Sep-20 12:26:40 GMT", 304), ("Sun Sep 13 12:26:40 2020", 304),
    ("Sunday, 13-Sep-20 12:26:39 GMT", 200), ("Sun Sep 13 12:26:39 2020", 200),
    ("nonsense", 200), ("", 200), ("1600000000", 200), ("Sun, 31 Feb 2021 12:00:00 GMT", 200),
    ("Sun, 13 Sep 2020 25:26:40 GMT", 200)])
def test_if_modified_since(server, date, status):
    assert ask(server, {"If-Modified-Since": date}).status == status


def test_if_none_match_wins_over_if_modified_since(server, etag):
    assert ask(server, {"If-None-Match": '"other"', "If-Modified-Since": LATER}).status == 200
    assert ask(server, {"If-None-Match": etag, "If-Modified-Since": EARLIER}).status == 304


@pytest.mark.parametrize("form, status", [
    ('{0}', 200), ('*', 200), ('"x", {0}', 200), ('"other"', 412), ('W/{0}', 412), ('"x","y"', 412)])
def test_if_match_compares_strongly(server, etag, form, status):
    assert ask(server, {"If-Match": form.format(etag)}).status == status


def test_if_match_of_a_missing_file_is_404_or_412(server):
    assert ask(server, {"If-Match": "*"}, "/none").status in (404, 412)


@pytest.mark.parametrize("date, status", [
    (tree.OLD_HTTP, 200), (LATER, 200), (EARLIER, 412), ("nonsense", 200)])
def test_if_unmodified_since(server, date, status):
    assert ask(server, {"If-Unmodified-Since": date}).status == status


def test_if_match_wins_over_if_unmodified_since(server, etag):
    assert ask(server, {"If-Match": etag, "If-Unmodified-Since": EARLIER}).status == 200
    assert ask(server, {"If-Match": '"other"', "If-Unmodified-Since": LATER}).status == 412


def test_if_match_comes_before_if_none_match(server, etag):
    assert ask(server, {"If-Match": '"other"', "If-None-Match": etag}).status == 412
    assert ask(server, {"If-Match": etag, "If-None-Match": etag}).status == 304


def test_preconditions_come_before_range(server, etag):
    assert ask(server, {"If-None-Match": etag, "Range": "bytes=0-9"}).status == 304
    assert ask(server, {"If-Match": '"other"', "Range": "bytes=0-9"}).status == 412
    assert ask(server, {"If-Match": '"other"', "Range": f"bytes={SIZE}-"}).status == 412


def test_preconditions_do_not_apply_to_what_is_not_there(server):
    assert ask(server, {"If-None-Match": "*"}, "/none").status == 404


def test_412_keeps_the_connection(server):
    with server.connect() as one:
        assert one.ask("/f.bin", {"If-Match": '"other"'}).status == 412
        assert one.ask("/small.bin").status == 200


# --- one range ----------------------------------------------------------------------------------

@pytest.mark.parametrize("text, first, last", [
    ("0-0", 0, 0), ("0-99", 0, 99), ("99-", 99, SIZE - 1), ("-1", SIZE - 1, SIZE - 1),
    ("-100", SIZE - 100, SIZE - 1), (f"0-{SIZE - 1}", 0, SIZE - 1), (f"5-{SIZE * 9}", 5, SIZE - 1),
    (f"-{SIZE * 9}", 0, SIZE - 1), (f"{SIZE - 1}-{SIZE - 1}", SIZE - 1, SIZE - 1),
    ("000-0009", 0, 9), (f"16383-{16384 * 2}", 16383, 16384 * 2)])
def test_single_range(server, data, etag, text, first, last):
    answer = ask(server, {"Range": f"bytes={text}"})
    assert answer.status == 206
    assert answer["Content-Range"] == f"bytes {first}-{last}/{SIZE}"
    assert answer.length == last - first + 1
    assert answer.body == data[first:last + 1]
    assert answer["ETag"] == etag
    assert "Last-Modified" in answer


def test_range_of_a_small_cached_file(server, data):
    for _ in range(3):
        answer = ask(server, {"Range": "bytes=10-19"}, "/small.bin")
        assert (answer.status, answer.body) == (206, data[10:20])


def test_range_unit_is_case_insensitive(server, data):
    answer = ask(server, {"Range": "Bytes=0-9"})
    assert (answer.status, answer.body) == (206, data[:10])


@pytest.mark.parametrize("text", [
    "bytes=10-5", "bytes=abc", "bytes=", "bytes=-", "bytes=1", "bytes=1-2-3", "bytes=--1", "bytes=+1-2",
    "bytes=1 -2", "bytes=0x1-0x2", "bytes=1-2;3-4", "bytes 0-9", "0-9", "=0-9", "bytes=1-a", "bytes=\xb2-5",
    "bytes=0-9,x", "bytes=5-1,0-9", "bytes=1.0-2", "bytes=,"])
def test_invalid_range_is_ignored(server, data, text):
    answer = ask(server, {"Range": text})
    assert answer.status == 200
    assert answer.body == data


@pytest.mark.parametrize("text", ["items=0-9", "x=1", "bytesx=0-9", "none"])
def test_other_units_are_ignored(server, text):
    assert ask(server, {"Range": text}).status == 200


@pytest.mark.parametrize("text", [
    f"{SIZE}-", f"{SIZE}-{SIZE + 1}", "-0", "999999999-", f"{SIZE}-,{SIZE + 5}-", "9223372036854775807-"])
def test_unsatisfiable_range_is_416(server, text):
    with server.connect() as one:
        answer = one.ask("/f.bin", {"Range": f"bytes={text}"})
        assert answer.status == 416
        assert answer["Content-Range"] == f"bytes */{SIZE}"
        assert one.ask("/small.bin").status == 200, "416 keeps the connection"


@pytest.mark.parametrize("text, statuses", [
    (f"0-{2 ** 63}", (200, 206)), (f"0-{2 ** 64}", (200, 206)), (f"0-{2 ** 64 - 1}", (200, 206)),
    (f"-{2 ** 64}", (200, 206)), (f"-{2 ** 63}", (200, 206)), (f"{2 ** 64}-", (200, 416)),
    (f"{2 ** 64 + 5}-{2 ** 64 + 9}", (200, 416)), ("9" * 400 + "-", (200, 416)),
    (f"{2 ** 63 - 1}-{2 ** 64}", (200, 416)), (f"-{2 ** 64 + 10}", (200, 206))])
def test_range_arithmetic_does_not_overflow(server, data, text, statuses):
    answer = ask(server, {"Range": f"bytes={text}"})
    assert answer.status in statuses
    if answer.status in (200, 206):
        assert answer.body == data
    server.healthy()


def test_ranges_of_an_empty_file(server):
    assert ask(server, {"Range": "bytes=0-"}, "/empty.bin").status == 416
    assert ask(server, {"Range": "bytes=-1"}, "/empty.bin").status in (200, 416)


def test_range_is_for_get_only(server):
    answer = ask(server, {"Range": "bytes=0-9"}, method="HEAD")
    assert (answer.status, answer.length) == (200, SIZE)


def test_two_range_fields_are_not_both_obeyed(server, data):
    answer = server.ask("/f.bin", [("Range", "bytes=0-9"), ("Range", "bytes=20-29")])
    assert answer.status in (200, 206, 400)
    if answer.status == 200:
        assert answer.body == data


# --- If-Range -----------------------------------------------------------------------------------

def test_if_range_with_the_current_tag(server, etag, data):
    answer = ask(server, {"Range": "bytes=0-9", "If-Range": etag})
    assert (answer.status, answer.body) == (206, data[:10])


@pytest.mark.parametrize("form", ['"other"', 'W/{0}', '{0}x', 'nonsense', '*', '"x", {0}'])
def test_if_range_that_does_not_match_sends_everything(server, etag, data, form):
    answer = ask(server, {"Range": "bytes=0-9", "If-Range": form.format(etag)})
    assert (answer.status, answer.body) == (200, data)


@pytest.mark.parametrize("date, status", [(tree.OLD_HTTP, 206), (LATER, 200), (EARLIER, 200)])
def test_if_range_with_a_date_must_be_exact(server, date, status):
    assert ask(server, {"Range": "bytes=0-9", "If-Range": date}).status == status


def test_if_range_mismatch_also_hides_416(server):
    assert ask(server, {"Range": f"bytes={SIZE}-", "If-Range": '"other"'}).status == 200


def test_if_range_without_range_is_ignored(server):
    assert ask(server, {"If-Range": '"other"'}).status == 200


# --- several ranges -----------------------------------------------------------------------------

def parts_of(answer, data):
    assert answer.status == 206
    parts = wire.multipart_byteranges(answer)
    for first, last, size, kind, body in parts:
        assert size == SIZE
        assert body == data[first:last + 1]
        assert kind
    return {(first, last) for first, last, *_ in parts}


def test_two_ranges(server, data, etag):
    answer = ask(server, {"Range": "bytes=0-9,50-59"})
    assert parts_of(answer, data) == {(0, 9), (50, 59)}
    assert "Content-Range" not in answer
    assert answer["ETag"] == etag


def test_ranges_with_white_space_and_empty_members(server, data):
    answer = ask(server, {"Range": "bytes=0-9 , \t50-59,,-5"})
    assert parts_of(answer, data) == {(0, 9), (50, 59), (SIZE - 5, SIZE - 1)}


def test_ranges_that_are_large(server, data):
    answer = ask(server, {"Range": f"bytes=0-40000,50000-90000,-100"})
    assert parts_of(answer, data) == {(0, 40000), (50000, 90000), (SIZE - 100, SIZE - 1)}


def test_connection_goes_on_after_multipart(server):
    with server.connect() as one:
        assert one.ask("/f.bin", {"Range": "bytes=0-9,50-59"}).status == 206
        assert one.ask("/small.bin").status == 200


@pytest.mark.parametrize("text, first, last", [
    ("0-9,10-19", 0, 19), ("0-9,5-19", 0, 19), ("10-19,0-9", 0, 19), ("0-,0-,0-", 0, SIZE - 1),
    ("0-9,0-9,0-9", 0, 9), (f"0-9,{SIZE}-", 0, 9), ("5-10,0-99,20-30", 0, 99), (f"-1,{SIZE - 1}-", SIZE - 1, SIZE - 1)])
def test_ranges_that_join_to_one_are_no_multipart(server, data, text, first, last):
    answer = ask(server, {"Range": f"bytes={text}"})
    assert answer.status == 206
    assert answer["Content-Range"] == f"bytes {first}-{last}/{SIZE}"
    assert answer.body == data[first:last + 1]


def test_unsatisfiable_members_are_left_out(server, data):
    answer = ask(server, {"Range": f"bytes=0-9,{SIZE}-,50-59"})
    assert parts_of(answer, data) == {(0, 9), (50, 59)}


def test_sixteen_ranges_are_served_and_seventeen_refused(server, data):
    spans = [(100 * n, 100 * n + 9) for n in range(17)]
    text = lambda some: "bytes=" + ",".join(f"{a}-{b}" for a, b in some)
    assert parts_of(ask(server, {"Range": text(spans[:16])}), data) == set(spans[:16])
    answer = ask(server, {"Range": text(spans)})
    assert answer.status == 416
    assert answer["Content-Range"] == f"bytes */{SIZE}"


def test_ranges_are_counted_after_joining(server, data):
    many = "bytes=" + ",".join(f"{n}-{n}" for n in range(500))
    answer = ask(server, {"Range": many})
    assert (answer.status, answer.body) == (206, data[:500])


def test_many_overlapping_ranges_send_each_byte_once(server, data):
    """CVE-2011-3192: thousands of overlapping ranges must not become thousands of bodies."""
    many = "bytes=" + ",".join(f"{n}-" for n in range(1300))
    answer = ask(server, {"Range": many})
    assert answer.status == 206
    assert len(answer.body) <= SIZE


def test_a_million_ranges(serve, root, data):
    tree.write(root, "f.bin", data)
    one = serve(root, head_bytes=32 << 20, head_timeout_ms=60000)
    started = time.monotonic()
    same = one.ask("/f.bin", {"Range": "bytes=" + ",".join(["0-9"] * 1_000_000)})
    assert (same.status, same.body) == (206, data[:10])
    apart = one.ask("/f.bin", {"Range": "bytes=" + ",".join(f"{2 * n}-{2 * n}" for n in range(1_000_000, 0, -1))})
    assert apart.status == 416
    assert time.monotonic() - started < 15
    one.healthy("/f.bin")
    one.memory_below(400 << 20)


def test_a_million_ranges_do_not_fit_the_default_head(server):
    with server.connect() as one:
        one.send_what_is_taken(wire.request("GET", "/f.bin", {"Range": "bytes=" + ",".join(["0-9"] * 1_000_000)}))
        assert one.read_response().status == 431
    server.healthy("/f.bin")
