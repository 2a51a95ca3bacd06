"""The rules that the tree's layout follows, as functions over text. tests/structure_test.py runs
them. By hand, /usr/bin/python3 tools/structure.py prints what breaks a rule, and the longest
functions and files.
"""

import re
import statistics
import sys
from pathlib import Path

# What each layer may include. A folder below src/ is a layer.
LAYERS = {
    "base": set(),
    "sys": {"base"},
    "memory": {"base", "sys"},
    "file": {"base", "sys", "memory"},
    "chain": {"base", "sys", "memory", "file"},
    "transfer": {"base", "sys", "memory", "file", "chain"},
    "filter": {"base", "sys", "memory", "file", "chain"},
    "log": {"base", "sys", "memory", "file", "chain"},
    "net": {"base", "sys", "memory", "file", "chain", "transfer"},
    "http": {"base", "sys", "memory", "file", "chain", "transfer", "net"},
    "kafka": {"base", "sys", "memory", "file", "chain", "transfer", "net", "log"},
    "cli": {"base", "sys", "memory", "file", "chain", "transfer", "net", "log", "http", "kafka"},
}

# The layer of each public header, include/sluice/NAME.
PUBLIC_HEADERS = {
    "result.h": "base",
    "bytes.h": "base",
    "byte_order.h": "base",
    "unique_fd.h": "sys",
    "buffer.h": "memory",
    "buffer_pool.h": "memory",
    "buffer_slice.h": "memory",
    "leak_ledger.h": "memory",
    "memory_budget.h": "memory",
    "storage.h": "memory",
    "atomic_file.h": "file",
    "buffered_appender.h": "file",
    "file.h": "file",
    "file_lock.h": "file",
    "file_region.h": "file",
    "mapped_appender.h": "file",
    "mapped_region.h": "file",
    "piece.h": "chain",
    "chain.h": "chain",
    "chain_cursor.h": "chain",
    "filter.h": "filter",
    "file_transfer.h": "transfer",
    "in_flight.h": "transfer",
    "ledger.h": "transfer",
    "mechanism.h": "transfer",
    "plan.h": "transfer",
    "receive_way.h": "transfer",
    "sink.h": "transfer",
    "transfer.h": "transfer",
}

# Boost, by the start of the include, and who may know it: folders, or the start of file names.
BOOST = {
    "boost/beast": ("src/http/request_parser",),
    "boost/": ("src/net/", "src/http/", "src/kafka/"),
}

# The header and the source of what copies payload.
COPIES = ("include/sluice/bytes.h", "src/base/bytes.cc")

# System calls whose names mean nothing else: a bare call counts. Those in the second list are also
# ordinary words, so only a call through the global namespace counts.
SYSTEM_CALLS = """
    accept4 copy_file_range epoll_create1 epoll_ctl epoll_wait epoll_pwait eventfd fadvise64
    fallocate fcntl fdatasync fstat fstatat fsync ftruncate getdents64 getrandom getsockname
    getsockopt inotify_add_watch inotify_init1 ioctl lseek madvise memfd_create mincore mlock
    mmap mprotect mremap msync munmap openat openat2 pipe2 posix_fadvise posix_fallocate pread
    preadv preadv2 pwrite pwritev pwritev2 readahead readlinkat readv recvfrom recvmmsg recvmsg
    renameat2 sched_getaffinity sched_setaffinity sendfile sendmmsg sendmsg sendto setsockopt
    signalfd socketpair splice statx sync_file_range syscall timerfd_create timerfd_settime
    unlinkat vmsplice writev
""".split()
WORDY_SYSTEM_CALLS = """
    accept bind close connect creat dup dup2 dup3 fork kill link listen mkdir open pause pipe
    poll ppoll read recv rename rmdir select send shutdown socket stat symlink sync tee truncate
    unlink wait write
""".split()

LINE_LIMIT = 100


def strip(text, strings=True):
    """The text without comments and (if asked) the contents of strings, line by line as before."""

    def blank(match):
        token = match.group(0)
        if token.startswith("/"):
            return re.sub(r"[^\n]", " ", token)
        if not strings:
            return token
        return '""' + re.sub(r"[^\n]", " ", token)[2:] if len(token) > 1 else token

    tokens = (
        r'R"(?P<mark>[^()\s\\]{0,16})\((?s:.)*?\)(?P=mark)"'  # raw strings
        r'|"(?:\\.|[^"\\\n])*"'
        r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'"  # characters, not digit separators
        r"|//[^\n]*|/\*(?s:.)*?\*/"
    )
    return re.sub(tokens, blank, text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def is_test(path):
    return path.endswith(("_test.cc", "_test.h", "_testing.h", "_testing.cc")) or path.startswith(
        ("tests/", "fuzz/", "bench/", "examples/")
    )


def includes(text):
    """(line, form, name) of each #include; form is < or a double quote."""
    for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', text, re.M):
        yield line_of(text, match.start(1)), match.group(1), match.group(2)


def layer_of_file(path):
    parts = path.split("/")
    if parts[0] == "src" and len(parts) > 2:
        return parts[1]
    if path.startswith("include/sluice/"):
        return PUBLIC_HEADERS.get(parts[-1])
    return None


def check_layers(path, text):
    """Includes point down only, and a public header includes only public ones."""
    if not path.startswith(("src/", "include/")):
        return
    public = path.startswith("include/")
    own = layer_of_file(path)
    if own not in LAYERS:
        yield 1, f"belongs to no layer that {__file__.rsplit('/', 1)[-1]} knows"
        return
    for line, form, name in includes(strip(text, strings=False)):
        if form == "<" and name.startswith("sluice/"):
            target = PUBLIC_HEADERS.get(name.removeprefix("sluice/"))
            if target is None:
                yield line, f"includes {name}, which is not a known public header"
                continue
        elif form == '"':
            target = name.split("/")[0]
            if target == "support" and is_test(path):
                continue  # tests/support: what unit tests share
            if public:
                yield line, f"a public header includes the private {name}"
                continue
            if "/" not in name or target not in LAYERS:
                yield line, f"includes {name} without its layer, as in \"{own}/{name}\""
                continue
        else:
            continue
        if target != own and target not in LAYERS[own]:
            yield line, f"includes {name}: {own} may not know {target}"


def check_boost(path, text):
    """Boost stays in the layers that are about sockets, and Beast in the request parser."""
    if not path.startswith(("src/", "include/")):
        return
    for line, _, name in includes(strip(text, strings=False)):
        for start, allowed in BOOST.items():
            if name.startswith(start):
                if not path.startswith(allowed):
                    yield line, f"includes {name}, which is for {', '.join(allowed)}"
                break


def check_system_calls(path, text):
    """A raw system call stands in src/sys, where EINTR and errno end."""
    if not path.startswith(("src/", "include/")) or path.startswith("src/sys/") or is_test(path):
        return
    code = strip(text)
    names = "|".join(SYSTEM_CALLS)
    wordy = "|".join(WORDY_SYSTEM_CALLS)
    for match in re.finditer(rf"(?<![\w>])::({names}|{wordy})\s*\(", code):
        yield line_of(code, match.start()), f"calls ::{match.group(1)} outside src/sys"
    for match in re.finditer(rf"(?<![\w.:~])(?<!->)({names})\s*\(", code):
        if not declares(code[: match.start()]):
            yield line_of(code, match.start()), f"calls {match.group(1)} outside src/sys"


def declares(before):
    """True when a name that follows this code is being declared: a type stands before it."""
    before = before.rstrip()
    word = re.search(r"(\w+)$", before)
    if word:
        return word.group(1) not in (
            "return co_return co_await co_yield throw else do case and or not".split()
        )
    return before.endswith((">", "*", "&")) and not before.endswith(("&&", "->"))


def check_copies(path, text):
    """Payload is copied by copy_bytes alone, since copy_bytes counts."""
    if not path.startswith(("src/", "include/")) or path in COPIES or is_test(path):
        return
    code = strip(text)
    words = r"\b(memcpy|memmove|mempcpy|bcopy|std::(?:ranges::)?copy(?:_n|_backward)?)\s*\("
    for match in re.finditer(words, code):
        yield line_of(code, match.start()), f"{match.group(1)} outside {COPIES[-1]}"


def check_lines(path, text):
    """Line width and white space."""
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > LINE_LIMIT:
            yield number, f"{len(line)} columns; {LINE_LIMIT} is the limit"
        if line != line.rstrip():
            yield number, "white space at the end of the line"
        if "\t" in line:
            yield number, "a tab"
    if text and not text.endswith("\n"):
        yield text.count("\n") + 1, "no newline at the end"


def check_leftovers(path, text):
    """No notes to oneself, no code in comments. Examples in headers are indented by four."""
    code_in_comment = re.compile(
        r"(\w\(.*\);|\s=\s.*;|^[{}]+;?|^(if|for|while|switch)\s*\(.*\{)$"
        r"|^(return|break|continue|delete|co_await|co_return)\b[^.]*;$"
        r"|^#\s*(include|if|endif|define)\b"
    )
    for match in re.finditer(r"\b(" + "FIX" + "ME|TO" + "DO|X" + r"XX)\b", text):
        yield line_of(text, match.start()), f"leftover {match.group(1)}"
    for number, line in enumerate(text.split("\n"), 1):
        comment = re.match(r"\s*//(\s*)(.*?)\s*$", line)
        if not comment or (path.endswith(".h") and len(comment.group(1)) >= 4):
            continue
        if code_in_comment.search(comment.group(2)):
            yield number, "looks like code in a comment"


def check_header(path, text):
    """A header begins with what it is, then #pragma once."""
    if not path.endswith(".h"):
        return
    lines = text.split("\n")
    name = path.rsplit("/", 1)[-1]
    if not lines[0].startswith(f"// {name}: "):
        yield 1, f'does not begin with "// {name}: " and what it is for'
    code = [line for line in lines if line.strip() and not line.lstrip().startswith("//")]
    if not code or code[0] != "#pragma once":
        yield 1, "#pragma once is not the first line of code"


def check_namespaces(path, text):
    code = strip(text)
    for match in re.finditer(r"\busing\s+namespace\s+([\w:]+)", code):
        if "literals" not in match.group(1):
            yield line_of(code, match.start()), f"using namespace {match.group(1)}"


def check_coroutines(path, text):
    """What g++ 12 compiles wrongly: docs/decisions/0011-coroutines-of-gpp-12.md."""
    code = strip(text)
    for statement in re.finditer(r"[^;{}]+", code):
        if "co_await" not in statement.group():
            continue
        line = line_of(code, statement.start() + statement.group().index("co_await"))
        parts = condition_and_rest(statement.group())
        if any("co_await" in part and re.search(r"&&|\|\||\?", part) for part in parts):
            yield line, "co_await within &&, || or ?: (g++ 12 may await both sides)"
        if re.search(r"co_await[^;]*\[[^\]]*\w\s*=[^\]]*\]", statement.group()):
            yield line, "a lambda that owns something where it is awaited (g++ 12 destroys it twice)"


def condition_and_rest(statement):
    """The condition of an if or while, and what follows it; another statement whole."""
    opened = re.match(r"\s*(?:else\s+)?(?:if|while)\s*\(", statement)
    if not opened:
        return [statement]
    depth = 1
    for position in range(opened.end(), len(statement)):
        depth += {"(": 1, ")": -1}.get(statement[position], 0)
        if depth == 0:
            return [statement[:position], statement[position:]]
    return [statement]


RULES = (
    check_layers,
    check_boost,
    check_system_calls,
    check_copies,
    check_lines,
    check_leftovers,
    check_header,
    check_namespaces,
    check_coroutines,
)


def check_file(path, text):
    for rule in RULES:
        for line, message in rule(path, text):
            yield f"{path}:{line}: {message}"


def check_targets(files, cmake_lists):
    """Every source is named in a CMakeLists.txt of its folder or above; every header is included.

    `files` and `cmake_lists` map paths to texts.
    """
    included = set()
    for path, text in files.items():
        for _, _, name in includes(strip(text, strings=False)):
            if not path.endswith("/" + name):
                included.add(name)
    for path in files:
        if path.endswith(".h"):
            name = re.sub(r"^(include|src|tests)/", "", path)
            if not included & {name, path.rsplit("/", 1)[-1]}:
                yield f"{path}:1: nothing includes it"
        elif not any(names_source(text, where, path) for where, text in cmake_lists.items()):
            yield f"{path}:1: in no CMake target"


def names_source(cmake, where, source):
    """True when the CMakeLists.txt `where` names `source`, or its stem if it loops over names."""
    folder = where.removesuffix("CMakeLists.txt")
    if not source.startswith(folder):
        return False
    relative = re.escape(source.removeprefix(folder).removesuffix(".cc"))
    stems = {relative, re.sub(r"_(fuzz|test|bench)$", "", relative)}
    cmake = re.sub(r"#.*", "", cmake)
    loops = "}" in cmake and "${" in cmake
    return bool(re.search(rf"(?<![\w./-]){relative}\.cc(?![\w.-])", cmake)) or (
        loops and any(re.search(rf"(?<![\w./-]){stem}(?![\w./-])", cmake) for stem in stems)
    )


def functions(text):
    """(line, name, number of lines) of each function with a body; a lambda belongs to its owner."""
    code = re.sub(r"(?m)^[ \t]*#[^\n]*", lambda match: " " * len(match.group(0)), strip(text))
    start = position = 0
    while position < len(code):
        character = code[position]
        if character == "{":
            header = code[start:position]
            if is_initialiser(header):
                position = closing(code, position)
            elif is_function(header):
                end = closing(code, position)
                first = start + len(header) - len(header.lstrip())
                yield line_of(code, first), name_of(header), code.count("\n", first, end) + 1
                position, start = end, end + 1
            else:
                start = position + 1
        elif character in ";}":
            start = position + 1
        position += 1


def closing(code, position):
    depth = 0
    for at in range(position, len(code)):
        depth += {"{": 1, "}": -1}.get(code[at], 0)
        if depth == 0:
            return at
    return len(code) - 1


def is_initialiser(header):
    """True when a brace after this text begins an argument or a member's initialiser."""
    if header.count("(") > header.count(")"):
        return True
    members = re.search(r"\)\s*(noexcept\s*)?:(?!:)", header)
    return bool(members) and bool(re.search(r"[\w>]\s*$", header[members.end():]))


def is_function(header):
    header = re.sub(r"\[\[.*?\]\]", "", header, flags=re.S)  # an attribute's parentheses
    first = re.match(r"\s*(?:template\s*<[^{]*>\s*)?(\w+)", header)
    if "(" not in header or not first or first.group(1) in ("namespace", "enum", "extern"):
        return False
    before_arguments = header[: header.index("(")]
    if re.search(r"(?<![=!<>])=(?!=)", before_arguments) and "operator" not in before_arguments:
        return False
    return not re.match(r"(class|struct|union)\b[^()]*$", header.strip())


def name_of(header):
    name = re.search(r"((?:[\w~]+::)*(?:operator\s*[^\s(]+|~?\w+))\s*\(", header)
    return re.sub(r"\s+", "", name.group(1)) if name else "?"


def sources(root, folders=("include", "src", "fuzz", "bench", "tests", "examples")):
    """The C++ files below the tree's root, as {path: text}."""
    found = {}
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".h", ".cc"):
                found[path.relative_to(root).as_posix()] = path.read_text(encoding="utf-8")
    return found


def cmake_lists(root):
    found = {}
    for folder in ("src", "fuzz", "bench", "tests", "examples"):
        for path in sorted((root / folder).rglob("CMakeLists.txt")):
            found[path.relative_to(root).as_posix()] = path.read_text(encoding="utf-8")
    return found


def check_tree(root):
    files = sources(root)
    for path, text in files.items():
        yield from check_file(path, text)
    yield from check_targets(files, cmake_lists(root))


def report(root):
    """What a person should look at from time to time: the longest functions and files."""
    files = {path: text for path, text in sources(root).items() if not is_test(path)}
    found = [
        (count, f"{path}:{line} {name}")
        for path, text in files.items()
        for line, name, count in functions(text)
    ]
    if not found:
        return
    lengths = [count for count, _ in found]
    print(f"{len(found)} functions, median {statistics.median(lengths):g} lines; the longest:")
    for count, where in sorted(found, reverse=True)[:10]:
        print(f"{count:6} {where}")
    sizes = sorted(((text.count("\n"), path) for path, text in files.items()), reverse=True)
    print(f"{len(sizes)} files, {sum(size for size, _ in sizes)} lines; the longest:")
    for size, path in sizes[:10]:
        print(f"{size:6} {path}")


def main():
    root = Path(__file__).resolve().parent.parent
    broken = list(check_tree(root))
    for line in broken:
        print(line)
    report(root)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
