"""Reads tests/mutation/mutations: mistakes that somebody could make, one at a time, in code whose
mistakes the tests must notice. An entry is

    mutation <name>
    file <path>
    breaks <what goes wrong then>
    caught by <suite> ...
    equivalent <why nothing goes wrong after all>      instead of "caught by"
    - <a line as it stands in the file>
    + <the line that takes its place>

with any number of lines of the last two kinds, their indentation included, and a blank line at its
end. What begins with # says something to the reader alone. Suites are named after their files, as
"ring/log", or "ring/log:Log.*" for some of its tests; a suite in tests/weak_memory is the one that
runs the atomics of the ring under every order that the language allows. For orders it is the only
one: what a processor of ours cannot show, no run on it can catch."""

from dataclasses import dataclass, field
from pathlib import Path


class ListError(Exception):
    """What is wrong with the list, and where."""


@dataclass
class Mutation:
    name: str
    line: int
    file: str = ""
    breaks: str = ""
    suites: list[str] = field(default_factory=list)
    equivalent: str = ""
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)

    def applied_to(self, text: str) -> str:
        """The file with this mistake in it. Its place must be the only one of its kind."""
        lines = text.split("\n")
        count = len(self.before)
        places = [at for at in range(len(lines)) if lines[at:at + count] == self.before]
        if len(places) != 1:
            found = f"stands {len(places)} times in" if places else "is not in"
            raise ListError(f"{self.name} (line {self.line}): its text {found} {self.file}")
        lines[places[0]:places[0] + count] = self.after
        return "\n".join(lines)


WORDS = {"file": "file", "breaks": "breaks", "equivalent": "equivalent"}


def add_line(entry: Mutation, line: str) -> bool:
    """Whether the line is one that an entry may have."""
    if line == "-" or line.startswith("- "):
        entry.before.append(line[2:])
    elif line == "+" or line.startswith("+ "):
        entry.after.append(line[2:])
    elif line.startswith("caught by "):
        entry.suites = line.split()[2:]
    else:
        word, _, rest = line.partition(" ")
        if word not in WORDS or not rest or getattr(entry, WORDS[word]):
            return False
        setattr(entry, WORDS[word], rest)
    return True


def complaint(entry: Mutation) -> str | None:
    if not entry.file or not entry.breaks or not entry.before:
        return "needs a file, what it breaks, and lines of that file"
    if bool(entry.suites) == bool(entry.equivalent):
        return "is either caught by suites or equivalent"
    if entry.before == entry.after:
        return "changes nothing"
    return None


def read_list(path: Path) -> list[Mutation]:
    entries: list[Mutation] = []
    inside = False
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith("#") or not line.strip():
            inside = inside and line.startswith("#")
        elif line.startswith("mutation "):
            entries.append(Mutation(line.split(maxsplit=1)[1], number))
            inside = True
        elif not inside or not add_line(entries[-1], line):
            raise ListError(f"{path.name}:{number}: not a line of a mutation: {line}")
    for entry in entries:
        if wrong := complaint(entry):
            raise ListError(f"{entry.name} (line {entry.line}) {wrong}")
    if len({entry.name for entry in entries}) != len(entries):
        raise ListError("two mutations have one name")
    return entries


def check(entries: list[Mutation], root: Path) -> list[str]:
    """What keeps entries from being tried in this tree."""
    wrong = []
    for entry in entries:
        try:
            entry.applied_to((root / entry.file).read_text())
        except (ListError, OSError) as error:
            wrong.append(str(error))
        wrong += [f"{entry.name} (line {entry.line}): there is no suite {suite}"
                  for suite in entry.suites
                  if not (root / f"tests/{suite.partition(':')[0]}_test.cpp").exists()]
    return wrong
