#!/usr/bin/env python3
"""Holds the documents against the tree:
check_documents.py links|tests|faults|commands ROOT [CTEST BUILD]

links   every link within the project leads to a file, and to a heading if it names one
tests   every test that a document names is run by ctest (needs CTEST and the BUILD folder)
faults  every fault row in docs/failure-modes.md names a test, or says that it is a limit and why
commands  every script that a document names is there, and every option of sluice_bench is one

Prints file:line and what is wrong; the exit code is 1 if anything is."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
# `Suite.what_it_promises`, `tidy.layers`: two words with a dot between them, and no file's suffix.
TEST_NAME = re.compile(r"`(\w+)\.(\w+(?:\.\w+)*)`")
FILE_SUFFIXES = {"cpp", "hpp", "h", "md", "py", "txt", "log", "fifo", "ring", "pml", "cmake", "pc",
                 "json"}
FAULT_ROW = re.compile(r"^\| ([FH]\d+) \|(.*)\|$")
LIMIT = re.compile(r"\blimit: \w+")


def documents(root: Path) -> list[Path]:
    return [root / "README.md", *sorted((root / "docs").rglob("*.md"))]


def lines_outside_code(path: Path) -> Iterator[tuple[int, str]]:
    in_code = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("```"):
            in_code = not in_code
        elif not in_code:
            yield number, line


def anchors(path: Path) -> set[str]:
    """The headings of a document as links name them."""
    found = set()
    for _, line in lines_outside_code(path):
        if match := re.match(r"#+ (.*)", line):
            words = re.sub(r"[^\w\- ]", "", match[1].lower())
            found.add(words.strip().replace(" ", "-"))
    return found


def check_links(root: Path) -> Iterator[str]:
    for path in documents(root):
        for number, line in lines_outside_code(path):
            for target in LINK.findall(line):
                if re.match(r"[a-z]+://", target):
                    continue
                where, _, heading = target.partition("#")
                file = (path.parent / where).resolve() if where else path
                place = f"{path.relative_to(root)}:{number}"
                if not file.exists():
                    yield f"{place}: {target}: there is no such file"
                elif heading and heading not in anchors(file):
                    yield f"{place}: {target}: there is no such heading"


def tests_of(ctest: str, build: str) -> list[str]:
    listing = subprocess.run([ctest, "--test-dir", build, "-N"], check=True, capture_output=True,
                             text=True).stdout
    return re.findall(r"^ *Test +#\d+: (\S+)", listing, re.MULTILINE)


def is_run(suite: str, test: str, tests: list[str]) -> bool:
    """Whether one of the names is this test. Those of suites with types or values have an instance
    before and after the suite; ctest knows those with types as
    "Alone.<test><Alone/<suite>/pipe."."""
    test = re.escape(test)
    plain = rf"(^|[./]){suite}(/[^.]*)?\.{test}([./].*)?$"
    with_type = rf"\.{test}<([^.]*/)?{suite}/"
    name = re.compile(f"{plain}|{with_type}")
    return any(name.search(one) for one in tests)


def check_tests(root: Path, ctest: str, build: str) -> Iterator[str]:
    tests = tests_of(ctest, build)
    if not tests:
        yield f"{build}: ctest knows no test here"
    for path in documents(root):
        for number, line in lines_outside_code(path):
            for suite, test in TEST_NAME.findall(line):
                if test.rpartition(".")[2] in FILE_SUFFIXES:
                    continue
                if not is_run(suite, test, tests):
                    yield (f"{path.relative_to(root)}:{number}: `{suite}.{test}`: no such test is "
                           "run")


def check_faults(root: Path) -> Iterator[str]:
    path = root / "docs" / "failure-modes.md"
    rows = 0
    for number, line in lines_outside_code(path):
        if match := FAULT_ROW.match(line):
            rows += 1
            if not TEST_NAME.search(match[2]) and not LIMIT.search(match[2]):
                yield (f"{path.relative_to(root)}:{number}: {match[1]} names no test and no "
                       "\"limit: why\"")
    if rows == 0:
        yield f"{path.relative_to(root)}: has no table of faults"


SCRIPT = re.compile(r"(?<![\w/.])scripts/(\w+)")
BENCH_COMMAND = re.compile(r"(?:\bsluice_bench|\bsluice bench) ([^`|]*)")
BENCH_OPTIONS = Path("bench/ipc/options.cpp")


def check_commands(root: Path) -> Iterator[str]:
    known = set(re.findall(r"--(\w+)", (root / BENCH_OPTIONS).read_text(encoding="utf-8")))
    found = 0
    for path in documents(root):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            place = f"{path.relative_to(root)}:{number}"
            for script in SCRIPT.findall(line):
                if not (root / "scripts" / script).exists():
                    yield f"{place}: scripts/{script}: there is no such script"
            for command in BENCH_COMMAND.findall(line):
                for option in re.findall(r"--(\w+)", command):
                    found += 1
                    if option not in known:
                        yield f"{place}: sluice_bench knows no --{option}"
    if found == 0:
        yield "docs: no document shows an option of sluice_bench"


def main(arguments: list[str]) -> int:
    checks = {"links": (check_links, 1), "tests": (check_tests, 3), "faults": (check_faults, 1),
              "commands": (check_commands, 1)}
    if not arguments or arguments[0] not in checks or len(arguments) != checks[arguments[0]][1] + 1:
        print(__doc__, file=sys.stderr)
        return 2
    check, _ = checks[arguments[0]]
    findings = list(check(Path(arguments[1]).resolve(), *arguments[2:]))
    print("\n".join(findings) if findings else "nothing is wrong")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
