"""What `--help` prints: docstrings in lines as wide as the terminal, not as the source is."""

from cyclopts.help import DefaultFormatter, HelpPanel, InlineText
from rich.console import Console, ConsoleOptions
from rich.text import Text


class HelpPages(DefaultFormatter):
    """As cyclopts has them, each paragraph as one text that the terminal breaks."""

    def __call__(self, console: Console, options: ConsoleOptions, panel: HelpPanel) -> None:
        """Print the panel of commands, or of parameters."""
        for entry in panel.entries:
            _join_lines(entry.description)
        super().__call__(console, options, panel)

    def render_description(
        self, console: Console, options: ConsoleOptions, description: object
    ) -> None:
        """Print what a command is for."""
        _join_lines(description)
        super().render_description(console, options, description)


def _join_lines(description: object) -> None:
    """In place, for only cyclopts knows what stands behind the text."""
    if isinstance(description, InlineText) and isinstance(description.primary_renderable, Text):
        paragraphs = description.primary_renderable.plain.split("\n\n")
        text = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
        description.primary_renderable = Text(text)
