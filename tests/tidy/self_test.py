#!/usr/bin/env python3
"""Proves that every rule can fail: each is shown small trees that it must reject and small trees
that it must let pass. A rule without a tree to reject is itself a failure."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "mutation"))
from mutation_list import ListError, check, read_list  # noqa: E402
from rules import LAYER_RULES, SHAPE_RULES, Finding
from source_tree import SourceFile, SourceTree

RULES = LAYER_RULES | SHAPE_RULES
HEADER = "#pragma once\n"
LONG_BODY = "  work();\n" * 69
LISTED = {"src/CMakeLists.txt": "sluice/base/name.hpp\nbase/name.cpp\ntools/main.cpp\n"}

# Rule -> trees to reject: {path: text}. A finding must be in the first file of the tree.
BAD = {
    "layers": [
        {"include/sluice/base/name.hpp": HEADER + "#include <sluice/os/unique_fd.hpp>\n"},
        {"include/sluice/os/pipe_end.hpp": HEADER + "#include <sluice/ring/layout.hpp>\n"},
        {"include/sluice/ring/layout.hpp": HEADER + "#include <sluice/os/futex.hpp>\n"},
        {"include/sluice/primitive/event.hpp": HEADER + "#include <sluice/channel/pipe.hpp>\n"},
        {"include/sluice/channel/pipe.hpp": HEADER + "# include <sluice/compose/framed.hpp>\n"},
        {"include/sluice/compose/framed.hpp": HEADER + "#include <sluice/sluice.hpp>\n"},
        {"src/channel/pipe.cpp": '#include "tools/tour.hpp"\n', "src/tools/tour.hpp": HEADER},
        {"src/base/name.cpp": '#include "os/syscall.hpp"\n', "src/os/syscall.hpp": HEADER},
        {"src/engine/start.cpp": ""},
        {"src/start.cpp": ""},
        {"include/sluice/engine/start.hpp": HEADER},
    ],
    "event_loops": [
        {"include/sluice/sluice.hpp": HEADER + "#include <sluice/asio.hpp>\n"},
        {"include/sluice/channel/pipe.hpp": HEADER + "#include <sluice/asio/asio_rounds.hpp>\n"},
        {"src/os/poll_watch.cpp": "#include <boost/asio.hpp>\n"},
    ],
    "private_headers": [
        {"include/sluice/os/unique_fd.hpp": HEADER + '#include "os/syscall.hpp"\n'},
        {"examples/chat.cpp": '#include "os/syscall.hpp"\n', "src/os/syscall.hpp": HEADER},
        {"tests/channel/pipe_test.cpp": '#include "os/syscall.hpp"\n', "src/os/syscall.hpp": ""},
    ],
    "kernel_headers": [
        {"src/channel/pipe.cpp": "#include <unistd.h>\n"},
        {"src/tools/main.cpp": "#include <sys/stat.h>\n"},
        {"src/compose/relay.cpp": "#include <linux/futex.h>\n"},
        {"src/primitive/event.cpp": "#include <sys/types.h>\n"},
        {"include/sluice/os/process.hpp": HEADER + "#include <poll.h>\n"},
        {"include/sluice/base/name.hpp": HEADER + "#include <sys/types.h>\n"},
        {"include/sluice/ring/layout.hpp": HEADER + "#include <signal.h>\n"},
    ],
    "file_length": [
        {"include/sluice/base/name.hpp": HEADER + "\n" * 300},
        {"src/base/name.cpp": "\n" * 401},
        {"tests/tidy/check.py": "\n" * 401},
    ],
    "function_length": [
        {"src/base/name.cpp": "void f() {\n" + LONG_BODY + "}\n"},
        {"tests/base/name_test.cpp": "TEST(name, is_long) {\n" + LONG_BODY + "}\n"},
        {"src/base/name.cpp": "name::name()\n    : a_{1}, b_{2} {\n" + LONG_BODY + "}\n"},
        {"src/base/name.cpp": "template <class T>\nvoid f(T) const noexcept {\n" + LONG_BODY + "}"},
        {"src/base/name.cpp": "namespace a {\nclass b final : c {\n public:\n  int f() const {\n"
                              + LONG_BODY + "}\n};\n}\n"},
        {"src/base/name.cpp": "auto f = [](int x) {\n" + LONG_BODY + "\n};\n"},
    ],
    "line_length": [
        {"bench/micro/pipe.cpp": "// " + "x" * 98 + "\n"},
        {"tests/tidy/check.py": "#" * 101 + "\n"},
    ],
    "names_that_say_nothing": [
        {"src/utils/text.cpp": ""},
        {"src/base/util.cpp": ""},
        {"tests/common.hpp": HEADER},
        {"tests/helpers/pair.hpp": HEADER},
        {"include/sluice/detail/box.hpp": HEADER},
        {"cmake/misc.cmake": ""},
    ],
    "macros": [
        {"include/sluice/base/name.hpp": HEADER + "#define SLUICE_NAME 1\n"},
        {"include/sluice/base/name.hpp": HEADER + " # undef major\n"},
    ],
    "virtual_functions": [
        {"include/sluice/channel/pipe.hpp": HEADER + "struct a { virtual void f() = 0; };\n"},
        {"src/os/unique_fd.cpp": "struct a { virtual ~a(); };\n"},
    ],
    "pragma_once": [
        {"include/sluice/base/name.hpp": "// What it is.\n#pragma once\n"},
        {"tests/conformance/history.hpp": ""},
    ],
    "left_open": [
        {"src/base/name.cpp": "// TO" "DO: later\n"},
        {"scripts/test": "#!/bin/sh\n# FIX" "ME\n"},
    ],
    "explicit_lists": [
        {"src/CMakeLists.txt": "file(GLOB sources *.cpp)\n"},
        {"cmake/lists.cmake": "file(GLOB_RECURSE sources *.cpp)\n"},
    ],
    "built": [
        {"src/base/forgotten.cpp": "", **LISTED},
        {"src/tools/name.cpp": "", **LISTED},
        {"include/sluice/base/forgotten.hpp": HEADER, **LISTED},
        {"tests/base/forgotten_test.cpp": "", "tests/CMakeLists.txt": "base/un_forgotten_test.cpp"},
        {"examples/chat.cpp": ""},
    ],
    "executable": [
        {"scripts/test": "#!/bin/sh\n"},
        {".ci/run": "exec scripts/test\n"},
    ],
}

# Rule -> trees to let pass: what looks like a fault and is none.
GOOD = {
    "layers": [
        {"include/sluice/channel/pipe.hpp": HEADER + "#include <sluice/os/pipe_end.hpp>\n"
                                                     "#include <sluice/channel/blocking.hpp>\n"},
        {"include/sluice/sluice.hpp": HEADER + "#include <sluice/compose/framed.hpp>\n"},
        {"src/tools/tour.cpp": '#include "os/syscall_count.hpp"\n#include <sluice/sluice.hpp>\n',
         "src/os/syscall_count.hpp": HEADER},
        {"src/base/name.cpp": "// #include <sluice/os/unique_fd.hpp> would go up\n"},
    ],
    "event_loops": [
        {"include/sluice/asio.hpp": HEADER + "#include <sluice/asio/asio_rounds.hpp>\n"},
        {"include/sluice/asio/asio_rounds.hpp": HEADER + "#include <boost/asio/post.hpp>\n"},
        {"examples/one_thread.cpp": "#include <sluice/asio.hpp>\n"},
    ],
    "private_headers": [
        {"tests/os/syscall_test.cpp": '#include "os/syscall.hpp"\n', "src/os/syscall.hpp": HEADER},
        {"tests/channel/pipe_test.cpp": '#include "conformance/byte_stream.hpp"\n'},
    ],
    "kernel_headers": [
        {"src/os/syscall.cpp": "#include <unistd.h>\n"},
        {"tests/os/pipe_end_test.cpp": "#include <unistd.h>\n"},
        {"include/sluice/os/process.hpp": HEADER + "#include <sys/types.h>\n#include <signal.h>\n"},
    ],
    "function_length": [
        {"src/base/name.cpp": "namespace a {\nclass b {\n" + "  int f() { return 1; }\n" * 80
                              + "};\n}\n"},
        {"src/base/name.cpp": "int table[] = {\n" + "  1,\n" * 80 + "};\n"},
        {"src/base/name.cpp": "struct alignas(64) a {\n" + "  int x = 1;\n" * 80 + "};\n"},
        {"src/base/name.cpp": "template <class T = decltype(f())>\nstruct a {\n"
                              + "  int x = 1;\n" * 80 + "};\n"},
        {"src/base/name.cpp": 'void f() {\n  g("{{{", \'{\', R"x({)x");\n  // {\n}\n' * 80},
    ],
    "line_length": [{"src/base/name.cpp": "// " + "é" * 97 + "\n"}],
    "names_that_say_nothing": [{"src/base/commons.cpp": ""}, {"tests/detailed.cpp": ""}],
    "macros": [{"src/os/syscall.cpp": "#define _GNU_SOURCE\n"},
               {"include/sluice/base/name.hpp": HEADER + "// #define no macro\n"}],
    "virtual_functions": [
        {"include/sluice/compose/any_channel.hpp": HEADER + "struct a { virtual ~a(); };\n"},
        {"src/os/unique_fd.cpp": "// virtual memory\n"},
    ],
    "built": [{"include/sluice/base/name.hpp": HEADER, "src/base/name.cpp": "",
               "src/tools/main.cpp": "", **LISTED}],
}


def findings(rule: str, files: dict[str, str]) -> list[Finding]:
    with tempfile.TemporaryDirectory(prefix="sluice-tidy-") as folder:
        root = Path(folder)
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        return list(RULES[rule](SourceTree(root)))


class Rules(unittest.TestCase):
    def test_every_rule_has_a_tree_to_reject(self):
        self.assertEqual(set(RULES), set(BAD))
        self.assertLessEqual(set(GOOD), set(RULES))

    def test_bad_trees_are_rejected(self):
        for rule, trees in BAD.items():
            for tree in trees:
                with self.subTest(rule=rule, tree=tree):
                    found = findings(rule, tree)
                    self.assertIn(next(iter(tree)), [finding.path for finding in found])
                    self.assertTrue(all(finding.line > 0 and finding.text for finding in found))

    def test_good_trees_pass(self):
        for rule, trees in GOOD.items():
            for tree in trees:
                with self.subTest(rule=rule, tree=tree):
                    self.assertEqual(findings(rule, tree), [])


class Functions(unittest.TestCase):
    def test_are_found_by_name_and_length(self):
        text = ("#define BRACE {\nnamespace a::b {\ntemplate <class T>\n  requires(sizeof(T) > 1)\n"
                "class c {\n public:\n  c() : x_{1} {\n  }\n  int f() const { return 1'000; }\n"
                "};\n}  // namespace a::b\n\nTEST(suite, promise) {\n  if (x) {\n  }\n}\n")
        with tempfile.TemporaryDirectory(prefix="sluice-tidy-") as folder:
            path = Path(folder) / "x.cpp"
            path.write_text(text)
            functions = SourceFile(Path(folder), path).functions
        self.assertEqual([(f.line, f.length, f.name) for f in functions],
                         [(7, 2, "c"), (9, 1, "f"), (13, 4, "TEST")])


class ListOfMutations(unittest.TestCase):
    ENTRY = "mutation a.b\nfile src/a.cpp\nbreaks it\ncaught by os/x\n-   one();\n+   two();\n"

    def wrong(self, source: str, entry: str = ENTRY) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            files = {"src/a.cpp": source, "tests/os/x_test.cpp": "", "list": entry}
            for path, text in files.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text)
            return check(read_list(root / "list"), root)

    def test_an_entry_whose_text_stands_once_is_right(self) -> None:
        self.assertEqual(self.wrong("f();\n  one();\n"), [])

    def test_a_text_that_is_gone_or_stands_twice_is_named(self) -> None:
        self.assertIn("a.b", self.wrong("  three();\n")[0])
        self.assertIn("2 times", self.wrong("  one();\n  one();\n")[0])
        self.assertEqual(len(self.wrong("    one();\n")), 1)

    def test_a_suite_that_is_not_there_is_named(self) -> None:
        self.assertIn("os/y", self.wrong("  one();\n", self.ENTRY.replace("os/x", "os/y"))[0])

    def test_an_entry_without_what_it_needs_is_refused(self) -> None:
        for line in ("breaks it\n", "caught by os/x\n", "-   one();\n", "file src/a.cpp\n"):
            with self.assertRaises(ListError):
                self.wrong("  one();\n", self.ENTRY.replace(line, ""))


if __name__ == "__main__":
    sys.exit(unittest.main())
