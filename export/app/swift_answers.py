"""What differs in a Swift file between a classifier, which ranks, and independent classes.

The templates of both formats have slots for it: words, and pieces of Swift that are files too.
"""

from importlib.resources import files as resources
from string import Template

from export.package.metadata import LABELS_KEY
from mobilenet.networks.classifier import Scores

WORDS: dict[Scores, dict[str, str]] = {
    "softmax": {
        "nature": "",
        "which": "The most probable classes",
        "asked": "top count: Int",
        "usual": "5",
        "argument": "top: count",
        "chosen": "ranked",
    },
    "sigmoid": {
        "nature": """\
///
/// Its classes are independent: each probability is an answer of its own. They do not add up to 1,
/// and several classes may hold at once, or none: those above a threshold are given.
""",
        "which": "The classes that hold",
        "asked": "over threshold: Float",
        "usual": "0.5",
        "argument": "over: threshold",
        "chosen": "holding",
    },
}
NOT_A_CLASSIFIER = """\
        /// Another model bears the name `$model`.
        case modelIsNotAClassifier"""
LABELS_FIELD = "    private let labels: [String]\n"
LABELS_LOADED = "        labels = try Self.labels(of: network.model)\n"


def template(name: str) -> str:
    """A piece of Swift with slots."""
    return (resources("export") / "app" / "templates" / f"{name}.swift").read_text("utf-8")


def listed_labels() -> str:
    """Swift that reads the labels off a Core ML model's metadata."""
    return Template(template("listed_labels")).safe_substitute(key=LABELS_KEY).rstrip()


def of_coreml(scores: Scores) -> str:
    """The template of a Core ML file with the slots of the answer filled."""
    if scores == "softmax":
        slots = {
            "fields": "",
            "loading": "",
            "failures": NOT_A_CLASSIFIER,
            "answer": template("vision_winners").rstrip(),
        }
    else:
        answer = Template(template("vision_independent")).substitute(
            holding=template("independent").rstrip(), listed=listed_labels()
        )
        slots = {
            "fields": LABELS_FIELD,
            "loading": LABELS_LOADED,
            "failures": template("vision_failures").rstrip(),
            "answer": answer.rstrip(),
        }
    return Template(template("classifier")).safe_substitute(WORDS[scores], **slots)


def of_coreai(scores: Scores) -> str:
    """The template of a Core AI file with the slots of the answer filled."""
    answer = template("coreai_winners" if scores == "softmax" else "independent").rstrip()
    return Template(template("coreai_classifier")).safe_substitute(WORDS[scores], answer=answer)
