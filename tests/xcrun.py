"""A stand-in for `xcrun devicectl` and `xcrun xcodebuild`, whose phone is a folder.

Its app is a command of MADE_APP, started in the folder's container. Commands and JSON are those of
published logs. `fault` in the folder names what is wrong, and from which launch on.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import made_app

IDENTIFIER, BUNDLE = "00008130-MADE", "org.mobilenet-coreml.workerABCDE12345"
NOISE = "13:37:00  Acquired tunnel connection to device.\n{ not JSON \\"
ERRORS = {  # domain and code do not matter; the sentences are those of real phones
    "locked": (
        "The application failed to launch.",
        "The request was denied by service delegate (SBMainWorkspace) for reason: Locked (Unable "
        "to launch org.made.bench because the device was not, or could not be, unlocked).",
    ),
    "untrusted": (
        "The application failed to launch.",
        "Unable to launch org.made.bench because it has an invalid code signature, inadequate "
        "entitlements or its profile has not been explicitly trusted by the user.",
    ),
    "unplugged": ("The operation couldn't be completed.", "The device was not connected."),
    "no space": ("Failed to copy.", "There is not enough free space on the device."),
    "no app": ("The requested application org.made.bench is not installed.",),
    "strange": ("Something that nobody has seen before.",),
}
DENIED = {  # the commands that a fault is about; "" is all
    "locked": "process launch", "untrusted": "process launch", "no app": "process launch",
    "no space": "copy to", "unplugged": "", "strange": "process launch",
}  # fmt: skip


NOBODY = 1 << 23  # above all numbers of processes: of an app that ran in this one
UNAWAITED = ("killed", "suspended", "stopped")  # else a launch is over when devicectl is
APPS: list[subprocess.Popen[bytes]] = []  # by this process


def phone() -> Path:
    return Path(os.environ["MADE_PHONE"])


def documents() -> Path:
    return phone() / "container" / "Documents"


class Arguments(list[str]):
    """Words of a command line, taken one by one."""

    def option(self, name: str) -> str:
        if name not in self:
            return ""
        at = self.index(name)
        _, value = self[at], self[at + 1]
        del self[at : at + 2]
        return value

    def flag(self, name: str) -> bool:
        return name in self and self.remove(name) is None


def main(line: list[str]) -> NoReturn:
    words = Arguments(line)
    with (phone() / "log").open("a") as log:
        log.write(json.dumps(words) + "\n")
    print(NOISE)
    print(NOISE, file=sys.stderr)
    tool = words.pop(0)
    if tool == "xcodebuild":
        build(words)
    assert tool == "devicectl"
    assert words[0] == "--json-output", "options after an app's identifier may be the app's"
    answer = Path(words.option("--json-output"))
    assert words.option("--timeout").isdigit()
    assert words.flag("--quiet")
    devicectl(words, answer)


def build(words: Arguments) -> NoReturn:
    if (fault := active()) == "unsigned":
        print('note: a line\nerror: No Account for Team "ABCDE12345". Add a new account.')
        sys.exit(65)
    products = Path(words.option("-derivedDataPath")) / "Build/Products/Release-iphoneos"
    (products / "MobileNet.app").mkdir(parents=True)
    (products / "MobileNet.app" / "Info.plist").write_text(fault)
    sys.exit(0)


def devicectl(words: Arguments, answer: Path) -> NoReturn:
    def give(result: object) -> NoReturn:
        text = json.dumps({"info": {"outcome": "success", "jsonVersion": 2}, "result": result})
        answer.write_text(text.replace("processIdentifier", "pid") if fault == "key" else text)
        sys.exit(0)

    def refuse(*sentences: str) -> NoReturn:
        error: dict[str, object] = {}
        for sentence in reversed(sentences):
            beneath = {"NSUnderlyingError": {"error": error}} if error else {}
            about = {"NSLocalizedDescription": {"string": sentence}, **beneath}
            error = {"code": 1, "domain": "com.apple.dt.CoreDeviceError", "userInfo": about}
        answer.write_text(json.dumps({"info": {"outcome": "failed"}, "error": error}))
        sys.exit(1)

    fault = active()
    if words[:2] == ["list", "devices"]:
        give({"devices": listed()})
    command = " ".join(words[1:3])
    del words[:3]
    assert words.option("--device") == IDENTIFIER
    if fault == "transient" and not (phone() / "failed once").exists():
        (phone() / "failed once").touch()
        refuse(*ERRORS["unplugged"])
    if fault == "hang":
        time.sleep(600)
    if fault == "silent":
        sys.exit(1)
    if fault in DENIED and DENIED[fault] in command:
        refuse(*ERRORS[fault])
    match command:
        case "install app":
            assert Path(words.pop()).suffix == ".app"
            give({"installedApplications": [{"bundleID": BUNDLE}]})
        case "copy to" | "copy from":
            if not copy(command, words, fault):
                refuse("The file couldn't be opened.", "No such file or directory")
            give({})
        case "process launch":
            give({"process": {"processIdentifier": launch(words, fault)}})
        case "info processes":
            give({"runningProcesses": [{"processIdentifier": number} for number in running()]})
        case "info lockState":
            give({"passcodeRequired": fault == "suspended"})
        case "process terminate":
            end(int(words.option("--pid")))
            give({})
    raise AssertionError(command)


def active() -> str:
    """The fault of now: a word, and the number of launches before it begins."""
    file = phone() / "fault"
    if not file.exists():
        return ""
    name, first = json.loads(file.read_text())
    return name if launches() >= first else ""


def launches() -> int:
    return len(list((phone() / "launches").iterdir()))


def listed() -> list[object]:
    return json.loads((phone() / "devices").read_text())


def copy(command: str, words: Arguments, fault: str) -> bool:
    assert words.option("--user") == "mobile", "else it is root's, and the app cannot remove it"
    assert words.option("--domain-type") == "appDataContainer"
    assert words.option("--domain-identifier") == BUNDLE
    source, destination = Path(words.option("--source")), Path(words.option("--destination"))
    if command == "copy to":
        destination = documents().parent / destination
        script = Path(f"{source}.made.json")  # what the made engine plays
        if script.exists():
            shutil.copy(script, f"{destination}.made.json")
    else:
        source = documents().parent / source
    if not source.exists() or not destination.parent.is_dir():
        return False
    if source.is_dir():
        shutil.copytree(source, destination)
        return True
    contents = source.read_bytes()
    seen = phone() / f"seen {source.name}"
    if command == "copy from" and (fault == "half" or (fault == "slow" and not seen.exists())):
        contents = contents[: len(contents) // 2]
        seen.touch()
    destination.write_bytes(contents)
    return True


def launch(words: Arguments, fault: str) -> int:
    assert words.flag("--terminate-existing")
    variables = json.loads(words.option("--environment-variables"))
    assert words == [BUNDLE]
    for number in running():
        end(number)
    documents().mkdir(parents=True, exist_ok=True)
    command = json.loads(os.environ["MADE_APP"])
    if command == made_app.COMMAND and fault not in UNAWAITED:
        made_app.run(variables, documents())
        return noted(NOBODY + launches())
    process = subprocess.Popen(
        command, cwd=documents(), env={**os.environ, **variables},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    APPS.append(process)
    noted(process.pid)
    if fault not in UNAWAITED:
        process.wait(60)
    if fault == "killed":
        os.killpg(process.pid, signal.SIGKILL)
    if fault in ("suspended", "stopped"):
        os.killpg(process.pid, signal.SIGSTOP)
    return process.pid


def noted(number: int) -> int:
    (phone() / "launches" / str(number)).touch()
    return number


def running() -> Iterator[int]:
    import psutil  # here: each command is a process of its own, and few ask

    for file in (phone() / "launches").iterdir():
        with suppress(psutil.NoSuchProcess):
            if psutil.Process(int(file.name)).status() != psutil.STATUS_ZOMBIE:
                yield int(file.name)


def end(number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(number, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1:])
