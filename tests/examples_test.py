"""examples_test.py SOURCE BUILD COMPILER: each example builds against the installed package, and does
what its first comment says. A new example needs a test here: examples/NAME, test_NAME.
"""

import concurrent.futures
import datetime
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

SOURCE, BUILD, COMPILER = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
NAMES = sorted(path.name for path in (SOURCE / "examples").iterdir() if path.is_dir())


def run(*command, **options):
    return subprocess.run([str(word) for word in command], check=False, capture_output=True,
                          timeout=120, **options)


def build(name, prefix, tree):
    """Why examples/NAME does not build; nothing when it does."""
    configured = run("cmake", "-S", SOURCE / "examples" / name, "-B", tree, "-G", "Ninja",
                     "-DCMAKE_BUILD_TYPE=Debug", f"-DCMAKE_CXX_COMPILER={COMPILER}",
                     "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror", f"-DCMAKE_PREFIX_PATH={prefix}")
    if configured.returncode != 0:
        return (configured.stdout + configured.stderr).decode()
    built = run("cmake", "--build", tree)
    return built.stdout.decode() if built.returncode != 0 else ""


def read_all(peer):
    """What a socket brings until the other end closes it."""
    with peer:
        parts = []
        while part := peer.recv(1 << 20):
            parts.append(part)
        return b"".join(parts)


def write_all(to, data):
    """Everything into a socket or a file, which is closed then."""
    with to:
        (to.sendall if isinstance(to, socket.socket) else to.write)(data)


def pipe_pair():
    """The writing and the reading end, as files."""
    reading, writing = os.pipe()
    return open(writing, "wb"), open(reading, "rb")


class Examples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.work = Path(cls.folder.name)
        prefix = cls.work / "prefix"
        installed = run("cmake", "--install", BUILD, "--prefix", prefix)
        assert installed.returncode == 0, installed.stderr.decode()
        cls.has_filter = bool(list(prefix.rglob("sluice-filter.cmake")))
        trees = {name: cls.work / f"build-{name}" for name in NAMES}
        with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            built = pool.map(lambda name: build(name, prefix, trees[name]), NAMES)
            cls.errors = dict(zip(NAMES, built))
        cls.trees = trees

    def program(self, name):
        self.assertEqual(self.errors[name], "", f"examples/{name} does not build")
        return self.trees[name] / name

    def file(self, name, content):
        path = self.work / name
        path.write_bytes(content)
        return path

    def test_each_has_a_test(self):
        for name in NAMES:
            self.assertTrue(hasattr(self, f"test_{name}"), f"no test of examples/{name}")

    def test_send_file(self):
        sent = self.file("sent", os.urandom(300000))
        done = run(self.program("send_file"), sent)  # into a pipe
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, sent.read_bytes())
        self.assertIn(b"copied: 0\n", done.stderr)
        failed = run(self.program("send_file"), self.work / "nothing")
        self.assertEqual(failed.returncode, 1)
        self.assertIn(str(self.work / "nothing").encode(), failed.stderr)

    def test_zip(self):
        if not self.has_filter:
            self.skipTest("the build has no filters")
        noise, prose = os.urandom(3 << 20), b"".join(b"line %d\n" % i for i in range(200000))
        contents = {"noise": noise, "prose": prose, "both": noise[:500000] + prose, "empty": b"",
                    "short": b"s", "sub/d\u00e9j\u00e0": prose[:100]}
        (self.work / "sub").mkdir()
        for name, content in contents.items():
            self.file(name, content)
        done = run(self.program("zip"), "all.zip", *contents, cwd=self.work)
        self.assertEqual(done.returncode, 0, done.stderr)
        archive = self.work / "all.zip"
        with zipfile.ZipFile(archive) as read:
            self.assertIsNone(read.testzip())
            self.assertEqual(read.namelist(), list(contents))
            for name, content in contents.items():
                self.assertEqual(read.read(name), content)
            self.assertEqual(read.getinfo("noise").compress_type, zipfile.ZIP_STORED)
            self.assertEqual(read.getinfo("prose").compress_type, zipfile.ZIP_DEFLATED)
            self.assertLess(read.getinfo("prose").compress_size, len(prose) // 2)
            changed = datetime.datetime.fromtimestamp((self.work / "noise").stat().st_mtime)
            said = datetime.datetime(*read.getinfo("noise").date_time)
            self.assertLess(abs(changed - said), datetime.timedelta(seconds=2))
        if shutil.which("unzip"):
            self.assertEqual(run("unzip", "-t", archive).returncode, 0)

    def test_zip_errors(self):
        if not self.has_filter:
            self.skipTest("the build has no filters")
        failed = run(self.program("zip"), self.work / "no.zip", self.work / "nothing")
        self.assertEqual(failed.returncode, 1)
        self.assertIn(str(self.work / "nothing").encode(), failed.stderr)
        failed = run(self.program("zip"), self.work / "no.zip", self.work)
        self.assertIn(b"no regular file", failed.stderr)
        self.assertFalse((self.work / "no.zip").exists())

    def test_zip_of_a_file_that_changes(self):
        if not self.has_filter:
            self.skipTest("the build has no filters")
        # Deflating the first file takes long enough for the second one to change before its turn.
        big = self.file("big", bytes(1))
        os.truncate(big, 128 << 20)
        changing = self.file("changing", b"prose " * 100000)
        zipping = subprocess.Popen([self.program("zip"), self.work / "c.zip", big, changing],
                                   stderr=subprocess.PIPE)
        while zipping.poll() is None:
            os.truncate(changing, 1000)
            changing.write_bytes(b"prose " * 100000)
        _, error = zipping.communicate()
        self.assertEqual(zipping.returncode, 1, "the change was not seen")
        self.assertIn(str(changing).encode(), error)

    def test_asio_send_file(self):
        sent = self.file("film", os.urandom(5_000_000))
        with subprocess.Popen([self.program("asio_send_file"), sent], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as server:
            try:
                port = int(server.stdout.readline())
                peers = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
                received = [read_all(peer) for peer in peers]
                gone = socket.create_connection(("127.0.0.1", port))
                gone.close()  # must not end the server
                received.append(read_all(socket.create_connection(("127.0.0.1", port))))
                server.terminate()
                self.assertEqual(server.wait(60), 0)
            finally:
                server.kill()
        self.assertEqual([len(each) for each in received], [5_000_000] * 4)
        self.assertEqual(set(received), {sent.read_bytes()})
        self.assertEqual(run(self.program("asio_send_file"), self.work / "nothing").returncode, 1)

    def test_splice_relay(self):
        sent = os.urandom(30_000_000)
        for make in (socket.socketpair, pipe_pair):
            with self.subTest(source=make.__name__):
                outer, inner = make()
                with (socket.create_server(("127.0.0.1", 0)) as listener,
                      subprocess.Popen([self.program("splice_relay"),
                                        str(listener.getsockname()[1])],
                                       stdin=inner, stderr=subprocess.PIPE) as relay):
                    inner.close()
                    peer, _ = listener.accept()
                    with concurrent.futures.ThreadPoolExecutor(1) as feeding:
                        feeding.submit(write_all, outer, sent)
                        received = read_all(peer)
                    said = relay.stderr.read()
                    self.assertEqual(relay.wait(60), 0, said)
                self.assertEqual(received, sent)
                self.assertEqual(said, b"30000000 bytes relayed, 0 copied\n")

    def test_composite_message(self):
        body = os.urandom(1_000_000)
        path = str(self.file("body", body)).encode()
        done = run(self.program("composite_message"), path.decode())
        self.assertEqual(done.returncode, 0, done.stderr)
        head = bytes([len(path)]) + path
        trailer = b"\n-- end\n"
        size = len(head) + len(body) + len(trailer)
        self.assertEqual(done.stdout, size.to_bytes(4, "big") + head + body + trailer)
        self.assertIn(b"3 pieces, trailer at %d\n" % (4 + len(head) + len(body)), done.stderr)
        self.assertIn(b"%d of %d bytes copied\n" % (4 + len(head) + len(trailer), size + 4),
                      done.stderr)
        self.assertEqual(run(self.program("composite_message"), "/nothing").returncode, 1)

    def test_append_log(self):
        log = self.work / "log"
        with subprocess.Popen([self.program("append_log"), log], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as appending:
            lines = [b"record %d" % number for number in range(1000)]
            appending.stdin.write(b"\n".join(lines) + b"\n")
            appending.stdin.flush()
            for _ in lines:
                self.assertTrue(appending.stdout.readline())
            appending.kill()
        listed = run(self.program("append_log"), "--list", log)
        self.assertEqual(listed.returncode, 0, listed.stderr)
        self.assertEqual(listed.stdout.split(b"\n")[:-1], lines)
        self.assertIn(b"was left by a process that ended", listed.stderr)
        more = run(self.program("append_log"), log, input=b"one more\n")
        self.assertIn(b"was closed", more.stderr)
        self.assertEqual(more.stdout, b"%d\n" % sum(len(line) + 1 for line in lines))
        listed = run(self.program("append_log"), "--list", log)
        self.assertEqual(listed.stdout.split(b"\n")[:-1], [*lines, b"one more"])
        self.assertEqual([path.name for path in self.work.glob("log*")], ["log"])

    def test_pool_with_budget(self):
        fed = os.urandom(20 * 1024 * 1024 + 12345)
        done = run(self.program("pool_with_budget"), "4", input=fed)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(fed.endswith(done.stdout))
        self.assertGreater(len(done.stdout), 1024 * 1024)
        self.assertLessEqual(len(done.stdout), 4 * 1024 * 1024)
        taken, limit, refused = map(int, re.search(
            rb"took (\d+) bytes of (\d+) and was refused more (\d+) times", done.stderr).groups())
        self.assertLessEqual(taken, limit)
        self.assertGreater(refused, 0)
        self.assertIn(b"given back: 0 bytes left\n", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
