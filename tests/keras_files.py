"""Small Keras models, written by hand in the ways that Keras 2 and 3 keep them."""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Arrays = Mapping[str, Mapping[str, np.ndarray]]  # by layer, or "model/layer", and by variable
SIZE = 8
WAYS = ("keras2.h5", "keras3.h5", "keras", "folder", "old folder")


def layer(
    kind: str, name: str, *inputs: Any, keywords: dict[str, Any] | None = None, **config: Any
) -> dict[str, Any]:
    """A layer of a Functional model; inputs are names of layers, lists of them, or numbers."""
    return {
        "class_name": kind,
        "config": {"name": name, "trainable": True, "dtype": "float32", **config},
        "name": name,
        "inputs": inputs,
        "keywords": keywords or {},
    }


def picture(height: int | None = SIZE, width: int | None = SIZE) -> dict[str, Any]:
    """The layer of the input, called "image"."""
    return layer("InputLayer", "image", batch_input_shape=[None, height, width, 3])


def functional(*layers: dict[str, Any], ends: Sequence[str] = (), name: str = "model",
               keras: int = 3) -> dict[str, Any]:  # fmt: skip
    """The description of a Functional model that begins with its first layer."""
    written = [_connected(described, keras) for described in layers]
    config = {
        "name": name,
        "layers": written,
        "input_layers": [[layers[0]["name"], 0, 0]],
        "output_layers": [[end, 0, 0] for end in ends or [layers[-1]["name"]]],
    }
    return {"class_name": "Functional" if keras == 3 else "Model", "config": config}


def sequential(*layers: dict[str, Any], name: str = "model") -> dict[str, Any]:
    """The description of a Sequential model."""
    plain = [{key: item[key] for key in ("class_name", "config")} for item in layers]
    return {"class_name": "Sequential", "config": {"name": name, "layers": plain}}


def _connected(described: dict[str, Any], keras: int) -> dict[str, Any]:
    written = {key: described[key] for key in described if key not in {"inputs", "keywords"}}
    inputs, keywords = described.get("inputs", ()), described.get("keywords", {})
    if keras == 3:
        nodes = [{"args": [_tensor(item) for item in inputs], "kwargs": keywords}]
    else:
        flat = inputs[0] if inputs and isinstance(inputs[0], list) else inputs
        nodes = [[[name, 0, 0, keywords] for name in flat]]
    return {**written, "inbound_nodes": nodes if inputs else []}


def _tensor(item: Any) -> Any:
    if isinstance(item, list):
        return [_tensor(inner) for inner in item]
    if not isinstance(item, str):
        return item
    history = {"keras_history": [item, 0, 0], "shape": [None], "dtype": "float32"}
    return {"class_name": "__keras_tensor__", "config": history}


def write(path: Path, description: Mapping[str, Any], weights: Arrays, way: str,
          places: Sequence[str] = ()) -> Path:  # fmt: skip
    """The model in one of `WAYS`; `places` are those of the layers with weights, in order."""
    text = json.dumps(description)
    if way.endswith("h5"):
        path = path.with_suffix(".h5")
        with h5py.File(path, "w") as file:
            file.attrs["model_config"] = text
            grouped(file.create_group("model_weights"), weights, ":0" if "2" in way else "")
            file["optimizer_weights/adam/iteration"] = np.int64(7)
        return path
    if way == "keras":
        path, weight_file = path.with_suffix(".keras"), io.BytesIO()
        placed(weight_file, weights, places)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", text)
            archive.writestr("metadata.json", "{}")
            archive.writestr("model.weights.h5", weight_file.getvalue())
        return path
    path.mkdir()
    (path / "model.json").write_text(text)
    if way == "old folder":
        with h5py.File(path / "weights.h5", "w") as file:
            grouped(file, weights, ":0")
    else:
        placed(path / "model.weights.h5", weights, places)
    return path


def grouped(root: Any, weights: Arrays, suffix: str) -> None:
    """Weights in groups of the outermost layers: those of "model/layer" lie in the model's."""
    outer = list(dict.fromkeys(name.split("/")[0] for name in weights))
    root.attrs["layer_names"] = outer
    root.attrs["backend"] = "tensorflow"
    for group in outer:
        inner = {name: arrays for name, arrays in weights.items() if name.split("/")[0] == group}
        names = [f"{name.split('/')[-1]}/{key}{suffix}" for name in inner for key in inner[name]]
        folder = root.create_group(group)
        folder.attrs["weight_names"] = names
        arrays = (array for variables in inner.values() for array in variables.values())
        for name, array in zip(names, arrays, strict=True):
            folder[name] = array


def placed(file: Any, weights: Arrays, places: Sequence[str]) -> None:
    """Weights at numbered places, as in a .weights.h5."""
    with h5py.File(file, "w") as opened:
        for place, variables in zip(places, weights.values(), strict=True):
            for index, array in enumerate(variables.values()):
                opened[f"{place}/vars/{index}"] = array
        opened["optimizer/vars/0"] = np.int64(7)


def tensorflow_js(folder: Path, description: Mapping[str, Any], weights: Arrays) -> Path:
    """A layers model of TensorFlow.js as Teachable Machine exports it, in one shard."""
    folder.mkdir()
    arrays = {f"{name.split('/')[-1]}/{key}": array for name, variables in weights.items()
              for key, array in variables.items()}  # fmt: skip
    manifest = [
        {"name": name, "shape": array.shape, "dtype": "float32"} for name, array in arrays.items()
    ]
    described = {
        "modelTopology": {**description, "keras_version": "tfjs-layers 1.3.1"},
        "weightsManifest": [{"paths": ["./weights.bin"], "weights": manifest}],
    }
    (folder / "model.json").write_text(json.dumps(described))
    (folder / "weights.bin").write_bytes(b"".join(a.tobytes() for a in arrays.values()))
    (folder / "metadata.json").write_text('{"tfjsVersion": "1.3.1", "labels": ["cat", "dog"]}')
    return folder
