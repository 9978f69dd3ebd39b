"""What runs a package: one interface, one module per runtime."""
