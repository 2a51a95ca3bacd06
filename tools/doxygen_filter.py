"""doxygen_filter.py FILE: what Doxygen reads in place of FILE (docs/Doxyfile, INPUT_FILTER).

The headers are written for people, with plain // comments; Doxygen wants its own. A comment before a
declaration becomes its documentation, and that of the declarations that follow without a blank line;
a comment behind one on the same line becomes its own; a header's first comment is about the file.
Comments within functions stay what they are. Of a Markdown page, links that lead out of the guide
become plain text, and comments go.
"""

import itertools
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import structure  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent

# Speaks for itself: a destructor, an assignment, a constructor from the same type.
SPECIAL_MEMBER = re.compile(r"~\w+\(|\boperator=\(|\b(\w+)\((const )?\1(<\w+>)? ?&")


def escaped(text):
    """Prose in which nothing but code between backticks means anything to Doxygen."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(
        part if part.startswith("`") else re.sub(r"([\\@<>#&$%*])", r"\\\1", part)
        for part in parts
    )


def documentation(lines, indent=""):
    """The lines of a // comment, without the slashes, as lines of documentation."""
    code = []
    for line in [*lines, None]:
        if line is not None and (line.startswith("     ") or (code and not line.strip())):
            code.append(line)
            continue
        yield from (f"{indent}///{each}" for each in code_block(code))
        code = []
        if line is not None:
            yield f"{indent}///{escaped(line)}".rstrip()


def code_block(lines):
    """Indented lines: C++ if a statement or a brace ends one of them, else a drawing."""
    while lines and not lines[-1].strip():
        lines.pop()
    if lines:
        is_code = any(re.search(r"[;{]\s*(//.*)?$", line) for line in lines)
        yield from ("", " ~~~{.cpp}" if is_code else " ~~~{.txt}")
        yield from (line[4:] for line in lines)
        yield from (" ~~~", "")


def name_in(code):
    """The name that a line declares, as far as it shows: that of a function, else the last word."""
    before = re.split(r"[({=;]", re.sub(r"\[\[.*?\]\]|<[^<>]*>", " ", code))[0]
    return (re.findall(r"~?\w+", before) or [""])[-1]


def words_of(name):
    return {word for word in name.split("_") if len(word) > 2}


class Scopes:
    """Which braces are open: of namespaces and classes ("outer"), enumerations, or anything else."""

    def __init__(self):
        self.open = []
        self.parentheses = 0
        self.words = ""

    def kind(self):
        return self.open[-1] if self.open else "outer"

    def complete(self):
        """True between declarations."""
        return not self.words.strip() and self.parentheses == 0

    def read(self, code):
        for letter in code:
            if letter == "{":
                self.open.append(self.opened_by(self.words))
                self.words = "" if self.kind() != "inner" else self.words + letter
            elif letter == "}":
                inner = self.open.pop() == "inner"
                self.words = self.words if inner and self.kind() == "inner" else ""
            elif letter == ";" and self.parentheses == 0 and self.kind() != "inner":
                self.words = ""
            elif letter == "," and self.kind() == "enumeration" and self.parentheses == 0:
                self.words = ""
            else:
                self.parentheses += {"(": 1, ")": -1}.get(letter, 0)
                self.words += letter
        self.words += "\n" if self.words else ""
        if re.fullmatch(r"\s*(public|protected|private)\s*:\s*", self.words):
            self.words = ""

    @staticmethod
    def opened_by(words):
        words = re.sub(r"\[\[.*?\]\]|\balignas\([^)]*\)", " ", words, flags=re.S).strip()
        words = re.sub(r"^template\s*<.*?>\s*(requires [^{]*?)?(?=class|struct|union)", "", words,
                       flags=re.S)
        if re.match(r"(inline )?namespace\b|extern\b\s*\"\"$|(class|struct|union)\b[^(]*$", words):
            return "outer"
        return "enumeration" if words.startswith("enum") else "inner"


class Filter:
    def __init__(self, name, text):
        self.lines = text.split("\n")
        self.code = structure.strip(text).split("\n")
        self.group = structure.PUBLIC_HEADERS.get(name, "base")
        self.stem = name.removesuffix(".h")
        self.scopes = Scopes()
        self.pending = []  # the comment that has just ended
        self.shared = []  # the comment of the declaration before, which may be about more
        self.named = set()  # the words of the names that it is about
        self.trailing_column = None
        self.out = []

    def run(self):
        start = self.begin()
        for line, code in zip(self.lines[start:], self.code[start:]):
            self.take(line, code)
        return "\n".join(self.out)

    def begin(self):
        """The comment about the file, which is also the one about the class that the file is for."""
        head = [line[2:] for line in itertools.takewhile(lambda l: l.startswith("//"), self.lines)]
        name, about = re.match(r" ([\w.]+): (.*)", head[0]).groups()
        self.about = list(documentation([f" {about[:1].upper()}{about[1:]}", *head[1:]]))
        self.out += [f"/// @file {name}", f"/// @ingroup {self.group}", *self.about]
        return len(head)

    def take(self, line, code):
        comment = re.match(r"\s*//(.*)", line)
        documented = self.scopes.kind() != "inner" and self.scopes.parentheses == 0
        if comment and documented and self.scopes.complete():
            self.take_comment(line, comment.group(1))
        elif not line.strip():
            self.drop_pending()
            self.shared = []
            self.out.append(line)
        elif not code.strip() or code.lstrip().startswith("#"):
            self.drop_pending()
            self.out.append(line)
        else:
            self.take_code(line, code, documented)

    def take_comment(self, line, text):
        column = line.index("//")
        if self.trailing_column == column:
            self.out.append(f"{' ' * column}///<{escaped(text)}")
            return
        if not self.pending:
            self.shared = []
        self.pending.append((line[:column], text))

    def drop_pending(self):
        """A comment that belongs to no declaration."""
        self.out += [f"{indent}//{text}" for indent, text in self.pending]
        self.pending = []
        self.trailing_column = None

    def take_code(self, line, code, documented):
        begins = documented and self.scopes.complete()
        label = documented and re.match(r"\s*(public|protected|private)\s*:|\s*\}", code)
        kind, depth = self.scopes.kind(), len(self.scopes.open)
        trailing = self.trailing(line, code) if documented and not label else None
        if begins and not label:
            self.document(line, code, kind, trailing)
        elif label:
            self.drop_pending()
            self.shared = []
        self.scopes.read(code)
        if kind != "inner" and self.scopes.kind() != "inner" and len(self.scopes.open) != depth:
            self.shared = []
        self.write(line, code, trailing)

    def document(self, line, code, kind, trailing):
        indent = re.match(r"\s*", line).group()
        if self.pending:
            self.shared = list(documentation([text for _, text in self.pending], indent))
            self.named = set()
            self.pending = []
            self.out += self.shared
        elif re.match(rf"(class|struct) (\[\[.*?\]\] )?{self.stem}\b[^;]*$", code):
            self.out += self.about
        elif self.shared and trailing is None and self.is_meant(code):
            self.out += self.shared
        self.named |= words_of(name_in(code))
        if kind != "outer" or re.match(r"\s*(class|struct|enum|union|namespace)\b", code):
            self.shared = []

    def is_meant(self, code):
        """Whether the comment before the last declaration is about this one too."""
        if SPECIAL_MEMBER.search(code):
            return False
        name = name_in(code)
        return bool(words_of(name) & self.named) or any(
            re.search(rf"\b{name}\b", line) for line in self.shared)

    def trailing(self, line, code):
        """The column of a comment behind code that ends a declaration on its line."""
        if not re.search(r"[;,]\s*$", code) and self.scopes.kind() != "enumeration":
            return None
        column = len(code.rstrip())
        return line.index("//", column) if "//" in line[column:] else None

    def write(self, line, code, trailing):
        self.trailing_column = trailing
        if trailing is not None:
            line = f"{line[:trailing]}///<{escaped(line[trailing + 2:])}"
        opened = re.match(r"namespace sluice::inline v0 \{", code)
        closed = re.match(r"\}  // namespace sluice::inline v0", line)
        if closed:
            self.out.append("/// @}")
        self.out.append("namespace sluice {" if opened else line)
        if opened:
            self.out += [f"/// @addtogroup {self.group}", "/// @{"]


def page(path, text):
    """A page of the guide: links that lead out of it are only text, and comments are left out."""
    guide = {each.name for each in (ROOT / "docs").glob("library*")}
    guide |= {each.name for each in (ROOT / "docs" / "library").glob("*.md")}
    guide |= {"from-netty-and-nio.md"}

    def link(match):
        target = match.group(2)
        inside = target.split("#")[0].rsplit("/", 1)[-1] in guide
        return match.group() if inside or "://" in target else match.group(1)

    text = re.sub(r"<!--.*?-->\n?", "", text, flags=re.S)
    return re.sub(r"\[([^\]\n]*(?:\n[^\]\n]*)?)\]\(([^)\s]+)\)", link, text)


def main():
    path = Path(sys.argv[1])
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".h":
        text = Filter(path.name, text).run()
    elif path.suffix == ".md":
        text = page(path, text)
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
