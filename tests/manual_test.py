"""manual_test.py SOURCE COMPILER: the manual pages are well-formed and speak of what there is."""

import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

SOURCE, COMPILER = Path(sys.argv[1]), sys.argv[2]
PAGES = sorted((SOURCE / "packaging").glob("*.[1-8]"))


class Pages(unittest.TestCase):
    def test_there_are_some(self):
        self.assertEqual([page.name for page in PAGES], ["sluice.1", "sluice.3"])

    @unittest.skipUnless(shutil.which("man"), "man is not installed")
    def test_are_clean(self):
        for page in PAGES:
            shown = subprocess.run(["man", "--warnings", "-l", page],
                                   capture_output=True, text=True, check=False)
            self.assertEqual((shown.returncode, shown.stderr), (0, ""), page.name)

    def test_have_the_sections_that_are_looked_for(self):
        for page in PAGES:
            text = page.read_text(encoding="utf-8")
            for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "EXAMPLES", "SEE ALSO"):
                self.assertRegex(text, rf"(?m)^\.Sh {section}$", page.name)


class Library(unittest.TestCase):
    def setUp(self):
        self.text = (SOURCE / "packaging" / "sluice.3").read_text(encoding="utf-8")

    def test_names_every_header(self):
        named = set(re.findall(r"\bIn sluice/(\w+\.h)", self.text))
        there = {path.name for path in (SOURCE / "include" / "sluice").glob("*.h")}
        self.assertEqual(named, there)

    def test_names_types_that_there_are(self):
        known = set()
        for path in (SOURCE / "include" / "sluice").glob("*.h"):
            known.update(re.findall(r"\w+", path.read_text(encoding="utf-8")))
        named = re.findall(r"^\.(?:Vt|Fn) ([\w:]+)", self.text, re.M)
        self.assertEqual([n for n in named if n.split("::")[-1] not in known], [])

    def test_says_the_version(self):
        cmake = (SOURCE / "CMakeLists.txt").read_text(encoding="utf-8")
        version = re.search(r"project\(sluice VERSION (\d+\.\d+)", cmake).group(1)
        self.assertIn(f"\nversion {version}\n", self.text)
        self.assertIn(f"libsluice.so.{version}", self.text)

    def test_has_an_example_that_compiles(self):
        found = re.search(r"\.Sh EXAMPLES\n.*?\.Bd -literal\n(.*?)\n\.Ed", self.text, re.S)
        program = found.group(1).replace("\\e", "\\")
        compiled = subprocess.run(
            [COMPILER, "-std=c++23", "-Wall", "-Wextra", "-Werror", f"-I{SOURCE}/include",
             "-fsyntax-only", "-x", "c++", "-"],
            input=program, capture_output=True, text=True, check=False)
        self.assertEqual(compiled.returncode, 0, compiled.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
