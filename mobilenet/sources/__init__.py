"""One pure reader per family of weight files; `recognise.read` picks it by content."""
