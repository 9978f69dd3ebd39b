"""Models that keep something from one prediction to the next, against the same in numpy."""

import warnings
from pathlib import Path

import numpy as np
import pytest

import export
from export.coremltools_import import coremltools
from export.inspect.inspect import inspect
from export.mil.cost import cost
from export.mil.read.model import read
from export.mil.read.specification import proto
from export.package.model_files import find
from export.runtimes.model_state import ModelState
from export.runtimes.portable import PortableRuntime
from mobilenet.common.errors import UnsupportedError
from programs import save

X = np.array([[1, 2], [3, 4]], np.float16)


def package(path: Path, build, **options) -> Path:
    """What build(mb, x, total, count) gives, of an input and two states."""
    ct = coremltools()
    from coremltools.converters.mil import Builder as mb
    from coremltools.converters.mil.mil import get_new_symbol, types

    half = types.fp16
    shape = (get_new_symbol(), 2) if options else (2, 2)
    specs = [mb.TensorSpec(shape, half), mb.StateTensorSpec((2, 2), half),
             mb.StateTensorSpec((1,), half)]  # fmt: skip

    @mb.program(input_specs=specs, opset_version=ct.target.iOS18)
    def program(x, total, count):
        return build(mb, x, total, count)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ct.convert(
            program, source="milinternal", convert_to="mlprogram", skip_model_load=True,
            minimum_deployment_target=ct.target.iOS18, pass_pipeline=ct.PassPipeline.EMPTY,
            **options,
        ).save(str(path))  # fmt: skip
    return path


def mean(mb, x, total, count):
    """The running mean, and the total before x was added."""
    before = mb.read_state(input=total)
    after = mb.coreml_update_state(state=total, value=mb.add(x=before, y=x))
    number = mb.add(x=mb.read_state(input=count), y=np.float16(1))
    number = mb.coreml_update_state(state=count, value=number)
    return mb.real_div(x=after, y=number, name="mean"), mb.relu(x=before, name="before")


@pytest.fixture(scope="module")
def averaging(tmp_path_factory) -> Path:
    return package(tmp_path_factory.mktemp("states") / "mean.mlpackage", mean)


def test_a_state_is_kept_as_long_as_it_is_given(averaging):
    model = export.load(averaging)
    state, given = model.make_state(), []
    for factor in (1, 5, -2):
        before = sum(given, np.zeros((2, 2)))
        given.append(factor * X.astype(float))
        got = model.predict({"x": factor * X}, state)
        np.testing.assert_allclose(got["mean"], np.mean(given, 0), rtol=1e-3)
        np.testing.assert_array_equal(got["before"], before)
        assert set(got) == {"mean", "before"}
    np.testing.assert_array_equal(state.read_state("total"), 4 * X)
    assert state.read_state("count").tolist() == [3]
    assert state.read_state("count").dtype == np.float32


def test_states_are_apart_and_begin_as_zeros(averaging):
    model = export.load(averaging)
    first, second = model.make_state(), model.make_state()
    model.predict({"x": 7 * X}, first)
    for state in (second, None):
        np.testing.assert_array_equal(model.predict({"x": X}, state)["mean"], X)
    np.testing.assert_array_equal(first.read_state("total"), 7 * X)


def test_a_state_can_be_written_and_is_rounded_as_it_is_declared(averaging):
    model = export.load(averaging)
    state = model.make_state()
    state.write_state("total", np.full((2, 2), 0.1))
    np.testing.assert_array_equal(state.read_state("total"), np.full((2, 2), np.float16(0.1)))
    before = model.predict({"x": X}, state)["before"]
    np.testing.assert_array_equal(before, np.full((2, 2), np.float16(0.1)))
    before[:] = 9  # what came out is no way in
    assert state.read_state("total").max() < 9


def test_what_is_no_state_is_refused(averaging):
    model = export.load(averaging)
    state = model.make_state()
    with pytest.raises(UnsupportedError, match="state 'sum' is unknown"):
        state.read_state("sum")
    with pytest.raises(UnsupportedError, match=r"state 'total' has shape \(3,\)"):
        state.write_state("total", np.zeros(3))
    with pytest.raises(UnsupportedError, match="given with a list"):
        model.predict([{"x": X}], state)
    with pytest.raises(KeyError, match="'total' is unknown"):
        model.predict({"x": X, "total": X}, state)
    with pytest.raises(TypeError, match="state is a dict"):
        model.predict({"x": X}, {"total": X})


def test_what_is_kept_is_declared_and_counted(averaging):
    inspection = inspect(averaging)
    kinds = {feature.name: feature.kind for feature in inspection.inputs}
    assert kinds["total"] == "state, float16 (2, 2)"
    assert kinds["count"] == "state, float16 (1)"
    costs = cost(read(averaging).function())
    assert (costs.macs, costs.unknown_macs) == (0, ())
    assert costs.peak_activation_bytes is not None
    types = [layer.op.type for layer in costs.ops]
    assert (types.count("read_state"), types.count("write_state")) == (4, 2)


def test_a_state_in_a_loop_is_read_and_its_writing_refused(tmp_path):
    def reading(mb, x, total, count):
        old = mb.read_state(input=count)
        mb.coreml_update_state(state=count, value=mb.add(x=old, y=np.float16(1)))
        return mb.cond(
            pred=mb.greater(x=mb.reduce_sum(x=old, keep_dims=False), y=np.float16(0)),
            _true_fn=lambda: mb.add(x=x, y=mb.read_state(input=count)),
            _false_fn=lambda: mb.add(x=x, y=mb.read_state(input=total)),
        )

    model = export.load(package(tmp_path / "r.mlpackage", reading))
    state = model.make_state()
    answers = [model.predict({"x": X}, state) for _ in range(3)]
    for (got,), more in zip((each.values() for each in answers), (0, 2, 3), strict=True):
        np.testing.assert_array_equal(got, X + more)

    def writing(mb, x, total, count):
        return mb.cond(
            pred=mb.greater(x=mb.reduce_sum(x=mb.read_state(input=count)), y=np.float16(0)),
            _true_fn=lambda: mb.coreml_update_state(state=total, value=x),
            _false_fn=lambda: mb.identity(x=x),
        )

    path = package(tmp_path / "w.mlpackage", writing)
    with pytest.raises(UnsupportedError, match="in a branch or loop"):
        PortableRuntime().compile(path, tmp_path)


def test_a_state_goes_from_size_to_size(tmp_path):
    def build(mb, x, total, count):
        added = mb.add(
            x=mb.read_state(input=total), y=mb.reduce_sum(x=x, axes=[0], keep_dims=True)
        )
        mb.coreml_update_state(state=total, value=added)
        mb.coreml_update_state(state=count, value=mb.read_state(input=count))
        return mb.add(x=x, y=mb.reduce_max(x=added, axes=[0, 1]))

    ct = coremltools()
    sizes = ct.Shape((ct.RangeDim(1, 8, default=2), 2))
    inputs = [ct.TensorType("x", sizes, np.float16)]
    model = export.load(package(tmp_path / "f.mlpackage", build, inputs=inputs))
    state, total = model.make_state(), np.zeros(2)
    for rows in (2, 5, 1):
        x = np.arange(2 * rows).reshape(rows, 2)
        total = total + x.sum(0)
        (got,) = model.predict({"x": x}, state).values()
        np.testing.assert_array_equal(got, x + total.max())


def test_states_that_are_not_as_declared_are_refused(averaging, tmp_path):
    specification = find(averaging).specification
    model = proto("Model_pb2").Model.FromString(specification.read_bytes())
    model.description.state[0].type.stateType.arrayType.shape[0] = 1 << 40
    changed = tmp_path / "d.mlmodel"
    changed.write_bytes(model.SerializeToString())
    with pytest.raises(UnsupportedError, match="is declared to keep"):
        read(changed)


def test_a_model_without_states_makes_none(tmp_path):
    model = export.load(save(tmp_path / "n.mlpackage", lambda mb, x: mb.relu(x=x), [X]))
    with pytest.raises(UnsupportedError, match="keeps no state"):
        model.make_state()
    with pytest.raises(UnsupportedError, match="keeps no state"):
        model.predict({"x0": X}, ModelState(()))
