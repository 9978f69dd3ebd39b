"""Flexible models where two are compared, and where one is timed: at a size that is said."""

import numpy as np
import pytest

from bench.results.records import Plan
from bench.session import cases
from bench.session.prepare import PreparedCase, Preparer
from export.verify.diff import diff
from flexible_models import KERNEL, flexible, pictures
from mobilenet.common.errors import UnsupportedError


def convolved(mb, x):
    return mb.conv(x=mb.mul(x=x, y=np.float32(1 / 255)), weight=KERNEL, name="map")


def package(folder, name: str, *sizes: tuple[int, int]):
    return flexible(folder / f"{name}.mlpackage", convolved, pictures(*sizes))


def test_the_size_is_one_that_both_take(tmp_path):
    several = package(tmp_path, "several", (24, 24), (16, 12))
    other = package(tmp_path, "other", (16, 12), (20, 20))
    for first, reference in ((several, other), (other, several), (several, several)):
        difference = diff(first, reference, precision="float32")
        assert difference.answers == 0
        size = "24 x 24" if first == reference else "16 x 12"
        assert f"{first.name} was run at {size}: x0 may be " in difference.causes[0]
        assert len(difference.causes) == 2


def test_models_without_a_size_in_common_are_refused(tmp_path):
    several = package(tmp_path, "several", (24, 24), (16, 12))
    with pytest.raises(UnsupportedError, match=r"24 x 24 pixels, .* 20 x 20"):
        diff(several, package(tmp_path, "other", (20, 20), (8, 8)))


def test_a_session_says_at_which_size_it_timed(tmp_path):
    several = package(tmp_path, "several", (24, 24), (16, 12))
    (candidate,) = cases.candidates([several], ["portable"])
    plan = Plan(rounds=1, warmup_s=0, warmup_calls=1, samples=3, timeout_s=60, seed=7)
    preparer = Preparer(plan, tmp_path)
    assert isinstance(preparer.prepare(candidate), PreparedCase)
    assert preparer.notes == [
        "several is timed at its default size: x0 may be 24 x 24, or 16 high, 12 wide"
    ]
