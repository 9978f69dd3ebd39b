"""Networks as lists of rows, and the heads that stand on them."""
