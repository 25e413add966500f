"""The decorator `requires_keras`, under pytest, under unittest, and by itself."""

import asyncio
import inspect
import unittest

import pytest
from bare import bare, put, put_keras
from pytest_kit import pytest_here, pytest_without

from kerasplug.errors import ImplementationError
from kerasplug.testing import requires_keras

DECORATED = """
    import unittest
    import pytest
    from kerasplug.testing import requires_keras

    @pytest.fixture
    def used():
        raise RuntimeError("a fixture ran")

    @requires_keras
    def test_function(used):
        pass

    @requires_keras(">=3", backend=["jax", "tensorflow"])
    class TestPlain:
        def setup_method(self):
            raise RuntimeError("set up")

        def test_method(self, used):
            pass

        @staticmethod
        def test_static():
            pass

    @requires_keras(plugin="none")
    class Case(unittest.TestCase):
        @classmethod
        def setUpClass(cls):
            raise RuntimeError("set up")

        def test(self):
            pass
"""


def test_decorated_tests_skip_before_fixtures(tmp_path):
    """Under pytest the decorator is the mark: the question comes before fixtures."""
    ran = pytest_without(tmp_path, {"test_it.py": DECORATED})
    assert ran.counts == {"skipped": 4}, ran.out


def test_decorated_tests_fail_in_strict_mode(tmp_path):
    """In strict mode all of them fail, and none runs."""
    ran = pytest_without(tmp_path, {"test_it.py": DECORATED}, "--keras-strict")
    assert ran.counts == {"error": 4}, ran.out
    assert "RuntimeError" not in ran.out


@pytest.mark.parametrize(
    ("needs", "passed"), [("'3'", 3), ("'>=99'", 0), ("backend='jax'", 0)]
)
def test_decorator_without_the_plugin(tmp_path, needs, passed):
    """With `-p no:kerasplug` the decorator asks when the test runs; nothing warns."""
    source = f"""
    import unittest
    import kerasplug
    from kerasplug.testing import requires_keras

    @requires_keras({needs})
    def test_function(tmp_path):
        pass

    @requires_keras({needs})
    class TestPlain:
        def test_method(self, tmp_path):
            pass

    @requires_keras({needs})
    class Case(unittest.TestCase):
        def test(self):
            pass

    def test_calling():
        kerasplug.skip_if_no_keras(">=99")
    """
    arguments = ("-p", "no:kerasplug", "--strict-markers", "-W", "error")
    ran = pytest_here(tmp_path, {"test_it.py": source}, *arguments)
    skipped = {"skipped": 4 - passed}
    assert ran.counts == (skipped | {"passed": passed} if passed else skipped), ran.out
    assert "kerasplug: 0" not in ran.out


UNITTEST = """
    import sys, unittest
    from kerasplug.testing import requires_keras

    @requires_keras
    class Class(unittest.TestCase):
        @classmethod
        def setUpClass(cls):
            cls.ready = True

        def test(self):
            assert self.ready

    class Inherits(Class):
        @classmethod
        def setUpClass(cls):
            cls.ready = True

    class Methods(unittest.IsolatedAsyncioTestCase):
        @requires_keras(">=3")
        def test(self):
            pass

        @requires_keras(backend="tensorflow")
        async def test_coroutine(self):
            pass

    main = sys.modules["__main__"]
    result = unittest.main(module=main, exit=False, argv=["x"]).result
    bad = len(result.failures) + len(result.errors)
    print(result.testsRun, len(result.skipped), bad, "keras" in sys.modules)
"""


@pytest.mark.parametrize(
    ("installed", "strict", "counts"),
    [
        (True, "1", "4 0 0 False"),
        # What `setUpClass` skips is not counted as run.
        (False, "0", "3 4 0 False"),
        (False, "1", "3 0 4 False"),
    ],
)
def test_decorator_under_unittest(tmp_path, installed, strict, counts):
    """The runner of unittest skips decorated classes and methods, or fails them."""
    there = [put(put_keras(tmp_path / "site"), "tensorflow")] if installed else []
    env = {"KERASPLUG_STRICT": strict}
    assert bare(UNITTEST, tmp_path, *there, env=env).stdout.strip() == counts


def test_decorated_function_is_still_itself():
    """A decorated function keeps its name, doc and signature; a coroutine stays one."""

    @requires_keras
    def plain(a, b=2):
        """What it does."""
        return a, b

    @requires_keras("3")
    async def coroutine(a):
        return a

    assert plain(1) == (1, 2)
    assert (plain.__name__, plain.__doc__) == ("plain", "What it does.")
    assert list(inspect.signature(plain).parameters) == ["a", "b"]
    assert inspect.iscoroutinefunction(coroutine)
    assert asyncio.run(coroutine(3)) == 3


def test_decorated_coroutine_asks_when_it_runs():
    """A decorated coroutine function skips when it is awaited."""

    @requires_keras(">=99")
    async def coroutine():
        raise AssertionError

    with pytest.raises(pytest.skip.Exception, match=">=99 is asked"):
        asyncio.run(coroutine())


def test_decorated_class_is_the_same_class():
    """A class is changed in place, with the tests that it inherits; others stay."""

    class Base:
        def test_inherited(self):
            """Inherited, and not to be run."""
            raise AssertionError

        def helper(self):
            return "helps"

    class Tests(Base):
        @classmethod
        def test_class(cls):
            """Not to be run."""
            raise AssertionError

    assert requires_keras(">=99")(Tests) is Tests
    assert Tests().helper() == "helps"
    for test in (Tests().test_inherited, Tests.test_class):
        with pytest.raises(pytest.skip.Exception):
            test()
    with pytest.raises(AssertionError):
        Base().test_inherited()


@pytest.mark.parametrize(
    ("arguments", "needs", "error"),
    [
        ((">=x",), {}, ImplementationError),
        ((), {"backend": "jaxx"}, ImplementationError),
        ((), {"gpus": "1"}, ImplementationError),
        ((), {"backnd": "jax"}, TypeError),
        ((3,), {}, ImplementationError),
    ],
)
def test_mistakes_are_errors_of_the_decorator(arguments, needs, error):
    """What makes no sense is an error where the decorator stands, not a skip later."""
    with pytest.raises(error):
        requires_keras(*arguments, **needs)


@pytest.mark.parametrize("thing", [unittest.TestLoader(), 3, len])
def test_decorator_is_for_tests(thing):
    """On something that is no function and no class the decorator is an error."""
    with pytest.raises(TypeError, match="stands on a test or a class of tests"):
        requires_keras("3")(thing)
