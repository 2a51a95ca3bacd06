"""Holds the tree to its rules (tools/structure.py), and the rules to examples."""

import re
import sys
import tomllib
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
sys.dont_write_bytecode = True

import structure  # noqa: E402


class Tree(unittest.TestCase):
    def test_follows_its_rules(self):
        broken = list(structure.check_tree(ROOT))
        self.assertEqual(broken, [], "\n" + "\n".join(broken))

    def test_has_something_to_check(self):
        files = structure.sources(ROOT)
        self.assertIn("include/sluice/result.h", files)
        self.assertIn("src/base/bytes.cc", files)
        self.assertIn("src/CMakeLists.txt", structure.cmake_lists(ROOT))


class Rules(unittest.TestCase):
    def accepts(self, rule, path, text):
        self.assertEqual(list(rule(path, text)), [], f"{path}: {text}")

    def rejects(self, rule, path, text, line=1):
        lines = [number for number, _ in rule(path, text)]
        self.assertEqual(lines, [line], f"{path}: {text}")

    def test_includes_point_down(self):
        rule = structure.check_layers
        self.accepts(rule, "src/file/file.cc", '#include "memory/heap.h"\n#include <span>\n')
        self.accepts(rule, "src/http/server.cc", "#include <sluice/transfer.h>\n")
        self.accepts(rule, "src/file/file.cc", '// #include "http/server.h"\n')
        self.rejects(rule, "src/memory/buffer.cc", '\n#include "file/file.h"\n', line=2)
        self.rejects(rule, "src/memory/buffer.cc", "#include <sluice/file.h>\n")
        self.rejects(rule, "src/log/segment.cc", '#include "net/listener.h"\n')
        self.rejects(rule, "src/http/server.cc", '#include "cli/main.h"\n')
        self.rejects(rule, "src/http/server.cc", '#include "server.h"\n')
        self.accepts(rule, "src/http/server_test.cc", '#include "support/stream_pair.h"\n')
        self.rejects(rule, "src/http/server.cc", '#include "support/stream_pair.h"\n')
        self.rejects(rule, "src/unheard_of/a.cc", "int a;\n")

    def test_public_headers_see_public_headers(self):
        rule = structure.check_layers
        self.accepts(rule, "include/sluice/chain.h", "#include <sluice/buffer_slice.h>\n")
        self.rejects(rule, "include/sluice/chain.h", "#include <sluice/transfer.h>\n")
        self.rejects(rule, "include/sluice/chain.h", '#include "base/byte_order.h"\n')
        self.rejects(rule, "include/sluice/chain.h", "#include <sluice/unheard_of.h>\n")
        self.rejects(rule, "include/sluice/unheard_of.h", "int a;\n")

    def test_boost_stays_with_the_sockets(self):
        rule = structure.check_boost
        self.accepts(rule, "src/net/listener.h", "#include <boost/asio/ip/tcp.hpp>\n")
        self.accepts(rule, "src/http/request_parser.cc", "#include <boost/beast/http.hpp>\n")
        self.rejects(rule, "src/http/server.cc", "#include <boost/beast/http.hpp>\n")
        self.rejects(rule, "src/transfer/transfer.cc", "#include <boost/asio.hpp>\n")
        self.rejects(rule, "include/sluice/sink.h", "#include <boost/asio.hpp>\n")

    def test_system_calls_stand_in_sys(self):
        rule = structure.check_system_calls
        for code in (
            "::read(fd, data, size);",
            "auto n = ::write(fd, data, size);",
            "return sendfile(out, in, &at, size);",
            "if (ok && splice(a, 0, b, 0, 1, 0)) {}",
            "x = mmap(nullptr, 1, 0, 0, fd, 0);",
            "if (fstat(fd, &about) < 0) {}",
            "close_all(::open(path, 0));",
        ):
            self.rejects(rule, "src/transfer/a.cc", code)
            self.accepts(rule, "src/sys/a.cc", code)
            self.accepts(rule, "src/transfer/a_test.cc", code)
        for code in (
            "sys::sendfile(out, in, at, size);",
            "file.read(at, bytes);",
            "socket->close();",
            "chain.splice(other);",
            "boost::asio::write(socket, bytes);",
            "result<progress> splice(chain& from, sink& to);",
            "step_result mechanism::sendfile(chain& from) {}",
            "std::byte* mmap(int);",
            'log("::read(fd) failed");',
            "// ::write(fd) would block\n",
            "close(); read(bytes);",
            "char c = '\"'; file.read(); c = '\"';",
        ):
            self.accepts(rule, "src/transfer/a.cc", code)

    def test_payload_is_copied_in_one_place(self):
        rule = structure.check_copies
        for code in (
            "memcpy(to, from, 4);",
            "std::memmove(to, from, 4);",
            "std::copy(a, b, c);",
            "std::ranges::copy(a, b);",
        ):
            self.rejects(rule, "src/http/a.cc", code)
            self.accepts(rule, "src/base/bytes.cc", code)
            self.accepts(rule, "include/sluice/bytes.h", code)
        self.accepts(rule, "src/http/a.cc", "copy_bytes(to, from); text.copy(a, 1);")
        self.accepts(rule, "src/http/a.cc", "// not memcpy(to, from)\n")

    def test_lines(self):
        rule = structure.check_lines
        self.accepts(rule, "src/base/a.cc", "x" * 100 + "\n")
        self.rejects(rule, "src/base/a.cc", "x" * 101 + "\n")
        self.rejects(rule, "src/base/a.cc", "a \n")
        self.rejects(rule, "src/base/a.cc", "a\tb\n")
        self.rejects(rule, "src/base/a.cc", "a")

    def test_leftovers(self):
        rule = structure.check_leftovers
        for comment in ("TO" + "DO later", "FIX" + "ME", "X" + "XX", "return 0;", "call(a, b);"):
            self.rejects(rule, "src/base/a.cc", f"// {comment}\n")
        self.rejects(rule, "src/base/a.cc", "//    auto a = b;\n")
        self.rejects(rule, "src/base/a.cc", "    // if (a) {\n")
        self.rejects(rule, "src/base/a.cc", "// #include <vector>\n")
        self.accepts(rule, "include/sluice/file.h", "//     auto a = file::open(path);\n")
        self.accepts(rule, "src/base/a.cc", "// The caller owns it; so we do not.\n")
        self.accepts(rule, "src/base/a.cc", "// It copies (see bytes.h);\n// that is counted.\n")
        self.accepts(rule, "src/base/a.cc", "call(a);  // what a call(a) costs\n")

    def test_headers_say_what_they_are(self):
        rule = structure.check_header
        self.accepts(rule, "src/sys/io.h", "// io.h: reads and writes.\n#pragma once\nint a;\n")
        self.accepts(rule, "src/sys/io.cc", "int a;\n")
        self.rejects(rule, "src/sys/io.h", "#pragma once\nint a;\n")
        self.rejects(rule, "src/sys/io.h", "// Reads and writes.\n#pragma once\nint a;\n")
        self.rejects(rule, "src/sys/io.h", "// io.h: reads and writes.\nint a;\n")

    def test_namespaces(self):
        rule = structure.check_namespaces
        self.rejects(rule, "src/base/a.cc", "using namespace std;\n")
        self.accepts(rule, "src/base/a.cc", "using namespace std::chrono_literals;\n")

    def test_coroutines_keep_to_what_the_compiler_can_do(self):
        rule = structure.check_coroutines
        for code in (
            "co_return a ? co_await b() : co_await c();",
            "bool done = a() || co_await b();",
            "if (a && !co_await b()) return;",
            "auto x = co_await pool.run([region = take()] { return warm(region); });",
        ):
            self.rejects(rule, "src/net/a.cc", code)
        for code in (
            "if (a && b) co_await c();",
            "if (a ? b : c) { co_await d(); }",
            "auto work = [region = take()] { return warm(region); };\nco_await pool.run(work);",
            "co_await pool.run([&work] { work(); });",
            "bool more = co_await next();",
        ):
            self.accepts(rule, "src/net/a.cc", code)

    def test_every_file_is_in_a_target(self):
        files = {
            "src/a/one.cc": '#include "a/one.h"\n',
            "src/a/one.h": "",
            "src/a/one_test.cc": '#include "support/pattern.h"\n',
            "tests/support/pattern.h": "",
            "fuzz/head_fuzz.cc": "",
        }
        cmake = {
            "src/a/CMakeLists.txt": "layer(a SOURCES one.cc TESTS one_test.cc)",
            "fuzz/CMakeLists.txt": "foreach(name head)\nadd(${name}_fuzz.cc)\nendforeach()",
        }
        self.assertEqual(list(structure.check_targets(files, cmake)), [])
        without = {**cmake, "src/a/CMakeLists.txt": "layer(a TESTS one_test.cc) # one.cc"}
        self.assertEqual(len(list(structure.check_targets(files, without))), 1)
        without = {**cmake, "fuzz/CMakeLists.txt": "foreach(name tail)\nadd(${name}.cc)\n"}
        self.assertEqual(len(list(structure.check_targets(files, without))), 1)
        lonely = {**files, "src/a/two.h": ""}
        self.assertEqual(len(list(structure.check_targets(lonely, cmake))), 1)


class Reading(unittest.TestCase):
    def test_strip_keeps_lines_and_code(self):
        text = 'a /* b\nc */ d "e // f" R"(g "h" // i\n)" 1\'000 \'"\' j // k\nl'
        code = structure.strip(text)
        self.assertEqual(code.count("\n"), text.count("\n"))
        self.assertEqual(len(code), len(text))
        for gone in "bcefghik":
            self.assertNotIn(gone, code)
        for kept in ("a", "d", "1'000", "j", "l"):
            self.assertIn(kept, code)

    def test_functions_are_found_whole(self):
        text = (
            "namespace n {\n"
            'class [[gnu::visibility("hidden")]] c {\n'
            "    c(int a, options o = {})\n"
            "        : a_{a}, b_(o) {\n"
            "        start();\n"
            "    }\n"
            "    int size() const { return 1; }\n"
            "    std::array<int, 2> table_ = make({1, 2});\n"
            "};\n"
            "enum class e { one };\n"
            "result<int> f(int x) {\n"
            "    if (x) { return 1; }\n"
            "    auto g = [](int y) {\n"
            "        return y;\n"
            "    };\n"
            "    return g(x);\n"
            "}\n"
            "}\n"
        )
        found = [(name, lines) for _, name, lines in structure.functions(text)]
        self.assertEqual(found, [("c", 4), ("size", 1), ("f", 7)])


class Manuals(unittest.TestCase):
    """docs/serve.md is the contract; the manual page and the example configuration follow it."""

    SPELLED = {"error_pages": "error-page", "headers": "header"}

    def setUp(self):
        contract = (ROOT / "docs/serve.md").read_text(encoding="utf-8")
        rows = r"^\| (server|limits|log|site) \| (\w+) \| ([^|]+) \|"
        self.settings = re.findall(rows, contract, re.M)

    def test_the_contract_is_read(self):
        self.assertGreater(len(self.settings), 30)
        self.assertIn(("limits", "ranges", "16"), self.settings)

    def test_the_manual_page_has_every_option(self):
        page = (ROOT / "packaging/sluice.1").read_text(encoding="utf-8")
        documented = set(re.findall(r"^\.It Fl Fl ([\w-]+)", page, re.M)) - {"config"}
        options = {self.SPELLED.get(key, key.replace("_", "-")) for _, key, _ in self.settings}
        self.assertEqual(documented, options)

    def test_the_example_configuration_has_every_default(self):
        text = (ROOT / "packaging/sluice.toml").read_text(encoding="utf-8")
        given = tomllib.loads(text)
        everything = tomllib.loads(re.sub(r"^# (?=\w+ = )", "", text, flags=re.M))
        for table, key, default in self.settings:
            named, set_to = everything[table], given[table]
            if table == "site":
                named, set_to = named[0], set_to[0]
            self.assertIn(key, named, f"[{table}]")
            if default.startswith("(") or default == "CPUs available":
                expected = "/srv/www" if key == "root" else None
            else:
                expected = default
            value = set_to.get(key)
            value = value[0] if isinstance(value, list) else value
            value = str(value).lower() if isinstance(value, bool) else value
            self.assertEqual(expected, None if value is None else str(value), f"[{table}] {key}")

    def test_the_example_configuration_has_nothing_else(self):
        text = (ROOT / "packaging/sluice.toml").read_text(encoding="utf-8")
        keys = re.findall(r"^(?:# )?(\w+) = ", text, re.M)
        self.assertEqual(sorted(keys), sorted(key for _, key, _ in self.settings))


if __name__ == "__main__":
    structure.report(ROOT)
    unittest.main()
