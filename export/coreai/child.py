"""The process that holds Apple's library: `python -m export.coreai.child`.

Of its own, since on Linux the library ends the whole process on a missing file, and sometimes at
exit after right results. Requests come on standard input, answers go out on standard output.
"""

import asyncio
import os
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from export.coreai import compute_units, construction, library, messages
from export.coreai.messages import (
    Array,
    CallFunction,
    Failure,
    FunctionLoaded,
    FunctionOutputs,
    Graphs,
    LoadFunction,
    ReadGraphs,
)
from mobilenet.common.children import be_killed_with_parent


class Functions:
    """Answers requests; one function is loaded at a time."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self._function: Any = None

    async def answer(self, request: messages.Request) -> messages.Answer:
        """What the library says, or why it does not."""
        try:
            match request:
                case ReadGraphs(asset):
                    return Graphs(library.graphs(Path(asset)))
                case LoadFunction():
                    return await self._load(request)
                case CallFunction(inputs):
                    return await self._call(inputs)
        except Exception as error:  # noqa: BLE001  # the library's errors have no common kind
            return Failure(" ".join(str(error).split()) or type(error).__name__)

    async def _load(self, request: LoadFunction) -> messages.Answer:
        from coreai.authoring import AIModelAsset

        self._function = None
        await self._stack.aclose()
        asset, name = AIModelAsset.load(Path(request.asset)), request.function
        if request.more:
            program = asset.program
            construction.add_outputs(program, name, request.more)
            folder = self._stack.enter_context(tempfile.TemporaryDirectory())
            asset = program.save_asset(Path(folder, "more.aimodel"))
        model = await self._stack.enter_async_context(
            asset.executable(compute_units.options(request.unit))
        )
        if name not in model.function_names:  # what a file cut short looks like as well
            return Failure(f"it has no function {name}, but {list(model.function_names)}")
        self._function = model.load_function(name)
        return FunctionLoaded()

    async def _call(self, inputs: dict[str, Array]) -> messages.Answer:
        from coreai.runtime import NDArray

        feeds = {name: NDArray(array.values().copy()) for name, array in inputs.items()}
        results = await self._function(feeds)
        return FunctionOutputs({name: Array.of(value.numpy()) for name, value in results.items()})


async def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer every request until there are no more."""
    async with AsyncExitStack() as stack:
        functions = Functions(stack)
        while (data := messages.receive(requests)) is not None:
            request = msgspec.msgpack.decode(data, type=messages.Request)
            messages.send(await functions.answer(request), answers)
        os._exit(0)  # two of ten exits died in the library's own, after right results


def main() -> None:
    """Serve the parent; whatever the library prints goes to standard error."""
    be_killed_with_parent()  # idle, it ends with its standard input
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    asyncio.run(serve(sys.stdin.buffer, answers))


if __name__ == "__main__":
    main()
