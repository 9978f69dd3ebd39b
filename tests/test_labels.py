import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilenet.common.errors import CheckpointError, ConfigError
from mobilenet.labels import imagenet_labels, labels_for, read_labels, unique, wordnet_ids


def test_imagenet_has_a_thousand_labels_that_stay_apart_in_any_case() -> None:
    labels = imagenet_labels()
    assert len(labels) == len({label.casefold() for label in labels}) == 1000
    assert (labels[0], labels[281], labels[999]) == ("tench", "tabby", "toilet tissue")
    assert [label for label in labels if "(" in label] == [
        "crane (bird)", "Cardigan (dog)", "cardigan (garment)", "crane (machine)",
        "maillot (tights)", "maillot (tank suit)",
    ]  # fmt: skip


def test_classes_are_in_the_order_of_their_wordnet_ids() -> None:
    ids = wordnet_ids()
    assert list(ids) == sorted(ids)
    assert ids[134] == "n02012849"
    assert all(len(wordnet_id) == 9 and wordnet_id[0] == "n" for wordnet_id in ids)


def test_labels_for_a_number_of_classes() -> None:
    assert labels_for(1001)[:2] == ("background", "tench")
    assert labels_for(1000) == imagenet_labels()
    assert labels_for(999) == ()


def test_real_labels_agree(real_weights: Path) -> None:
    theirs = (real_weights / "labels_1001.txt").read_text().splitlines()
    ours = labels_for(1001)
    agree = [
        line.split(",")[0] == label.split(" (")[0]
        for line, label in zip(theirs, ours, strict=True)
    ]
    assert sum(agree) >= 1000  # "maillot" is spelt alike in both; nothing is out of order


@given(st.lists(st.sampled_from(["a", "a (2)", "b", "a (2) (2)", ""]), max_size=12))
def test_unique_is_unique_and_changes_no_first_label(labels: list[str]) -> None:
    result = unique(labels)
    assert len(set(result)) == len(labels) == len(result)
    for index, label in enumerate(labels):
        assert result[index].startswith(label)
        if label not in labels[:index]:
            assert result[index] == label


def test_read_labels(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes("\ufeffKröte\r\n cat \r\nKröte\n\n".encode())
    assert read_labels(path) == ("Kröte", "cat", "Kröte (2)")


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "no label"), (b"a\n\nb\n", "line 2"), (b"a\n\xff\n", "not UTF-8 at byte 2")],
)
def test_bad_label_files_say_where(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=says):
        read_labels(path)


def test_a_pipe_of_labels_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "labels.txt")
    with pytest.raises(ConfigError, match="is a device or a pipe"):
        read_labels(tmp_path / "labels.txt")
