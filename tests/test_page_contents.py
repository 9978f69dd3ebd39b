"""What a page shows of what there is: soaks, few classes, skipped cases, cards, limits."""

import re
from pathlib import Path

import pytest

import browser
import made_results as made
from bench.results.records import Photographs, Record
from mobilenet.networks.v1 import MobileNetConfig
from reports.__main__ import main

needs_browser = pytest.mark.skipif(
    browser.CHROMIUM is None, reason="no Chromium is installed (apt-get install chromium)"
)


def page_of(records: list[Record], folder: Path) -> str:
    results, page = made.write(folder / "r.jsonl", records), folder / "p.html"
    assert main(["page", str(results), "-o", str(page)]) == 0
    return re.sub(r"<script.*?</script>", "", page.read_text("utf-8"), flags=re.DOTALL)


def test_a_page_of_soaks_speaks_of_soaks(tmp_path: Path) -> None:
    case = made.case(made.model(MobileNetConfig()), "coreml", "CPU_AND_NE")
    (soak, *_) = made.layer_records()
    text = page_of([made.session(1, 0), case, soak], tmp_path)
    assert "<h1>MobileNet on Core ML under sustained load</h1>" in text
    assert "1 soak, 0 of them steady to the end." in text
    assert "<h3>Sustained load, coreml</h3>" in text
    assert "-7.7 %" in text
    for words in ("launches, each", "Which variant", "not run", "What the paper", "A round"):
        assert words not in text, words


def test_few_classes_have_no_top_5_and_nothing_published(tmp_path: Path) -> None:
    model = made.model(MobileNetConfig(), name="flowers", head="classifier", classes=3)
    few = Photographs(name="flowers", digest="cd", images=60, classes=3)
    record = made.accuracy(
        model, 50, photographs=few, images=60, top5=60, published_top1=None, published_top5=None
    )
    text = page_of([made.session(1, 0), record], tmp_path)
    assert "<h1>MobileNet on Core ML: how often it is right</h1>" in text
    assert "83.33 (" in text
    assert text.count("machine: ") == 1, "beside the accuracy, without a section of its own"
    assert "session-1" not in text
    for words in ("top-5", "Published for", "ImageNet", "Which variant"):
        assert words not in text, words


def test_skipped_cases_are_a_line_with_the_reason(tmp_path: Path) -> None:
    models = [made.model(MobileNetConfig(alpha)) for alpha in (1.0, 0.5)]
    cases = [made.case(model) for model in models]
    skipped = [made.case(model, "coreml", "ALL", skipped="needs macOS") for model in models]
    launches = [made.measured(case.case, number) for case in cases for number in range(6)]
    text = page_of([made.session(), *cases, *skipped, *launches], tmp_path)
    assert "<summary>coreml, 2 cases skipped: needs macOS</summary>" in text
    assert "<h3>coreml</h3>" not in text


def test_a_table_has_the_ratio_to_the_fastest_with_its_uncertainty(tmp_path: Path) -> None:
    models = [made.model(MobileNetConfig(alpha)) for alpha in (1.0, 0.5)]
    times_ns = {made.case(models[0]).case: 3_000_000, made.case(models[1]).case: 2_000_000}
    launches = [
        made.measured(name, number, samples_ns=(round(time * (1 + number / 100)),) * 3)
        for name, time in times_ns.items()
        for number in range(6)
    ]
    text = page_of([made.session(), *map(made.case, models), *launches], tmp_path)
    assert '>1.50 <span class="aside">1.50 to 1.50</span>' in re.sub(r"\s+", " ", text)


def test_a_card_has_all_that_is_known_of_a_model(tmp_path: Path) -> None:
    model = made.model(
        MobileNetConfig(), preprocessing="pixels to -1 to 1", licence="Apache-2.0",
        compute_units="cpuAndNeuralEngine", min_ios=15, classes=1000, labels=("tench", "goldfish"),
        structure=3e-7, loss=0.25, command="python -m export --compress int8",
        command_note="with your file", compression="int8",
    )  # fmt: skip
    case = made.case(model)
    launches = [made.measured(case.case, number) for number in range(6)]
    text = page_of([made.session(), case, *launches, made.accuracy(model, 142)], tmp_path)
    card = text[text.index("<dialog") : text.index("</dialog>")]
    card = card.replace('<span class="word">', "").replace("</span>", "")
    for words in (
        "pixels to -1 to 1", "Apache-2.0", "cpuAndNeuralEngine", "1,000: tench, goldfish, ...",
        "3.0e-07", "2.5e-01", "8.48 MB", "569 million", "<dt>Oldest iOS</dt><dd>15</dd>",
        "71.00 %", "of 200 photographs (pets)", "python -m export --compress int8",
        "with your file", model.identity,
    ):  # fmt: skip
        assert words in card, words
    assert text.count(f'data-card="{re.search("model-[0-9a-f]{16}", card)[0]}"') >= 3


def test_what_a_package_says_of_itself_is_text(tmp_path: Path) -> None:
    evil = '<b class="evil">x</b></script></dialog>'
    model = made.model(
        MobileNetConfig(), identity=evil, preprocessing=evil, licence=evil, labels=(evil,),
        command=evil, command_note=evil, weights=evil, compute_units=evil,
    )  # fmt: skip
    case = made.case(model)
    launches = [made.measured(case.case, number) for number in range(6)]
    skipped = made.case(model, "coreml", skipped=evil)
    text = page_of([made.session(), case, skipped, *launches], tmp_path)
    assert "<b" not in re.sub("<(body|button)", "", text)
    assert text.count("</dialog>") == 1
    assert text.count("&lt;b class=&#34;evil&#34;&gt;") >= 9


@needs_browser
def test_a_readers_limits_light_up_rows(tmp_path: Path) -> None:
    page = tmp_path / "p.html"
    results = made.write(tmp_path / "r.jsonl", made.realistic(rounds=6, samples=9))
    assert main(["page", str(results), "-o", str(page)]) == 0
    keeps, misses = ["", *["keeps"] * 3], ["", *["misses"] * 3]  # a row without figures has none
    expected = {
        ("fps", "500"): ["", "keeps", "keeps", "misses"], ("top1", "70.9"): keeps,
        ("top1", "71"): misses, ("mb", "8.5"): keeps, ("mb", "8.4"): misses, ("mb", ""): [""] * 4,
    }  # fmt: skip
    for width in (390, 1440):
        seen = browser.probe(page, width, limits=list(expected))
        assert seen["lit"] == {" ".join(limit): lights for limit, lights in expected.items()}
        assert seen["by_row"] == seen["by_point"] == "MobileNetV1_100_224"
        assert seen["left"] == 0
        assert bool(seen["scrolled"]) == bool(seen["cues"]) == (width == 390)
