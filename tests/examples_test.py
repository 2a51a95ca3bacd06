"""examples_test.py SOURCE BUILD COMPILER: each example builds against the installed package, and does
what its first comment says. A new example needs a test here: examples/NAME, test_NAME.
"""

import concurrent.futures
import datetime
import os
import shutil
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


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
