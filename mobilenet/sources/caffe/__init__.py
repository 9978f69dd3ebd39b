"""Caffe: from a caffemodel, and the prototxt beside it, to the graph that they describe."""
