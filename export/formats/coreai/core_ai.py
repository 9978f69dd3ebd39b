"""Core AI as one of the formats. Apple's library is imported once something is written."""

from pathlib import Path

from export.coreai import library, pictures
from export.file_kinds import FileFormat
from export.prepared import Prepared, TracedModule
from export.spec import ExportSpec
from mobilenet.common.errors import ConfigError

COMPRESSIONS = ("int", "palette", "mixed")


class CoreAI:
    """Assets (.aimodel), for iOS 27."""

    kinds: tuple[FileFormat, ...] = ("coreai",)
    runtime = "coreai"

    def stand_in(self, function: str, spec: ExportSpec) -> str:
        """Of one that takes an image, its twin."""
        return pictures.twin_name(function) if spec.input == "image" else function

    def check(self, spec: ExportSpec) -> None:
        """As `Format`; also without Apple's library."""
        if spec.compress is not None and not spec.compress.startswith(COMPRESSIONS):
            raise ConfigError(
                f"compress {spec.compress} with format coreai, which has int8, int4 and palettes",
                "choose one of these, or leave --format out for an .mlpackage",
            )
        library.require()

    def write(self, prepared: Prepared, path: Path) -> None:
        """Write every function, and what the asset says about itself."""
        from export.formats.coreai.asset_metadata import describe
        from export.formats.coreai.functions import program_of

        if isinstance(prepared.network, TracedModule):
            from export.formats.coreai.torch_program import converted

            program = converted(prepared, prepared.network)
        else:
            program = program_of(prepared)
        program.save_asset(path)
        describe(path, prepared)
