"""Pictures that are damaged, too large or say what is not so; and a child that opens them."""

import io
import itertools
import random
import resource
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageCms

from mobilenet.common.images import PictureError, open_picture

ADDRESS_SPACE_BYTES = 4 << 30  # of which libraries reserve a part that they never use
EXTREMES = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)
SIZES = ((1, 1), (200_000, 1), (1, 65_535), (65_535, 65_535), (9_000, 9_000), (0, 5))
RANDOM_EACH = 16  # of every sample, beside the structured ones


class Opened(NamedTuple):
    """What became of all pictures."""

    reasons: dict[str, str]  # by name; of one that was opened, its size
    peak_bytes: int


def opened_all(folder: Path) -> Opened:
    """Open every picture in a folder, with limited memory. Anything but `PictureError` escapes."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
    reasons = {}
    for path in sorted(folder.iterdir()):
        try:
            picture = open_picture(path)
            assert picture.mode == "RGB"
            reasons[path.name] = f"{picture.width} x {picture.height}"
        except PictureError as error:
            reasons[path.name] = error.reason
    return Opened(reasons, _peak_bytes())


def _peak_bytes() -> int:
    """Of this process alone: on Linux, getrusage's begins with the parent's."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # a Mac counts bytes
    (peak,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(peak.split()[1]) * 1024


def write_all(folder: Path) -> int:
    """Write every mutant to its file; how many there are."""
    for number, (name, data) in enumerate(mutants()):
        (folder / f"{number:03}-{name}").write_bytes(data)
    return number + 1


def mutants() -> Iterator[tuple[str, bytes]]:
    """(name, bytes), the same on every run."""
    for name, data in samples():
        yield name, data
        yield f"cut-{name}", data[: len(data) // 2]
        yield f"twice-{name}", data + data
        chance = random.Random(name)
        for number in range(RANDOM_EACH):
            yield f"random{number}-{name}", changed(data, chance)
    yield from png_mutants()
    yield from jpeg_mutants()
    yield from bmp_mutants()


def samples() -> Iterator[tuple[str, bytes]]:
    """Whole pictures in every format, mode and make."""
    photo = Image.linear_gradient("L").resize((40, 30)).convert("RGB")
    frames = {"save_all": True, "append_images": [photo.rotate(9)] * 3}
    exif = Image.Exif()
    exif[0x0112] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for name, picture, options in [
        ("rgb.png", photo, {"icc_profile": profile}),
        ("palette.png", photo.quantize(7), {"transparency": 3}),
        ("deep.png", Image.new("I;16", (40, 30), 40_000), {}),
        ("animated.png", photo, frames),
        ("exif.jpg", photo, {"exif": exif, "icc_profile": profile}),
        ("progressive.jpg", photo, {"progressive": True}),
        ("cmyk.jpg", photo.convert("CMYK"), {}),
        ("animated.gif", photo.quantize(16), frames),
        ("palette.bmp", photo.quantize(16), {}),
        ("lzw.tif", photo, {"compression": "tiff_lzw", "exif": exif}),
        ("float.tif", Image.new("F", (40, 30), 1e30), {}),
        ("lossy.webp", photo, {"exif": exif}),
        ("animated.webp", photo, frames),
    ]:
        file = io.BytesIO()
        picture.save(file, {"jpg": "JPEG", "tif": "TIFF"}.get(name[-3:]) or name.split(".")[1],
                     **options)  # fmt: skip
        yield name, file.getvalue()


def changed(data: bytes, chance: random.Random) -> bytes:
    """An extreme number where there was another, in the header most of the time."""
    reach = min(len(data), chance.choice((64, 256, len(data))))
    form = chance.choice(("<I", ">I", "<H", ">H", "B"))
    size = struct.calcsize(form)
    value = struct.pack(form, chance.choice(EXTREMES) & ((1 << 8 * size) - 1))
    place = chance.randrange(4, reach - size)
    return data[:place] + value + data[place + size :]


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG, with its checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, depth: int, colour: int, *chunks: bytes) -> bytes:
    """A PNG whose header says so, whatever its chunks hold."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks) + chunk(b"IEND", b"")


def png_mutants() -> Iterator[tuple[str, bytes]]:
    """Sizes, depths, palettes and compressed texts that do not fit."""
    zeros = zlib.compress(bytes(1 << 22), 9)
    for (width, height), colour in itertools.product(SIZES, (0, 2, 3, 6)):
        yield (
            f"{width}x{height}-{colour}.png",
            png(width, height, 8, colour, chunk(b"IDAT", zeros)),
        )
    for depth, colour in itertools.product((0, 1, 3, 16, 255), (0, 3, 4, 7)):
        yield f"d{depth}-{colour}.png", png(9, 9, depth, colour, chunk(b"IDAT", zeros))
    bomb = zlib.compress(bytes(1 << 26), 9)
    data = chunk(b"IDAT", zlib.compress(bytes(9 * 28)))
    for kind, head in [
        (b"iCCP", b"a\0\0"), (b"zTXt", b"a\0\0"), (b"iTXt", b"a\0\1\0\0\0"), (b"PLTE", b""),
        (b"tRNS", b""), (b"eXIf", b"II*\0"), (b"acTL", b""), (b"fcTL", b""), (b"fdAT", b""),
    ]:  # fmt: skip
        yield f"{kind.decode()}-bomb.png", png(9, 9, 8, 2, chunk(kind, head + bomb), data)
        yield f"{kind.decode()}-empty.png", png(9, 9, 8, 3, chunk(kind, b""), data)


def jpeg_mutants() -> Iterator[tuple[str, bytes]]:
    """Frames of other sizes and components, and orientations that there are none of."""
    for name, data in samples():
        if name.endswith("jpg"):
            frame = data.index(b"\xff\xc2" if "progressive" in name else b"\xff\xc0")
            for width, height in SIZES if "cmyk" in name else SIZES[:4]:  # huge ones take seconds
                size = struct.pack(">HH", height & 0xFFFF, width & 0xFFFF)
                yield f"{width}x{height}-{name}", data[: frame + 5] + size + data[frame + 9 :]
            for components in (0, 1, 2, 255):
                yield (
                    f"c{components}-{name}",
                    (data[: frame + 9] + bytes([components]) + data[frame + 10 :]),
                )
        if name == "exif.jpg":
            place = data.index(b"Exif\0\0") + 6
            for number in range(8, 34):  # count of entries, tag, type, count, value, next
                yield (
                    f"exif{number}-{name}",
                    (data[: place + number] + b"\xff" + data[place + number + 1 :]),
                )


def bmp_mutants() -> Iterator[tuple[str, bytes]]:
    """Sizes, also negative ones, and bits of pixels."""
    data = dict(samples())["palette.bmp"]
    for width, height in (*SIZES, (-1, 9), (9, -(1 << 31))):
        yield f"{width}x{height}.bmp", data[:18] + struct.pack("<ii", width, height) + data[26:]
    for bits in (0, 2, 4, 16, 24, 32, 64):
        yield f"b{bits}.bmp", data[:28] + struct.pack("<H", bits) + data[30:]
