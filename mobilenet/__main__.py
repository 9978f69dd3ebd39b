"""`python -m mobilenet`: what weights there are, what is in a file, and one format for all."""

from pathlib import Path

from mobilenet.common import files, terminal
from mobilenet.common.errors import ConfigError
from mobilenet.common.options import AsJson, OutputFile
from mobilenet.networks.families import NetworkName
from mobilenet.overrides import Overrides

SCRIPT, SUFFIX = "mobilenet-weights", ".safetensors"

EXAMPLES = (
    "--network v2 --json",
    "flowers.keras --layers",
    "slim --alpha 0.5 -o half.safetensors",
)
is_script = terminal.is_running(SCRIPT)

app = terminal.command(
    "python -m mobilenet",
    "MobileNet v1 and v2: their published weights, and your own.",
    script=SCRIPT,
)


def weights(
    which: str | None = None,
    /,
    *,
    network: NetworkName | None = None,
    alpha: float | None = None,
    resolution: int | None = None,
    shallow: bool | None = None,
    classes: Path | None = None,
    keep_background: bool = False,
    overrides: Overrides | None = None,
    offline: bool = False,
    save: OutputFile | None = None,
    fold: bool = False,
    layers: bool = False,
    json: AsJson = False,
) -> None:
    """List the published weights; or show what is in WHICH, and save it as our safetensors.

    Parameters
    ----------
    which
        A file; slim, keras, timm, torchvision, transformers, quant, person (a detector);
        imagenet, untrained, auto.
    network
        MobileNet v1 or v2. Default: the file's; v1 for a name.
    alpha
        Width multiplier. Default: the file's; 1 for a name.
    resolution
        Side of the input in pixels. Default: the file's; 224 for a name.
    shallow
        Without the five 14x14x512 blocks of v1.
    classes
        Labels, one per line or as JSON. Default: the weights' own, or a file's beside them.
    keep_background
        Keep class 0 of the 1001-class checkpoints.
    offline
        Use what is in the cache; reach for nothing.
    save
        Write the checkpoint to this .safetensors file.
    fold
        Fold the batch norms into the convolutions before saving.
    layers
        List what was read layer by layer, with the file's own names.
    """
    from mobilenet.views import catalogue, weights_card
    from mobilenet.weights import resolve

    if which is None:
        of_weights = {
            "save": save, "fold": fold, "layers": layers, "shallow": shallow, "classes": classes,
            "keep-background": keep_background, "padding, --mean, ...": overrides,
        }  # fmt: skip
        if needing := [name for name, value in of_weights.items() if value]:
            raise ConfigError(
                f"--{needing[0]} needs weights", "name them: `weights slim`, or `weights FILE`"
            )
        catalogue.show(catalogue.AskedKnobs(network, alpha, resolution), json=json)
        return
    if save:
        files.check_file(save, resolve.inputs(which, classes))
        if save.suffix not in ("", SUFFIX):
            raise ConfigError(f"save is {save}", f"a name that ends in {SUFFIX}")
    checkpoint, notes = resolve.load_weights(
        which, network=network, alpha=alpha, resolution=resolution, shallow=shallow,
        classes=classes, keep_background=keep_background, overrides=overrides, offline=offline,
        progress=terminal.DRAWN,
    )  # fmt: skip
    for note in notes:
        terminal.warn(note)
    if fold:
        from mobilenet import fold as folding

        checkpoint = folding.fold(checkpoint)
    if save:
        from mobilenet import store

        store.save(checkpoint, save)
        terminal.say(f"saved {save}")
    weights_card.show(checkpoint, layers=layers, json=json)


if is_script:
    app.default(weights)
    terminal.add_examples(app, {"": EXAMPLES})
else:
    app.command(weights)
    top = [f"weights {line}" for line in EXAMPLES]
    terminal.add_examples(app, {"": top, "weights": EXAMPLES})


def main() -> int:
    """Run the command line; its exit code."""
    return terminal.run(app)


if __name__ == "__main__":
    raise SystemExit(main())
