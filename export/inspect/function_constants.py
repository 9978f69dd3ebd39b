"""All constants of a function, wherever they stand."""

from collections.abc import Iterator

from export.mil.program import Constant, Function


def constants_of(function: Function) -> Iterator[tuple[str, Constant]]:
    """All constants with their names, those written in place by the operation's, too."""
    yield from function.constants.items()
    for op in function.all_ops():
        for parameter, arguments in op.inputs.items():
            for argument in arguments:
                if isinstance(argument, Constant):
                    yield f"{op.name}.{parameter}", argument
