"""coremltools without its noise, and without what it imports only to look at.

coremltools 9.0 imports every framework it finds (`coremltools/_deps/__init__.py`): seconds where
TensorFlow or transformers are installed. Off a Mac it also logs a line for each native class
that only the macOS wheel has. Warnings that come after the import are left alone.
"""

import gc
import importlib
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

    `torch=False` saves a second where nothing is traced; a later call brings torch in.
    """
    hidden = UNUSED if torch else (*UNUSED, "torch")
    with _hidden(hidden), _expected_logs_dropped(), _no_progress_bars():
        import coremltools as ct

        if torch and not ct._deps._HAS_TORCH:
            _bring_in_torch()
    gc.freeze()  # coremltools ends each conversion with gc.collect(): not over what was imported
    return ct  # type: ignore[no-any-return]  # coremltools is untyped


def _bring_in_torch() -> None:
    """Make up for what coremltools 9.0 left out when it was imported without torch.

    Small modules that only look for torch, or import what needs it, run again in their own
    dictionaries. Those that hold more get the names that they would have imported.
    """
    import torch
    from coremltools import _deps
    from coremltools.converters import _converters_entry, mil
    from coremltools.converters.mil.frontend import torch as frontend
    from coremltools.models import model

    for module in (_deps, frontend, mil):  # in this order: each imports from those before it
        importlib.reload(module)
    from coremltools.converters.mil.frontend.torch.load import is_torch_model

    vars(_converters_entry).update(
        _HAS_TORCH=True,
        _HAS_TORCH_EXPORT_API=_deps._HAS_TORCH_EXPORT_API,
        torch=torch,
        is_torch_model=is_torch_model,
        ExportedProgram=torch.export.ExportedProgram,
    )
    vars(model).update(_HAS_TORCH=True, _torch=torch)


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
