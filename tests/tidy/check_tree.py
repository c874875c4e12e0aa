#!/usr/bin/env python3
"""Checks a source tree against rules.py: check_tree.py layers|shape ROOT

Prints file:line, the rule and its reason for each finding; the exit code is 1 if there are any."""

import sys
from pathlib import Path

from rules import LAYER_RULES, SHAPE_RULES
from source_tree import SourceTree


def main(arguments: list[str]) -> int:
    groups = {"layers": LAYER_RULES, "shape": SHAPE_RULES}
    if len(arguments) != 2 or arguments[0] not in groups or not Path(arguments[1]).is_dir():
        print(__doc__, file=sys.stderr)
        return 2
    rules, root = groups[arguments[0]], Path(arguments[1]).resolve()
    tree = SourceTree(root)
    if not tree.cpp_files:
        print(f"no source file below {root}: wrong folder?", file=sys.stderr)
        return 2
    count = 0
    for name, check in rules.items():
        for finding in check(tree):
            print(f"{finding.path}:{finding.line}: {name}: {finding.text}")
            count += 1
    print(f"{len(tree.files)} files, {len(rules)} rules, {count} findings")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
