"""ONNX: from a model of opset 9 to 21 to the graph, in opset 17's meaning."""
