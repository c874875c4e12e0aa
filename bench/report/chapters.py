"""What the report shows: which plots and tables are made of which results."""

import html

import units
from plots import Bars, Line, Plot
from results import Cell, Group, Results, Trial

SHARED_MEMORY = ["ring_channel", "ring_queue", "ring_topic", "hardened_ring", "boost_spsc_queue",
                 "cached_index_ring", "slot_ring", "iceoryx"]
KERNEL = ["pipe", "fifo_messages", "unix_stream", "unix_seqpacket", "tcp", "system_v_queue",
          "posix_queue", "mailbox", "ring_channel"]
SLEEPING = ["futex_wake", "raw_pipe", "ring_channel", "ring_queue", "pipe", "unix_seqpacket",
            "posix_queue", "boost_message_queue", "iceoryx", "zeromq_ipc", "nng_ipc"]
# What moves messages of any size from one to one on one machine, and loses none.
GENERAL = ["ring_channel", "ring_queue", "ring_topic", "hardened_ring", "pipe", "fifo",
           "fifo_messages", "unix_stream", "unix_seqpacket", "unix_datagram", "tcp",
           "system_v_queue", "posix_queue", "mailbox"]
PERCENTILES = ["p50", "p90", "p99", "p99.9", "max"]


def size_ticks(groups: list[Group]) -> list[tuple[float, str]]:
    sizes = sorted({one.message_bytes for one in groups})
    # 48 and 64 would stand on one another.
    return [(size, units.size(size)) for size in sizes if size != 48]


def over_sizes(results: Results, groups: list[Group], names: list[str], *, title: str,
               y_label: str, value) -> Plot | None:
    plot = Plot(title, "size of a message", y_label, x_ticks=size_ticks(groups))
    for name in names:
        points = []
        role = ""
        for size, cell in results.series(groups, name):
            middle = value(cell)
            points.append((size, middle.median, middle.low, middle.high))
            role = cell.role
        if points:
            plot.lines.append(Line(name, role, points))
    return plot if plot.lines else None


def floor_line(groups: list[Group], value, label: str) -> Line | None:
    points = []
    for of in groups:
        if (best := of.best("floor")) is not None:
            middle = value(best)
            points.append((of.message_bytes, middle.median, middle.low, middle.high))
    return Line(label, "floor", points) if points else None


def latency_plots(results: Results) -> list[Plot]:
    made = []
    for mode, placement, names, where in (
            ("polling", "two_cores", SHARED_MEMORY, "both look all the time, on two cores"),
            ("polling", "two_cores", KERNEL, "both look all the time, on two cores"),
            ("blocking", "one_core", SLEEPING, "both sleep when they wait, on one core"),
            ("blocking", "two_cores", SLEEPING, "both sleep when they wait, on two cores")):
        groups = results.select("latency", mode, placement)
        kind = "through the kernel, and the ring" if names is KERNEL else "through shared memory" \
            if names is SHARED_MEMORY else "all kinds"
        plot = over_sizes(results, groups, names, title=f"Latency, {kind}: {where}",
                          y_label="time of one way (half a round trip)",
                          value=lambda cell: cell.seconds)
        if plot is None:
            continue
        if mode == "polling":
            line = floor_line(groups, lambda cell: cell.seconds, "floor: a word handed over")
            if line:
                plot.lines.insert(0, line)
        made.append(plot)
    return made


def throughput_plots(results: Results) -> list[Plot]:
    made = []
    for mode, placement, names, where in (
            ("polling", "two_cores", SHARED_MEMORY, "both look all the time, on two cores"),
            ("blocking", "two_cores", SLEEPING, "both sleep when they wait, on two cores"),
            ("blocking", "one_core", SLEEPING, "both sleep when they wait, on one core")):
        groups = results.select("throughput", mode, placement)
        plot = over_sizes(results, groups, names, title=f"Throughput: {where}",
                          y_label="bytes per second [GB/s]", value=gigabytes)
        if plot is None:
            continue
        if mode == "polling":
            line = floor_line(groups, gigabytes, "floor: bare copies")
            if line:
                plot.lines.insert(0, line)
        made.append(plot)
    groups = results.select("produced", "polling", "two_cores")
    plot = over_sizes(results, groups, ["bulk_copy", "ring_channel_in_place", "ring_channel",
                                        "boost_spsc_queue", "slot_ring", "pipe"],
                      title="Messages written anew by the sender, in place where that can be done",
                      y_label="bytes per second [GB/s]", value=gigabytes)
    return made + ([plot] if plot else [])


def gigabytes(cell: Cell):
    rate = cell.bytes_per_second()
    return type(rate)(rate.low / 1e9, rate.median / 1e9, rate.high / 1e9)


def open_loop_plots(results: Results) -> list[Plot]:
    made = []
    for of in sorted(results.select("open_loop"), key=lambda one: (one.mode, one.rate)):
        plot = Plot(f"Delays of {units.size(of.message_bytes)} at {of.rate:,.0f} messages/s, "
                    + ("looking all the time" if of.mode == "polling" else "asleep while it waits"),
                    "share of the messages that took at most so long",
                    "time since a message was meant to be sent", log_x=False,
                    x_ticks=list(enumerate(PERCENTILES)))
        names = SHARED_MEMORY + ["pipe"] if of.mode == "polling" else SLEEPING
        for name in names:
            if (cell := of.find(name)) is None or not cell.percentiles:
                continue
            values = [cell.percentiles[share] for share in PERCENTILES]
            if min(values) > 0:
                plot.lines.append(Line(name, cell.role,
                                       [(at, one, one, one) for at, one in enumerate(values)]))
        if plot.lines:
            made.append(plot)
    return made


def wrapper_bars(results: Results) -> list[Bars]:
    """What the library takes over the raw calls below it: where neither waits for a core."""
    made = []
    for size in (64, 4096):
        groups = [of for of in results.select("throughput", "blocking", "one_core")
                  if of.message_bytes == size]
        rows = []
        for cell in (one for of in groups for one in of.measured()):
            if cell.role == "ours" and cell.against_raw is not None:
                # Told as a rate; here as time, of which more is worse.
                spread = cell.against_raw
                rows.append((cell.transport, "ours", 1 / spread.median, 1 / spread.high,
                             1 / spread.low))
        if rows:
            made.append(Bars(f"Time of {units.size(size)} over that of the same raw calls, "
                             "streams on one core", "ratio (1: as fast as raw calls)",
                             sorted(rows, key=lambda row: row[2]), log_x=False, mark=1))
    return made


def set_up_bars(results: Results) -> list[Bars]:
    made = []
    for of in results.select("set_up"):
        rows = [(cell.transport, cell.role, cell.seconds.median, cell.seconds.low,
                 cell.seconds.high) for cell in of.measured()]
        if rows:
            made.append(Bars("Making a channel, one message through, and all of it gone again",
                             "time of one", sorted(rows, key=lambda row: row[2])))
    return made


def waiting_bars(results: Results) -> list[Bars]:
    made = []
    for prefix, title, label in (
            ("slow_sender", "What a message costs its receiver when one comes each millisecond",
             "time of the processor for one message"),
            ("idle", "What waiting costs when nobody sends",
             "time of the processor in one second")):
        rows = [(one.label, one.role, one.figure.median, one.figure.low, one.figure.high)
                for one in results.trials
                if one.set_name.startswith(prefix) and one.figure and one.figure.low > 0]
        if rows:
            made.append(Bars(title, label, sorted(rows, key=lambda row: row[2])))
    return made


def fan_plots(results: Results) -> list[Plot]:
    made = []
    sets = {one.set_name: one for one in results.trials if one.set_name.startswith("fan_")}
    for name in sets:
        measure, size, seating = name.split("/")
        several = "senders" if measure == "fan_in" else "subscribers"
        plot = Plot(f"{'Fan-in' if measure == 'fan_in' else 'Fan-out'} of {units.size(int(size))}, "
                    + seating.replace("_", " "), f"number of {several}",
                    "messages per second [millions]", log_x=False,
                    x_ticks=[(count, str(count)) for count in (1, 2, 4)], height=420)
        by_name: dict[str, list[Trial]] = {}
        for one in results.trials:
            if one.set_name == name and one.figure:
                by_name.setdefault(one.transport, []).append(one)
        for transport, trials in by_name.items():
            points = [(one.count, one.figure.median / 1e6, one.figure.low / 1e6,
                       one.figure.high / 1e6) for one in sorted(trials, key=lambda t: t.count)]
            plot.lines.append(Line(transport, trials[0].role, points))
        if plot.lines:
            made.append(plot)
    return made


def recommendation(results: Results) -> list[list[str]]:
    """For each size: what of the library was fastest here, and by how much over others."""
    rows = []
    sizes = sorted({of.message_bytes for of in results.select("throughput")})
    for size in sizes:
        row = [units.size(size)]
        for measure, mode, placement in (("latency", "polling", "two_cores"),
                                         ("latency", "blocking", "one_core"),
                                         ("throughput", "polling", "two_cores"),
                                         ("throughput", "blocking", "two_cores")):
            of = next((one for one in results.select(measure, mode, placement)
                       if one.message_bytes == size), None)
            row.append(best_text(of) if of else "–")
        rows.append(row)
    return rows


def best_text(of: Group) -> str:
    ours = [one for one in of.measured() if one.transport in GENERAL]
    if not ours:
        return "–"
    best = min(ours, key=lambda one: one.seconds.median)
    if of.is_rate:
        figure = units.per_second(1 / best.seconds.median) if of.message_bytes < 1024 else \
            units.bytes_per_second(best.bytes_per_second().median)
    else:
        figure = units.seconds(best.seconds.median)
    text = f"<b>{html.escape(best.transport)}</b> {figure}"
    rival = of.best("rival")
    ratio = best.against.get(rival.transport) if rival else None
    if ratio is not None:
        text += (f"<br><small>{units.ratio(ratio.median)} of {html.escape(rival.transport)}"
                 "</small>")
    return text
