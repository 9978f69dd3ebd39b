"""Sessions from phones: what they are called, and what of them is ranked with what."""

import made_phones
import made_results as made
from bench.results import session_lines


def test_a_phone_has_a_name_and_no_python() -> None:
    assert session_lines.machine(made_phones.head()) == (
        "machine: iPhone 15 Pro (iPhone16,1), A17 Pro (6 cores, 8 GiB), iOS 26.1 arm64"
    )
    assert session_lines.machine(made.session()).endswith(
        "Linux 6.1 x86_64; Python 3.11.9, onnxruntime 1.32.0, numpy 2.3.5"
    )
