"""Figures with their units, short enough for a table."""


def scaled(value: float, units: list[tuple[float, str]]) -> str:
    for factor, unit in units:
        if value >= factor or (factor, unit) == units[-1]:
            number = value / factor
            digits = 0 if number >= 100 else 1 if number >= 10 else 2
            return f"{number:.{digits}f} {unit}"
    raise ValueError("no units")


def seconds(value: float) -> str:
    return scaled(value, [(1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")])


def bytes_per_second(value: float) -> str:
    return scaled(value, [(1e9, "GB/s"), (1e6, "MB/s"), (1e3, "kB/s")])


def per_second(value: float) -> str:
    return scaled(value, [(1e6, "M/s"), (1e3, "k/s"), (1.0, "/s")])


def size(value: float) -> str:
    for factor, unit in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if value >= factor:
            return f"{value / factor:g} {unit}" if value % factor == 0 else \
                   f"{value / factor:.1f} {unit}"
    return f"{value:g} B"


def ratio(value: float) -> str:
    return f"{value:.2f}" if value < 100 else f"{value:.0f}"
