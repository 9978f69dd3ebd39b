"""The page: whole, self-contained, escaped; and as a browser shows it."""

import math
import re
from pathlib import Path

import pytest

import browser
import made_metrics
import made_results as made
from mobilenet.networks.v1 import MobileNetConfig
from reports.__main__ import main
from reports.page import html_table

EVIL = '<b class="evil">x</b></script><img src=x onerror=alert(1)>'

needs_browser = pytest.mark.skipif(
    browser.CHROMIUM is None, reason="no Chromium is installed (apt-get install chromium)"
)


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    evil = made.case(made.model(MobileNetConfig(alpha=0.35), name=EVIL), unit=EVIL)
    launch = made.launch(evil.case, 0, 5e6, 20, made.random.Random(1))
    records = [*made.realistic(rounds=6, samples=10), *made.layer_records(), evil, launch]
    records += [*made.photographs(EVIL), *made_metrics.metrics()]
    first = made.write(folder / "linux.jsonl", records)
    mac = made.environment(system="macOS 15.1", machine="arm64", model="Mac16,1")
    second = made.write(
        folder / "mac.jsonl",
        [made.session(session="mac", environment=mac), *made.realistic(6, 10, seed=2)[1:]],
    )
    output = folder / "report.html"
    assert main(["page", str(first), str(second), "-o", str(output)]) == 0
    return output


def test_it_is_one_file_that_fetches_nothing(page: Path) -> None:
    text = page.read_text("utf-8")
    assert len(text) < 3_000_000
    body = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    assert not re.search(r"""(src|href)=["'](?!#|data:image/jpeg;base64,)""", body)
    assert "@import" not in text
    assert "url(" not in body
    assert "default-src 'none'" in text


def test_it_has_everything(page: Path) -> None:
    text = page.read_text("utf-8")
    for words in (
        "Which variant for how many frames a second?", "Mac16,1", "Made-up CPU 3000",
        "A/A control", "crashed: killed by SIGABRT", "not measured", "4,221,032",
        "inthepocket.com", "untrained", "first to leave the Neural Engine: softmax",
        "order-statistic",
    ):  # fmt: skip
        assert words in text, words


def test_names_from_other_peoples_files_are_escaped(page: Path) -> None:
    assert '<b class="evil">' not in page.read_text("utf-8")
    assert "&lt;b class=&#34;evil&#34;&gt;" in page.read_text("utf-8")


def test_where_models_disagree(page: Path) -> None:
    text = page.read_text("utf-8")
    start = text.index('<section id="disagreements">')
    part = text[start : text.index("</section>", start)]
    assert part.count("<li>\n") == 3
    assert part.count("<img") == part.count(made.JPEG) == 1  # and nothing that is no JPEG
    assert "svg" not in part
    assert "<li>water ouzel, 8&nbsp;%</li>" in part
    assert "&lt;b class=&#34;evil&#34;&gt;" in part
    assert "McNemar p 0.031" in part
    assert "(untrained)" in part


def test_a_page_of_accuracies_only(tmp_path: Path) -> None:
    results = made.write(tmp_path / "r.jsonl", made.photographs())
    assert main(["page", str(results), "-o", str(tmp_path / "p.html")]) == 0
    text = (tmp_path / "p.html").read_text("utf-8")
    assert "3 measurements of accuracy." in text
    assert "Published for the same networks" in text
    assert "does not reproduce the figures" in text


@needs_browser
@pytest.mark.parametrize(("width", "dark"), [(390, True), (1440, False)])
def test_a_browser_shows_it(page: Path, width: int, dark: bool) -> None:
    seen = browser.probe(page, width, dark=dark)
    assert seen["width"] == width
    assert seen["errors"] == []
    assert seen["overflowing"] == seen["cut"] == seen["collisions"] == []
    assert seen["scroll"] == width
    assert seen["plots"] == seen["drawn"] > 15
    assert seen["wide_plots"] == 0
    assert seen["injected"] == 0
    assert "(ms)" in seen["hover"]
    assert seen["background"] == ("rgb(20, 23, 27)" if dark else "rgb(255, 255, 255)")
    up, down = seen["sorted"]["p50 ms"]
    assert (up["order"], down["order"]) == ("ascending", "descending")
    figures = [float(cell) for cell in up["cells"] if cell != "-"]
    assert figures == sorted(figures)
    assert [float(cell) for cell in down["cells"] if cell != "-"] == figures[::-1]
    assert up["cells"][-1] == down["cells"][-1] == "-"  # without a figure: last either way
    names = seen["sorted"]["Unit"][0]["cells"]
    assert names == sorted(names, key=str.lower)


@pytest.mark.parametrize(
    ("text", "figure"), [("1,230", 1230), ("0.0457", 0.0457), ("71.00 (60.0 to 80.0)", 71)]
)
def test_figures_of_a_table_sort_by_what_they_say(text: str, figure: float) -> None:
    assert html_table.cell(text).sort == figure
    assert math.isnan(html_table.cell("-").sort)


def test_a_page_of_nothing_measured(tmp_path: Path) -> None:
    only = made.case(made.model(MobileNetConfig()), skipped="no time")
    results = made.write(tmp_path / "r.jsonl", [made.session(), only])
    assert main(["page", str(results), "-o", str(tmp_path / "p.html")]) == 0
    assert "skipped: no time" in (tmp_path / "p.html").read_text("utf-8")


def test_a_failed_page_leaves_the_old_one(tmp_path: Path, capsys) -> None:
    page = tmp_path / "p.html"
    page.write_text("old")
    (tmp_path / "empty.jsonl").write_bytes(b"")
    assert main(["page", str(tmp_path / "empty.jsonl"), "-o", str(page)]) == 2
    assert "is empty" in capsys.readouterr().err
    assert page.read_text() == "old"


def test_a_page_takes_no_place_but_a_files(tmp_path: Path, capsys) -> None:
    results = made.write(tmp_path / "r.jsonl", made.photographs())
    folder, link, before = tmp_path / "folder", tmp_path / "link", results.read_bytes()
    folder.mkdir()
    (folder / "thesis.txt").write_text("irreplaceable")
    link.symlink_to(results)
    for source, output, said in (
        ("nowhere.jsonl", str(folder), "is a folder"),
        ("nowhere.jsonl", f"{tmp_path}/new/", "new/ is a folder"),
        ("nowhere.jsonl", f"{results}/page.html", "Not a directory"),
        (str(results), str(results), "would replace what is read"),
        (str(results), str(link), "would replace what is read"),
    ):
        assert main(["page", source, "-o", output]) == 2
        printed = capsys.readouterr()
        assert said in printed.err
        assert printed.err.count("\n") == 1
    assert (folder / "thesis.txt").read_text() == "irreplaceable"
    assert results.read_bytes() == before
    assert not (tmp_path / "new").exists()


def test_a_page_goes_to_standard_output_and_nothing_else_does(tmp_path: Path, capfd) -> None:
    results = made.write(tmp_path / "r.jsonl", made.photographs())
    assert main(["page", str(results), "-o", "/dev/stdout"]) == 0
    text = capfd.readouterr().out
    assert text.startswith("<!doctype html>")
    assert text.rstrip().endswith("</html>")


@pytest.mark.parametrize("starts", [True, False])
def test_it_opens_in_the_browser(starts: bool, tmp_path: Path, monkeypatch, capsys) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda uri: opened.append(uri) or starts)
    results, page = made.write(tmp_path / "r.jsonl", made.photographs()), tmp_path / "a page.html"
    assert main(["page", str(results), "-o", str(page)]) == 0
    assert opened == []
    assert main(["page", str(results), "-o", str(page), "--open"]) == 0
    assert opened == [page.as_uri()]
    assert ("no browser could be started" in capsys.readouterr().err) != starts
    assert main(["page", str(results), "-o", "/dev/stdout", "--open"]) == 2
    assert "/dev/stdout is no file" in capsys.readouterr().err
