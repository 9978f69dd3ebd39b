"""One pure reader per family of weight files, recognised by content."""
