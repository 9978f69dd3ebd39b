"""Detectors and segmenters in tables and in the page: under their own metrics' names alone."""

from pathlib import Path

import msgspec
import pytest

import made_metrics
import made_results as made
from bench.results import metrics_table
from bench.results.metrics import Metric
from bench.results.read import read_file
from bench.results.session_report import read_reports
from mobilenet.networks.v1 import MobileNetConfig
from mobilenet.weights import published
from reports import frame
from reports.__main__ import main


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return made.write(tmp_path / "r.jsonl", [made.session(), *made_metrics.metrics()])


def test_a_table_for_each_task(results: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main([str(results), "--markdown"]) == 0
    text = capfd.readouterr().out
    boxes, maps = text.split("### segmentation: mIOU")
    assert "### detection: mAP by COCO's rules" in boxes
    assert "22.00 (20.0 to 24.0)" in boxes
    assert "mAP -2.00 (-3.00 to -1.00): the second is worse" in boxes
    assert "1 picture not opened" in boxes
    assert "mAP on COCO: " in boxes
    assert "ssdlite_mobilenet_v2_coco_2018_05_09 22" in boxes.replace("\\", "")
    assert "mAP" not in maps
    assert "published, mIOU on Pascal VOC 2012 val: " in maps
    assert "(untrained)" in maps
    assert "untrained weights: their accuracy is chance" in boxes
    assert "1 of 90 photographs not opened: a.jpg: cut off" not in maps
    assert "top-1" not in text
    assert "ImageNet's" not in text


def test_the_page_has_a_section_for_each_task(results: Path, tmp_path: Path) -> None:
    assert main(["page", str(results), "-o", str(tmp_path / "p.html")]) == 0
    text = (tmp_path / "p.html").read_text("utf-8")
    part = text[text.index('<section id="detection-1">') : text.index('<section id="provenance">')]
    assert "3 measurements of boxes or maps." in text
    assert part.count("% alike</strong>") == 3
    assert part.count("<img") == part.count(made.JPEG) == 1  # and nothing that is no JPEG
    assert "svg" not in part
    assert "AP %, SSDLite portable CPU float32 squash" in part
    assert "tf1_detection_zoo" in part
    assert part.count("machine: ") == 2, "with each task, where nothing was timed"
    assert '<section id="segmentation-1">' in part
    assert "top-1" not in part


def test_a_detector_that_was_timed_has_no_published_top1(tmp_path: Path) -> None:
    model = made.model(MobileNetConfig(), name="SSDLite")
    records = [
        made.session(),
        made.case(model),
        made_metrics.measured(model, "detection", mAP=0.2),
    ]
    (report,) = read_reports([made.write(tmp_path / "r.jsonl", records)])
    assert report.top1 == {}
    row = frame.frame_of([report]).iloc[0]
    assert row["mAP_percent"] == 20
    assert row[["mIOU_percent", "top1_percent"]].isna().all()
    (report,) = read_reports([made.write(tmp_path / "s.jsonl", records[:2])])
    assert report.top1[model.identity].percent == 70.9


def test_records_come_back(results: Path) -> None:
    (session,) = read_file(results)
    assert [*session.metrics, *session.metric_comparisons] == made_metrics.metrics()


def test_verdicts_are_of_the_interval() -> None:
    for interval, verdict in {
        (-0.03, -0.01): "the second is worse", (0.01, 0.02): "the second is better",
        (-0.01, 0.02): "no difference is shown",
    }.items():  # fmt: skip
        pair = made_metrics.comparison("detection", "a", "b", interval=interval)
        assert metrics_table.facts(pair).endswith(verdict)
    nothing = made_metrics.comparison("detection", "a", "b", alike=None, difference=None)
    assert metrics_table.facts(nothing) == "nothing to compare"
    assert metrics_table.shown(Metric(name="mAP", value=None)) == "-"


def test_brackets_are_explained_where_there_are_some() -> None:
    record = made_metrics.measured(made.model(MobileNetConfig()), "detection", mAP=0.2)
    for interval in ((0.1, 0.3), None):
        metric = Metric(name="mAP", value=0.2, interval=interval)
        (table,) = metrics_table.tables([msgspec.structs.replace(record, metrics=(metric,))], [])
        remarks = [*table.remarks()]
        explained = any(line.startswith("in brackets") for line in remarks)
        assert explained == (interval is not None)
        assert metrics_table.NOT_IMAGENET in remarks


def test_published_metrics_are_of_their_task() -> None:
    assert {(row.task, row.metric) for row in published.METRICS} == {
        ("detection", "mAP"), ("segmentation", "mIOU"),
    }  # fmt: skip
    assert all(0 < row.percent < 100 and row.source for row in published.METRICS)
