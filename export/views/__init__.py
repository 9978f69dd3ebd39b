"""What the terminal shows of exports, verifications, inspections and comparisons."""
