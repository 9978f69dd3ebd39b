"""From the files of a model to a program."""
