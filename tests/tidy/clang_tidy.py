#!/usr/bin/env python3
"""Runs clang-tidy over our sources, several at once: clang_tidy.py PROGRAM ROOT BUILD_FOLDER

The sources are those of BUILD_FOLDER/compile_commands.json that lie below ROOT but not in the build
folder, and not in tests/ and bench/: those take longer than all others together. Prints what
clang-tidy found; the exit code is 1 if it found anything."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def sources(root: Path, build: Path) -> list[Path]:
    commands = json.loads((build / "compile_commands.json").read_text())
    files = {(Path(command["directory"]) / command["file"]).resolve() for command in commands}
    return sorted(file for file in files
                  if file.is_relative_to(root) and not file.is_relative_to(build)
                  and not any(file.is_relative_to(root / folder) for folder in ("tests", "bench")))


def main(arguments: list[str]) -> int:
    if len(arguments) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    program, root, build = arguments[0], Path(arguments[1]).resolve(), Path(arguments[2]).resolve()
    files = sources(root, build)
    if not files:
        print(f"no source of {root} in {build}/compile_commands.json", file=sys.stderr)
        return 2

    def check(file: Path) -> subprocess.CompletedProcess:
        # The build may be g++'s, whose warnings clang need not know.
        return subprocess.run([program, "--quiet", "--extra-arg=-Wno-unknown-warning-option",
                               "-p", build, file],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    failed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for file, outcome in zip(files, pool.map(check, files)):
            if outcome.returncode != 0 or outcome.stdout.strip():
                print(f"{file.relative_to(root)}:\n{outcome.stdout}{outcome.stderr}")
                failed += 1
    print(f"{len(files)} sources, {failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
