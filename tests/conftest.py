"""How tests run: hypothesis' settings, the environment, data beside the checkout, words, a store.

What they share beyond fixtures is in ``tests/helpers``.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from helpers.places import SHARED, WITH_SHARED
from helpers.words import Catalogue, Words, merged, read, write

# Commands that are printed begin with the name, as it is found by it, however tests were started.
os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])

settings.register_profile(
    "deconvsurgery",
    deadline=None,  # a busy machine is no failure
    # What lands is judged by the same examples each time, of which more would be no more.
    derandomize="CI" in os.environ,
    max_examples=40,  # other ones in each run elsewhere
)
settings.load_profile("deconvsurgery")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Ten thousand tests stay to the end: the garbage collector need not look through them."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.fixture(autouse=True)
def _same_environment() -> Iterator[None]:
    """A variable that a test leaves behind is another world for the thousands that follow."""
    own = ("PYTEST_CURRENT_TEST", "LD_LIBRARY_PATH")  # pytest's and, once it is imported, OpenCV's
    before = {key: value for key, value in os.environ.items() if key not in own}
    yield
    after = {key: value for key, value in os.environ.items() if key not in own}
    if after != before:
        for key in after.keys() - before.keys():
            del os.environ[key]
        os.environ.update(before)
        pytest.fail(f"left the environment changed: {sorted(after.items() ^ before.items())}")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not SHARED.is_dir():
        count = int(WITH_SHARED.read_text("utf-8"))
        terminalreporter.write_line(
            f"There is no data at {SHARED}, with which about {count:,} more tests would run."
        )


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip(f"no shared test data at {SHARED}")
    return SHARED


# --- words


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--words-update",
        action="store_true",
        help="write tests/golden/words.txt anew for the tests that run",
    )


class _Met:
    """Sentences that tests met, here or in workers, and which tests ran."""

    def __init__(self) -> None:
        self.met: Catalogue = {}
        self.ran: set[str] = set()
        self.partly: set[str] = set()

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        """A test some cases of which do not run, or not to their end, keeps what it has."""
        self.partly |= {_test_name(item.nodeid) for item in items}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = _test_name(report.nodeid)
        if not report.passed:  # skipped without the data beside the checkout, or failed too early
            self.partly.add(name)
        elif report.when == "call":
            self.ran.add(name)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        output = getattr(node, "workeroutput", {})
        self.partly |= set(output.get("partly", ()))
        for text, tests in output.get("words", {}).items():
            self.met.setdefault(text, set()).update(tests)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output["words"] = {text: sorted(tests) for text, tests in self.met.items()}
            output["partly"] = sorted(self.partly)
        else:
            write(merged(read(), self.met, self.ran - self.partly))


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--words-update"):
        config.pluginmanager.register(_Met(), "words")


def _test_name(nodeid: str) -> str:
    return nodeid.partition("[")[0].removeprefix("tests/")


@pytest.fixture(scope="session")
def _known_words() -> Catalogue:
    return read()


@pytest.fixture
def words(request: pytest.FixtureRequest, _known_words: Catalogue) -> Words:
    """``words(error)``: its sentences are those of the golden file; see helpers/words.py."""
    plugin = request.config.pluginmanager.get_plugin("words")
    place = str(request.getfixturevalue("tmp_path")) if "tmp_path" in request.fixturenames else ""
    met = plugin.met if isinstance(plugin, _Met) else None
    return Words(_test_name(request.node.nodeid), place, _known_words, met)


# --- an object store


@pytest.fixture(scope="session")
def store_server() -> Iterator[int]:
    """The port of a real S3 server on loopback, in a process that ends with the tests."""
    from helpers.store.store import started  # here, as few tests need it

    with started() as port:
        yield port


@pytest.fixture
def store(store_server: int) -> Iterator[Any]:
    """A bucket of its own, counted from now on; see tests/store."""
    from helpers.store.store import Store

    made = Store(store_server, "zoo")
    yield made
    made.calm()


@pytest.fixture(scope="session")
def no_s3_before() -> None:
    """A client takes a third of a second to make: it is kept, but no other's."""
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def s3(store: Any, no_s3_before: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The store as this process finds it: a request is tried a few times, with little pause."""
    import botocore.retryhandler
    import s3fs

    for name, value in store.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    monkeypatch.setattr(botocore.retryhandler, "delay_exponential", lambda *_, **__: 0)
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 2)
    return store


@pytest.fixture
def other_s3(s3: Any) -> Iterator[None]:
    """What a test says in the environment holds for its own client alone."""
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    yield
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A store in memory behind ``gs://``, empty."""
    from helpers.store.memory import emptied, standing_in

    standing_in(monkeypatch)
    yield emptied()
    emptied()
