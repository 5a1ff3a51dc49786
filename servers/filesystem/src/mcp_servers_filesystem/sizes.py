"""Sizes and dates as the official server writes them."""

import datetime

_UNITS = ("B", "KB", "MB", "GB", "TB")


def size_text(size: int) -> str:
    """`1536` -> `1.50 KB`."""
    if size < 1024:
        return f"{max(size, 0)} B"
    unit, value = 0, float(size)
    while value >= 1024 and unit < len(_UNITS) - 1:
        unit, value = unit + 1, value / 1024
    return f"{value:.2f} {_UNITS[unit]}"


def date_text(seconds: float) -> str:
    """A moment as JavaScript writes it, in the server's own time zone."""
    moment = datetime.datetime.fromtimestamp(int(seconds // 1)).astimezone()
    zone = moment.tzname() or ""
    zone = "Coordinated Universal Time" if zone == "UTC" else zone
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    date = f"{days[moment.weekday()]} {months[moment.month - 1]} {moment.day:02d} {moment.year:04d}"
    return f"{date} {moment:%H:%M:%S} GMT{moment:%z} ({zone})"


def padded(name: str, width: int) -> str:
    """`name` filled with blanks to `width` UTF-16 units."""
    return name + " " * max(0, width - len(name.encode("utf-16-le", "surrogatepass")) // 2)
