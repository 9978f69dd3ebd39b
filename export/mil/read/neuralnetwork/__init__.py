"""The layers of the old format, said in MIL: one rule for each kind of layer.

Sources: coremltools' `mlmodel/format/NeuralNetwork.proto` for what a layer means,
`converters/mil/backend/nn/op_mapping.py` for the operation it came from. A kind without a rule
stays an operation of its own name, with unknown shapes.

Values of the oldest models have rank 5, (sequence, batch, C, H, W); here the sequence, always
1 in a network for images, is left out.
"""
