"""What sluice_bench measured, read from its JSON, and the questions that the report asks of it."""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Spread:
    """The middle of the rounds that count, and their quartiles."""

    low: float
    median: float
    high: float

    @staticmethod
    def of(made: dict | None) -> "Spread | None":
        if made is None:
            return None
        return Spread(made["low"], made["median"], made["high"])


class Cell:
    """One transport in one group: what it is compared in."""

    def __init__(self, group: "Group", made: dict, calls: float | None):
        self.group = group
        self.name = made["name"]
        self.transport = made.get("transport", made.get("trial", ""))
        self.role = made["role"]
        self.failure = made.get("failure", "")
        self.unavailable = made.get("unavailable", "")
        self.raw = made.get("raw", "")
        rounds = made.get("rounds", [])
        self.rounds = len(rounds)
        self.kept = sum(1 for one in rounds if one["kept"])
        self.seconds = Spread.of(made.get("seconds_per_message"))
        self.cpu = Spread.of(made.get("cpu_seconds_per_message"))
        self.floor = made.get("floor", "")
        self.against_floor = Spread.of(made.get("against_floor"))
        self.against_raw = Spread.of(made.get("against_raw"))
        self.against = {name: Spread.of(one) for name, one in made.get("against", {}).items()}
        self.per_message = dict(made.get("per_message", {}))
        if calls is not None:
            self.per_message["system_calls"] = calls
        self.percentiles = made.get("percentiles")

    @property
    def is_measured(self) -> bool:
        return self.seconds is not None

    def bytes_per_second(self) -> Spread:
        size = self.group.message_bytes
        return Spread(size / self.seconds.high, size / self.seconds.median, size / self.seconds.low)


class Group:
    """Cells that are compared: one measure, size, way to wait and placement."""

    def __init__(self, made: dict, calls: dict[str, float]):
        self.name = made["name"]
        self.measure = made["measure"]
        self.message_bytes = made["message_bytes"]
        self.mode = made["mode"]
        self.placement = made["placement"]
        self.rate = made.get("rate")
        self.cells = [Cell(self, one, calls.get(one["name"])) for one in made["cells"]]

    @property
    def is_rate(self) -> bool:
        return self.measure in ("throughput", "produced")

    def measured(self) -> list[Cell]:
        return [one for one in self.cells if one.is_measured]

    def find(self, transport: str) -> Cell | None:
        return next((one for one in self.measured() if one.transport == transport), None)

    def best(self, role: str) -> Cell | None:
        """The one that takes least time of that role."""
        known = [one for one in self.measured() if one.role == role]
        return min(known, key=lambda one: one.seconds.median, default=None)


@dataclass(frozen=True)
class Trial:
    """One trial of several processes: fan-in, fan-out, or what waiting costs."""

    set_name: str
    label: str
    role: str
    figure: Spread | None
    lost_share: float
    unavailable: str
    failure: str
    kept: int
    rounds: int

    @property
    def transport(self) -> str:
        name, _, count = self.label.rpartition("_")
        return name if count.isdigit() else self.label

    @property
    def count(self) -> int:
        count = self.label.rpartition("_")[2]
        return int(count) if count.isdigit() else 1


FIGURES = ("messages_per_second", "cpu_seconds_per_message", "cpu_seconds_per_second")


def trial_of(set_name: str, made: dict) -> Trial:
    figure = next((made[key] for key in FIGURES if key in made), None)
    rounds = made.get("rounds", [])
    kept = [one for one in rounds if one["kept"]]
    lost = sorted(one.get("lost_share", 0) for one in kept)
    return Trial(set_name, made["trial"], made["role"], Spread.of(figure),
                 lost[len(lost) // 2] if lost else 0, made.get("unavailable", ""),
                 made.get("failure", ""), len(kept), len(rounds))


class Results:
    """Everything of one run; the counts of system calls may come from a run of its own."""

    def __init__(self, made: dict, counts: dict | None = None):
        calls = {}
        for group in (counts or {}).get("groups", []):
            for cell in group["cells"]:
                if "system_calls" in cell.get("per_message", {}):
                    calls[cell["name"]] = cell["per_message"]["system_calls"]
        self.made = made
        self.machine = made.get("machine", {})
        self.command = " ".join(made.get("command", []))
        self.count_command = " ".join((counts or {}).get("command", []))
        self.missing = made.get("missing", [])
        self.options = made.get("options", {})
        self.outcome = made.get("outcome", {})
        self.groups = [Group(one, calls) for one in made.get("groups", [])]
        self.trials = [trial_of(of["name"], one)
                       for of in made.get("sets", []) for one in of["trials"]]
        self.memory = made.get("memory", [])

    @staticmethod
    def read(path: Path, counts: Path | None = None) -> "Results":
        def load(file: Path) -> dict:
            return json.loads(file.read_text(encoding="utf-8"))
        return Results(load(path), load(counts) if counts else None)

    def select(self, measure: str, mode: str | None = None, placement: str | None = None,
               rate: float | None = None) -> list[Group]:
        return sorted((one for one in self.groups
                       if one.measure == measure and mode in (None, one.mode)
                       and placement in (None, one.placement) and rate in (None, one.rate)),
                      key=lambda one: one.message_bytes)

    def series(self, groups: list[Group], transport: str) -> list[tuple[int, Cell]]:
        """A transport over all sizes."""
        found = ((of.message_bytes, of.find(transport)) for of in groups)
        return [(size, cell) for size, cell in found if cell is not None]

    def failures(self) -> list[tuple[str, str]]:
        cells = [one for of in self.groups for one in of.cells]
        return ([(one.name, one.failure) for one in cells if one.failure]
                + [(f"{one.set_name}/{one.label}", one.failure)
                   for one in self.trials if one.failure]
                + [(one["name"], one["failure"]) for one in self.memory if one.get("failure")])

    def rounds(self) -> tuple[int, int]:
        """How many measurements were kept, of all."""
        cells = [one for of in self.groups for one in of.cells] + self.trials
        return sum(one.kept for one in cells), sum(one.rounds for one in cells)
