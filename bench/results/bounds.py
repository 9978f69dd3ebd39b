"""Bounds of what records hold, checked while they are decoded, so that every reader has them.

Far beyond what any session writes; near enough that nothing computed from a record overflows,
takes gigabytes or never ends.
"""

from typing import Annotated

from msgspec import Meta

MAX_ROUNDS = 1000
MAX_SAMPLES = 100_000  # of one launch
MAX_ITEMS = 1_000_000  # of one list in a record
MAX_LABELS = 5  # that are shown of a model
MAX_SIZES = 100  # of a model that has a function for each
MAX_SENTENCE = 1000  # characters
MAX_SEED = (1 << 63) - 1
MAX_SECONDS = 86_400.0  # of a warm-up, or until a launch counts as hung

Nanoseconds = Annotated[int, Meta(ge=0, le=10**18)]  # thirty years
Bytes = Annotated[int, Meta(ge=0, le=1 << 60)]
Count = Annotated[int, Meta(ge=0, le=1 << 53)]
Seed = Annotated[int, Meta(ge=-MAX_SEED, le=MAX_SEED)]
Round = Annotated[int, Meta(ge=0, lt=MAX_ROUNDS)]
Seconds = Annotated[float, Meta(ge=0, le=MAX_SECONDS)]
Number = Annotated[float, Meta(ge=-1e100, le=1e100)]
Percent = Annotated[float, Meta(ge=0, le=100)]
Share = Annotated[float, Meta(ge=-0.01, le=1.01)]  # 0 to 1, and what rounding adds

Times = Annotated[tuple[Nanoseconds, ...], Meta(max_length=MAX_ITEMS)]
OptionValue = Annotated[str, Meta(pattern="^[0-9]{1,6}$")]  # all options are counts

Sentence = Annotated[str, Meta(max_length=MAX_SENTENCE)]
