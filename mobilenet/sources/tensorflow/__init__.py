"""TensorFlow's own graphs: frozen, in SavedModels, and TensorFlow.js graph models."""
