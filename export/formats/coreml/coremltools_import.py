"""coremltools without its noise, and without what it imports only to look at.

coremltools 9.0 imports every framework it finds (`coremltools/_deps/__init__.py`): seconds where
TensorFlow or transformers are installed. Off a Mac it also logs a line for each native class
that only the macOS wheel has. Warnings that come after the import are left alone.
"""

import gc
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

UNUSED = (
    "sklearn", "libsvm", "xgboost", "tensorflow", "torchvision", "torchaudio", "executorch",
    "torchao", "scipy", "transformers",
)  # fmt: skip
EXPECTED = ("Failed to load _ML", "has not been tested with coremltools")


def coremltools(torch: bool = True) -> ModuleType:
    """The module `coremltools`, imported once and in silence.

    `torch=False` saves a second where nothing is traced. What coremltools finds at its first
    import it keeps, so a process that traces must not have called this with False before.
    """
    hidden = UNUSED if torch else (*UNUSED, "torch")
    with _hidden(hidden), _expected_logs_dropped(), _no_progress_bars():
        import coremltools as ct
    gc.freeze()  # coremltools ends each conversion with gc.collect(): not over what was imported
    if torch and not ct.converters._converters_entry._HAS_TORCH:
        raise RuntimeError("coremltools was first imported without torch in this process")
    return ct  # type: ignore[no-any-return]  # coremltools is untyped


@contextmanager
def _hidden(names: tuple[str, ...]) -> Iterator[None]:
    """Make `import name` fail, except for what is loaded already and so costs nothing."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None is the import system's own mark
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


@contextmanager
def _expected_logs_dropped() -> Iterator[None]:
    logger = logging.getLogger("coremltools")
    logger.addFilter(_unexpected)
    try:
        yield
    finally:
        logger.removeFilter(_unexpected)


@contextmanager
def _no_progress_bars() -> Iterator[None]:
    """Give what is imported now a tqdm that draws nothing; downloads keep theirs."""
    import tqdm  # type: ignore[import-untyped]

    class Silent(tqdm.tqdm):  # type: ignore[misc]  # tqdm is untyped
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **(options | {"disable": True}))

    loud, tqdm.tqdm = tqdm.tqdm, Silent
    try:
        yield
    finally:
        tqdm.tqdm = loud


def _unexpected(record: logging.LogRecord) -> bool:
    return not any(text in record.getMessage() for text in EXPECTED)
