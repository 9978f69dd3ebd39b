"""What a card says of weights that were learned from photographs."""

from collections.abc import Sequence

from export.package.calibration_record import CalibrationRecord

BETTER = "--calibrate FOLDER, of some hundred photographs without labels, would lose less"


def agreement_words(learned: CalibrationRecord, held_back: str) -> str:
    """How often the answer stayed the same on what is called `held_back`; where it is known."""
    assert learned.agreement is not None, "of classes"
    share, (low, high) = learned.agreement
    return (
        f"the same top-1 as uncompressed for {share:.1%} of {learned.held_back} {held_back} "
        f"(95 % interval {low:.1%} to {high:.1%})"
    )


def training_words(learned: CalibrationRecord) -> str:
    """For how long, and whether in vain; empty where it was not trained."""
    if not learned.finetuned:
        return ""
    minutes = f"{learned.finetuned:g} minute{'s' if learned.finetuned != 1 else ''} of training"
    in_vain = learned.gained is False  # older packages do not tell
    return f"{minutes}, which gained nothing and was left out" if in_vain else minutes


def learned_rows(compression: str, learned: CalibrationRecord) -> dict[str, str | Sequence[str]]:
    """The forms, the photographs, and what became of the answers."""
    trained = training_words(learned)
    loss = f"relative L2 of logits {learned.loss:.2g} on photographs held back"
    answers = [loss]
    if learned.agreement is not None:
        answers = [agreement_words(learned, "photographs held back"), loss]
    return {
        "compression": f"{compression}: {learned.summary}",
        "photographs": f"{learned.photographs} learned from" + (trained and f", then {trained}"),
        "answers": answers,
    }
