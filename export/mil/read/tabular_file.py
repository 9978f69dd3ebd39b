"""Core ML's models of tables, read: the kinds of `Model.proto` that are run here, and why the
others are not."""

from collections.abc import Callable

from export.mil.read.specification import Message
from export.mil.read.tabular import (
    linear_messages,
    neighbor_messages,
    transformer_messages,
    tree_messages,
    vector_messages,
)
from export.mil.read.tabular.declared_table import DeclaredTable, TableContents
from export.mil.tabular_model import TabularModel
from mobilenet.common.text import one_line

READERS: dict[str, Callable[[DeclaredTable, Message], TableContents]] = {
    "treeEnsembleRegressor": tree_messages.regressor,
    "treeEnsembleClassifier": tree_messages.classifier,
    "glmRegressor": linear_messages.regressor,
    "glmClassifier": linear_messages.classifier,
    "supportVectorRegressor": vector_messages.regressor,
    "supportVectorClassifier": vector_messages.classifier,
    "kNearestNeighborsClassifier": neighbor_messages.classifier,
    "scaler": transformer_messages.scaler,
    "normalizer": transformer_messages.normalizer,
    "imputer": transformer_messages.imputer,
    "arrayFeatureExtractor": transformer_messages.extractor,
    "classConfidenceThresholding": transformer_messages.thresholding,
    "oneHotEncoder": transformer_messages.one_hot,
    "dictVectorizer": transformer_messages.dictionary_vectorizer,
    "featureVectorizer": transformer_messages.feature_vectorizer,
    "categoricalMapping": transformer_messages.mapping,
    "identity": transformer_messages.identity,
}
LANGUAGE = "Apple's Natural Language framework runs it, from data that is not described"
IN_SYSTEM = "what it computes is a part of Apple's systems, not of the file"
REASONS = {
    "textClassifier": LANGUAGE, "wordTagger": LANGUAGE, "gazetteer": LANGUAGE,
    "wordEmbedding": LANGUAGE, "visionFeaturePrint": IN_SYSTEM, "audioFeaturePrint": IN_SYSTEM,
    "soundAnalysisPreprocessing": IN_SYSTEM,
    "bayesianProbitRegressor": "how it samples is not described",
    "itemSimilarityRecommender": "how many of equally similar items come out, and in what order, "
    "is not described",
}  # fmt: skip
MAX_NAME = 60  # characters
UNKNOWN = "its kind is newer than what is known here"


def read(model: Message) -> TabularModel:
    """Of `model`, a `Model` message whose type is one of `READERS`.

    Raises `PackageError` for what does not fit each other, `UnsupportedError` for what is larger
    than here, or of a meaning that is not described.
    """
    kind = str(model.WhichOneof("Type"))
    declared = DeclaredTable(kind, model.description)
    table = READERS[kind](declared, model)
    return TabularModel(
        kind, declared.describe(table.labels), table.contents, table.parameters,
        declared.evaluator(table.evaluate), model,
    )  # fmt: skip


def reason(model: Message) -> str:
    """Why a model of another type is not run here."""
    kind = str(model.WhichOneof("Type"))
    if kind == "customModel":
        name = one_line(model.customModel.className, MAX_NAME)
        return f"it is code of an app, its class {name!r}"
    if kind == "linkedModel":
        return "it is in another file, which it names"
    if kind == "serializedModel":
        name = one_line(model.serializedModel.identifier, MAX_NAME)
        return f"only the framework that wrote it, {name!r}, can read it"
    return REASONS.get(kind, UNKNOWN)
