"""An Xcode project of an app around packages: a camera, and the same measurements on the phone."""

from bench.app.app_folder import bundle_identifier, write

__all__ = ["bundle_identifier", "write"]
