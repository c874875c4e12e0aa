#!/usr/bin/env python3
"""How a run of sluice_bench ends when something happens to it: run_test.py PROGRAM

Each run has a /dev/shm and an IPC namespace of its own, so that what it leaves behind is seen."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

PROGRAM = ""
SKIP = 77
# Looks after the run, whatever became of it.
AROUND = """
mount -t tmpfs -o size={size} tmpfs /dev/shm && {before} || exit 99
"$@"
status=$?
{after}
echo "left: $(ls -A /dev/shm | grep -v '^filler$' | tr '\\n' ' ')$(ipcs -q -s -m | grep -c ^0x)"
exit $status
"""


# A /tmp of its own as well, which RouDi uses, with nothing in it but the folder of the results.
OWN_TMP = """
mount --bind {folder} /mnt && mount -t tmpfs tmpfs /tmp && mkdir -p {folder} &&
mount --move /mnt {folder}"""
# What iceoryx left in /tmp, and how many of its daemons still run with this /tmp.
AFTER_ICEORYX = """
echo "in /tmp: $(find /tmp -mindepth 1 -not -path '{folder}*' | tr '\\n' ' ')end"
here=$(readlink /proc/self/ns/mnt)
for one in $(pgrep -x iox-roudi); do
  [ "$(readlink /proc/$one/ns/mnt)" != "$here" ] || echo "still there: iox-roudi"
done"""


def command(arguments: list[str], size: str = "256m", before: str = "true", after: str = "",
            prefix: tuple[str, ...] = ()) -> list[str]:
    return ["unshare", "--map-root-user", "--mount", "--ipc", "sh", "-c",
            AROUND.format(size=size, before=before, after=after), "sh", *prefix, PROGRAM,
            *arguments]


def may_unshare() -> bool:
    return subprocess.run(["unshare", "--map-root-user", "--mount", "--ipc", "sh", "-c",
                           "mount -t tmpfs tmpfs /dev/shm"], capture_output=True,
                          check=False).returncode == 0


def children(of: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(of)], capture_output=True, text=True, check=False)
    return [int(line) for line in found.stdout.split()]


def the_bench(shell: int) -> int:
    """The process below the shell that looks around it."""
    for _ in range(500):
        for one in children(shell):
            with contextlib.suppress(FileNotFoundError):  # what runs before it may have just ended
                if Path(f"/proc/{one}/exe").resolve() == Path(PROGRAM).resolve():
                    return one
        time.sleep(0.02)
    raise RuntimeError("sluice_bench did not start")


class Around(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.json = Path(self.folder.name) / "results.json"

    def start(self, *arguments: str, **around) -> subprocess.Popen:
        return subprocess.Popen(command([*arguments, f"--json={self.json}"], **around),
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def finish(self, run: subprocess.Popen) -> str:
        output, _ = run.communicate(timeout=100)
        self.assertIn("left: 0", output, "something is left in /dev/shm, or of System V")
        return output

    def cells(self) -> dict:
        made = json.loads(self.json.read_text(encoding="utf-8"))
        return {one["name"]: one for of in made["groups"] for one in of["cells"]}


class Run(Around):
    def test_an_interrupted_run_keeps_what_was_measured_and_leaves_nothing(self):
        run = self.start("--rounds=100000", "--cell_ms=1",
                         "--filter=latency/64/blocking/one_core/(raw_system_v_queue|mailbox|fifo$)")
        bench = the_bench(run.pid)
        for line in run.stdout:
            if re.search(r"round [3-9] of", line):
                break
        pair = children(bench)
        os.kill(bench, signal.SIGINT)
        output = self.finish(run)
        self.assertEqual(run.returncode, 5, output)
        self.assertIn("Interrupted: this is what was measured until then", output)
        self.assertTrue(json.loads(self.json.read_text(encoding="utf-8"))["outcome"]["interrupted"])
        for cell in self.cells().values():
            self.assertGreaterEqual(len(cell["rounds"]), 2, cell["name"])
        self.assertEqual([one for one in pair if Path(f"/proc/{one}").exists()], [])

    def test_a_killed_process_is_named_and_the_rest_is_measured(self):
        run = self.start("--rounds=1", "--open_loop_s=3", "--quiet",
                         "--filter=open_loop_10000/64/blocking/two_cores/(raw_pipe|raw_fifo)$")
        bench = the_bench(run.pid)
        pair: list[int] = []
        while len(pair) < 2:
            pair = children(bench)
        os.kill(pair[1], signal.SIGKILL)
        output = self.finish(run)
        self.assertEqual(run.returncode, 1, output)
        self.assertRegex(output, r"raw_pipe +FAILED: .*the sending process was killed by signal 9")
        cells, group = self.cells(), "open_loop_10000/64/blocking/two_cores"
        self.assertIn("signal 9", cells[f"{group}/raw_pipe"]["failure"])
        other = cells[f"{group}/raw_fifo"]
        seen = other["rounds"][0]
        self.assertEqual(sum(count for _, count in seen["delays"]), seen["messages"])
        # Where the machine moved the cores meanwhile, the round counts nowhere.
        self.assertEqual("percentiles" in other, seen["kept"])

    def test_a_full_dev_shm_is_named_and_the_rest_is_measured(self):
        run = self.start("--rounds=1", "--cell_ms=1", "--quiet", "--mode=blocking",
                         "--measure=latency", "--sizes=64",
                         "--mechanism=mailbox,boost_message_queue,pipe", size="64k",
                         before="head -c 64k /dev/zero > /dev/shm/filler")
        output = self.finish(run)
        self.assertEqual(run.returncode, 1, output)
        self.assertRegex(output, r"mailbox +FAILED: .*[Nn]o space left on device")
        if "Boost.Interprocess" not in output:
            self.assertRegex(output, r"boost_message_queue +FAILED: .*/dev/shm.*[Nn]o space left")
        pipe = self.cells()["latency/64/blocking/one_core/pipe"]
        self.assertEqual(len(pipe["rounds"]), 1)

    def test_a_budget_ends_the_run_and_says_so(self):
        run = self.start("--rounds=100000", "--cell_ms=1", "--budget=0.5s",
                         "--filter=latency/64/blocking/one_core/(raw_pipe|pipe)$")
        output = self.finish(run)
        self.assertEqual(run.returncode, 0, output)
        self.assertIn("The budget was used up after", output)
        # On a slow machine the first round may be cut: then those left out are told.
        without = [name for name, cell in self.cells().items() if not cell["rounds"]]
        outcome = json.loads(self.json.read_text(encoding="utf-8"))["outcome"]
        self.assertTrue(outcome["budget_used_up"])
        self.assertEqual(len(without), outcome["cells_not_measured"], without)


class Iceoryx(Around):
    LITTLE = ("--quiet", "--rounds=1", "--cell_ms=1", "--open_loop_s=0.001", "--slow_messages=5",
              "--idle_s=0.05", "--limit_s=60")
    GROUP = "open_loop_10000/64/blocking/two_cores"
    ONE = "--filter=latency/64/blocking/one_core/iceoryx$"
    LONG = ("--rounds=1", "--open_loop_s=2", "--quiet",
            f"--filter={GROUP}/(raw_pipe|iceoryx)$")

    def setUp(self):
        listed = subprocess.run([PROGRAM, "--list", self.ONE], capture_output=True, check=False)
        if listed.returncode != 0:
            self.skipTest("libiceoryx-posh-dev was not there when sluice_bench was built")
        if shutil.which("iox-roudi") is None:
            self.skipTest("iox-roudi is not installed: package iceoryx")
        super().setUp()
        if Path(PROGRAM).resolve().is_relative_to("/tmp"):
            self.skipTest("sluice_bench lies in /tmp, and this needs another one")

    def start(self, *arguments: str, **around) -> subprocess.Popen:
        folder = self.folder.name
        around["before"] = OWN_TMP.format(folder=folder) + around.get("before", "")
        around["after"] = around.get("after", "") + AFTER_ICEORYX.format(folder=folder)
        return super().start(*arguments, **around)

    def finish(self, run: subprocess.Popen) -> str:
        output = super().finish(run)
        self.assertIn("in /tmp: end", output, "something is left in /tmp")
        self.assertNotIn("still there", output)
        return output

    def the_cell_with_its_daemon(self, bench: int) -> tuple[int, list[int]]:
        """The daemon and both processes, as soon as these have registered."""
        for _ in range(1000):
            found = children(bench)
            with contextlib.suppress(FileNotFoundError):  # some may have just ended
                daemons = [one for one in found
                           if Path(f"/proc/{one}/comm").read_text().strip() == "iox-roudi"]
                names = list(Path(f"/proc/{bench}/root/tmp").glob("sluice-bench-*.lock"))
                pair = [one for one in found if one not in daemons]
                if len(daemons) == 1 and len(pair) == 2 and len(names) == 2:
                    return daemons[0], pair
            time.sleep(0.02)
        raise RuntimeError("no cell of iceoryx began")

    def test_every_cell_of_iceoryx_is_measured(self):
        run = self.start(*self.LITTLE, "--filter=/iceoryx", "--sizes=8,64,4096")
        output = self.finish(run)
        self.assertEqual(run.returncode, 0, output)
        cells = self.cells()
        self.assertGreaterEqual(len(cells), 6, output)
        self.assertEqual([name for name, cell in cells.items() if not cell["rounds"]], [], output)

    def test_a_killed_process_of_iceoryx_is_named_and_its_daemon_ends(self):
        run = self.start(*self.LONG)
        _, pair = self.the_cell_with_its_daemon(the_bench(run.pid))
        os.kill(max(pair), signal.SIGKILL)
        output = self.finish(run)
        self.assertEqual(run.returncode, 1, output)
        self.assertRegex(output, r"iceoryx +FAILED: .*process was killed by signal 9")
        self.assertEqual(len(self.cells()[f"{self.GROUP}/raw_pipe"]["rounds"]), 1)

    def test_an_interrupted_cell_of_iceoryx_ends_its_daemon(self):
        run = self.start(*self.LONG)
        bench = the_bench(run.pid)
        self.the_cell_with_its_daemon(bench)
        os.kill(bench, signal.SIGINT)
        output = self.finish(run)
        self.assertEqual(run.returncode, 5, output)

    def test_messages_of_iceoryx_outlive_a_killed_daemon_of_which_nothing_is_left(self):
        run = self.start(*self.LONG)
        daemon, _ = self.the_cell_with_its_daemon(the_bench(run.pid))
        os.kill(daemon, signal.SIGKILL)
        output = self.finish(run)
        self.assertEqual(run.returncode, 0, output)
        self.assertEqual(len(self.cells()[f"{self.GROUP}/iceoryx"]["rounds"]), 1)

    def test_a_daemon_of_somebody_else_leaves_iceoryx_out(self):
        run = self.start(*self.LITTLE, self.ONE,
                         before=" && { iox-roudi > /tmp/said 2>&1 & daemon=$!; }; "
                                "until grep -q ready /tmp/said; do sleep 0.02; done",
                         after="kill $daemon; wait $daemon; rm /tmp/said")
        output = self.finish(run)
        self.assertEqual(run.returncode, 0, output)
        self.assertRegex(output, "iceoryx +left out: a RouDi runs on this machine")

    def test_without_its_daemon_iceoryx_is_left_out(self):
        run = self.start(*self.LITTLE, self.ONE, "--measure=latency,memory",
                         prefix=("env", "PATH=/nowhere"))
        output = self.finish(run)
        self.assertEqual(run.returncode, 0, output)
        self.assertRegex(output, "iceoryx +left out: its daemon, iox-roudi, was not found")

    def test_a_dev_shm_without_room_for_its_daemon_is_named(self):
        run = self.start(*self.LITTLE, self.ONE, size="16m")
        output = self.finish(run)
        self.assertEqual(run.returncode, 1, output)
        self.assertRegex(output, r"iceoryx +FAILED: .*No space left on device")


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    if not may_unshare():
        print("skipped: this user may make no namespaces here")
        sys.exit(SKIP)
    unittest.main()
