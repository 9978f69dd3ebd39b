"""The pictures of the README, drawn again: `make pictures`. Needs Chromium.

Figures come from `docs/pictures/session.jsonl`, records of one session; a new one is made with
`python -m bench run` and `python -m bench accuracy` over the same packages, both into that file.

Boxes are of `--weights person`, out of a package index. The classes of pixels need a DeepLab of
Pascal's 21 classes: `make pictures DEEPLAB=FILE` with a `.tflite` or frozen graph of the authors'
(`deeplabv3_mnv2_pascal_quant.tflite` of google-coral/test_data drew those here). Without one,
the pictures of boxes and masks stay as they are.
"""

import base64
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops

import browser

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs/pictures"
SESSION = FOLDER / "session.jsonl"
CAT, PERSON = ROOT / "tests/data/chelsea.jpg", ROOT / "tests/data/astronaut.jpg"
CREDITS = {CAT: "Chelsea, by Stefan van der Walt (CC0)", PERSON: "Eileen Collins, by NASA"}
THEMES = {"light": False, "dark": True}
WIDTH, SCALE, MARGIN = 1160, 2, 20  # of the window in CSS pixels; of the border in the picture's

ALONE = """<style>body {{ padding: 10px; }} .alone {{ border: 0; margin: 0; padding: 0; }}
main {{ max-width: {width}px; margin: 0; padding: 0; }}
</style><script type="module">
dispatchEvent(new Event("beforeprint"));
const parts = [...document.querySelectorAll("{selector}")];
const part = parts.find((element) => element.textContent.includes("{words}"));
part.classList.add("alone");
document.querySelector("main").replaceChildren(part);
document.querySelector("header").remove();
document.querySelector("footer").remove();
</script>"""

PHOTOGRAPHS = """<!doctype html><meta name="color-scheme" content="light dark"><style>
:root {{ --ink: #1c1e21; --quiet: #5c626b; --bar: #0072b2; --paper: #ffffff; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --ink: #e6e8eb; --quiet: #a2a9b3; --bar: #4ba3e0; --paper: #14171b; }}
}}
body {{ margin: 10px; color: var(--ink); background: var(--paper); }}
body {{ font: 15px/1.5 system-ui, sans-serif; }}
.parts {{ display: flex; gap: 20px; }} figure {{ margin: 0; }}
figcaption {{ color: var(--quiet); font-size: 13px; }}
dl {{ display: grid; grid-template-columns: auto 220px auto; gap: 6px 12px; margin: 0; }}
dl {{ align-content: center; }}
dt {{ text-align: right; }} dd {{ margin: 0; font-variant-numeric: tabular-nums; }}
.bar {{ height: 1.2em; background: var(--bar); border-radius: 3px; }}
</style><div class="parts">{parts}</div>"""


def main() -> None:
    """Draw all of them in both themes."""
    assert browser.CHROMIUM, "no Chromium is installed (apt-get install chromium)"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for stem, html in documents(folder, *sys.argv[1:2]):
            document = folder / f"{stem}.html"
            document.write_text(html, "utf-8")
            for theme, dark in THEMES.items():
                print(save(screenshot(document, dark), FOLDER / f"{stem}-{theme}"))


def documents(folder: Path, deeplab: str = "") -> Iterator[tuple[str, str]]:
    """What is to be seen, as HTML, by the picture's name."""
    page = folder / "page.html"
    command(sys.executable, "-m", "reports", "page", SESSION, "-o", page)
    text = page.read_text("utf-8")
    yield "answer", text + ALONE.format(selector=".answer", words="portable", width=WIDTH)
    yield "accuracy", text + ALONE.format(selector="figure", words="against time", width=720)
    yield "classes", PHOTOGRAPHS.format(parts=classes(folder))
    if deeplab:
        yield (
            "heads",
            PHOTOGRAPHS.format(
                parts=drawn(folder, "person", PERSON) + drawn(folder, deeplab, CAT)
            ),
        )


def classes(folder: Path) -> str:
    """A photograph, and what the network of the bundled weights says of it."""
    package = folder / "MobileNetV1_025_224.mlpackage"
    command(sys.executable, "-m", "export", "--alpha", "0.25", "--offline", "-o", package)
    rows = "".join(
        f'<dt>{label}</dt><dd class="bar" style="width: {100 * share:.1f}%"></dd>'
        f"<dd>{100 * share:.0f} %</dd>"
        for label, share in verified(package, CAT, "--offline")["top5"]
    )
    return f"{figure(CAT, CREDITS[CAT], 220)}<dl>{rows}</dl>"


def drawn(folder: Path, weights: str, photograph: Path) -> str:
    """A photograph with what a detector or segmenter sees in it."""
    package = folder / f"{Path(weights).stem}.mlpackage"
    drawing = package.with_suffix(".jpg")
    command(sys.executable, "-m", "export", "--weights", weights, "-o", package)
    answer = verified(package, photograph, "--weights", weights, "--drawing", drawing)
    seen = [f"{each['label']} {each['confidence']:.2f}" for each in answer["objects"] or ()]
    seen += [f"{label} {100 * share:.0f} %" for label, share in answer["shares"]]
    return figure(drawing, f"{', '.join(seen)}<br>{CREDITS[photograph]}", 340)


def verified(package: Path, photograph: Path, *options: object) -> dict[str, Any]:
    verify = (sys.executable, "-m", "export", "verify", package, "--image", photograph)
    return json.loads(command(*verify, *options, "--json"))


def figure(photograph: Path, caption: str, height: int) -> str:
    data = base64.b64encode(photograph.read_bytes()).decode()
    return (
        f'<figure><img src="data:image/jpeg;base64,{data}" height="{height}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def command(*arguments: object) -> str:
    return subprocess.run(
        list(map(str, arguments)), cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout


def screenshot(document: Path, dark: bool) -> Image.Image:
    """What Chromium shows of it, without the empty ground around."""
    shot = document.with_suffix(".png")
    command(
        browser.CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        f"--window-size={WIDTH + 40},1000", f"--force-device-scale-factor={SCALE}",
        "--virtual-time-budget=20000", f"--user-data-dir={document.parent / 'profile'}",
        f"--blink-settings=preferredColorScheme={int(not dark)}", f"--screenshot={shot}",
        document.as_uri(),
    )  # fmt: skip
    picture = Image.open(shot).convert("RGB")
    ground = Image.new("RGB", picture.size, picture.getpixel((0, 0)))
    left, top, right, bottom = ImageChops.difference(picture, ground).getbbox()
    return picture.crop((
        max(left - MARGIN, 0), max(top - MARGIN, 0), right + MARGIN, bottom + MARGIN
    ))  # fmt: skip


def save(picture: Image.Image, stem: Path) -> str:
    """Few colours as PNG, a photograph as JPEG; returns what it is and how large."""
    if stem.name.startswith(("classes", "heads")):
        path = stem.with_suffix(".jpg")
        picture.save(path, quality=85, optimize=True)
    else:
        path = stem.with_suffix(".png")
        picture.quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
    return f"{path.relative_to(ROOT)}  {path.stat().st_size / 1e3:.0f} kB  {picture.size}"


if __name__ == "__main__":
    main()
