"""abi_test.py SOURCE SHARED_LIBRARY STATIC_LIBRARY: the shared library shows what the public headers
declare, and nothing else.

Every exported name is in sluice::v0 and in a header, what a header declares is exported, every
header puts its names there and makes them visible, and the library's name says which version of the
interface it has.
"""

import re
import subprocess
import sys
import unittest
from pathlib import Path

SOURCE, LIBRARY, STATIC = (Path(word) for word in sys.argv[1:4])
sys.path.insert(0, str(SOURCE / "tools"))
sys.dont_write_bytecode = True

import structure  # noqa: E402

PUBLIC = "sluice::v0::"
# What the compiler makes for a class or a variable, named after it.
MADE_FOR = re.compile(
    r"^((typeinfo name|typeinfo|vtable|VTT|guard variable|TLS (init|wrapper) function) for "
    r"|(non-)?virtual thunk to )"
)


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def exported_names():
    """Demangled, without the symbol version; the version's own symbol is left out."""
    for line in run("nm", "-D", "--defined-only", "-C", str(LIBRARY)).splitlines():
        kind, name = re.match(r"[0-9a-f]* *(\S) (.*)", line).groups()
        if kind != "A":
            yield re.sub(r"@@?sluice_v0$", "", name)


def path_of(name):
    """The words of the qualified name before the parameters: sluice v0 buffer append."""
    name = MADE_FOR.sub("", name)
    depth, path = 0, ""
    for at, letter in enumerate(name):
        if letter == "(" and depth == 0 and not path.endswith("operator"):
            break
        depth += {"<": 1, ">": -1}.get(letter, 0) if "operator" not in path else 0
        path += letter if depth == 0 else ""
    return re.findall(r"\w+", path.replace("[abi:cxx11]", ""))


def hidden_functions():
    """What the objects define for each other alone: in the namespace, but not visible."""
    for line in run("readelf", "-sWC", str(STATIC)).splitlines():
        found = re.search(r" FUNC +GLOBAL +HIDDEN .*?\b(sluice::v0::.*)", line)
        if found:
            yield found.group(1)


def headers():
    for path in sorted((SOURCE / "include" / "sluice").glob("*.h")):
        yield path.name, structure.strip(path.read_text(encoding="utf-8"))


class Exports(unittest.TestCase):
    def setUp(self):
        self.names = sorted(exported_names())

    def test_has_names(self):
        self.assertGreater(len(self.names), 50)
        self.assertTrue(any(name.startswith(PUBLIC + "transfer::step(") for name in self.names))

    def test_all_are_in_the_public_namespace(self):
        strange = [n for n in self.names if not MADE_FOR.sub("", n).startswith(PUBLIC)]
        self.assertEqual(strange, [], "\n" + "\n".join(strange))

    def test_all_are_declared_in_a_public_header(self):
        declared = set()
        for _, text in headers():
            declared.update(re.findall(r"\w+", text))
        inner = [n for n in self.names if not set(path_of(n)) <= declared]
        self.assertEqual(inner, [], "\n" + "\n".join(inner))

    def test_what_a_header_declares_is_exported(self):
        functions, classes = set(), []  # classes: those that each header defines
        for _, text in headers():
            classes.append(set(re.findall(r"\b(?:class|struct) (\w+)[^;{(]*\{", text)))
            functions.update(re.findall(r"^(?:\[\[|\w).*?\b(\w+)\(", text, re.M))
        hidden = []
        for name in hidden_functions():
            *owners, last = path_of(name)[2:]
            if any(set(owners) <= each for each in classes) if owners else last in functions:
                hidden.append(name)
        self.assertEqual(hidden, [], "\n" + "\n".join(hidden))

    def test_none_speaks_of_the_inside(self):
        inner = [n for n in self.names if "sluice::sys" in n or "sluice::detail" in n]
        self.assertEqual(inner, [], "\n" + "\n".join(inner))

    def test_the_file_name_has_the_version(self):
        version = re.search(r"project\(sluice VERSION (\d+)\.(\d+)", self.cmake()).groups()
        wanted = ".".join(version) if version[0] == "0" else version[0]
        self.assertIn(f"[libsluice.so.{wanted}]", run("readelf", "-d", str(LIBRARY)))

    @staticmethod
    def cmake():
        return (SOURCE / "CMakeLists.txt").read_text(encoding="utf-8")


class Headers(unittest.TestCase):
    def test_names_are_in_the_versioned_namespace(self):
        for name, text in headers():
            opened = re.findall(r"^\s*(?:inline )?namespace ([\w: ]+?) \{", text, re.M)
            self.assertTrue(opened, f"{name}: no namespace")
            for each in opened:
                self.assertIn(each, ("sluice::inline v0", "detail", "std"), name)
            self.assertIn("sluice::inline v0", opened, name)

    def test_names_are_visible(self):
        for name, text in headers():
            words = re.findall(
                r"^(#include|#pragma GCC visibility push\(default\)|namespace sluice"
                r"|#pragma GCC visibility pop)", text, re.M)
            after = [w for w in words if w != "#include"]
            self.assertEqual(
                after[:1] + after[-1:],
                ["#pragma GCC visibility push(default)", "#pragma GCC visibility pop"], name)
            self.assertEqual(len(re.findall(r"#pragma GCC visibility p", text)), 2, name)
            last_include = max((i for i, w in enumerate(words) if w == "#include"), default=-1)
            self.assertLess(last_include, words.index(after[0]), f"{name}: an include after push")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
