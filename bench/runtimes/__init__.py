"""The runtimes that can be measured."""
