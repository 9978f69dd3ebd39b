"""Core AI: an asset written with Apple's authoring library, from rows."""
