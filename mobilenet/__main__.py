"""`python -m mobilenet`: what weights there are, what is in a file, and one format for all."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mobilenet.common import files, terminal
from mobilenet.common.errors import ConfigError

if TYPE_CHECKING:
    from mobilenet.checkpoint import Checkpoint

app = terminal.command("python -m mobilenet", "MobileNet v1: its published weights, and your own.")


@app.command
def weights(
    which: str | None = None,
    /,
    *,
    alpha: float | None = None,
    resolution: int | None = None,
    shallow: bool | None = None,
    classes: Path | None = None,
    keep_background: bool = False,
    offline: bool = False,
    save: terminal.OutputFile | None = None,
    fold: bool = False,
    json: bool = False,
) -> None:
    """List the published weights; or show what is in WHICH, and save it as our safetensors.

    Parameters
    ----------
    which
        A weight file of any kind, or a name: auto, imagenet, slim, keras, timm, transformers,
        quant, untrained.
    alpha
        Width multiplier. Default: the file's; 1 for a name.
    resolution
        Side of the input in pixels. Default: the file's; 224 for a name.
    shallow
        Without the five 14x14x512 blocks.
    classes
        Text file with a label per line.
    keep_background
        Keep class 0 of the 1001-class checkpoints.
    offline
        Use what is in the cache; reach for nothing.
    save
        Write the checkpoint to this .safetensors file.
    fold
        Fold the batch norms into the convolutions before saving.
    json
        Print JSON.
    """
    from mobilenet.weights import catalogue

    if which is None:
        if save or fold:
            raise ConfigError("--save needs weights to save", "name them: weights slim --save X")
        catalogue.show(json=json)
        return
    if save:
        from mobilenet.weights.resolve import inputs

        files.check_file(save, inputs(which, classes))
    checkpoint = _obtain(
        which, fold=fold, alpha=alpha, resolution=resolution, shallow=shallow, classes=classes,
        keep_background=keep_background, offline=offline,
    )  # fmt: skip
    if save:
        from mobilenet import store

        store.save(checkpoint, save)
        terminal.say(f"saved {save}")
    catalogue.describe(checkpoint, json=json)


def _obtain(which: str, *, fold: bool, **asked: Any) -> "Checkpoint":
    from mobilenet.weights.resolve import obtain

    checkpoint = obtain(which, **asked)
    if fold:
        from mobilenet import fold as folding

        return folding.fold(checkpoint)
    return checkpoint


def main() -> int:
    return terminal.run(app)


if __name__ == "__main__":
    raise SystemExit(main())
