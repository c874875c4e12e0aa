#!/usr/bin/env python3
"""Writes inputs that are right to begin with: make_seeds.py FOLDER. Most targets read a
script, in which everything means something, and need none."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

COMMAND_LINES = [
    "tour", "tour --json /etc", "tour -m pipe -m ring --limit 64K file", "tour --limit=1GiB -- -x",
    "tour --list", "tour --help", "capabilities", "bench --mechanism=ring_channel --json=x",
    "bench -- --help", "--version", "--help",
]

# What proc(5), cgroups(7) and the source of the kernel show; made up where it would tell of a
# machine.
KERNEL_TEXTS = [
    b"Name:\tx\nSigQ:\t3/127393\nSigPnd:\t0000000000000000\nSigBlk:\t0000000000010000\n",
    b"pos:\t0\nflags:\t02000002\nsigmask:\t0000000200000002\n",
    b"1 (a b) c) S 0 1 1 0 -1 4194560 9 0 0 0 0 1 0 0 20 0 1 0 1234 5 6 7\n",
    b"7f00-7f01 rw-s 00000000 00:01 3 /dev/shm/x\n7f02-7f03 r-xp 00000000 08:02 2 /bin/x\n",
    b"MemTotal: 16000000 kB\nMemAvailable: 8000000 kB\nSwapFree: 1000 kB\n",
    b"1:name=x:/\n0::/a/b\n", b"max\n", b"1073741824\n",
    b"Num RefCount Protocol Flags Type St Inode Path\n"
    b"0000: 00000002 00000000 00010000 0001 01 12345 /run/x/s\n",
]

# Whole conversations, which no fuzzer comes upon soon: what tests/fuzz/hand_over.cpp reads one by
# one. Words are carrier, capacity, which, and that nothing of them is changed; then descriptors.
HELLO = "00 00 00  01 01  00"
TAKEN = "00 00 02 01  01 01  00"
AGREEMENT = "00 00 05  01 01  00"
SHARED = "00 00 03 01  01 01  04 00 03 00 03"
HARDENED = "01 00 03 01  01 01  04 00 02 00 01"
SOCKET = "02 00 03 01  01 01  00"
CONVERSATIONS = [
    f"01 {SHARED}", f"01 {HARDENED} {AGREEMENT}", f"01 {SOCKET} {AGREEMENT}",
    f"00 00 00 03 00 {HELLO} 06 02 03 00 {TAKEN} 06 06",
    f"00 01 00 03 00 {HELLO} 06 02 03 00 {TAKEN} 06 06",
    f"00 01 00 03 00 {HELLO} 06 02 03 00 {TAKEN.removesuffix('00')} 04 00 01 00 02 06 02 06",
]


def addresses() -> list[str]:
    page = (ROOT / "docs/endpoints.md").read_text(encoding="utf-8")
    schemes = "ring|queue|topic|fifo|sysv|mq|mailbox|signal|pipe|unix|tcp|udp"
    found = re.findall(rf"`((?:{schemes}):[^`]+)`", page)
    return sorted(set(found))


def main() -> None:
    folder = Path(sys.argv[1])
    seeds = {
        "endpoints": [address.encode() for address in addresses()],
        "command_lines": [line.replace(" ", "\0").encode() for line in COMMAND_LINES],
        "kernel_texts": [bytes([reader]) + text for text in KERNEL_TEXTS for reader in range(4)],
        "hand_over": [bytes.fromhex(words) for words in CONVERSATIONS],
    }
    for target, inputs in seeds.items():
        (folder / target).mkdir(parents=True, exist_ok=True)
        for number, text in enumerate(inputs):
            (folder / target / f"seed{number}").write_bytes(text)


if __name__ == "__main__":
    main()
