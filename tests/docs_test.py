"""docs_test.py SOURCE COMPILER: what the documents show compiles, and what they point to is there.

The C++ of a page is compiled as one function, block after block, so that later blocks know the
names of earlier ones. <!-- snippets: ... --> declares what a page takes for granted, and a block
that begins with an #include is a program of its own.
"""

import concurrent.futures
import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

SOURCE, COMPILER = Path(sys.argv[1]), sys.argv[2]
PAGES = sorted([*SOURCE.glob("*.md"), *(SOURCE / "docs").rglob("*.md")])
HEADERS = sorted((SOURCE / "include" / "sluice").glob("*.h"))
FLAGS = ["-std=c++23", "-Wall", "-Wextra", "-Werror", "-Wno-unused", f"-I{SOURCE}/include",
         "-fsyntax-only", "-x", "c++", "-"]


def text_of(page):
    return page.read_text(encoding="utf-8")


def programs(page):
    """(line, text) of each thing to compile."""
    text = text_of(page)
    body = []
    for found in re.finditer(r"<!-- snippets:(.*?)-->|^```cpp\n(.*?)^```", text, re.M | re.S):
        line = text.count("\n", 0, found.start(found.lastindex)) + 1
        code = found.group(found.lastindex)
        if code.startswith("#include"):
            yield line, code
        else:
            body += [f'#line {line} "{page.relative_to(SOURCE)}"', code]
    if body:
        includes = "\n".join(f"#include <sluice/{header.name}>" for header in HEADERS)
        standard = "#include <cstdio>\n#include <iostream>\n#include <thread>\n"
        yield 1, (f"{standard}{includes}\n[[maybe_unused]] static sluice::result<void> page() {{\n"
                  + "\n".join(body) + "\nreturn {};\n}\n")


def compile_program(text):
    made = subprocess.run([COMPILER, *FLAGS], input=text, capture_output=True, text=True,
                          check=False)
    return made.stderr


class Snippets(unittest.TestCase):
    def test_compile(self):
        wanted = [(page, line, code) for page in PAGES for line, code in programs(page)]
        self.assertGreater(len(wanted), 3)
        with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            said = pool.map(compile_program, (code for _, _, code in wanted))
            for (page, line, _), errors in zip(wanted, said):
                with self.subTest(page=f"{page.relative_to(SOURCE)}:{line}"):
                    self.assertEqual(errors, "")


class Links(unittest.TestCase):
    def test_lead_somewhere(self):
        for page in PAGES:
            for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
                if "://" in target:
                    continue
                path, _, mark = target.partition("#")
                there = (page.parent / path).resolve() if path else page
                self.assertTrue(there.exists(), f"{page.relative_to(SOURCE)}: {target}")
                if mark and there.suffix == ".md":
                    self.assertIn(mark, self.marks(there), f"{page.relative_to(SOURCE)}: {target}")

    @staticmethod
    def marks(page):
        headings = re.findall(r"^#+ (.*)$", text_of(page), re.M)
        plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
        return {heading.replace(" ", "-") for heading in plain}


class NamesOfOurs(unittest.TestCase):
    """from-netty-and-nio.md promises names: the second column of its tables."""

    def test_are_in_the_headers(self):
        headers = [text_of(header) for header in HEADERS]
        rows = re.findall(r"^\|(?!--)[^|\n]*\|([^|\n]*)\|[^\n]*\|$",
                          text_of(SOURCE / "docs" / "from-netty-and-nio.md"), re.M)
        self.assertGreater(len(rows), 60)
        for name in re.findall(r"`([a-z]\w+(?:::\w+)*)", " ".join(rows)):
            owner, _, member = name.rpartition("::")
            if owner == "std":
                continue
            where = [text for text in headers if not owner or re.search(
                rf"^(class|struct|enum class) {owner}\b[^;]*\{{", text, re.M)]
            self.assertTrue(any(re.search(rf"\b{member}\b", text) for text in where), name)


class Decisions(unittest.TestCase):
    def test_are_in_the_list(self):
        folder = SOURCE / "docs" / "decisions"
        listed = re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", text_of(folder / "README.md"))
        self.assertEqual(listed, sorted(path.name for path in folder.glob("[0-9]*.md")))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
