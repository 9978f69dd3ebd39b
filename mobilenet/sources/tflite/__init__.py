"""TensorFlow Lite: from a `.tflite` to the graph that it holds."""
