"""Times that others have published, with their sources; none of them was measured here."""

from dataclasses import dataclass

from mobilenet.weights.published import V2_PAPER


@dataclass(frozen=True)
class Latency:
    """A published time per image; `milliseconds` as stated there, p50 or mean unless noted."""

    model: str
    device: str
    engine: str
    milliseconds: float
    source: str
    note: str = ""


_MEASUREMENT = "tensorflow/tensorflow, tensorflow/lite/g3doc/performance/measurement.md"
_INTHEPOCKET = "inthepocket.com, post on the A12 (2018)"
_FORGE = "hollance/Forge, README"
_COREML_4 = "hollance/MobileNet-CoreML#4 (iOS 11 beta)"
_MLCOMMONS = "mlcommons/mobile_app_open#472"
_ERWIN = "erwinzhang7, results/mobilenet-b1-deep.json"
_STARNET = "StarNet paper, Table 19"
_COREML_CLI = "coreml-cli, README"
_MOBILEONE = "apple/ml-mobileone, README"
_FASTVIT = "apple/ml-fastvit, README"
_TABLE_4 = f"{V2_PAPER}, Table 4"
_CAMERA_APP = "tucan9389/ImageClassification-CoreML, README"
_DETECTION_APP = "tucan9389/ObjectDetection-CoreML#3"
_SEGMENTATION_APP = "tucan9389/ImageSegmentation-CoreML, README"
_SEGMENTATION_2019 = "tucan9389/ImageSegmentation-CoreML#2"
_DELEGATES = "freedomtan/glDelegateBenchmark, README"
_SORTIFY = "Revo-Future/MobileNet-iOS, README"
_M1_DELEGATES = "tensorflow/tensorflow#47605, #47639"
_MODEL_ZOO = "coreml-model-zoo"
_EFFICIENTFORMER = "snap-research/EfficientFormer#9"
_LOADGEN = "mlcommons/mobile_app_open#865"
_XCODE_REPORT = "mlcommons/mobile_app_open#360"
_EXECUTORCH_HARNESS = "software-mansion/react-native-executorch#1363"
_YOLO_APP = "ultralytics/yolo-ios-app, docs/performance.md"
_MIXVPR = "Realcat's MixVPR demo"
_EXECUTORCH = "react-native-executorch 0.5, documentation"
_V1, _EDGE, _V2 = "MobileNet v1 1.0 224", "MobileNet-EdgeTPU", "MobileNet v2"
_V2_FULL, _V2_SMALL = "MobileNet v2 1.0 224", "MobileNet v2 0.35 96"
_SQUEEZENET, _MIXVPR_NET = "SqueezeNet of Apple", "MixVPR, ResNet-50 320"

# Apple's MobileNet, MobileNetV2 and SqueezeNet: milliseconds of a frame rather than a call
_FRAMES = {
    "iPhone 12 Pro": (17, 15, 14), "iPhone 12": (17, 15, 15), "iPhone 12 mini": (14, 17, 17),
    "iPhone 11 Pro": (13, 14, 12), "iPhone XS": (16, 21, 17), "iPhone XS Max": (18, 18, 17),
    "iPhone XR": (19, 21, 18), "iPhone X": (33, 46, 24), "iPhone 7+": (43, 64, 35),
    "iPhone 7": (35, 53, 29),
}  # fmt: skip
# of MobileNet's frame: milliseconds in all, frames a second
_WHOLE_FRAMES = {
    "iPhone 12 Pro": (19, 22), "iPhone 12": (18, 24), "iPhone 12 mini": (15, 24),
    "iPhone 11 Pro": (15, 29), "iPhone XS": (18, 23), "iPhone XS Max": (20, 23),
    "iPhone XR": (21, 23), "iPhone X": (35, 23), "iPhone 7+": (46, 20), "iPhone 7": (37, 23),
}  # fmt: skip


def _whole_frame(device: str) -> str:
    in_all, rate = _WHOLE_FRAMES[device]
    return f"a camera app's frame; {in_all} ms in all, {rate} frames a second"


_SSDLITE, _SSD = "MobileNet v2, SSDLite", "MobileNet v2, SSD"
_DEEPLAB, _DEEPLAB_257 = "DeepLabV3 of Apple, 513", "DeepLab 257"
_BOXES = {
    "iPhone 11 Pro": 18, "iPhone XS": 31, "iPhone XS Max": 31, "iPhone XR": 31,
    "iPhone X": 109, "iPhone 7+": 141, "iPhone 7": 134,
}  # fmt: skip
_MASKS = {
    "iPhone 12 Pro": 29, "iPhone 12": 30, "iPhone 12 mini": 29, "iPhone 11 Pro": 39,
    "iPhone 11 Pro Max": 35, "iPhone XS": 54, "iPhone XR": 133, "iPhone X": 137,
    "iPhone 8+": 140, "iPhone 8": 189, "iPhone 7+": 240, "iPhone 7": 192, "iPhone 6s+": 309,
}  # fmt: skip
# milliseconds of v1, DeepLab and SSD by device and engine
_BY_DELEGATE = {
    ("iPhone 7", "TFLite, CPU, 1 thread"): (40.6, 62.0, 70.0),
    ("iPhone 7", "TFLite, GPU"): (16.0, 25.6, 29.8),
    ("iPhone 11 Pro", "TFLite, GPU"): (10.9, 20.4, 19.7),
    ("iPhone 11 Pro", "TFLite, Core ML delegate"): (2.03, 9.10, 11.54),
}

LATENCIES = (
    Latency(_V1, "iPhone XS", "TFLite, CPU, 2 threads", 14.8, _MEASUREMENT),
    Latency(_V1, "iPhone XS", "TFLite, GPU", 3.4, _MEASUREMENT),
    Latency(_V1, "iPhone XS", "TFLite, CPU, 2 threads", 11, _MEASUREMENT, "quantised"),
    Latency("MobileNet v1 classifier, 9 MB", "iPhone 8", "Core ML", 22.38, _INTHEPOCKET),
    Latency("MobileNet v1 classifier, 9 MB", "iPhone XS", "Core ML", 2.77, _INTHEPOCKET),
    Latency("MobileNet v1", "iPhone 6s", "Metal (Forge)", 50, _FORGE, "from 20 frames a second"),
    Latency("MobileNet v1", "iPhone 6", "Core ML", 200, _COREML_4, "about"),
    Latency("MobileNet v1", "iPhone 7", "Core ML", 70, _COREML_4),
    Latency(
        _EDGE, "not stated", "Core ML, LoadGen", 1.734, _MLCOMMONS, "p50; p90 1.790, p99 1.859"
    ),
    Latency(_EDGE, "M1", "Core ML, Neural Engine", 0.46, _MLCOMMONS, "about"),
    Latency(
        _EDGE, "iPhone 13", "Core ML, Neural Engine", 0.55, _MLCOMMONS, "0.5 to 0.6; also 1.2"
    ),
    Latency(f"{_V2}, features", "M5 Max", "Core ML, Neural Engine", 0.295, _ERWIN),
    Latency(f"{_V2}, features", "M5 Max", "Core ML, GPU", 0.665, _ERWIN),
    Latency(f"{_V2}, features", "M5 Max", "Core ML, all units", 0.294, _ERWIN),
    Latency(_V2, "iPhone 12", "Core ML", 0.9, _STARNET),
    Latency(_V2, "iPhone 12 Pro Max", "Core ML", 0.9, _STARNET),
    Latency(_V2, "iPhone 13", "Core ML", 1.0, _STARNET),
    Latency(_V2, "iPhone 14", "Core ML", 0.9, _STARNET),
    Latency(_V2, "a Mac, not stated", "Core ML, all units", 1.200, _COREML_CLI, "mean 1.279"),
    Latency("MobileOne S0", "iPhone 12 Pro", "Core ML (ModelBench)", 0.79, _MOBILEONE),
    Latency("MobileOne S1", "iPhone 12 Pro", "Core ML (ModelBench)", 0.89, _MOBILEONE),
    Latency("MobileOne S2", "iPhone 12 Pro", "Core ML (ModelBench)", 1.18, _MOBILEONE),
    Latency("MobileOne S3", "iPhone 12 Pro", "Core ML (ModelBench)", 1.53, _MOBILEONE),
    Latency("MobileOne S4", "iPhone 12 Pro", "Core ML (ModelBench)", 1.86, _MOBILEONE),
    Latency("FastViT T8", "iPhone 12 Pro", "Core ML (ModelBench)", 0.8, _FASTVIT),
    Latency(
        "MobileNet v1", "Pixel 1, a big core", "TFLite", 113, _TABLE_4, "not Apple: a control"
    ),
    Latency(_V2, "Pixel 1, a big core", "TFLite", 75, _TABLE_4, "not Apple: a control"),
    Latency(f"{_V2} 1.4", "Pixel 1, a big core", "TFLite", 143, _TABLE_4, "not Apple: a control"),
    *(
        Latency(
            model, device, "Core ML, Vision", milliseconds, _CAMERA_APP,
            _whole_frame(device) if model == _V1 else "a camera app's frame",
        )
        for device, frame in _FRAMES.items()
        for model, milliseconds in zip((_V1, _V2, _SQUEEZENET), frame, strict=True)
    ),
    *(
        Latency(_SSDLITE, device, "Core ML", milliseconds, _DETECTION_APP)
        for device, milliseconds in _BOXES.items()
    ),
    *(
        Latency(_DEEPLAB, device, "Core ML", milliseconds, _SEGMENTATION_APP)
        for device, milliseconds in _MASKS.items()
    ),
    Latency(_DEEPLAB, "iPhone XS", "Core ML", 135, _SEGMENTATION_2019, "in 2019"),
    Latency(_DEEPLAB, "iPhone X", "Core ML", 177, _SEGMENTATION_2019, "in 2019"),
    *(
        Latency(model, device, engine, milliseconds, _DELEGATES)
        for (device, engine), times in _BY_DELEGATE.items()
        for model, milliseconds in zip((_V1, _DEEPLAB_257, _SSD), times, strict=True)
    ),
    *(
        Latency(
            "MobileNet v3 large, SSDLite 320",
            device,
            "ExecuTorch, XNNPACK",
            milliseconds,
            _EXECUTORCH,
        )
        for device, milliseconds in (
            ("iPhone 17 Pro", 116),
            ("iPhone 16 Pro", 120),
            ("iPhone SE 3", 164),
        )
    ),
    Latency("MobileNet v1", "iPhone 6s Plus", "MPSCNN", 50, _SORTIFY, "about"),
    Latency(_V1, "iPhone 7", "TFLite, CPU, 2 threads", 29.67, _DELEGATES),
    Latency(_V1, "iPhone 11 Pro", "TFLite, CPU, 1 thread", 26.54, _DELEGATES),
    Latency(_V1, "iPhone 11 Pro", "TFLite, CPU, 2 threads", 18.21, _DELEGATES),
    Latency(_V1, "M1", "TFLite, CPU, 1 thread", 18.85, _M1_DELEGATES),
    Latency(_V1, "M1", "TFLite, CPU, 4 threads", 9.09, _M1_DELEGATES),
    Latency(_V1, "M1", "TFLite, GPU", 2.70, _M1_DELEGATES),
    Latency(_V1, "M1", "TFLite, Core ML delegate", 1.05, _M1_DELEGATES),
    Latency(_V2_FULL, "iPhone 11 Pro", "Core ML, CPU", 17.5, _MODEL_ZOO, "17 to 18"),
    Latency(_V2_FULL, "iPhone 11 Pro", "Core ML, GPU", 15.5, _MODEL_ZOO, "14 to 17"),
    Latency(_V2_FULL, "iPhone 11 Pro", "Core ML, Neural Engine", 4, _MODEL_ZOO),
    Latency(_V2_SMALL, "iPhone 11 Pro", "Core ML, CPU", 2, _MODEL_ZOO),
    Latency(_V2_SMALL, "iPhone 11 Pro", "Core ML, GPU", 5, _MODEL_ZOO),
    Latency(_V2_SMALL, "iPhone 11 Pro", "Core ML, Neural Engine", 1, _MODEL_ZOO),
    Latency(_V2_SMALL, "iPhone 7", "Core ML, CPU", 5, _MODEL_ZOO),
    Latency(_V2_SMALL, "iPhone 7", "Core ML, GPU", 15, _MODEL_ZOO),
    Latency(_V2_FULL, "iPhone 11", "Core ML, all units", 1.4, _EFFICIENTFORMER),
    Latency(_V2_FULL, "iPhone 12 Pro", "Core ML, all units", 1.73, _EFFICIENTFORMER),
    Latency(_EDGE, "iPhone 13", "Core ML, LoadGen", 1.62, _LOADGEN, "617.8 a second"),
    Latency(_EDGE, "iPhone 14 Pro", "Core ML, LoadGen", 1.03, _LOADGEN, "971.0 a second"),
    Latency(_EDGE, "iPhone 15 Pro Max", "Core ML, LoadGen", 0.87, _LOADGEN, "1145.1 a second"),
    Latency(
        _EDGE, "iPhone 13", "Core ML, Xcode's report", 0.93, _XCODE_REPORT,
        "80 of 80 operations on the Neural Engine",
    ),
    Latency(
        "EfficientNetV2-S", "iPhone 17", "Core ML by ExecuTorch", 3.50, _EXECUTORCH_HARNESS,
        "float16; of 4.34 in all",
    ),
    Latency("YOLO26n-cls 224, int8", "iPhone 17 Pro", "Core ML, Vision, CPU", 2.2, _YOLO_APP),
    Latency(
        "YOLO26n-cls 224, int8", "iPhone 17 Pro", "Core ML, Vision, CPU and Neural Engine", 1.9,
        _YOLO_APP,
    ),
    Latency(_MIXVPR_NET, "iPhone 15 Pro Max", "Core ML, Neural Engine", 2.6, _MIXVPR),
    Latency(_MIXVPR_NET, "iPhone 15 Pro Max", "Core ML, GPU", 14.4, _MIXVPR),
    Latency(_MIXVPR_NET, "iPhone 15 Pro Max", "Core ML, CPU", 10.9, _MIXVPR),
)  # fmt: skip
