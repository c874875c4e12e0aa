"""What the report promises, on results that are made up or wrong."""

import json
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).parent))

import make_report  # noqa: E402
import plots  # noqa: E402
import units  # noqa: E402
from page import build  # noqa: E402
from results import Results  # noqa: E402


def spread(median: float) -> dict:
    return {"min": median / 2, "low": median * 0.9, "median": median, "high": median * 1.1,
            "max": median * 2, "rounds": 3}


def cell(group: str, transport: str, role: str, seconds: float, **more) -> dict:
    rounds = [{"round": at, "kept": at != 1} for at in range(3)]
    return {"name": f"{group}/{transport}", "transport": transport, "role": role,
            "rounds": rounds, "seconds_per_message": spread(seconds),
            "cpu_seconds_per_message": spread(seconds * 2), "per_message": {"sleeps": 0.5},
            "against": {"rival<&>": spread(0.5)}, **more}


def group(measure: str, size: int, mode: str, placement: str, **more) -> dict:
    name = f"{measure}/{size}/{mode}/{placement}"
    ours = "ring_channel" if mode == "polling" else "pipe"
    return {"name": name, "measure": measure, "message_bytes": size, "mode": mode,
            "placement": placement, **more,
            "cells": [cell(name, "raw_pipe", "floor", 1e-7),
                      cell(name, ours, "ours", 2e-7, raw="raw_pipe", against_raw=spread(0.98),
                           percentiles={"samples": 10, "p50": 1e-6, "p90": 2e-6, "p99": 3e-6,
                                        "p99.9": 4e-6, "max": 5e-6}),
                      cell(name, "rival<&>", "rival", 4e-7),
                      {"name": f"{name}/broken", "transport": "broken", "role": "rival",
                       "failure": "the sending process was killed by signal 9", "rounds": []}]}


def made_up() -> dict:
    groups = [group(measure, size, mode, placement)
              for measure in ("latency", "throughput") for size in (64, 4096)
              for mode, placement in (("polling", "two_cores"), ("blocking", "two_cores"),
                                      ("blocking", "one_core"))]
    groups.append(group("open_loop", 64, "blocking", "two_cores", rate=10000.0))
    groups.append(group("set_up", 64, "blocking", "one_core"))
    fan = [{"name": f"fan_in/64/apart/ring_queue_{count}", "trial": f"ring_queue_{count}",
            "role": "ours", "messages_per_second": spread(1e6 * count),
            "rounds": [{"round": 0, "kept": True, "lost_share": 0}]} for count in (1, 2)]
    return {"machine": {"processor": "one <of> them"}, "command": ["sluice_bench", "--rounds=3"],
            "missing": ["nng: libnng-dev was not found"], "options": {"ring_bytes": 1 << 20},
            "outcome": {"interrupted": True, "cells_not_measured": 7, "seconds": 12.0},
            "groups": groups,
            "sets": [{"name": "fan_in/64/apart", "trials": fan}],
            "memory": [{"name": "memory/pipe", "transport": "pipe", "role": "ours",
                        "private_bytes": 4096.0, "shared_bytes": 0.0, "descriptors": 2.0}]}


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        counts = {"command": ["sluice_bench_counted"],
                  "groups": [{"cells": [{"name": "latency/64/blocking/one_core/pipe",
                                         "per_message": {"system_calls": 4.25}}]}]}
        cls.page = build(Results(made_up(), counts))

    def test_says_what_machine_and_which_command(self):
        self.assertIn("one &lt;of&gt; them", self.page)
        self.assertIn("sluice_bench --rounds=3", self.page)

    def test_says_what_is_missing_what_failed_and_what_was_not_measured(self):
        for words in ("nng: libnng-dev was not found", "killed by signal 9", "interrupted",
                      "7 cells were not measured"):
            self.assertIn(words, self.page)

    def test_needs_nothing_beside_itself(self):
        links = re.findall(r'(?:src|href)="([^"]*)"', self.page)
        self.assertEqual([link for link in links if not link.startswith("#")], [])
        self.assertNotIn("<script", self.page)
        self.assertNotIn("url(http", self.page)

    def test_names_the_best_channel_for_each_size(self):
        advice = self.page[self.page.index("For your message sizes"):]
        advice = advice[:advice.index("</table>")]
        self.assertIn("<b>ring_channel</b> 200 ns", advice)
        self.assertIn("<b>pipe</b>", advice)
        self.assertIn("0.50 of rival&lt;&amp;&gt;", advice)

    def test_takes_counts_of_system_calls_from_the_run_that_counted(self):
        self.assertIn("4.25", self.page)

    def test_has_a_plot_for_each_chapter_and_no_name_twice(self):
        self.assertGreaterEqual(self.page.count("<svg"), 7)
        names = re.findall(r"\bid='([^']+)'", self.page)
        self.assertEqual(len(names), len(set(names)))

    def test_every_kept_round_is_told_beside_all(self):
        self.assertIn(">2/3<", self.page)


class Plots(unittest.TestCase):
    def test_lines_of_one_plot_differ_in_more_than_colour(self):
        lines = [plots.Line(name, role, []) for name, role in
                 (("a", "ours"), ("b", "ours"), ("pipe", "ours"), ("c", "rival"), ("d", "floor"))]
        marks = [re.search(r"dt \d pt \d+", style)[0] for style in plots.styles(lines)]
        self.assertEqual(len(marks), len(set(marks)))

    def test_a_missing_gnuplot_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "results.json"
            file.write_text(json.dumps(made_up()), encoding="utf-8")
            with mock.patch.object(subprocess, "run",
                                   side_effect=FileNotFoundError(2, "no", "gnuplot")), \
                    mock.patch("sys.stderr") as said:
                self.assertEqual(make_report.main([str(file), "-o", str(file) + ".html"]), 1)
        self.assertIn("gnuplot", "".join(call.args[0] for call in said.write.call_args_list))


class Input(unittest.TestCase):
    def refused(self, content: str) -> str:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "results.json"
            file.write_text(content, encoding="utf-8")
            program = Path(__file__).parent / "make_report.py"
            ended = subprocess.run([sys.executable, "-B", program, file, "-o", f"{file}.html"],
                                   capture_output=True, text=True, check=False)
            self.assertEqual(ended.returncode, 1)
            self.assertFalse(Path(f"{file}.html").exists())
            return ended.stderr

    def test_what_is_no_result_is_refused_in_one_sentence(self):
        for content in ("", "{", '{"groups": [{}]}'):
            said = self.refused(content)
            self.assertIn("no results of sluice_bench", said)
            self.assertEqual(said.count("\n"), 1)


class Units(unittest.TestCase):
    def test_figures_are_short_and_have_their_unit(self):
        self.assertEqual(units.seconds(1.5e-7), "150 ns")
        self.assertEqual(units.seconds(2.345e-6), "2.35 µs")
        self.assertEqual(units.bytes_per_second(12.34e9), "12.3 GB/s")
        self.assertEqual(units.per_second(95e6), "95.0 M/s")
        self.assertEqual(units.size(65536), "64 KiB")
        self.assertEqual(units.size(48), "48 B")


if __name__ == "__main__":
    unittest.main()
