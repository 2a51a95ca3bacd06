"""A file that changes is served new within 100 ms, also on a connection that has seen the old one."""

import gzip
import os
import time

import pytest

import tree

SMALL, LARGE = 1000, 300_000
WITHIN_S = 0.1


@pytest.fixture(params=[SMALL, LARGE], ids=["small", "large"])
def size(request):
    return request.param


@pytest.fixture
def client(serve, root):
    return serve(root, listing=True).connect()


def warm(client, target="/f.bin", times=4):
    """Asks often enough for any cache to hold the answer."""
    answers = [client.ask(target) for _ in range(times)]
    return answers[-1]


def later(client, target="/f.bin", fields=()):
    time.sleep(WITHIN_S)
    return client.ask(target, fields)


def rewrite(path, data, keep_size=True):
    """Writes into the same inode, as an editor without a temporary file does."""
    with open(path, "r+b") as file:
        file.write(data)
        if not keep_size:
            file.truncate()


def test_replaced_by_rename(client, root, size):
    old, new = tree.content(size, 1), tree.content(size, 2)
    path = tree.write(root, "f.bin", old)
    before = warm(client)
    assert before.body == old
    tree.replace(path, new)
    after = later(client)
    assert after.body == new
    assert after["ETag"] != before["ETag"]


def test_replaced_by_a_file_of_another_size(client, root, size):
    path = tree.write(root, "f.bin", tree.content(size, 1))
    warm(client)
    for other in (size // 2, size * 2, 0, 5):
        data = tree.content(other, 3)
        tree.replace(path, data)
        answer = later(client)
        assert (answer.length, answer.body) == (other, data)


def test_replaced_by_a_file_of_the_same_size_and_time(client, root, size):
    """As rsync -t or a build with fixed times does."""
    path = tree.write(root, "f.bin", tree.content(size, 1), tree.OLD)
    warm(client)
    tree.replace(path, tree.content(size, 2), tree.OLD)
    assert later(client).body == tree.content(size, 2)


def test_replaced_by_an_older_file(client, root, size):
    path = tree.write(root, "f.bin", tree.content(size, 1))
    warm(client)
    tree.replace(path, tree.content(size, 2), tree.OLD)
    answer = later(client)
    assert answer.body == tree.content(size, 2)
    assert answer["Last-Modified"] == tree.OLD_HTTP


def test_edited_in_place_with_the_same_size(client, root, size):
    path = tree.write(root, "f.bin", tree.content(size, 1))
    before = warm(client)
    rewrite(path, tree.content(size, 2))
    after = later(client)
    assert after.body == tree.content(size, 2)
    assert after["ETag"] != before["ETag"]


def test_edited_in_place_with_the_time_set_back(client, root, size):
    path = tree.write(root, "f.bin", tree.content(size, 1), tree.OLD)
    warm(client)
    rewrite(path, tree.content(size, 2))
    os.utime(path, (tree.OLD, tree.OLD))
    assert later(client).body == tree.content(size, 2)


def test_edited_right_after_it_was_read(client, root):
    """Within one tick of the file system's clock the time of change alone tells nothing."""
    path = tree.write(root, "f.bin", tree.content(SMALL, 0))
    for turn in range(1, 20):
        client.ask("/f.bin")
        rewrite(path, tree.content(SMALL, turn))
        client.ask("/f.bin")
        rewrite(path, tree.content(SMALL, turn + 100))
        assert later(client).body == tree.content(SMALL, turn + 100), turn


def test_grown_and_shrunk_in_place(client, root, size):
    path = tree.write(root, "f.bin", tree.content(size, 1))
    warm(client)
    rewrite(path, tree.content(size * 2, 2), keep_size=False)
    assert later(client).body == tree.content(size * 2, 2)
    rewrite(path, tree.content(size // 2, 3), keep_size=False)
    assert later(client).body == tree.content(size // 2, 3)
    os.truncate(path, 0)
    assert later(client).length == 0


def test_deleted_and_created_again(client, root, size):
    path = tree.write(root, "f.bin", tree.content(size, 1))
    warm(client)
    path.unlink()
    assert later(client).status == 404
    tree.write(root, "f.bin", tree.content(size, 2))
    assert later(client).body == tree.content(size, 2)


def test_created_after_404(client, root):
    for _ in range(4):
        assert client.ask("/f.bin").status == 404
    tree.write(root, "f.bin", "here now")
    assert later(client).body == b"here now"


def test_moved_to_another_name(client, root):
    tree.write(root, "a.bin", "moved")
    warm(client, "/a.bin")
    os.rename(root / "a.bin", root / "b.bin")
    assert later(client, "/a.bin").status == 404
    assert client.ask("/b.bin").body == b"moved"


def test_directory_that_is_exchanged(client, root):
    """The way releases are switched: the parent changes, the file itself is never touched."""
    tree.write(root, "release/f.bin", "one", tree.OLD)
    tree.write(root, "next/f.bin", "two", tree.OLD)
    warm(client, "/release/f.bin")
    os.rename(root / "release", root / "last")
    os.rename(root / "next", root / "release")
    assert later(client, "/release/f.bin").body == b"two"


def test_link_that_is_switched(client, root):
    tree.write(root, "v1/f.bin", "one")
    tree.write(root, "v2/f.bin", "two")
    os.symlink("v1", root / "current")
    assert warm(client, "/current/f.bin").body == b"one"
    os.symlink("v2", root / "next")
    os.rename(root / "next", root / "current")
    assert later(client, "/current/f.bin").body == b"two"


def test_file_becomes_a_directory_and_back(client, root):
    path = tree.write(root, "x", "file")
    warm(client, "/x")
    path.unlink()
    path.mkdir()
    assert later(client, "/x").status == 301
    path.rmdir()
    path.write_text("file again")
    assert later(client, "/x").body == b"file again"


def test_index_that_appears_and_goes(client, root):
    tree.write(root, "dir/a.txt", "a")
    assert b"a.txt" in warm(client, "/dir/").body
    index = tree.write(root, "dir/index.html", "index")
    assert later(client, "/dir/").body == b"index"
    index.unlink()
    assert b"a.txt" in later(client, "/dir/").body


def test_listing_shows_new_names(client, root):
    tree.write(root, "dir/a.txt", "a")
    warm(client, "/dir/")
    tree.write(root, "dir/b.txt", "b")
    assert b"b.txt" in later(client, "/dir/").body


def test_neighbour_that_appears_changes_and_goes(client, root):
    fields = {"Accept-Encoding": "gzip"}
    tree.write(root, "a.txt", "plain", tree.OLD)
    for _ in range(4):
        assert client.ask("/a.txt", fields).body == b"plain"
    packed = tree.write(root, "a.txt.gz", gzip.compress(b"one"))
    assert gzip.decompress(later(client, "/a.txt", fields).body) == b"one"
    tree.replace(packed, gzip.compress(b"two"))
    assert gzip.decompress(later(client, "/a.txt", fields).body) == b"two"
    packed.unlink()
    assert later(client, "/a.txt", fields).body == b"plain"


def test_plain_file_that_becomes_newer_than_its_neighbour(client, root):
    fields = {"Accept-Encoding": "gzip"}
    path = tree.write(root, "a.txt", "plain", tree.OLD)
    tree.write(root, "a.txt.gz", gzip.compress(b"plain"), tree.OLD)
    for _ in range(4):
        assert client.ask("/a.txt", fields)["Content-Encoding"] == "gzip"
    tree.replace(path, "plain and newer")
    assert later(client, "/a.txt", fields).body == b"plain and newer"


def test_revalidation_sees_the_change(client, root, size):
    path = tree.write(root, "f.bin", tree.content(size, 1), tree.OLD)
    tag = warm(client)["ETag"]
    assert client.ask("/f.bin", {"If-None-Match": tag}).status == 304
    tree.replace(path, tree.content(size, 2))
    answer = later(client, fields={"If-None-Match": tag})
    assert (answer.status, answer.body) == (200, tree.content(size, 2))


def test_head_and_body_belong_together_while_files_are_replaced(serve, root):
    """Every answer must be one whole version, never the length of one with the bytes of another."""
    versions = {size: tree.content(size) for size in (500, 900, 40_000, 70_000)}
    path = tree.write(root, "f.bin", versions[500])
    client = serve(root).connect()
    until, turn = time.monotonic() + 3, 0
    while time.monotonic() < until:
        turn += 1
        tree.replace(path, versions[[500, 40_000, 900, 70_000][turn % 4]])
        for _ in range(3):
            answer = client.ask("/f.bin")
            assert answer.status == 200
            assert answer.body == versions[answer.length]


def test_replaced_files_release_their_descriptors(serve, root):
    server = serve(root)
    path = tree.write(root, "f.bin", tree.content(LARGE))
    client = server.connect()
    client.ask("/f.bin")
    before = server.descriptors()
    for turn in range(50):
        tree.replace(path, tree.content(LARGE, turn))
        client.ask("/f.bin")
    time.sleep(WITHIN_S)
    client.ask("/f.bin")
    server.descriptors_return_to(before, slack=2)


def test_deleted_files_release_their_disk_space(serve, root):
    """A cache that keeps the deleted file open would keep its blocks on the disk."""
    server = serve(root)
    client = server.connect()
    path = tree.write(root, "f.bin", tree.content(LARGE))
    warm(client)
    path.unlink()
    assert later(client).status == 404

    def still_open():
        links = []
        for number in os.listdir(f"/proc/{server.pid}/fd"):
            try:
                links.append(os.readlink(f"/proc/{server.pid}/fd/{number}"))
            except FileNotFoundError:
                pass
        return [link for link in links if "f.bin (deleted)" in link]
    deadline = time.monotonic() + 5
    while still_open() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not still_open()
