"""headers_test.py SOURCE BUILD COMPILER: every header compiles on its own.

A public header does so with nothing but include/ to find, and without a warning; a private one
with the flags of a source beside it, and one of tests (x_testing.h) with those of a test.
"""

import concurrent.futures
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

PUBLIC_FLAGS = ["-std=c++23", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror"]


def is_for_tests(path):
    return path.stem.endswith(("_test", "_testing"))


def flags_by_folder(build, of_tests):
    """Folder → flags that find headers or change their meaning, from compile_commands.json: those
    of its tests, or of its other sources."""
    found = {}
    for command in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        words = shlex.split(command["command"])
        flags = []
        for at, word in enumerate(words):
            if word in ("-isystem", "-I", "-include"):
                flags += words[at : at + 2]
            elif word.startswith(("-I", "-D", "-std=")):
                flags.append(word)
        source = Path(command["file"])
        # A test's flags know more than its layer does.
        if source.parent not in found or is_for_tests(source) == of_tests:
            found[source.parent] = flags
    return found


def compile_alone(compiler, flags, name):
    # As an included file, since #pragma once warns in the main one.
    return subprocess.run(
        [compiler, *flags, "-fsyntax-only", "-x", "c++", "-"],
        input=f"#include <{name}>\n#include <{name}>\n",
        capture_output=True,
        text=True,
        check=False,
    )


def tasks(source, build):
    """(name to include, flags) of each header; None as flags: no target has sources beside it."""
    public = [*PUBLIC_FLAGS, f"-I{source}/include"]
    for path in sorted((source / "include").rglob("*.h")):
        yield path.relative_to(source / "include").as_posix(), public
    flags = {of_tests: flags_by_folder(build, of_tests) for of_tests in (False, True)}
    for path in sorted((source / "src").rglob("*.h")):
        folder_flags = flags[is_for_tests(path)].get(path.parent)
        yield path.relative_to(source / "src").as_posix(), folder_flags


def main():
    source, build, compiler = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    failures = 0
    wanted = list(tasks(source, build))
    workers = len(os.sched_getaffinity(0))
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        running = []
        for name, flags in wanted:
            if flags is None:
                print(f"{name}: no target compiles a source of its folder")
                failures += 1
                continue
            running.append((name, pool.submit(compile_alone, compiler, flags, name)))
        for name, task in running:
            if task.result().returncode != 0:
                print(f"{name} does not compile alone:\n{task.result().stderr}")
                failures += 1
    print(f"{len(wanted)} headers, {failures} failed")
    return 1 if failures or not wanted else 0


if __name__ == "__main__":
    sys.exit(main())
