"""What a run keeps in memory: one result for each method and its arguments, however these are written."""

import inspect

import pytest

from i2v_lib.run import Run
from i2v_lib.run.artifacts import Artifacts, once
from i2v_lib.run.illustrations import Illustrations

SAMPLES = {"metric": "random", "k": 3, "name": "hash", "aspect": 1.5}  # a value for each argument there is
METHODS = [
    (owner, name)
    for owner in (Run, Illustrations)
    for name, method in inspect.getmembers(owner, inspect.isfunction)
    if method.__code__.co_name == "kept"  # by `once`
]


class Keys(dict):
    """Holds everything: what it gives is the key that was asked for."""

    def __contains__(self, key):
        return True

    def __getitem__(self, key):
        return key


@pytest.fixture
def empty():
    """An instance of a class whose methods give the keys that they are kept under."""

    def make(owner):
        instance = object.__new__(owner)
        instance._kept = Keys()
        return instance

    return make


def test_methods_are_found():
    assert {(Run, "codes"), (Run, "graph"), (Illustrations, "neighbors"), (Illustrations, "grid")} <= set(METHODS)
    assert (Run, "morph") not in METHODS


@pytest.mark.parametrize(("owner", "name"), METHODS)
def test_an_argument_may_be_named_or_not(empty, owner, name):
    parameters = list(inspect.signature(getattr(owner, name)).parameters.values())[1:]
    call, values = getattr(empty(owner), name), [SAMPLES[parameter.name] for parameter in parameters]
    named = dict(zip([parameter.name for parameter in parameters], values, strict=True))
    assert call(*values) == call(**named)
    if parameters:
        assert call(*values[:-1], **{parameters[-1].name: values[-1]}) == call(*values)
        assert call(*values[:-1], "another") != call(*values)
        with pytest.raises(TypeError, match="colour"):
            call(*values, colour="red")
    defaults = {parameter.name: parameter.default for parameter in parameters if parameter.default != parameter.empty}
    if len(defaults) == len(parameters):
        assert call() == call(**defaults)


def test_methods_do_not_share_what_they_keep(empty):
    for owner in (Run, Illustrations):
        keys = [empty(owner).features("x"), empty(owner).codes("x")]
        assert keys[0] != keys[1]
    assert empty(Run).codes("x") != empty(Illustrations).codes("x")


def test_a_result_is_computed_once(tmp_path):
    class Kept(Artifacts):
        asked = 0

        @once
        def double(self, number: int = 2) -> list[int]:
            """Twice a number."""
            self.asked += 1
            return [2 * number]

    class Heir(Kept):
        @once
        def double(self, number: int = 2) -> list[int]:
            """More than twice."""
            return [*super().double(number), 0]

    kept = Kept(tmp_path)
    assert kept.double() is kept.double(2) is kept.double(number=2)
    assert kept.asked == 1
    assert kept.double(3) == [6]
    heir = Heir(tmp_path)
    assert heir.double() == heir.double(number=2) == [4, 0]
    assert heir.asked == 1
