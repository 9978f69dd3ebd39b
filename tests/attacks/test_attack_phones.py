"""Claim: nothing that a phone, its owner or devicectl says ends in a traceback, or in a command.

Names are words of argument lists; answers are read with bounds and types, whatever is in them.
"""

import json
from pathlib import Path

import msgspec
import pytest

import made_phone
from bench import __main__
from bench.devices import devicectl, measurable, xcode
from bench.workers.process import run_worker
from bench.workers.protocol import Job, WorkerResult
from made_phone import LISTED, MadePhone
from mobilenet.common import terminal
from mobilenet.common.errors import PlaceLostError

NAMES = [
    "\x1b[31m\x07red\nline",
    "--json-output",
    "'; touch broken; '",
    "$(touch broken)",
    "\u202egnp",
]
DEEP = b"[" * 100_000
ANSWERS = [
    b"\xff\xfe\n", DEEP + b"\n", b'{"type":"result"}\n', b'{"type":"device"}\n', b"null\n",
    b'{"type":"units","units":[1]}\n', b'{"type":"end","outputs_bytes":"many"}\n', b"\x00" * 5000,
    b'{"type":"error","reason":"\\u001b[31m\\nlines"}\n',
]  # fmt: skip
JOB = Job(task="measure", runtime="coreml-native", timeout_s=9, memory_limit_bytes=1, outputs="x")


@pytest.fixture
def phone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MadePhone:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(measurable, "RUNTIMES", {})
    return made_phone.make(tmp_path, ["true"], monkeypatch)


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_a_phone_is_a_word(
    phone: MadePhone, tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    properties = {**LISTED["deviceProperties"], "name": name}
    phone.show({**LISTED, "deviceProperties": properties})
    assert terminal.run(__main__.app, ["devices"]) == 0
    said = capfd.readouterr().out
    assert "\x1b" not in said
    assert "\x07" not in said
    phone.fail("strange")
    launcher = phone.launcher(name)
    with pytest.raises(PlaceLostError) as lost:
        launcher.launch(msgspec.json.encode(JOB), 9)
    assert "\n" not in lost.value.message
    assert "\x1b" not in lost.value.message
    assert not (tmp_path / "broken").exists()


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("end", [b"", b'{"type":"end","outputs_bytes":0}\n'])
def test_an_answer_of_any_form_is_an_outcome(
    phone: MadePhone, monkeypatch: pytest.MonkeyPatch, answer: bytes, end: bytes
) -> None:
    launcher = phone.launcher()
    monkeypatch.setattr(launcher._files, "read", lambda _: answer + end)
    outcome = run_worker(launcher, JOB, WorkerResult)
    assert outcome.status in ("failed", "crashed")
    assert "\n" not in outcome.reason
    described = msgspec.structs.replace(JOB, task="describe")
    assert run_worker(launcher, described, WorkerResult).answer is None
    assert launcher.environment is None


@pytest.mark.parametrize(
    "text",
    [
        DEEP.decode(), '{"result":' + "[" * 100_000, '{"error":' + '{"userInfo":' * 5000,
        json.dumps({"result": {"devices": 3}}), json.dumps({"result": {"devices": [{}]}}),
        json.dumps({"result": {"devices": [{"identifier": "\x1b[31m\nx" * 10_000}]}}), "\udcff",
    ],
)  # fmt: skip
def test_a_list_of_any_form_is_one_line(
    phone: MadePhone,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    text: str,
) -> None:
    def run(*words: str, **_: object) -> tuple[int, str]:
        file = Path(words[words.index("--json-output") + 1])
        file.write_bytes(text.encode("utf-8", "surrogateescape"))
        return 0, ""

    monkeypatch.setattr(xcode, "xcrun", run)
    assert terminal.run(__main__.app, ["devices"]) == 0
    assert "\x1b" not in capfd.readouterr().out
    assert terminal.run(__main__.app, ["run", "x", "--device", "phone"]) == 2
    assert "Traceback" not in capfd.readouterr().err


def test_errors_within_errors_end_somewhere(
    phone: MadePhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    depth = 200
    text = '{"error":' + '{"userInfo":{"NSUnderlyingError":{"error":' * depth + "3" + "}}}" * depth

    def run(*words: str, **_: object) -> tuple[int, str]:
        Path(words[words.index("--json-output") + 1]).write_text(text + "}")
        return 1, ""

    monkeypatch.setattr(xcode, "xcrun", run)
    with pytest.raises(PlaceLostError, match="gave no reason"):
        devicectl.ask(devicectl.Done, "device")
