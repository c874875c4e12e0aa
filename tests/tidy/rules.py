"""What docs/STYLE.md and docs/ARCHITECTURE.md ask of the tree, as far as a program can tell. Each
rule is a generator of findings, with the reason for the rule in its text."""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from source_tree import CODE_FOLDERS, SourceFile, SourceTree


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    text: str


Rule = Callable[[SourceTree], Iterator[Finding]]
LAYER_RULES: dict[str, Rule] = {}
SHAPE_RULES: dict[str, Rule] = {}


def layer_rule(function: Rule) -> Rule:
    LAYER_RULES[function.__name__] = function
    return function


def shape_rule(function: Rule) -> Rule:
    SHAPE_RULES[function.__name__] = function
    return function


# --- Layers ------------------------------------------------------------------------------------

RANK_OF_FOLDER = {"base": 0, "os": 1, "ring": 1, "primitive": 2, "channel": 3, "compose": 4,
                  "asio": 5}
USER_RANK = 5
KERNEL_DOOR = "src/os/"
# Who may look behind the public headers: tests of what is behind them, and the programs that count
# system calls or make raw ones as the floor of a comparison.
BEHIND_THE_HEADERS = ("src/", "tests/os/", "tests/fault/", "tests/tools/", "tests/fuzz/", "bench/",
                      "tests/compose/request_format_test.cpp",
                      "tests/compose/request_hostile_test.cpp",
                      "tests/compose/request_presence_test.cpp",
                      "tests/compose/ring_listener_hostile_test.cpp",
                      "tests/channel/message_costs_test.cpp",
                      "tests/compose/selector_costs_test.cpp")


def folder_of(file: SourceFile) -> str | None:
    """The layer that a file of the library belongs to; None for its users and for umbrellas."""
    if file.path.startswith("include/sluice/"):
        return file.parts[2] if len(file.parts) > 3 else None
    if file.parts[0] == "src" and file.parts[1] != "tools":
        return file.parts[1] if len(file.parts) > 2 else "src"
    return None


def layer_of_include(tree: SourceTree, target: str, quoted: bool) -> str | None:
    """The layer that an include leads to, "" for a header above all layers, None if not ours."""
    parts = target.split("/")
    if parts[0] == "sluice":
        return parts[1] if len(parts) > 2 else ""
    if quoted and tree.has("src/" + target):
        return parts[0]
    return None


@layer_rule
def layers(tree: SourceTree) -> Iterator[Finding]:
    for file in tree.cpp_files:
        own = folder_of(file)
        if own is None:
            continue
        if own not in RANK_OF_FOLDER:
            yield Finding(file.path, 1, f"folder {own}/ has no rank; architecture names them all")
            continue
        for include in file.includes:
            other = layer_of_include(tree, include.target, include.quoted)
            if other is None or other == own:
                continue
            if RANK_OF_FOLDER.get(other, USER_RANK) >= RANK_OF_FOLDER[own]:
                where = f"{other}/" if other else "the umbrella"
                yield Finding(file.path, include.line,
                              f"{own}/ includes {include.target}: includes only go down, and "
                              f"{where} is not below {own}/")


ASIO = ("include/sluice/asio.hpp", "include/sluice/asio/")


@layer_rule
def event_loops(tree: SourceTree) -> Iterator[Finding]:
    for file in tree.cpp_files:
        if file.parts[0] not in ("include", "src") or file.path.startswith(ASIO):
            continue
        for include in file.includes:
            if include.target.startswith(("boost/asio", "sluice/asio")):
                yield Finding(file.path, include.line,
                              f"{include.target}: who does not want Boost.Asio does not get it; "
                              "sluice/asio.hpp and what is below it know it alone")


@layer_rule
def private_headers(tree: SourceTree) -> Iterator[Finding]:
    for file in tree.cpp_files:
        for include in file.includes:
            if include.quoted and file.is_public_header:
                yield Finding(file.path, include.line,
                              f"\"{include.target}\": a public header stands where it is "
                              "installed, and includes public headers as <sluice/...>")
            elif (include.quoted and tree.has("src/" + include.target)
                  and not file.path.startswith(BEHIND_THE_HEADERS)):
                yield Finding(file.path, include.line,
                              f"\"{include.target}\" is private to src/: users of the library, "
                              "and tests of its promises, know its public headers alone")


# --- The kernel --------------------------------------------------------------------------------

KERNEL_FOLDERS = ("sys/", "linux/", "asm/", "asm-generic/", "bits/", "net/", "netinet/", "arpa/",
                  "rpc/", "scsi/", "mtd/")
KERNEL_HEADERS = {
    f"{name}.h" for name in (
        "aio dirent dlfcn err error fcntl fnmatch ftw getopt glob grp ifaddrs langinfo libgen "
        "mntent mqueue netdb poll pthread pty pwd resolv sched semaphore shadow signal spawn "
        "strings syscall sysexits syslog termio termios threads thread_db ucontext ulimit unistd "
        "utime utmp utmpx wait wordexp").split()}
TYPES_ONLY = {"sys/types.h", "signal.h"}


def is_kernel_header(target: str) -> bool:
    return target.startswith(KERNEL_FOLDERS) or target in KERNEL_HEADERS


@layer_rule
def kernel_headers(tree: SourceTree) -> Iterator[Finding]:
    for file in tree.cpp_files:
        if file.parts[0] not in ("include", "src") or file.path.startswith(KERNEL_DOOR):
            continue
        no_system = folder_of(file) in ("base", "ring")
        for include in file.includes:
            if not is_kernel_header(include.target):
                continue
            if no_system:
                yield Finding(file.path, include.line,
                              f"<{include.target}>: {folder_of(file)}/ knows no operating system")
            elif not (file.is_public_header and include.target in TYPES_ONLY):
                yield Finding(file.path, include.line,
                              f"<{include.target}>: the kernel is reached through src/os alone, "
                              "where the policy about system calls stands once")


# --- Shape -------------------------------------------------------------------------------------

HEADER_LINES = 300
SOURCE_LINES = 400
FUNCTION_LINES = 70
COLUMNS = 100
SIZED_SUFFIXES = {".hpp", ".cpp", ".py"}


@shape_rule
def file_length(tree: SourceTree) -> Iterator[Finding]:
    for file in tree.files:
        if file.parts[0] not in CODE_FOLDERS or file.suffix not in SIZED_SUFFIXES:
            continue
        limit = HEADER_LINES if file.suffix == ".hpp" else SOURCE_LINES
        if len(file.lines) > limit:
            yield Finding(file.path, limit + 1,
                          f"{len(file.lines)} lines, {limit} at most: what grows beyond is two "
                          "ideas")


@shape_rule
def function_length(tree: SourceTree) -> Iterator[Finding]:
    for file in tree.cpp_files:
        for function in file.functions:
            if function.length > FUNCTION_LINES:
                yield Finding(file.path, function.line,
                              f"{function.name} has {function.length} lines, {FUNCTION_LINES} at "
                              "most: what grows beyond is two ideas")


@shape_rule
def line_length(tree: SourceTree) -> Iterator[Finding]:
    for file in tree.files:
        if file.parts[0] not in CODE_FOLDERS or file.suffix not in SIZED_SUFFIXES:
            continue
        for number, line in enumerate(file.lines, 1):
            if len(line) > COLUMNS:
                yield Finding(file.path, number,
                              f"{len(line)} columns, {COLUMNS} at most: two files fit side by side")


@shape_rule
def names_that_say_nothing(tree: SourceTree) -> Iterator[Finding]:
    empty_name = re.compile(r"(^|/)(utils?|common|helpers?|misc|detail)(/|\.|$)")
    for file in tree.files:
        if match := empty_name.search(file.path):
            yield Finding(file.path, 1,
                          f"\"{match[2]}\" explains nothing: name a file or folder after what is "
                          "in it")


@shape_rule
def macros(tree: SourceTree) -> Iterator[Finding]:
    for file in tree.cpp_files:
        if not file.is_public_header:
            continue
        for number, line in enumerate(file.code_lines, 1):
            if re.match(r"\s*#\s*(define|undef)\b", line):
                yield Finding(file.path, number,
                              "a macro in a public header reaches into the user's code")


@shape_rule
def virtual_functions(tree: SourceTree) -> Iterator[Finding]:
    for file in tree.cpp_files:
        if folder_of(file) is None or file.location.stem == "any_channel":
            continue
        for number, line in enumerate(file.code_lines, 1):
            if re.search(r"\bvirtual\b", line):
                yield Finding(file.path, number,
                              "virtual functions stand in compose/any_channel alone: everything "
                              "else is bound when it is compiled")


@shape_rule
def pragma_once(tree: SourceTree) -> Iterator[Finding]:
    for file in tree.cpp_files:
        if file.suffix == ".hpp" and (not file.lines or file.lines[0] != "#pragma once"):
            yield Finding(file.path, 1, "a header starts with #pragma once")


# --- The tree ----------------------------------------------------------------------------------

@shape_rule
def left_open(tree: SourceTree) -> Iterator[Finding]:
    # Spelt in pieces, so that this file does not find itself.
    marks = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
    for file in tree.files:
        if file.parts[0] not in CODE_FOLDERS + ("cmake", "scripts", "CMakeLists.txt"):
            continue
        for number, line in enumerate(file.lines, 1):
            if match := marks.search(line):
                yield Finding(file.path, number,
                              f"{match[1]}: what is left open is an issue, not a comment")


@shape_rule
def explicit_lists(tree: SourceTree) -> Iterator[Finding]:
    for file in tree.files:
        if file.location.name == "CMakeLists.txt" or file.suffix == ".cmake":
            for number, line in enumerate(file.lines, 1):
                if re.search(r"\bGLOB(_RECURSE)?\b|\baux_source_directory\b", line):
                    yield Finding(file.path, number,
                                  "files are listed by name: a globbed build does not notice new "
                                  "or lost ones")


@shape_rule
def built(tree: SourceTree) -> Iterator[Finding]:
    for file in tree.cpp_files:
        if file.is_public_header:
            lists, name = "src/CMakeLists.txt", "/".join(file.parts[1:])
        elif file.suffix == ".cpp":
            depth = next((depth for depth in range(len(file.parts) - 1, 0, -1)
                          if tree.has("/".join(file.parts[:depth] + ("CMakeLists.txt",)))), 0)
            lists = "/".join(file.parts[:depth] + ("CMakeLists.txt",))
            name = "/".join(file.parts[depth:])
        else:
            continue
        text = (tree.root / lists).read_text() if tree.has(lists) else ""
        if not re.search(rf"(?<![\w/.]){re.escape(name)}(?![\w/.])", text):
            yield Finding(file.path, 1, f"not listed in {lists}, so nobody builds or installs it")


@shape_rule
def executable(tree: SourceTree) -> Iterator[Finding]:
    for file in tree.files:
        if file.parts[0] not in ("scripts", ".ci"):
            continue
        if not os.access(file.location, os.X_OK):
            yield Finding(file.path, 1, "a script that is run by name needs its executable bit")
        if not file.text.startswith("#!"):
            yield Finding(file.path, 1, "a script says in its first line what runs it")
