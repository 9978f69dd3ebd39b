"""Whether a package of this project would be imported from somewhere else.

`python -m` looks into the working folder first, where a stranger's `export.py` or `mobilenet/`
may lie. Each `__main__` runs this file by its path, before it imports any package but its own.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

HOME = Path(__file__).resolve().parents[2]


def shadowed(*packages: str) -> bool:
    """Whether one of `packages` is a stranger's, which is then named on standard error."""
    for package in packages:
        place = _place(package)
        if place is not None and place.parent != HOME:
            sys.stderr.write(
                f"error: {place} would be run instead of this tool's own {package} "
                "(rename it, or start from another folder)\n"
            )
            return True
    return False


def _place(package: str) -> Path | None:
    """The folder or file that `import package` would take. Nothing is run to find it."""
    spec = find_spec(package)
    if spec is None:
        return None
    folders = list(spec.submodule_search_locations or [])
    place = folders[0] if folders else spec.origin
    return Path(place).resolve() if place else None
