"""examples_test.py SOURCE BUILD COMPILER: each example builds against the installed package, and does
what its first comment says. A new example needs a test here: examples/NAME, test_NAME.
"""

import concurrent.futures
import os
import subprocess
import sys
import tempfile
import unittest
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


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
