"""Plots as SVG, made by gnuplot: of the palette of Okabe and Ito, which the colour-blind can tell
apart, and each line with points of its own, so that it can be told in black and white, too."""

import math
import re
import subprocess
import zlib
from dataclasses import dataclass, field

# Floors are black and grey, ours are blue, green and violet, others are warm.
PALETTE = {
    "floor": ["#000000", "#777777", "#aaaaaa"],
    "ours": ["#0072B2", "#009E73", "#56B4E9", "#5b3c88", "#1b4f72", "#8a7fc4", "#00614a"],
    "rival": ["#D55E00", "#E69F00", "#CC79A7", "#8c3a00"],
}
# The same in every plot: the place in the palette of its role, and the shape of its points.
KNOWN = {
    "ring_channel": (0, 5), "ring_queue": (1, 9), "ring_topic": (2, 11), "hardened_ring": (3, 13),
    "ring_channel_in_place": (1, 7), "pipe": (4, 4), "fifo_messages": (6, 8),
    "unix_stream": (2, 10), "unix_seqpacket": (5, 6), "tcp": (1, 12), "system_v_queue": (3, 2),
    "posix_queue": (6, 3), "mailbox": (5, 1), "boost_spsc_queue": (0, 4),
    "boost_message_queue": (0, 4), "cached_index_ring": (1, 6), "slot_ring": (2, 8),
    "zeromq_ipc": (1, 10), "nng_ipc": (2, 12), "iceoryx": (3, 1),
    "futex_wake": (0, 7), "raw_pipe": (1, 5), "bulk_copy": (0, 7),
}
DASHES = {"floor": 2, "ours": 1, "rival": 3}
POINTS = [7, 5, 9, 11, 13, 4, 6, 8, 10, 12, 1, 2, 3]


@dataclass
class Line:
    """One line: points are x, y, and the ends of the spread of y."""

    label: str
    role: str
    points: list[tuple[float, float, float, float]]


@dataclass
class Plot:
    """Lines over an axis."""

    title: str
    x_label: str
    y_label: str
    lines: list[Line] = field(default_factory=list)
    x_ticks: list[tuple[float, str]] = field(default_factory=list)
    log_x: bool = True
    log_y: bool = True
    height: int = 470


@dataclass
class Bars:
    """One value for each name, from the top, with its spread; a mark where they should be."""

    title: str
    x_label: str
    rows: list[tuple[str, str, float, float, float]] = field(default_factory=list)
    log_x: bool = True
    mark: float | None = None


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def head(title: str, width: int, height: int) -> list[str]:
    return [
        f'set terminal svg size {width},{height} font "Helvetica,13" background "#ffffff"',
        "set encoding utf8",
        f"set title {quoted(title)} noenhanced font ',15'",
        'set border 3 lc rgb "#333333"',
        'set grid back lc rgb "#dddddd" lw 1 dt 1',
        "set tics nomirror",
        'set format y "%h"',
    ]


def styles(lines: list[Line]) -> list[str]:
    """Colour, dash and shape of points for each line, no two alike."""
    taken = set()
    made = []
    for line in lines:
        palette = PALETTE[line.role]
        at, point = KNOWN.get(line.label, (0, 7))
        while (line.role, at, point) in taken:
            at, point = (at + 1) % len(palette), POINTS[(POINTS.index(point) + 1) % len(POINTS)]
        taken.add((line.role, at, point))
        made.append(f'lc rgb "{palette[at]}" lw 2 dt {DASHES[line.role]} pt {point} ps 0.75')
    return made


def ticks(axis: str, marks: list[tuple[float, str]]) -> str:
    inner = ", ".join(f"{quoted(text)} {at:g}" for at, text in marks)
    return f"set {axis}tics ({inner})"


def span(values: list[float], is_log: bool) -> tuple[float, float]:
    low, high = min(values), max(values)
    if is_log:
        return low / 1.6, high * 1.6
    return 0, high * 1.1


def log_ticks(low: float, high: float, text) -> list[tuple[float, str]]:
    """Powers of ten, and where there are few of them 2 and 5 as well."""
    steps = (1,) if high / low > 1000 else (1, 2, 5)
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    marks = [step * 10.0**power for power in range(first, last + 1) for step in steps]
    return [(mark, text(mark)) for mark in marks if low <= mark <= high]


def plain_time(seconds: float) -> str:
    for factor, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")):
        if seconds >= 0.999 * factor or unit == "ns":
            return f"{seconds / factor:.3g} {unit}"
    raise ValueError("no units")


def axis_ticks(axis: str, label: str, low: float, high: float) -> str:
    is_time = label.startswith("time")
    return ticks(axis, log_ticks(low, high, plain_time if is_time else "{:g}".format))


def script(plot: Plot) -> str:
    lines = head(plot.title, 880, plot.height)
    values = [end for line in plot.lines for _, _, low, high in line.points for end in (low, high)]
    xs = [x for line in plot.lines for x, *_ in line.points]
    low, high = span(values, plot.log_y)
    lines += [
        f"set xlabel {quoted(plot.x_label)} noenhanced",
        f"set ylabel {quoted(plot.y_label)} noenhanced",
        'set key outside right top vertical Left reverse noenhanced samplen 3 spacing 1.25',
        f"set yrange [{low:g}:{high:g}]",
        "set errorbars 0.4",
    ]
    if plot.log_y:
        lines += ["set logscale y 10", axis_ticks("y", plot.y_label, low, high)]
    if plot.log_x:
        lines += ["set logscale x 2", f"set xrange [{min(xs) / 1.3:g}:{max(xs) * 1.3:g}]"]
    else:
        lines.append(f"set xrange [{min(xs) - 0.3:g}:{max(xs) + 0.3:g}]")
    if plot.x_ticks:
        lines.append(ticks("x", plot.x_ticks))
    drawn = []
    for number, (line, style) in enumerate(zip(plot.lines, styles(plot.lines))):
        rows = "\n".join(" ".join(f"{value:.9g}" for value in point) for point in line.points)
        lines.append(f"$data{number} << EOD\n{rows}\nEOD")
        drawn.append(f"$data{number} using 1:2 with linespoints {style} title {quoted(line.label)}")
        bars = style.replace("lw 2", "lw 1").replace(f"dt {DASHES[line.role]}", "dt 1")
        drawn.append(f"$data{number} using 1:2:3:4 with yerrorbars {bars} notitle")
    lines.append("plot " + ", \\\n  ".join(drawn))
    return "\n".join(lines) + "\n"


def bar_script(bars: Bars) -> str:
    count = len(bars.rows)
    lines = head(bars.title, 880, 110 + 24 * count)
    values = [end for *_, low, high in bars.rows for end in (low, high)]
    values += [bars.mark] if bars.mark is not None else []
    low, high = span(values, bars.log_x)
    lines += [
        f"set xlabel {quoted(bars.x_label)} noenhanced",
        "unset key",
        f"set yrange [{count + 0.5}:0.5] noreverse",
        f"set xrange [{low:g}:{high:g}]",
        "set format x \"%h\"",
        ticks("y", [(at, name) for at, (name, *_) in enumerate(bars.rows, 1)]),
        "set ytics noenhanced",
        "set errorbars 0.6",
    ]
    if bars.log_x:
        lines += ["set logscale x 10", axis_ticks("x", bars.x_label, low, high)]
    if bars.mark is not None:
        lines.append(f'set arrow from {bars.mark:g}, graph 0 to {bars.mark:g}, graph 1 nohead '
                     'lc rgb "#333333" lw 1 dt 2')
    drawn = []
    for number, role in enumerate(sorted({row[1] for row in bars.rows})):
        rows = "\n".join(f"{value:.9g} {at} {low_end:.9g} {high_end:.9g}"
                         for at, (_, kind, value, low_end, high_end) in enumerate(bars.rows, 1)
                         if kind == role)
        lines.append(f"$data{number} << EOD\n{rows}\nEOD")
        shape = {"floor": 6, "ours": 7, "rival": 9}[role]
        drawn.append(f"$data{number} using 1:2:3:4 with xerrorbars lc rgb "
                     f'"{PALETTE[role][0]}" lw 1.5 pt {shape} ps 1')
    lines.append("plot " + ", \\\n  ".join(drawn))
    return "\n".join(lines) + "\n"


def draw(plot: Plot | Bars, gnuplot: str = "gnuplot") -> str:
    """The SVG of a plot, fit to stand inside a page beside others."""
    text = bar_script(plot) if isinstance(plot, Bars) else script(plot)
    made = subprocess.run([gnuplot], input=text, capture_output=True, text=True, check=False)
    if made.returncode != 0 or "<svg" not in made.stdout:
        raise RuntimeError(f"gnuplot: {made.stderr.strip()}")
    svg = made.stdout[made.stdout.index("<svg"):]
    # Names of parts are those of one plot; a page has several.
    prefix = f"p{zlib.crc32(plot.title.encode())}_"
    svg = re.sub(r"\bid='", f"id='{prefix}", svg)
    svg = re.sub(r"(xlink:href|href)='#", rf"\1='#{prefix}", svg)
    svg = re.sub(r"url\(#", f"url(#{prefix}", svg)
    svg = re.sub(r"<title>.*?</title>", f"<title>{plot.title}</title>", svg, count=1, flags=re.S)
    return svg
