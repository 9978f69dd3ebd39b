"""Nodes that a detector's head has: what the predictors of all maps say, joined."""

import numpy as np

from mobilenet.sources.walk import segmenter_nodes
from mobilenet.sources.walk.affine_nodes import check_whole
from mobilenet.sources.walk.layout import Layout
from mobilenet.sources.walk.steps import Convolution, GraphValue, Predictions, Visit


def joined(visit: Visit) -> GraphValue:
    """Concat of two maps, or of what the predictors of several maps say."""
    if all(value.layout.is_map for value in visit.values):
        return segmenter_nodes.joined(visit)
    return _together(visit)


def _together(visit: Visit) -> GraphValue:
    values, offset, places = visit.values, 0, []
    if len(values) != len(visit.operands):
        raise visit.refusal("joins a map and constants")
    for value in values:
        check_whole(visit, value)
        if not (isinstance(value.maker, Convolution) and value.is_linear):
            raise visit.refusal("joins what are no maps of a convolution's own numbers")
        places.append(value.layout.table() + offset)
        offset += value.layout.numbers
    try:
        joined = np.concatenate(places, visit.number("axis", 0))
    except ValueError as error:
        shapes = [value.layout.shape for value in values]
        raise visit.refusal(f"joins values of shapes {shapes[:4]}") from error
    layout = Layout((joined.size, 1, 1), joined.shape)
    return GraphValue(visit.name, Predictions(tuple(values), joined.ravel()), layout)
