"""Non-maximum suppression in numpy: `python tests/benchmark_suppression.py`. Asserts nothing.

1917 boxes of 90 classes, an SSD's at 300; the peer is ONNX Runtime's NonMaxSuppression of the best
class of each box, which is compiled. Least of 30 calls, few boxes above the threshold and all.
"""

import time
from collections.abc import Callable

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

from export.runtimes.suppression_session import suppress
from suppression_reference import crowd

CALLS, BOXES, CLASSES, IOU = 30, 1917, 90, 0.6


def main() -> None:
    scores, boxes = crowd(np.random.default_rng(0), BOXES, CLASSES)
    dim = scores / 10
    dim[::100] = scores[::100]
    for name, shown, threshold in (("few above", dim, 0.25), ("all above", scores, 0.0)):
        own = least(lambda s=shown, t=threshold: suppress(s, boxes, IOU, t, per_class=True))
        peer = least(peer_call(shown, boxes, threshold))
        print(f"{name}: {own:.2f} ms, peer {peer:.2f} ms, ratio {own / peer:.2f}")


def least(call: Callable[[], object]) -> float:
    """Milliseconds."""
    taken = []
    for _ in range(CALLS):
        begin = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begin)
    return 1e3 * min(taken)


def peer_call(scores: np.ndarray, boxes: np.ndarray, threshold: float) -> Callable[[], object]:
    """Each box stands in its best class alone, as with Core ML."""
    names = ("boxes", "scores", "most", "iou", "threshold")
    kinds = (TensorProto.FLOAT, TensorProto.FLOAT, TensorProto.INT64, *[TensorProto.FLOAT] * 2)
    graph = helper.make_graph(
        [helper.make_node("NonMaxSuppression", names, ["stay"], center_point_box=1)], "nms",
        [helper.make_tensor_value_info(n, k, None) for n, k in zip(names, kinds, strict=True)],
        [helper.make_tensor_value_info("stay", TensorProto.INT64, None)],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString())

    def call() -> object:
        classes = scores.argmax(1)
        alone = np.full(scores.T.shape, -1, np.float32)
        alone[classes, np.arange(len(scores))] = scores.max(1)
        values = (boxes[None], alone[None], [len(boxes)], [IOU], [threshold])
        kinds = (np.float32, np.float32, np.int64, np.float32, np.float32)
        arrays = map(np.asarray, values, kinds)
        return session.run(None, dict(zip(names, arrays, strict=True)))

    return call


if __name__ == "__main__":
    main()
