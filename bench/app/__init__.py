"""An Xcode project of an app around packages: a camera, and the same measurements on the phone."""

from bench.app.app_folder import write

__all__ = ["write"]
