"""Repositories on Hugging Face: weights and the JSON that says how to use them, nothing else.

`HF_ENDPOINT` is Hugging Face's own word for a mirror and works here too.
"""

import shutil
from pathlib import Path

from mobilenet.common.errors import UnreachableError
from mobilenet.weights.cache import TIMEOUT, UNREACHABLE_HINT

FILES = ["model.safetensors", "config.json", "preprocessor_config.json"]


def fetch(repository: str, folder: Path) -> None:
    """Fill `folder` with the files of `FILES` that "owner/name" has.

    Raises `UnreachableError` when the hub does not answer with them.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (  # type: ignore[attr-defined]  # HTTPError: the transport's base
        HTTPError,
        LocalEntryNotFoundError,
    )
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()  # the terminal is ours
    try:
        snapshot_download(
            repository, local_dir=folder, allow_patterns=FILES, etag_timeout=TIMEOUT[0]
        )
    except (HTTPError, LocalEntryNotFoundError) as error:
        reason = str(error.__cause__ or error).splitlines()[0]
        raise UnreachableError(
            f"{repository} cannot be fetched from Hugging Face: {reason}", UNREACHABLE_HINT
        ) from error
    for left in set(folder.iterdir()) - {folder / name for name in FILES}:
        shutil.rmtree(left)  # the hub's own bookkeeping, .cache
