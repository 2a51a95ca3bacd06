"""A root is a wall: nothing outside it is ever sent, however it is asked for."""

import os
import socket
import stat
import threading
import time
import urllib.parse

import pytest

import tree
import wire

SECRET = b"the secret outside of the root"
INSIDE = b"inside the root"


@pytest.fixture(scope="module")
def place(module_folder):
    """outside/secret.txt beside root/, and root2/ whose name begins with that of the root."""
    tree.write(module_folder, "outside/secret.txt", SECRET)
    tree.write(module_folder, "secret.txt", SECRET)
    tree.write(module_folder, "root2/secret.txt", SECRET)
    root = module_folder / "root"
    tree.write(root, "index.html", INSIDE)
    tree.write(root, "a/b/c/d.txt", INSIDE)
    tree.write(root, "images/i.txt", INSIDE)
    for name in [".env", ".git/config", "a/.htpasswd", ".hidden/x.txt", "..strange/x.txt"]:
        tree.write(root, name, SECRET)
    tree.write(root, ".well-known/security.txt", INSIDE)
    tree.write(root, ".well-known/acme-challenge/token", INSIDE)
    return module_folder


@pytest.fixture(scope="module")
def server(serve_module, place):
    made = serve_module(place / "root", listing=True)
    yield made
    made.healthy()


def check(server, target, statuses=(400, 403, 404, 301, 308, 414)):
    """Never the secret, never 5xx, never silence; a redirect stays on this host."""
    with wire.client(server.address) as one:
        one.send(b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = one.read_response()
    assert b"secret" not in answer.body.replace(b"secret.txt", b""), target
    assert answer.status in statuses, (answer.status, target)
    if answer.status in (301, 308):
        location = urllib.parse.urlsplit(answer["Location"])
        assert location.netloc in ("", "localhost") and ".." not in urllib.parse.unquote(location.path)
    return answer


UP = ["../", "..%2f", "..%2F", "%2e%2e/", "%2E%2E/", ".%2e/", "%2e./", "%2e%2e%2f", "%252e%252e/", "%252e%252e%252f",
      "..%252f", "%%32%65%%32%65/", "%%32e%%32e/", "..%c0%af", "%c0%ae%c0%ae/", "%c0%ae%c0%ae%c0%af",
      "%e0%80%ae%e0%80%ae/", "..%e0%80%af", "%f0%80%80%ae%f0%80%80%ae/", "..%c1%9c", "..\\", "..%5c", "..%5C",
      "%2e%2e\\", "%2e%2e%5c", "..%255c", "..%00/", "..%0d/", "..;/", "..;x=y/", "....//", "...//", ".../", "..//",
      "..///", "..%20/", "..%09/", "%u002e%u002e/", "..%u2215", "..%u2216", "..\xef\xbc\x8f", "..%ef%bc%8f",
      "%ef%bc%8e%ef%bc%8e/", "%uff0e%uff0e/", "./../", ".//../", "..?/../", "..#/../", "0x2e0x2e/", "..%2f%2f"]
START = ["/", "//", "/./", "/a/", "/a/b/c/", "/images", "/images/", "/.well-known/", "/none/"]


@pytest.mark.parametrize("up", UP)
def test_every_spelling_of_up(server, up):
    for start in START:
        for depth in (1, 2, 3, 8):
            for name in ("secret.txt", "outside/secret.txt", "root2/secret.txt", "etc/passwd"):
                target = (start + up * depth + name).encode("latin-1")
                answer = check(server, target, (200, 400, 403, 404, 301, 308, 414))
                assert answer.status != 200 or (INSIDE in answer.body or b"?" in target or b"#" in target), target
                assert b"root:" not in answer.body


@pytest.mark.parametrize("target", [
    b"/etc/passwd", b"//etc/passwd", b"///etc/passwd", b"/%2fetc/passwd", b"/%2Fetc%2Fpasswd", b"/\\etc\\passwd",
    b"/C:/secret.txt", b"/file:///etc/passwd", b"file:///etc/passwd", b"/proc/self/environ", b"/proc/self/root/etc/passwd",
    b"/dev/zero", b"/..", b"/../", b"/.../", b"/%2e%2e", b"/%2e%2e%2f", b"/../root2/secret.txt", b"/..root2/secret.txt",
    b"/2/secret.txt", b"2/secret.txt", b"../secret.txt", b"..", b"/../root/index.html", b"/a/../../root/index.html",
    b"/secret.txt%00.html", b"/../secret.txt%00index.html", b"/index.html%00", b"/index.html%00.txt", b"/%00", b"/%0a",
    b"/index.html%0d%0aX:%20y", b"/%7f", b"/%1b%5b2J", b"/%", b"/%2", b"/%zz", b"/%2g", b"/%-1", b"/a%2fb/c/d.txt",
    b"/a%5cb", b"/a\\b", b"/%ff", b"/%c3%28", b"/%ed%a0%80", b"/%f4%90%80%80", b"/%80", b"/\xff\xfe", b"/%c0%80",
    b"http://localhost/../secret.txt", b"http://localhost/%2e%2e/secret.txt", b"http://localhost../secret.txt",
    b"http://../secret.txt", b"/index.html/../../secret.txt", b"/none/../../secret.txt", b"/index.html/",
    b"/index.html/.", b"/index.html/..%2f"])
def test_other_spellings(server, target):
    check(server, target, (400, 403, 404, 301, 308))


@pytest.mark.parametrize("target", [
    b"/%", b"/%2", b"/%zz", b"/%00", b"/%0a", b"/a%2fb", b"/a%5cb", b"/a\\b", b"/%ff", b"/%c0%ae", b"/%ed%a0%80",
    b"/../x", b"/%2e%2e/x", b"/a/../../x", b"/%7f", b"/a%2Fb", b"/.%2e/x"])
def test_names_that_are_none_are_400(server, target):
    assert check(server, target).status == 400


def test_long_and_deep_paths(server):
    for target in [b"/" + b"a" * 255, b"/" + b"a" * 256, b"/" + b"a" * 4096, b"/" + b"a/" * 2048, b"/" + b"a/" * 7000,
                   b"/" + b"../" * 4000 + b"etc/passwd", b"/" + b"a/../" * 3000 + b"none", b"/" + b"/" * 10_000 + b"none",
                   b"/" + b"%61" * 5000, b"/" + b"./" * 7000 + b"none", b"/" + b"a/" * 3000 + b"../" * 3001 + b"secret.txt"]:
        check(server, target)


def test_query_and_fragment_are_no_path(server):
    for target in [b"/?../../secret.txt", b"/index.html?/../../secret.txt", b"/?file=../secret.txt"]:
        assert INSIDE in check(server, target, (200,)).body


# --- dotfiles ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("target", ["/.env", "/%2eenv", "/.git/config", "/.git/", "/.git", "/a/.htpasswd", "/.hidden/x.txt",
                                    "/..strange/x.txt", "/.well-known/../.env", "/.none", "/a/./.htpasswd"])
def test_dotfiles_are_404(server, target):
    assert check(server, target.encode()).status == 404


@pytest.mark.parametrize("target", ["/.well-known/security.txt", "/.well-known/acme-challenge/token", "/%2ewell-known/security.txt"])
def test_well_known_is_served(server, target):
    assert server.ask(target).body == INSIDE


def test_dotfile_below_well_known_is_404(serve, root):
    tree.write(root, ".well-known/.env", SECRET)
    assert serve(root).ask("/.well-known/.env").status == 404


def test_dotfiles_can_be_switched_on(serve, root):
    tree.write(root, ".env", "env")
    one = serve(root, dotfiles=True)
    assert one.ask("/.env").body == b"env"
    assert one.ask("/..").status == 400


# --- links ------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def linked(module_folder, serve_module):
    base = module_folder / "linked"
    secret = tree.write(base, "outside/secret.txt", SECRET)
    tree.write(base, "outside/index.html", SECRET)
    root = base / "root"
    tree.write(root, "inside.txt", INSIDE)
    tree.write(root, "sub/deep.txt", INSIDE)
    links = {"absolute": str(secret), "relative": "../outside/secret.txt", "directory": "../outside",
             "absolute-directory": str(secret.parent), "sub/up": "../../outside/secret.txt", "hop1": "hop2",
             "hop2": "../outside/secret.txt", "root": "/", "self": ".", "parent": "..", "loop1": "loop2", "loop2": "loop1",
             "dangling": "nowhere", "dangling-out": "../nowhere", "inner": "inside.txt", "inner-directory": "sub",
             "inner-up": "sub/../inside.txt", "inner-absolute": str(root / "inside.txt"),
             "proc-self": "/proc/self/environ", "magic": "/proc/self/root/etc/hostname", "magic-cwd": "/proc/self/cwd",
             "fd": "/proc/self/fd/0", "out-and-in": "../root/inside.txt", "page.html": "../outside/index.html"}
    for name, target in links.items():
        os.symlink(target, root / name)
    (root / "withindex").mkdir()
    os.symlink("../../outside/index.html", root / "withindex" / "index.html")
    servers = {follow: serve_module(root, follow_links=follow, listing=True) for follow in (False, True)}
    yield servers
    for one in servers.values():
        one.healthy()


OUT = ["/absolute", "/relative", "/directory/secret.txt", "/absolute-directory/secret.txt", "/sub/up", "/hop1", "/hop2",
       "/root/etc/hostname", "/proc-self", "/magic", "/magic-cwd/", "/fd", "/page.html", "/parent/outside/secret.txt",
       "/directory/", "/withindex/", "/inner-absolute", "/out-and-in"]


@pytest.mark.parametrize("target", OUT)
def test_links_out_of_the_root_are_403(linked, target):
    assert check(linked[False], target.encode()).status == 403
    head = linked[False].ask(target, method="HEAD")
    assert head.status == 403


@pytest.mark.parametrize("target", ["/directory", "/root", "/parent", "/absolute-directory"])
def test_directory_links_out_of_the_root_are_not_even_redirected(linked, target):
    assert check(linked[False], target.encode()).status == 403


@pytest.mark.parametrize("target", ["/inner", "/inner-up", "/inner-directory/deep.txt", "/self/inside.txt", "/self/self/inside.txt"])
def test_links_within_the_root_are_followed(linked, target):
    assert linked[False].ask(target).body == INSIDE


def test_loops_and_dangling_links(linked):
    for target in ["/loop1", "/dangling", "/dangling-out", "/loop1/x", "/self/" * 50]:
        check(linked[False], target.encode(), (200, 301, 403, 404))


def test_listing_through_a_link_shows_nothing_outside(linked):
    body = linked[False].ask("/").body
    assert b"secret" not in body.replace(b"secret.txt", b"")
    assert linked[False].ask("/directory/?format=json").status == 403


def test_follow_links_follows(linked):
    for target in ["/absolute", "/relative", "/directory/secret.txt", "/hop1", "/inner"]:
        assert linked[True].ask(target).body in (SECRET, INSIDE), target
    assert linked[True].ask("/../outside/secret.txt").status == 400, "links are followed, dots are not"


def test_root_may_itself_be_a_link(serve, folder, root):
    tree.write(root, "a.txt", INSIDE)
    os.symlink(root, folder / "link")
    assert serve(folder / "link").ask("/a.txt").body == INSIDE


def test_link_that_is_swapped_while_it_is_asked_for(serve, folder, root):
    """A check followed by an open would lose this race sooner or later."""
    secret = tree.write(folder, "outside/x.txt", SECRET)
    tree.write(root, "real/x.txt", INSIDE)
    server, stop = serve(root), threading.Event()

    def publish(name, make):
        make(root / "new")
        os.rename(root / "new", root / name)

    def swap():
        while not stop.is_set():
            publish("file.txt", lambda new: new.write_bytes(INSIDE))
            publish("dir", lambda new: os.symlink("real", new))
            publish("file.txt", lambda new: os.symlink(secret, new))
            publish("dir", lambda new: os.symlink(secret.parent, new))

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        statuses, until = set(), time.monotonic() + 3
        with server.connect() as one:
            while time.monotonic() < until:
                for target in ["/file.txt", "/dir/x.txt"]:
                    answer = one.ask(target)
                    statuses.add(answer.status)
                    assert SECRET not in answer.body
                    assert answer.status in (200, 403, 404)
    finally:
        stop.set()
        swapper.join()
    assert {200, 403} <= statuses, "both states were seen"
    server.healthy()


# --- what is no regular file ----------------------------------------------------------------------

def test_fifo(serve, root):
    os.mkfifo(root / "fifo")
    one = serve(root)
    assert one.ask("/fifo").status == 403
    one.healthy()


def test_socket(serve, root):
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.open(root, os.O_DIRECTORY)
        listener.bind(f"/proc/self/fd/{here}/socket")  # the path of a socket must be short
        os.close(here)
        assert serve(root).ask("/socket").status == 403


@pytest.mark.parametrize("kind, major, minor", [("zero", 1, 5), ("null", 1, 3)])
def test_device(serve, root, kind, major, minor):
    try:
        os.mknod(root / kind, 0o666 | stat.S_IFCHR, os.makedev(major, minor))
    except PermissionError:
        pytest.skip("making a device node needs root")
    one = serve(root)
    answer = one.ask("/" + kind)
    assert answer.status == 403
    assert b"\0\0\0\0" not in answer.body
    one.healthy()


def test_special_files_are_not_followed_through_neighbours_and_index(serve, root):
    tree.write(root, "a.txt", INSIDE)
    os.mkfifo(root / "a.txt.gz")
    (root / "dir").mkdir()
    os.mkfifo(root / "dir" / "index.html")
    one = serve(root)
    assert one.ask("/a.txt", {"Accept-Encoding": "gzip"}).body == INSIDE
    assert one.ask("/dir/").status in (403, 404)
    one.healthy()


def without_rights():
    """As root nothing is unreadable, unless the right to override is given up."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]


def test_file_without_permission(serve, root):
    tree.write(root, "a.txt", INSIDE)
    tree.write(root, "closed.txt", SECRET).chmod(0)
    tree.write(root, "dir/x.txt", SECRET)
    (root / "dir").chmod(0)
    try:
        one = serve(root, wrap=without_rights(), listing=True)
        for target in ["/closed.txt", "/dir/x.txt", "/dir/"]:
            assert check(one, target.encode()).status == 403, target
        assert one.ask("/a.txt").body == INSIDE
        one.healthy()
    finally:
        (root / "dir").chmod(0o755)


def test_permission_taken_away_later(serve, root):
    path = tree.write(root, "a.txt", INSIDE)
    one = serve(root, wrap=without_rights())
    with one.connect() as client:
        assert client.ask("/a.txt").body == INSIDE
        path.chmod(0)
        time.sleep(0.15)
        assert client.ask("/a.txt").status == 403
