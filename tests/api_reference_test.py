"""api_reference_test.py SOURCE OUTPUT VERSION: the API reference is made without a warning.

Leaves it in OUTPUT/html. Ends with 77 when Doxygen is not installed.
"""

import os
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

SOURCE, OUTPUT, VERSION = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
sys.path.insert(0, str(SOURCE / "tools"))
sys.dont_write_bytecode = True

import doxygen_filter  # noqa: E402


class Reference(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        shutil.rmtree(OUTPUT, ignore_errors=True)
        OUTPUT.mkdir(parents=True)
        environment = {**os.environ, "SLUICE_API_OUTPUT": str(OUTPUT), "SLUICE_VERSION": VERSION}
        cls.made = subprocess.run(["doxygen", "docs/Doxyfile"], cwd=SOURCE, env=environment,
                                  capture_output=True, text=True, check=False)

    def test_has_no_warning(self):
        self.assertEqual((self.made.stdout, self.made.stderr, self.made.returncode), ("", "", 0))

    def test_has_a_page_for_each_class(self):
        pages = {path.name for path in (OUTPUT / "html").glob("*.html")}
        for header in (SOURCE / "include" / "sluice").glob("*.h"):
            text = header.read_text(encoding="utf-8")
            text = re.sub(r"namespace detail \{.*?^\}", "", text, flags=re.M | re.S)
            for kind, name in re.findall(r"^(class|struct) (?:\[\[.*?\]\] )?(\w+)[^;]*\{$", text,
                                         re.M):
                page = f"{kind}sluice_1_1{name.replace('_', '__')}.html"
                self.assertIn(page, pages, header.name)

    def test_names_no_folder_of_this_machine(self):
        for page in (OUTPUT / "html").glob("*.html"):
            self.assertNotIn(str(SOURCE), page.read_text(encoding="utf-8"), page.name)


class Filter(unittest.TestCase):
    HEAD = "// chain.h: pieces in a row.\n#pragma once\n\nnamespace sluice::inline v0 {\n\n"

    def filtered(self, body):
        text = doxygen_filter.Filter("chain.h", f"{self.HEAD}{body}\n").run()
        return text.split("/// @{\n\n")[1].rstrip("\n")

    def test_comments_before_and_behind(self):
        self.assertEqual(
            self.filtered("// Two `a<b>` of result<T>.\nstruct two {\n    int a;  // first\n};"),
            "/// Two `a<b>` of result\\<T\\>.\nstruct two {\n    int a;  ///< first\n};")

    def test_comments_within_functions_stay(self):
        body = "// Doc.\nint f() {\n    // Why.\n    return 1;  // because\n}"
        self.assertEqual(self.filtered(body), body.replace("// Doc.", "/// Doc."))

    def test_one_comment_for_several_declarations(self):
        self.assertEqual(
            self.filtered("// Trims.\nvoid trim_front();\nvoid trim_back();\nvoid other();"),
            "/// Trims.\nvoid trim_front();\n/// Trims.\nvoid trim_back();\nvoid other();")

    def test_special_members_speak_for_themselves(self):
        body = "struct two {\n    // Empty.\n    two();\n    two(const two& other);\n    ~two();\n};"
        self.assertEqual(self.filtered(body), body.replace("// Empty", "/// Empty"))

    def test_the_file_is_about_its_class(self):
        self.assertEqual(self.filtered("class chain {\n};"),
                         "/// Pieces in a row.\nclass chain {\n};")

    def test_drawings_and_code(self):
        self.assertEqual(
            self.filtered("// See:\n//\n//     [a] -> [b]\n//\n// and\n//     f();\n//\nvoid f();"),
            "/// See:\n///\n///\n/// ~~~{.txt}\n/// [a] -> [b]\n/// ~~~\n///\n"
            "/// and\n///\n/// ~~~{.cpp}\n/// f();\n/// ~~~\n///\nvoid f();")

    def test_names_lose_the_version(self):
        text = doxygen_filter.Filter("chain.h", self.HEAD + "}  // namespace sluice::inline v0").run()
        self.assertIn("\nnamespace sluice {\n/// @addtogroup chain\n", text)
        self.assertNotIn("namespace sluice::inline v0 {", text)

    def test_links_out_of_the_guide_are_text(self):
        path = SOURCE / "docs" / "library.md"
        self.assertEqual(doxygen_filter.page(path, "[a](serve.md) [b](library.md#x) [c](https://d)"),
                         "a [b](library.md#x) [c](https://d)")


if __name__ == "__main__":
    if not shutil.which("doxygen"):
        print("skipped: doxygen is not installed")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
