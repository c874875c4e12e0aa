#!/usr/bin/env python3
"""Makes one self-contained page of what sluice_bench measured: tables, and plots by gnuplot."""

import argparse
import json
import sys
from pathlib import Path

from page import build
from results import Results


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="make_report.py", description=__doc__)
    parser.add_argument("results", type=Path, help="what sluice_bench --json=FILE wrote")
    parser.add_argument("--counts", type=Path,
                        help="the same of sluice_bench_counted: system calls of the library")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the page")
    chosen = parser.parse_args(arguments)
    try:
        page = build(Results.read(chosen.results, chosen.counts))
        chosen.output.write_text(page, encoding="utf-8")
    except FileNotFoundError as missing:
        print(f"make_report.py: {missing.filename}: there is no such file or program",
              file=sys.stderr)
        return 1
    except (OSError, RuntimeError) as failed:
        print(f"make_report.py: {failed}", file=sys.stderr)
        return 1
    except (KeyError, json.JSONDecodeError) as wrong:
        print(f"make_report.py: these are no results of sluice_bench: {wrong}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
