"""How bytes, counts and times are written: two digits in a table, three on an axis, one unit.

>>> show_bytes(4_612_344), short_bytes(4_612_344), show_count(152_666_112), show_ms(4.7)
('4.6 MB', '4.61 MB', '153 M', '4.70 ms')
"""

BYTES = ("B", "kB", "MB", "GB", "TB")
COUNTS = ("", "k", "M", "G", "T")
WORDS = (
    "none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip


def show_bytes(count: float) -> str:
    """Bytes in decimal units, as file managers show them: 1 kB is 1,000 bytes.

    >>> show_bytes(4_612_344), show_bytes(383_000), show_bytes(512)
    ('4.6 MB', '383 kB', '512 B')
    """
    return _two_digits(count, BYTES)


def short_bytes(count: float) -> str:
    """Bytes with up to three digits and no zeros behind the point, for axes and labels.

    >>> short_bytes(4_612_344), short_bytes(2_000_000), short_bytes(512)
    ('4.61 MB', '2 MB', '512 B')
    """
    value, step = _scaled(count, BYTES)
    return f"{value:{'.3g' if step else '.0f'}} {BYTES[step]}"


def megabytes(count: float) -> str:
    """Bytes in MB, whatever their size: for figures that stand below each other."""
    return f"{count / 1e6:.0f} MB"


def gigabytes(count: float) -> str:
    """Bytes in GB, whatever their size: what a machine has.

    >>> gigabytes(900_000_000)
    '0.9 GB'
    """
    return f"{count / 1e9:.1f} GB"


def show_count(count: float) -> str:
    """A large number, short.

    >>> show_count(152_666_112), show_count(1_149_388), show_count(12)
    ('153 M', '1.1 M', '12')
    """
    return _two_digits(count, COUNTS)


def in_words(count: int) -> str:
    """A small number as a text has it.

    >>> in_words(12), in_words(21)
    ('twelve', '21')
    """
    return WORDS[count] if count < len(WORDS) else str(count)


def show_ms(milliseconds: float) -> str:
    """Milliseconds with three digits: a column of them has the same width.

    >>> show_ms(4.7), show_ms(152.4), show_ms(0.05)
    ('4.70 ms', '152 ms', '0.0500 ms')
    """
    return f"{three_digits(milliseconds)} ms"


def short_ms(milliseconds: float) -> str:
    """Milliseconds with up to three digits and no zeros behind them.

    >>> short_ms(4.7), short_ms(0.05)
    ('4.7 ms', '0.05 ms')
    """
    return f"{milliseconds:.3g} ms"


def three_digits(value: float) -> str:
    """A number with three digits, or with all that stand before its point.

    >>> three_digits(1234.5), three_digits(1.5), three_digits(0.000123)
    ('1,234', '1.50', '1.23e-04')
    """
    if value >= 99.95 or value == 0:
        return f"{value:,.0f}"
    return f"{value:#.3g}" if value >= 0.001 else f"{value:.2e}"


def _two_digits(count: float, units: tuple[str, ...]) -> str:
    value, step = _scaled(count, units)
    digits = 1 if step and value < 9.95 else 0
    return f"{value:,.{digits}f} {units[step]}".rstrip()


def _scaled(value: float, units: tuple[str, ...]) -> tuple[float, int]:
    """The value in the largest of the units in which it has digits before the point, and which."""
    step = 0
    while abs(value) >= 999.5 and step < len(units) - 1:
        value, step = value / 1000, step + 1
    return value, step
