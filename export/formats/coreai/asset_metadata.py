"""What an app reads of an asset: `metadata.json`, in the same bytes at every export.

Nothing here has a place for labels or for how a photograph becomes the input, as Core ML has:
an app finds them under keys of ours.
"""

from pathlib import Path
from typing import Any

import msgspec

from export.package.metadata import KEY, LABELS_KEY
from export.prepared import Prepared


def describe(asset: Path, prepared: Prepared) -> None:
    """Fill the file that Apple's library has begun, without its date."""
    path, metadata = asset / "metadata.json", prepared.metadata
    content: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    del content["creationDate"]
    content |= {
        "description": metadata.summary,
        "author": f"{metadata.provenance.source}; exported by mobilenet-coreml {metadata.tool}",
        "license": metadata.provenance.licence,
        "creatorDefinedMetadata": {
            **prepared.user_defined,
            KEY: metadata.encode(),
            **({LABELS_KEY: [*prepared.labels]} if prepared.labels else {}),
        },
    }
    path.write_bytes(msgspec.json.encode(content, order="sorted") + b"\n")
