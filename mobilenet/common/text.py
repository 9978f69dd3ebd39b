"""Text that is safe to show, and quantities in words."""

LONGEST = 1000  # characters of a line: no name that is meant to be read is longer
MESSAGE = 400  # of what an error says, and as many of its hint


def one_line(text: str, limit: int = LONGEST) -> str:
    r"""Text from anywhere as one line that shows all that is in it.

    Line ends, terminal codes and marks that turn the direction of writing become escapes; of
    more than `limit` characters, the middle is left out.

    >>> one_line("cat\x1b[31m")
    'cat\\x1b[31m'
    """
    line = escaped(text)
    half = limit // 2
    return line if len(line) <= limit else f"{line[:half]} ... {line[-half:]}"


def escaped(text: str) -> str:
    """Text with everything but letters, signs and blanks as escapes."""
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    return character if character.isprintable() else repr(character)[1:-1]


def duration(seconds: float) -> str:
    """A length of time as people say it: "45 s", "3 min 20 s", "1 h 5 min"."""
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
