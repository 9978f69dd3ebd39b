"""Repositories on Hugging Face: weights and the JSON that says how to use them, nothing else.

They are fetched as any file is: `huggingface_hub` neither continues a download nor bounds it.
`HF_ENDPOINT` is Hugging Face's own word for a mirror and works here too.
"""

import os
from pathlib import Path

from mobilenet.common.progress import SILENT, Progress
from mobilenet.weights.download import MAX_BYTES, MissingError, download

ENDPOINT = "https://huggingface.co"
OPTIONAL = "preprocessor_config.json"  # timm has what it says in config.json
FILES = ("config.json", OPTIONAL, "model.safetensors")
MAX_JSON_BYTES = 1 << 20


def fetch(repository: str, folder: Path, progress: Progress = SILENT) -> None:
    """Fill `folder` with the files of `FILES` that "owner/name" has.

    Raises as `download`.
    """
    endpoint = os.environ.get("HF_ENDPOINT") or ENDPOINT
    folder.mkdir()
    for name in FILES:
        url = f"{endpoint.rstrip('/')}/{repository}/resolve/main/{name}"
        limit = MAX_JSON_BYTES if name.endswith(".json") else MAX_BYTES
        try:
            download(url, folder / name, progress, max_bytes=limit)
        except MissingError:
            if name != OPTIONAL:
                raise
