"""Plots as SVG, made by gnuplot: of the palette of Okabe and Ito, which the colour-blind can tell
apart, and each line with points of its own, so that it can be told in black and white, too."""

import re
import subprocess
import zlib
from dataclasses import dataclass, field

# Floors are black and grey, ours are blue and green, others are warm.
PALETTE = {
    "floor": ["#000000", "#666666", "#999999", "#4d4d4d", "#b3b3b3"],
    "ours": ["#0072B2", "#009E73", "#56B4E9", "#1b4f72", "#2e8b57", "#7fb8da", "#00614a", "#3f6fb5"],
    "rival": ["#D55E00", "#E69F00", "#CC79A7", "#8c3a00", "#a8651e"],
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


def styles(roles: list[str]) -> list[str]:
    """Colour, dash and point for each line, no two alike."""
    used: dict[str, int] = {}
    made = []
    for number, role in enumerate(roles):
        palette = PALETTE[role]
        at = used.get(role, 0)
        used[role] = at + 1
        made.append(f'lc rgb "{palette[at % len(palette)]}" lw 2 dt {DASHES[role]} '
                    f"pt {POINTS[number % len(POINTS)]} ps 0.75")
    return made


def ticks(axis: str, marks: list[tuple[float, str]]) -> str:
    inner = ", ".join(f"{quoted(text)} {at:g}" for at, text in marks)
    return f"set {axis}tics ({inner})"


def span(values: list[float], is_log: bool) -> tuple[float, float]:
    low, high = min(values), max(values)
    if is_log:
        return low / 1.6, high * 1.6
    return 0, high * 1.1


def time_ticks(low: float, high: float) -> list[tuple[float, str]]:
    units = [(1e-9, "ns"), (1e-6, "µs"), (1e-3, "ms"), (1.0, "s")]
    marks = []
    for factor, unit in units:
        for step in (1, 10, 100):
            if low <= step * factor <= high:
                marks.append((step * factor, f"{step} {unit}"))
    return marks


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
        lines.append("set logscale y 10")
        if plot.y_label.startswith("time"):
            lines.append(ticks("y", time_ticks(low, high)))
    if plot.log_x:
        lines += ["set logscale x 2", f"set xrange [{min(xs) / 1.3:g}:{max(xs) * 1.3:g}]"]
    else:
        lines.append(f"set xrange [{min(xs) - 0.3:g}:{max(xs) + 0.3:g}]")
    if plot.x_ticks:
        lines.append(ticks("x", plot.x_ticks))
    drawn = []
    for number, (line, style) in enumerate(zip(plot.lines, styles([l.role for l in plot.lines]))):
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
        lines.append("set logscale x 10")
        if bars.x_label.startswith("time"):
            lines.append(ticks("x", time_ticks(low, high)))
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
