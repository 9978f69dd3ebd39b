"""Keras 2 and 3: whole models as graphs, files of weights alone by the names of their layers."""
