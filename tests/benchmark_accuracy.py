"""Images per second of `bench accuracy` against a plain loop, and memory against the set's size.

    python tests/benchmark_accuracy.py [IMAGES]

The plain loop is what one would write: Pillow, then ONNX Runtime with two threads, one after the
other, on the same compiled package. Both run in fresh processes, in turn; medians are printed.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROUNDS = 5
IMAGES = 800
PHOTO = Path(__file__).parent / "data" / "chelsea.jpg"


def main() -> None:
    images = int(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        launch("make", folder, images)  # elsewhere: a process begins with its parent's peak
        rates: dict[str, list[float]] = {"plain": [], "ours": []}
        for _ in range(ROUNDS):
            for way, results in rates.items():
                results.append(launch(way, folder, images)[0])
        for way, results in rates.items():
            print(f"{way:6} {statistics.median(results):6.1f} images/s  {sorted(results)}")
        pairs = zip(rates["ours"], rates["plain"], strict=True)
        print(f"ratio  {statistics.median(a / b for a, b in pairs):.2f}  (to reach: 1.25)")
        few, many = (launch("ours", folder, n)[1] for n in (images // 4, images))
        print(f"peak memory {few:.0f} MB for {images // 4} images, {many:.0f} MB for {images}")


def launch(way: str, folder: Path, images: int) -> tuple[float, float]:
    """Images per second, and peak memory in MB, of a fresh process."""
    command = [sys.executable, __file__, way, str(folder), str(images)]
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    return float(answer[0]), float(answer[1])


def make(folder: Path, images: int) -> float:
    begin = time.perf_counter()
    make_photographs(folder / "photographs", images)
    make_package(folder)
    return time.perf_counter() - begin


def make_photographs(folder: Path, count: int) -> None:
    """JPEGs of 500 x 375, all different, of the detail a photograph has."""
    from PIL import Image

    folder.mkdir()
    photo, rng = Image.open(PHOTO).convert("RGB"), np.random.default_rng(0)
    for i in range(count):
        left, top = int(rng.integers(0, 51)), int(rng.integers(0, 10))
        part = photo.crop((left, top, left + 400, top + 290)).resize((500, 375))
        part.rotate(int(rng.integers(-3, 4))).save(folder / f"n02123045_{i}.jpg", quality=90)


def make_package(folder: Path) -> None:
    from dataclasses import replace

    from export import pipeline
    from export.runtimes.portable import PortableRuntime
    from mobilenet.labels import imagenet_labels
    from mobilenet.networks.v1 import MobileNetConfig
    from mobilenet.untrained import untrained

    checkpoint = replace(untrained(MobileNetConfig(1.0, 224)), labels=imagenet_labels())
    exported = pipeline.export(checkpoint, folder / "full.mlpackage", verify=False)
    PortableRuntime(2).compile(exported.path, folder)


def plain(folder: Path, images: int) -> float:
    import onnxruntime
    from PIL import Image

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(str(folder / "full.onnx"), options)
    name = session.get_inputs()[0].name
    begin, answers = time.perf_counter(), []
    for path in sorted((folder / "photographs").iterdir())[:images]:
        image = Image.open(path).convert("RGB").resize((341, 256), Image.Resampling.BILINEAR)
        pixels = np.asarray(image.crop((58, 16, 282, 240)))[None]
        answers.append(int(session.run(None, {name: pixels})[0].argmax()))
    return time.perf_counter() - begin


def ours(folder: Path, images: int) -> float:
    """With the start of the decoding processes, which the plain loop does not need."""
    from bench.accuracy import evaluate, photographs, picture_pass, plan

    dataset = photographs.find(folder / "photographs").limited(images)
    classifiers = plan.load([folder / "full.mlpackage"], ["portable"], (), None, folder)
    made = plan.prepare(dataset, classifiers, ["package"])
    begin = time.perf_counter()
    answers = evaluate.predictions(
        dataset.photographs, made.evaluations, made.head.pairs, picture_pass.cores()
    )
    broken = sum(bool(answer.broken) for answer in answers)
    if broken:
        raise SystemExit(f"{broken} photographs could not be opened")
    return time.perf_counter() - begin


if __name__ == "__main__":
    if len(sys.argv) > 2:
        import resource

        ways = {"make": make, "plain": plain, "ours": ours}
        seconds = ways[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(int(sys.argv[3]) / seconds, peak / (1e6 if sys.platform == "darwin" else 1e3))
    else:
        main()
