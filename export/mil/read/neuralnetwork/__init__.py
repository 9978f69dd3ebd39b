"""The layers of the old format, said in MIL: one rule for each kind of layer.

Sources: coremltools' `mlmodel/format/NeuralNetwork.proto` for what a layer means,
`converters/mil/backend/nn/op_mapping.py` for the operation it came from, its own tests where both
are vague. What nobody translates stays an operation, `layer.` and its kind, with unknown shapes.

Values of the oldest models have rank 5, (sequence, batch, C, H, W); here a sequence of 1 is left
out (*folded*) until a layer asks for it.
"""
