"""The source tree as the rules see it: files with their text, their code without comments and
strings, their includes and the bodies of their functions."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

CODE_FOLDERS = ("include", "src", "tests", "bench", "examples")
CODE_SUFFIXES = {".hpp", ".cpp"}
# Inputs of fuzzers are bytes, and no text.
SKIPPED_FOLDERS = {".git", "build", ".cache", "__pycache__", "corpus"}

# Alternatives in order: raw strings, strings, characters (a quote between digits separates them
# and starts none), comments of both kinds.
_NOT_CODE = re.compile(
    r'R"(?P<fence>[^()\\\s]{0,16})\((?:.|\n)*?\)(?P=fence)"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'"
    r"|//(?:\\\n|[^\n])*"
    r"|/\*(?:.|\n)*?\*/"
)
_INCLUDE = re.compile(r'^\s*#\s*include\s*(?:<(?P<angle>[^>]+)>|"(?P<quote>[^"]+)")')
_ATTRIBUTES = re.compile(r"\[\[[^\]]*\]\]|\balignas\s*\([^)]*\)")
_SCOPE = re.compile(r"\s*((inline\s+)?namespace|class|struct|union|enum|extern)\b[^(]*(:(?!:)|$)")

_CONSTRAINED_CLASS = re.compile(r"\b(class|struct|union)\b[^()]*(:(?!:)|$)")


def blank_out(match: re.Match) -> str:
    """The match as blanks, so that what follows keeps its line and column."""
    return re.sub(r"[^\n]", " ", match.group())


@dataclass(frozen=True)
class Include:
    line: int
    target: str
    quoted: bool


@dataclass(frozen=True)
class Function:
    line: int
    length: int
    name: str


class SourceFile:
    def __init__(self, root: Path, path: Path):
        self.location = path
        self.path = path.relative_to(root).as_posix()
        self.parts = Path(self.path).parts
        self.suffix = path.suffix

    @cached_property
    def text(self) -> str:
        return self.location.read_text(encoding="utf-8", errors="replace")

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @cached_property
    def code(self) -> str:
        """The text with comments, strings and characters blanked; as long as the text."""
        return _NOT_CODE.sub(blank_out, self.text)

    @cached_property
    def code_lines(self) -> list[str]:
        return self.code.splitlines()

    @property
    def is_cpp(self) -> bool:
        return self.suffix in CODE_SUFFIXES and self.parts[0] in CODE_FOLDERS

    @property
    def is_public_header(self) -> bool:
        return self.parts[0] == "include" and self.suffix == ".hpp"

    @property
    def includes(self) -> list[Include]:
        found = []
        for number, line in enumerate(self.lines, 1):
            if match := _INCLUDE.match(line):
                quoted = match["quote"] is not None
                found.append(Include(number, match["quote"] or match["angle"], quoted))
        return found

    @property
    def functions(self) -> list[Function]:
        """Bodies of functions outside other functions, from the signature to the last brace. A
        heuristic on braces: what has parentheses before its brace and is no scope is a function.
        Lambdas count as part of the function around them."""
        code = re.sub(r"^[ \t]*#(?:\\\n|[^\n])*", blank_out, self.code, flags=re.MULTILINE)
        found: list[Function] = []
        start = at = 0  # of the declaration that is being read
        while at < len(code):
            character = code[at]
            if character in ";}" or (character == ":" and _is_access_label(code[start:at])):
                start = at + 1
            elif character == "{":
                head = code[start:at]
                if _opens_scope(head):
                    start = at + 1  # look inside
                else:
                    end = _matching_brace(code, at)
                    follows = code[end + 1 :].lstrip()[:1]
                    if "(" in head and follows not in (",", "{", ")"):
                        found.append(_function(code, start, end, head))
                        start = end + 1
                    at = end  # else an initialiser: the declaration goes on behind it
            at += 1
        return found


def _is_access_label(text: str) -> bool:
    return text.strip() in ("public", "private", "protected")


def _opens_scope(head: str) -> bool:
    """Whether what stands before a brace makes it a namespace or a class, not a function."""
    head = _ATTRIBUTES.sub("", head)
    while match := re.match(r"\s*template\s*<", head):
        depth, at = 1, match.end()
        while depth > 0 and at < len(head):
            depth += {"<": 1, ">": -1 if head[at - 1] != "-" else 0}.get(head[at], 0)
            at += 1
        head = head[at:]
    if head.lstrip().startswith("requires"):
        return _CONSTRAINED_CLASS.search(head) is not None
    return not head.strip() or _SCOPE.match(head) is not None


def _matching_brace(code: str, opening: int) -> int:
    depth = 0
    for at in range(opening, len(code)):
        depth += {"{": 1, "}": -1}.get(code[at], 0)
        if depth == 0:
            return at
    return len(code) - 1


def _function(code: str, start: int, end: int, head: str) -> Function:
    begin = start + len(head) - len(head.lstrip())
    first = code.count("\n", 0, begin) + 1
    last = code.count("\n", 0, end) + 1
    name = re.search(r"([\w:~]+)\s*\(", head)
    return Function(first, last - first + 1, name.group(1) if name else head.strip())


class SourceTree:
    def __init__(self, root: Path):
        self.root = root
        self.files = [SourceFile(root, path) for path in sorted(_walk(root))]
        self._paths = {file.path for file in self.files}

    def has(self, path: str) -> bool:
        return path in self._paths

    @property
    def cpp_files(self) -> list[SourceFile]:
        return [file for file in self.files if file.is_cpp]


def _walk(folder: Path):
    for path in folder.iterdir():
        if path.is_symlink():
            continue
        if path.is_dir():
            if path.name not in SKIPPED_FOLDERS:
                yield from _walk(path)
        elif path.is_file():
            yield path
