"""The page: one file with its plots inside, legible on a screen and on paper."""

import html

import chapters
import units
from plots import draw
from results import Cell, Group, Results

STYLE = """
body { font: 15px/1.45 Helvetica, Arial, sans-serif; color: #1a1a1a; background: #fff;
       max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; margin-bottom: .2rem; }
h2 { font-size: 1.25rem; margin-top: 2.2rem; border-bottom: 2px solid #333; }
h3 { font-size: 1rem; margin-bottom: .3rem; }
table { border-collapse: collapse; font-size: .82rem; margin: .6rem 0 1.2rem; width: 100%; }
th, td { border-bottom: 1px solid #ccc; padding: .18rem .45rem; text-align: left;
         vertical-align: top; }
th { border-bottom: 2px solid #333; } td.n, th.n { text-align: right; white-space: nowrap; }
tr.ours td:first-child { font-weight: bold; } tr.floor { color: #555; }
code, pre { font: .82rem/1.4 Menlo, Consolas, monospace; background: #f3f3f3; }
pre { padding: .5rem; white-space: pre-wrap; overflow-wrap: anywhere; }
small { color: #555; } svg { max-width: 100%; height: auto; display: block; margin: .8rem 0; }
.note { background: #f3f3f3; border-left: 4px solid #0072B2; padding: .4rem .8rem; }
.bad { border-left-color: #D55E00; }
@media print {
  body { max-width: none; margin: 0; font-size: 10pt; } h2 { break-after: avoid; }
  svg, tr { break-inside: avoid; } .all table { font-size: 6.5pt; }
  th, td { padding: .08rem .25rem; }
}
"""


def text(value) -> str:
    return html.escape(str(value))


def table(header: list[str], rows: list[list[str]], classes: list[str] | None = None,
          numbers: int = 1) -> str:
    """Cells are HTML; all columns after the first `numbers` hold figures."""
    def line(tag: str, cells: list[str], kind: str = "") -> str:
        made = "".join(f'<{tag} class="n">{cell}</{tag}>' if at >= numbers else
                       f"<{tag}>{cell}</{tag}>" for at, cell in enumerate(cells))
        return f'<tr class="{kind}">{made}</tr>' if kind else f"<tr>{made}</tr>"
    kinds = classes or [""] * len(rows)
    body = "\n".join(line("td", row, kind) for row, kind in zip(rows, kinds))
    return f"<table><thead>{line('th', header)}</thead><tbody>\n{body}\n</tbody></table>"


def ratio_text(spread) -> str:
    if spread is None:
        return "–"
    return (f"{units.ratio(spread.median)} <small>({units.ratio(spread.low)}–"
            f"{units.ratio(spread.high)})</small>")


def figure_text(cell: Cell) -> str:
    of = cell.group
    if not of.is_rate:
        return units.seconds(cell.seconds.median)
    if of.message_bytes < 1024:
        return units.per_second(1 / cell.seconds.median)
    return units.bytes_per_second(cell.bytes_per_second().median)


def each(cell: Cell, key: str) -> str:
    value = cell.per_message.get(key)
    if value is None:
        return "–"
    return f"{value:.2f}" if value >= 0.005 or value == 0 else "&lt;0.01"


def faults(cell: Cell) -> str:
    known = [cell.per_message.get(key) for key in ("minor_faults", "major_faults")]
    return "–" if None in known else f"{sum(known):.2f}"


def group_table(of: Group) -> str:
    rows, kinds = [], []
    rival = of.best("rival")
    for cell in of.cells:
        kinds.append(cell.role)
        if not cell.is_measured:
            why = cell.unavailable or cell.failure or (
                "no round is left" if cell.rounds else "not measured")
            rows.append([text(cell.transport), f"<small>{text(why)}</small>"] + [""] * 8)
            continue
        rows.append([text(cell.transport), figure_text(cell), ratio_text(cell.against_floor),
                     ratio_text(cell.against_raw),
                     ratio_text(cell.against.get(rival.transport)) if rival else "–",
                     units.seconds(cell.cpu.median), each(cell, "system_calls"),
                     each(cell, "sleeps"), faults(cell), f"{cell.kept}/{cell.rounds}"])
    floor = next((cell.floor for cell in of.cells if cell.floor), "floor")
    header = ["", "rate" if of.is_rate else "time", f"/ {text(floor)}", "/ raw calls",
              f"/ {text(rival.transport)}" if rival else "/ rival", "processor", "calls", "sleeps",
              "faults", "rounds"]
    return f"<h3>{text(of.name)}</h3>" + table(header, rows, kinds)


def trials_tables(results: Results) -> str:
    made = []
    for name in dict.fromkeys(one.set_name for one in results.trials):
        rows, kinds = [], []
        for one in (trial for trial in results.trials if trial.set_name == name):
            kinds.append(one.role)
            if one.figure is None:
                why = one.unavailable or one.failure or "not measured"
                rows.append([text(one.label), f"<small>{text(why)}</small>", "", "", ""])
                continue
            form = units.per_second if name.startswith("fan") else units.seconds
            lost = f"{100 * one.lost_share:.0f} %" if name.startswith("fan_out") else ""
            rows.append([text(one.label), form(one.figure.median),
                         f"{form(one.figure.low)} to {form(one.figure.high)}", lost,
                         f"{one.kept}/{one.rounds}"])
        made.append(f"<h3>{text(name)}</h3>"
                    + table(["", "figure", "quartiles", "lost", "rounds"], rows, kinds))
    return "\n".join(made)


def memory_table(results: Results) -> str:
    rows = [[text(one["transport"]), units.size(round(one["private_bytes"])),
             units.size(round(one["shared_bytes"])), f"{one['descriptors']:.1f}"]
            for one in results.memory if "private_bytes" in one]
    if not rows:
        return ""
    kinds = [one["role"] for one in results.memory if "private_bytes" in one]
    return table(["", "of the process", "shared", "descriptors"], rows, kinds)


def summary(results: Results) -> str:
    kept, all_rounds = results.rounds()
    facts = [[text(name), text(value)] for name, value in results.machine.items()]
    facts.append(["command", f"<code>{text(results.command)}</code>"])
    if results.count_command:
        facts.append(["system calls counted by", f"<code>{text(results.count_command)}</code>"])
    facts.append(["measurements", f"{kept} kept of {all_rounds}; the others were thrown away "
                  "because the cores moved meanwhile, or who polls did not have one"])
    facts.append(["took", f"{results.outcome.get('seconds', 0):.0f} s"])
    made = table(["", ""], facts, numbers=2)
    notes = [f"Not measured: {text(one)}" for one in results.missing]
    if results.outcome.get("interrupted"):
        notes.append("The run was interrupted: this is what was measured until then.")
    if unmeasured := results.outcome.get("cells_not_measured"):
        notes.append(f"{unmeasured} cells were not measured: the time did not suffice.")
    made += "".join(f'<p class="note">{one}</p>' for one in notes)
    made += "".join(f'<p class="note bad">Failed: {text(name)}: {text(why)}</p>'
                    for name, why in results.failures())
    return made


HOW_TO_READ = """
<p>Two processes, each kept on one core; the payload is written by the sender, and every word of it
is read by the receiver. In each round all that is compared runs one after the other, beginning with
another one each time. Ratios are medians of ratios of the same round (quartiles behind them): of
times, above 1 is slower; of rates, below 1 is slower. Floors are what nothing of that kind can
beat; <i>raw calls</i> are the same system calls by hand. <i>Processor</i> is the processor time of
both sides for one message, <i>calls</i> their system calls (a dash: nobody can count them),
<i>sleeps</i> their voluntary context switches, <i>faults</i> their page faults. Points show
medians, bars on them the quartiles of the rounds that count; in lists circles are floors, discs
the library and triangles others.</p>
"""


def chapter(title: str, words: str, plots: list) -> str:
    if not plots:
        return ""
    return f"<h2>{title}</h2>\n<p>{words}</p>\n" + "\n".join(draw(one) for one in plots)


def build(results: Results) -> str:
    advice = table(["size", "answered at once, polling", "answered at once, asleep (one core)",
                    "stream, polling", "stream, asleep"], chapters.recommendation(results))
    parts = [
        "<h1>How fast Sluice is on this machine</h1>", summary(results), HOW_TO_READ,
        "<h2>For your message sizes on this machine</h2>",
        "<p>The fastest channel of the library that moves any message from one process to another "
        "and loses none; below it, its time (or rate) over that of the best other library in the "
        "same group. Take one that polls only where a core may be spent on it. Between users who "
        "do not trust each other it is hardened_ring or a socket; for several senders see fan-in, "
        "for several receivers fan-out.</p>", advice,
        chapter("Latency", "One message at a time, there and back.",
                chapters.latency_plots(results)),
        chapter("Throughput", "As many messages as go through.",
                chapters.throughput_plots(results)),
        chapter("Delays at a fixed rate", "An open loop: messages are sent when it is their time, "
                "whatever became of those before. Two cores; the sender looks at the clock.",
                chapters.open_loop_plots(results)),
        chapter("What the library adds to raw calls", "The line at 1 is the same system calls by "
                "hand.", chapters.wrapper_bars(results)),
        chapter("Several senders, several subscribers", "Whoever waits sleeps.",
                chapters.fan_plots(results)),
        chapter("The cost of waiting", "Processor time of the receiver alone.",
                chapters.waiting_bars(results)),
        chapter("Making a channel", "In one process, with both ends.",
                chapters.set_up_bars(results)),
    ]
    if memory := memory_table(results):
        parts.append("<h2>Memory of an idle channel</h2><p>With room for "
                     f"{units.size(results.options.get('ring_bytes', 0))} where room is chosen, "
                     "both ends in one process. What the kernel keeps for pipes, queues and "
                     f"sockets is not seen from there.</p>{memory}")
    figures = "\n".join(group_table(of) for of in results.groups) + trials_tables(results)
    parts.append(f'<div class="all"><h2>All figures</h2>\n{figures}</div>')
    return ("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
            "<title>How fast Sluice is on this machine</title>"
            f"<style>{STYLE}</style></head><body>\n" + "\n".join(parts) + "\n</body></html>\n")
