"""Graphs of Core AI, said in MIL: one rule for each kind of operation.

What an operation computes was found by running it in Apple's runtime (coreai-core 1.0.0b3), which
the tests do again: Core AI publishes no semantics. A kind without a rule, or a form that its rule
does not know, stays an operation of its own kind, "coreai.sort", which nothing here runs.
"""
