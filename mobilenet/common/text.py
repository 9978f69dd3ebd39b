"""Text that is safe to show, and quantities in words.

Names, labels, reasons and messages of files come from strangers. Each kind of output has one
function here that makes them harmless: `one_line` for terminals and pages, `unique_labels` for
charts, `markdown` and `spreadsheet_cell`.
"""

import re
from collections import Counter
from collections.abc import Iterable
from unicodedata import category

LONGEST = 1000  # characters of a line: no name that is meant to be read is longer
MESSAGE = 400  # of what an error says, and as many of its hint
LABEL = 80  # in a chart: what it need not measure to cut is drawn five times faster
MAX_MARKS = 4  # accents on one letter; scripts that need many need four

INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")  # though printable
FORMULA = tuple("=+-@＝＋－＠")  # noqa: RUF001  # a spreadsheet computes full-width ones, too
# What begins or ends emphasis, code, links, HTML, a cell; at the start, headings and lists.
MARKDOWN = re.compile(r"[\\`*|~&]|\](?=[\[(:])|(?<!\w)_|_(?!\w)|^[#>]|^[+-](?= )")


def one_line(text: str, limit: int = LONGEST) -> str:
    r"""Text from anywhere as one line that shows all that is in it.

    Line ends, terminal codes and marks that turn the direction of writing become escapes; of
    more than `limit` characters, the middle is left out.

    >>> one_line("cat\x1b[31m")
    'cat\\x1b[31m'
    """
    ends = text if len(text) <= 2 * limit else text[:limit] + text[-limit:]
    line, half = escaped(ends), limit // 2
    return line if len(line) <= limit else f"{line[:half]} ... {line[-half:]}"


def escaped(text: str) -> str:
    """Text with everything but visible letters, signs and blanks as escapes.

    So are accents that are heaped on one letter: they would cover the lines around it.
    """
    if text.isascii() and text.isprintable():
        return text
    marks, characters = 0, []
    for character in text:
        marks = marks + 1 if category(character)[0] == "M" else 0
        is_plain = character.isprintable() and character not in INVISIBLE and marks <= MAX_MARKS
        characters.append(character if is_plain else ascii(character)[1:-1])
    return "".join(characters)


def counted(words: Iterable[str]) -> str:
    """Each of the words once, in order, with how often it comes.

    >>> counted(["relu", "conv", "relu"])
    'conv (1), relu (2)'
    """
    return ", ".join(f"{word} ({count})" for word, count in sorted(Counter(words).items()))


def unique_labels(texts: Iterable[str], limit: int = LABEL) -> dict[str, str]:
    """A line of about `limit` characters for each text, numbered where two would be the same."""
    lines = {text: one_line(text, limit) for text in sorted(set(texts))}
    labels: dict[str, str] = {}
    used: Counter[str] = Counter()
    for text in sorted(lines, key=lambda text: lines[text] != text):  # what is short stays so
        line = label = lines[text]
        while used[label]:
            used[line] += 1
            label = f"{line} ({used[line]})"
        used[label] += 1
        labels[text] = label
    return labels


def markdown(text: str) -> str:
    """A line that Markdown shows as it is, in a paragraph, a list or a cell."""
    return MARKDOWN.sub(r"\\\g<0>", one_line(text)).replace("<", "&lt;")


def json_text(data: object) -> str:
    """Any dataclass or msgspec structure as indented JSON lines; paths become text."""
    import msgspec

    text = msgspec.json.format(msgspec.json.encode(data, enc_hook=str), indent=2).decode()
    lines = (row if escaped(row) == row else _ascii(row) for row in text.split("\n"))
    return "\n".join([*lines, ""])


def _ascii(text: str) -> str:
    """JSON text with its own escapes for all but ASCII, which means the same."""
    utf16 = text.encode("utf-16-be", "surrogatepass")
    units = (int.from_bytes(utf16[i : i + 2]) for i in range(0, len(utf16), 2))
    return "".join(chr(unit) if 0x20 <= unit < 0x7F else f"\\u{unit:04x}" for unit in units)


def spreadsheet_cell(text: str) -> str:
    """A line that no spreadsheet takes for a formula (OWASP, "CSV Injection")."""
    line = one_line(text)
    return f"'{line}" if line.lstrip().startswith(FORMULA) else line


def duration(seconds: float) -> str:
    """A length of time as people say it: "45 s", "3 min 20 s", "1 h 5 min"."""
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
