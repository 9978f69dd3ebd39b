"""What makes features of features, read: scaling, norms, missing values, encoders, mappings."""

from collections.abc import Callable
from typing import Any

import numpy as np

from export.mil.read.specification import Message
from export.mil.read.tabular.declared_table import (
    DeclaredTable,
    TableContents,
    bound,
)
from export.mil.tabular.encoders import (
    CategoryMapping,
    DictionaryVectorization,
    FeatureVectorization,
    OneHotEncoding,
)
from export.mil.tabular.number_transformers import Imputation, NormDivision, Scaling
from export.mil.tabular.values import Floats, Key, Values, flat
from mobilenet.common.errors import UnsupportedError


def scaler(declared: DeclaredTable, model: Message) -> TableContents:
    """`Scaler`."""
    size = declared.only_size()
    shift, scale = (
        np.array(given or [neutral], np.float64)
        for given, neutral in ((model.scaler.shiftValue, 0.0), (model.scaler.scaleValue, 1.0))
    )
    for values in (shift, scale):
        declared.require(
            len(values) == 1 or size in (None, len(values)),
            f"has {len(values)} values for {size} elements",
        )
    scaling = Scaling(shift, scale)
    return _of_array(declared, scaling.of, f"{max(len(shift), len(scale)):,} scales",
                     len(model.scaler.shiftValue) + len(model.scaler.scaleValue))  # fmt: skip


def normalizer(declared: DeclaredTable, model: Message) -> TableContents:
    """`Normalizer`."""
    norm = model.normalizer.normType
    declared.require(0 <= norm <= 2, f"has the norm {norm}")
    return _of_array(declared, NormDivision(norm).of, f"norm {('max', 'L1', 'L2')[norm]}", 0)


def extractor(declared: DeclaredTable, model: Message) -> TableContents:
    """`ArrayFeatureExtractor`."""
    places = np.array(model.arrayFeatureExtractor.extractIndex, np.uint64).astype(np.int64)
    size = declared.only_size()
    declared.require(len(places) > 0, "extracts nothing")
    declared.require(
        places.min() >= 0 and (size is None or int(places.max()) < size),
        f"extracts element {places.max()} of {size}",
    )

    def chosen(values: Floats) -> Floats:
        result: Floats = values[places]
        return result

    return _of_array(declared, chosen, f"{len(places):,} of {size or 'any'} elements", 0)


def thresholding(declared: DeclaredTable, model: Message) -> TableContents:
    """`ClassConfidenceThresholding`: takes all classes, as its text says that it does for now."""
    curves = len(model.classConfidenceThresholding.precisionRecallCurves)
    return _of_array(
        declared, lambda values: np.stack([values, np.ones_like(values)]), f"{curves} curves", 0
    )


def _of_array(
    declared: DeclaredTable, change: Callable[[Floats], Floats], contents: str, parameters: int
) -> TableContents:
    """A model of one array, or number, and another; in the order of the elements."""
    (taken, made), size = declared.single(), declared.only_size()

    def evaluate(values: Values) -> dict[str, Any]:
        return {made: change(flat(taken, values.get(taken, np.nan), size))}

    return TableContents(evaluate, contents, parameters)


def imputer(declared: DeclaredTable, model: Message) -> TableContents:
    """`Imputer`."""
    message, (taken, made) = model.imputer, declared.single()
    kind, missing = message.WhichOneof("ImputedValue"), message.WhichOneof("ReplaceValue")
    declared.require(kind is not None, "has no value to put in")
    imputed = getattr(message, kind)
    if kind.endswith("Array"):
        imputed = np.array(imputed.vector)
        size = declared.only_size()
        declared.require(
            size in (None, len(imputed)), f"has {len(imputed)} values for {size} elements"
        )
    elif kind.endswith("Dictionary"):
        imputed = dict(imputed.map)
    imputation = Imputation(None if missing is None else getattr(message, missing), imputed)

    def evaluate(values: Values) -> dict[str, Any]:
        return {made: imputation.of(values.get(taken))}

    return TableContents(evaluate, f"in place of {imputation.missing!r}", np.size(imputed))


def one_hot(declared: DeclaredTable, model: Message) -> TableContents:
    """`OneHotEncoder`."""
    message, (taken, made) = model.oneHotEncoder, declared.single()
    places = _places(declared, message, "CategoryType")
    declared.require(0 <= message.handleUnknown <= 1, "does not say what of unknown categories")
    encoding = OneHotEncoding(taken, places, message.outputSparse, bool(message.handleUnknown))

    def evaluate(values: Values) -> dict[str, Any]:
        return {made: encoding.of(values[taken])}

    return TableContents(evaluate, f"{len(places):,} categories", 0)


def dictionary_vectorizer(declared: DeclaredTable, model: Message) -> TableContents:
    """`DictVectorizer`; its output is a dictionary of places."""
    taken, made = declared.single()
    vectorization = DictionaryVectorization(_places(declared, model.dictVectorizer, "Map"))

    def evaluate(values: Values) -> dict[str, Any]:
        return {made: vectorization.of(values[taken])}

    return TableContents(evaluate, f"{len(vectorization.places):,} keys", 0)


def feature_vectorizer(declared: DeclaredTable, model: Message) -> TableContents:
    """`FeatureVectorizer`."""
    columns = [
        (each.inputColumn, each.inputDimensions) for each in model.featureVectorizer.inputList
    ]
    names = [feature.name for feature in declared.message.input]
    declared.require(
        len(columns) > 0 and {name for name, _ in columns} <= {*names},
        "joins features that it does not take",
    )
    made = declared.prediction()
    bound(sum(size for _, size in columns), "joined features")
    vectorization = FeatureVectorization(columns)

    def evaluate(values: Values) -> dict[str, Any]:
        return {made: vectorization.of(values)}

    count = sum(size for _, size in columns)
    return TableContents(evaluate, f"{len(columns):,} features, {count:,} elements", 0)


def mapping(declared: DeclaredTable, model: Message) -> TableContents:
    """`CategoricalMapping`."""
    message, (taken, made) = model.categoricalMapping, declared.single()
    kind, unknown = message.WhichOneof("MappingType"), message.WhichOneof("ValueOnUnknown")
    declared.require(kind is not None, "maps nothing")
    otherwise: Key | None = None if unknown is None else getattr(message, unknown)
    to_text = kind == "int64ToStringMap"
    declared.require(
        otherwise is None or isinstance(otherwise, str) == to_text,
        f"has {otherwise!r} for what is unknown, which is of another type",
    )
    pairs = CategoryMapping(taken, dict(getattr(message, kind).map), otherwise)

    def evaluate(values: Values) -> dict[str, Any]:
        return {made: pairs.of(values[taken])}

    return TableContents(evaluate, f"{len(pairs.mapping):,} categories", 0)


def identity(declared: DeclaredTable, _: Message) -> TableContents:
    """`Identity`: each output is the input of its place."""
    taken, made = (
        [feature.name for feature in side] for side in (declared.message.input,
                                                        declared.message.output)
    )  # fmt: skip
    declared.require(len(taken) == len(made), f"takes {len(taken)} values and gives {len(made)}")
    pairs = dict(zip(made, taken, strict=True)) | {name: name for name in made if name in taken}

    def evaluate(values: Values) -> dict[str, Any]:
        return {name: values[source] for name, source in pairs.items()}

    return TableContents(evaluate, "nothing", 0)


def _places(declared: DeclaredTable, message: Message, oneof: str) -> dict[Key, int]:
    """Places of categories by their names or numbers.

    Raises `PackageError` for none, `UnsupportedError` for one that has two places.
    """
    kind = message.WhichOneof(oneof)
    declared.require(kind is not None, "has no categories")
    keys = getattr(message, kind).vector
    places = {key: place for place, key in enumerate(keys)}
    if len(places) < len(keys):
        raise UnsupportedError(
            f"a {declared.kind} has a category twice", "which place it has is not described"
        )
    return places
