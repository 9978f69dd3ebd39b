"""Foreign text: what each kind of output makes of it, for any text there is."""

import csv
import io
import tracemalloc
import unicodedata
import xml.etree.ElementTree as ET
from pathlib import Path

import altair as alt
import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import made_results as made
from bench.results.layer_errors import LayerError, LayerErrors
from bench.results.read import read_file
from bench.results.session_report import read_reports
from mobilenet.common.text import (
    LABEL,
    LONGEST,
    MAX_MARKS,
    escaped,
    markdown,
    one_line,
    spreadsheet_cell,
    unique_labels,
)
from reports import frame
from reports.page import page
from reports.plots import layer_plots, style

anything = st.text(max_size=200) | st.text("\t\r\n=+-@|*_[](<&`~#\u0301\u202e\u200b\u3164 a1")
quick = settings(max_examples=100, deadline=None, derandomize=True)


@quick
@given(anything)
@example("\ud800\udcff\ufffe\U000e0041")
@example("a" + "\u0301" * 10_000)
def test_a_line_is_visible_and_of_bounded_length(text: str) -> None:
    line = one_line(text)
    assert line.isprintable()
    assert len(line) <= LONGEST + len(" ... ")
    assert not set(line) & set("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
    marks = "".join(unicodedata.category(character)[0] for character in line)
    assert "M" * (MAX_MARKS + 1) not in marks
    assert escaped(line) == line


@pytest.mark.parametrize("text", ["Zürich, 猫, नमस्ते, שָׁלוֹם, ไม้, ❤️, é"])
def test_what_people_write_stays(text: str) -> None:
    assert one_line(text) == text


def test_a_flood_is_cut_before_it_is_looked_at() -> None:
    text = "\x00" * 10**6
    tracemalloc.start()
    assert len(one_line(text)) <= LONGEST + len(" ... ")
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 10**6


@quick
@given(st.lists(anything, max_size=20), st.integers(8, 40))
@example(["a" * 99, "a" * 98, "a" * 99 + "b", "\n", "\\n"], 8)
def test_labels_are_short_and_as_many_as_the_texts(texts: list[str], limit: int) -> None:
    labels = unique_labels(texts, limit)
    assert labels.keys() == set(texts)
    assert len(set(labels.values())) == len(labels)
    assert all(len(label) <= limit + len(" ...  (20)") for label in labels.values())
    assert all(label.isprintable() for label in labels.values())
    for text in texts:
        if one_line(text, limit) == text:
            assert labels[text] == text


@quick
@given(anything)
@example("=1+1")
@example(" \t=cmd|'/c calc'!A0")
@example("＝1")  # noqa: RUF001  # full-width
def test_no_cell_is_a_formula(text: str) -> None:
    cell = spreadsheet_cell(text)
    assert cell.isprintable()
    assert not cell.lstrip().startswith(("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"))  # noqa: RUF001


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("MobileNetV1_100_224 | portable", r"MobileNetV1_100_224 \| portable"),
        ("[a](https://b)", r"[a\](https://b)"),
        ("![a][b]", r"![a\][b]"),
        ("[-1.0 %, 2.0 %]", "[-1.0 %, 2.0 %]"),
        ("<b>&lt;`x`*y*", r"&lt;b>\&lt;\`x\`\*y\*"),
        ("_a_ - ~~b~~", r"\_a\_ - \~\~b\~\~"),
        ("# a\n- b", r"\# a\\n- b"),
        ("- a", r"\- a"),
    ],
)
def test_markdown_is_shown_as_it_is(text: str, shown: str) -> None:
    assert markdown(text) == shown


def named(text: str, tmp_path: Path) -> Path:
    """Results whose model, case and unit are `text`; times are below and above one."""
    model = made.model(made.MobileNetConfig(), name=text, agreement=-1.5)
    case = made.case(model, unit=text, case=text)
    return made.write(tmp_path / "r.jsonl", [made.session(), case, made.measured(text)])


@pytest.mark.parametrize("text", ["=1+1", "@x", "-1", "\t=1", "a\r\n=b", '"=1', "x" * 40_000])
def test_a_spreadsheet_gets_words_and_numbers(text: str, tmp_path: Path) -> None:
    written = frame.as_csv(read_reports([named(text, tmp_path)]))
    (row,) = csv.DictReader(io.StringIO(written))
    assert row["case"] == row["model"] == row["unit"] == spreadsheet_cell(text)
    assert row["agreement"] == "-1.5"
    assert float(row["p50_ns"]) == 1_000_000


EVIL = ("\x00\x1b\ufffe", "a\u0301" * 9000, "<svg onload=x>", "]]>", "\u202e", "x" * 50_000, "y")


@pytest.mark.parametrize("text", EVIL)
def test_a_chart_is_drawn_of_any_name(text: str, tmp_path: Path) -> None:
    layers = tuple(
        LayerError(name=text + end, relative_l2=0.1, max_absolute=1) for end in ("", "1", "2" * 99)
    )
    errors = LayerErrors(package=text, reference=text, layers=layers)
    png, svg = style.save(layer_plots.layer_error(errors), tmp_path / "plot")
    assert png.stat().st_size < 1_000_000
    labels = [node.text for node in ET.parse(svg).iter("{http://www.w3.org/2000/svg}text")]
    assert all(len(label or "") < 2 * LABEL for label in labels)
    assert len(set(labels)) == len(labels)


def test_a_name_is_the_same_in_data_and_scales() -> None:
    name = "n" * 500
    chart = alt.Chart(style.data([{"unit": name}])).mark_point()
    spec = style.specification(chart.encode(color=alt.Color("unit:N", scale=style.colors([name]))))
    ((datum,),) = spec["datasets"].values()
    assert spec["encoding"]["color"]["scale"]["domain"] == [datum["unit"]]
    assert len(datum["unit"]) < 2 * LABEL


def test_a_page_shows_lines_and_keeps_its_pictures(tmp_path: Path) -> None:
    name = "<i>\u202e" + "z" * 5000
    records = [*made.realistic(rounds=1, samples=3), *made.photographs(name)]
    records[1] = msgspec.structs.replace(records[1], case=name)
    html = page.render(read_file(made.write(tmp_path / "r.jsonl", records)))
    assert "\u202e" not in html
    assert "z" * 1001 not in html
    assert r"&lt;i&gt;\u202ezzz" in html
    assert f'src="{made.JPEG}"' in html
