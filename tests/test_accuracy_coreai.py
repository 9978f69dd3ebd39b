"""Accuracy of Core AI assets: on Linux by Apple's interpreter, announced, in several processes."""

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from bench.accuracy import command, picture_pass, plan
from bench.accuracy.command import AccuracyOptions
from bench.accuracy.thread_sessions import ThreadSessions
from bench.results.records import Accuracy, Agreement
from conftest import PHOTO
from export.coreai import compute_units
from export.pipeline import export
from export.spec import ExportSpec, Variant
from mobilenet.common.errors import ConfigError

CAT = "n02123045"


class Heard:
    """A `Progress` that remembers what it was told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.warned: list[str] = []
        self.say, self.warn = self.said.append, self.warned.append


def test_an_asset_is_compared_with_its_package(tmp_path: Path) -> None:
    """Without a word about runtimes: each goes to the one of its format."""
    pytest.importorskip("coreai", reason="there is no wheel of coreai-core for this machine")
    if compute_units.uses_system():
        pytest.skip("macOS's own Core AI does not interpret")
    variant = Variant(alpha=0.25, resolution=32, weights="untrained")
    models = [
        export(variant, tmp_path / name, spec=ExportSpec(precision="fp32"), verify=False).path
        for name in ("net.mlpackage", "net.aimodel")
    ]
    pictures = tmp_path / "pictures"
    (pictures / CAT).mkdir(parents=True)
    for number in range(4):
        shutil.copy(PHOTO, pictures / CAT / f"{number}.jpg")
    heard = Heard()
    heard.bar = command.SILENT.bar  # type: ignore[attr-defined]
    options = AccuracyOptions(jobs=2, output=tmp_path / "a.jsonl")
    records, _ = command.measure(models, pictures, options, heard)  # type: ignore[arg-type]
    accuracies = [record for record in records if isinstance(record, Accuracy)]
    assert [(one.model.format, one.runtime, one.unit) for one in accuracies][1] == (
        "coreai", "coreai", "CPU",
    )  # fmt: skip
    assert [one.images for one in accuracies] == [4, 4]
    (agreement,) = (record for record in records if isinstance(record, Agreement))
    assert agreement.same_top1 == 4
    assert agreement.error_of == "logits"
    assert agreement.error_max is not None
    assert agreement.error_max < 1e-3
    assert any("Core AI is interpreted here: about " in line for line in heard.said)
    with pytest.raises(ConfigError, match="precision declared on coreai"):
        plan.load(models[1:], ["coreai"], (), "declared", tmp_path)


def test_much_is_warned_of_and_cores_share_it() -> None:
    cores = picture_pass.cores()
    assert picture_pass.interpreting_s(0, 50_000, 1) == 0
    assert picture_pass.interpreting_s(2.0, 10, 1) == 20
    assert picture_pass.interpreting_s(2.0, 10 * cores, 99) == 20
    heard = Heard()
    for seconds in (0, 0.2, 300, 50_000):
        command._announce(seconds, heard)  # type: ignore[arg-type]
    assert heard.said == [f"Core AI is interpreted here: about {t}." for t in ("1 s", "5 min 0 s")]
    assert heard.warned == [
        "Core AI is interpreted here: about 13 h 53 min; --limit takes fewer photographs"
    ]


def test_every_thread_has_a_model_of_its_own() -> None:
    """A process answers one call at a time."""

    class Loaded:
        description = None

        def predict(self, _: object) -> dict[str, object]:
            return {"thread": np.array(threading.get_ident()), "model": self}

    sessions = ThreadSessions(Loaded)  # type: ignore[arg-type]
    answers: list[dict[str, object]] = []
    for _ in range(2):
        thread = threading.Thread(target=lambda: answers.append(sessions.predict({})))
        thread.start()
        thread.join()
    answers += [sessions.predict({}), sessions.predict({})]
    models = [answer["model"] for answer in answers]
    assert models[2] is models[3]
    assert len({id(model) for model in models}) == 3
