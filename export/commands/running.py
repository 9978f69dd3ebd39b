"""Models of any maker, run."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from mobilenet.common import terminal
from mobilenet.common.options import OWN_SIZE, AsJson, FurtherFile, OutputFileOrFolder, SizeOptions


def run_model(
    model: Path,
    /,
    *,
    image: tuple[str, ...] = (),
    values: Annotated[tuple[str, ...], Parameter(name="--input")] = (),
    function: str | None = None,
    precision: Literal["declared", "float32"] = "declared",
    sizes: SizeOptions = OWN_SIZE,
    drawing: FurtherFile | None = None,
    output: OutputFileOrFolder | None = None,
    json: AsJson = False,
) -> None:
    """Run any Core ML or Core AI model, on any machine: what does it say of a photograph?

    Parameters
    ----------
    model
        A .mlpackage, .mlmodel or .aimodel, made by any tool.
    image
        A photograph, or NAME=photograph where the model takes several. Repeatable.
    values
        NAME=VALUE for any other input: an array in an .npy file, a number, text, or JSON.
        Repeatable.
    function
        Of several in the model, the one to run. Default: its main one.
    precision
        declared rounds to float16 what is declared so, as Core ML's CPU does; float32 does not.
    drawing
        A .png or .jpg for the photograph with objects, or the classes of pixels, drawn over.
    output
        All that comes out: a .json or .npz file, or a folder/ of arrays and pictures.
    """
    from export.answers import model_answer, output_files
    from export.views import run_card

    output_files.check_place(output, model)
    with terminal.working("running"):
        answer = model_answer.answer(
            model, image, values,
            function=function, precision=precision, sizes=sizes, drawing=drawing,
        )  # fmt: skip
    if output is not None:
        output_files.write(answer, output)
    run_card.show(answer, json=json)
