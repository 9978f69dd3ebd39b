"""Core ML's models of tables, in numpy: trees, machines of support vectors, neighbours, encoders.

Computed in float64, as the files hold their numbers: ONNX's operations for such models compare
and add in float32, so that a value at the edge of a branch goes the other way, and mean another
function by "probit". Sources: coremltools' `mlmodel/format/*.proto` for the formulas,
`mlmodel/src/Validation` for what a sound model is, and its converters from scikit-learn, LIBSVM
and XGBoost, whose tests compare with those libraries on a Mac, for the rest.
"""
