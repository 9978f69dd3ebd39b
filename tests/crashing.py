"""What a child must survive, or its parent without it; children import these by name."""

import os
import re
import signal
import subprocess
import time

from PIL.Image import Image

SLEEP_S = 3600


def on_red(image: Image, size: tuple[int, int]) -> Image:
    """End the process at a picture whose first pixel is red."""
    if image.getpixel((0, 0)) == (255, 0, 0):
        os._exit(7)
    return image.resize(size)


def raises(error: BaseException) -> None:
    """Raise what is given."""
    raise error


def unpicklable() -> object:
    """Something that cannot be sent."""
    return lambda: None


def signals_itself(number: int) -> None:
    """End by this signal."""
    os.kill(os.getpid(), number)


def sleeps() -> None:
    """Come to nothing."""
    time.sleep(SLEEP_S)


def stops() -> None:
    """Do not even sleep."""
    os.kill(os.getpid(), signal.SIGSTOP)


def turns_in_c() -> None:
    """Hold the interpreter's lock, so that no other thread of the process runs."""
    re.fullmatch("(a*)*b", "a" * 64)


def starts_a_sleeper() -> int:
    """The number of a process that this one started."""
    return subprocess.Popen(["sleep", str(SLEEP_S)]).pid
