"""A store that fails, is slow, or whose client is ended: an object is the old one or the new.

Once is what the client library tries again by itself; always is an error of its own exit code.
"""

from __future__ import annotations

import signal
import subprocess
import tempfile
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import deconvsurgery as ds
from helpers.campaigns import campaign_rows
from helpers.models import demo_base, demo_net
from helpers.processes.ending import PATIENCE
from helpers.processes.heeding import heeding
from helpers.runs import COMMAND, environment, run_here
from helpers.store.padded import MIB, padding

if TYPE_CHECKING:
    from helpers.words import Words

NET = demo_net()
SMALL = demo_base()

LARGE = padding(b"pad", 6 * MIB) + SMALL


def applied(model: bytes) -> bytes:
    """What apply makes of a model in files."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "net").write_bytes(NET)
        (place / "in").write_bytes(model)
        ds.apply(place / "net", place / "in", place / "out")
        return (place / "out").read_bytes()


NEW = {len(model): applied(model) for model in (SMALL, LARGE)}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "net").write_bytes(NET)
    (tmp_path / "small").write_bytes(SMALL)
    (tmp_path / "large").write_bytes(LARGE)
    return tmp_path


@pytest.fixture
def objects(place: Path, s3: Any) -> Any:
    """A small model and a large one, and an output that is there already."""
    s3.put("small", place / "small")
    s3.put("large", place / "large")
    s3.put("out", b"old")
    return s3


def run(place: Path, objects: Any, size: str) -> tuple[int, str]:
    """Apply, onto the object that is there; no traceback, and never half of anything."""
    code, printed, errors = run_here(
        place, "apply", "-q", "--force", "net", objects.url(size), objects.url("out")
    )
    text = errors.decode()
    assert printed == b""
    assert "Traceback" not in text
    assert text.count("error:") == (0 if code == 0 else 1)
    assert objects.keys() == ["large", "out", "small"]
    new = NEW[len(SMALL if size == "small" else LARGE)]
    assert objects.get("out") == (new if code == 0 else b"old")
    return code, text


def message(text: str) -> str:
    """Of an error the tool's own words; what the store has said comes behind them."""
    return " ".join(text.split()).removeprefix("error: ").split(": ")[1]


def hint(text: str) -> str:
    return " ".join(text.split()).partition("hint: ")[2]


# Of each operation the answers that can go wrong, and what the model must be to need it.
OPERATIONS = {
    "HeadObject": "large",
    "GetObject": "large",
    "CreateMultipartUpload": "large",
    "UploadPart": "large",
    "UploadPartCopy": "large",
    "CompleteMultipartUpload": "large",
    "PutObject": "small",
}
FAULTS = [(operation, what) for operation in OPERATIONS for what in (500, 503, "drop")]
FAULTS += [("GetObject", "cut"), ("UploadPartCopy", "cut")]
FAULTS += [("UploadPartCopy", 200), ("CompleteMultipartUpload", 200)]


# One of each kind, and of each operation that is asked for something else.
FEW = {
    ("HeadObject", 500),
    ("GetObject", "cut"),
    ("UploadPart", "drop"),
    ("UploadPartCopy", 503),
    ("CompleteMultipartUpload", 200),
    ("PutObject", "drop"),
}
assert {*FAULTS} > FEW


@pytest.mark.parametrize(
    ("operation", "what"),
    [pytest.param(*each, marks=[] if each in FEW else [pytest.mark.campaign]) for each in FAULTS],
)
def test_a_fault_is_passed_once_and_told_when_it_stays(
    place: Path, objects: Any, operation: str, what: int | str, words: Words
) -> None:
    objects.fault(what, operation, times=None)
    code, text = run(place, objects, OPERATIONS[operation])
    assert code == 4, text
    words(hint(text))
    assert text.startswith("error: s3://zoo/")
    assert len(objects.requests(operation)) <= 16
    assert objects.uploads() == []
    objects.calm()
    objects.fault(what, operation)
    code, text = run(place, objects, OPERATIONS[operation])
    assert (code, text) == (0, "")
    assert objects.uploads() == []


@pytest.mark.parametrize("operation", ["CreateMultipartUpload", "UploadPart", "UploadPartCopy"])
def test_what_the_account_may_not_do_is_not_tried_again(
    place: Path, objects: Any, operation: str, words: Words
) -> None:
    objects.fault(403, operation, times=None)
    code, text = run(place, objects, "large")
    assert code == 4
    assert len(objects.requests(operation)) == 1
    words(hint(text))
    assert objects.uploads() == []


LOST = [*product((500, "drop", "cut"), ("small", "large"), (True, False), (1, None))]
FEW_LOST = {
    ("drop", "small", True, 1),
    ("drop", "large", False, None),
    (500, "large", True, 1),
    ("cut", "small", False, None),
}
assert {*LOST} > FEW_LOST


@pytest.mark.parametrize(
    ("what", "size", "old", "times"),
    [
        pytest.param(*each, marks=[] if each in FEW_LOST else [pytest.mark.campaign])
        for each in LOST
    ],
)
def test_an_answer_that_is_lost_was_the_good_one(
    place: Path, objects: Any, what: int | str, size: str, old: bool, times: int | None
) -> None:
    """The store has done what it was asked for: asking again is refused, and nothing is wrong."""
    url = objects.url(size if old else "new")
    last = "PutObject" if size == "small" else "CompleteMultipartUpload"
    objects.fault(what, last, performed=True, times=times)
    words = ["-i", "net", url] if old else ["net", objects.url(size), url]
    code, _, errors = run_here(place, "apply", "-q", *words)
    assert (code, errors) == (0, b"")
    new = NEW[len(SMALL if size == "small" else LARGE)]
    assert objects.get(size if old else "new") == new
    assert objects.uploads() == []


def test_an_upload_that_cannot_be_aborted_is_not_the_error_that_is_told(
    place: Path, objects: Any, words: Words
) -> None:
    objects.fault(403, "CompleteMultipartUpload", times=None)
    objects.fault(500, "AbortMultipartUpload", times=None)
    code, text = run(place, objects, "large")
    assert code == 4
    words(message(text))
    assert objects.uploads() == ["out"]


def test_a_conflict_may_pass(place: Path, objects: Any) -> None:
    """S3 says so where another writes to the same key at the same time."""
    objects.fault(409, "CompleteMultipartUpload", times=None)
    code, text = run(place, objects, "large")
    assert (code, objects.uploads()) == (4, [])
    assert "ConditionalRequestConflict" in text


def test_a_slow_store_is_just_slow(place: Path, objects: Any) -> None:
    objects.delay(0.05, times=None)
    assert run(place, objects, "large") == (0, "")


@pytest.mark.parametrize("operation", ["HeadObject", "PutObject"])
def test_two_outputs_are_made_or_neither_whatever_is_refused(
    place: Path, objects: Any, operation: str
) -> None:
    """The output and its patch: each request for one of them is refused in turn."""
    outcomes = []
    for first in range(1, 6):
        for key in ("new", "patch"):
            objects.calm()
            objects.fault(403, operation, f"{first}/{key}", first=first, times=None)
            names = [f"{first}/new", f"{first}/patch"]
            new, patch = map(objects.url, names)
            code, _, _ = run_here(
                place, "apply", "-q", "net", objects.url("small"), new, "--save-patch", patch
            )
            made = [*set(objects.keys()) - {"large", "out", "small"}]
            if code == 0:
                assert set(names) <= set(made)
            else:
                assert not set(names) & set(made), (first, key)
            outcomes.append(code)
            if code == 0:
                break
    assert set(outcomes) == {0, 4}


# --- the client is ended

# The store holds its answer back for longer than anybody would wait after a signal.


@pytest.mark.parametrize(
    ("number", "operation"),
    [
        (signal.SIGINT, "CompleteMultipartUpload"),
        *campaign_rows([(signal.SIGTERM, "UploadPartCopy"), (signal.SIGKILL, "UploadPartCopy")]),
    ],
)
def test_a_client_that_is_ended_leaves_the_old_object(
    place: Path, objects: Any, number: signal.Signals, operation: str, words: Words
) -> None:
    objects.hold(operation)
    with subprocess.Popen(
        [*COMMAND, "apply", "-q", "--force", "net", objects.url("large"), objects.url("out")],
        cwd=place,
        stderr=subprocess.PIPE,
        env=environment(),
        preexec_fn=heeding,
    ) as process:
        try:
            objects.until_asked(operation, alive=lambda: process.poll() is None)
            process.send_signal(number)
            if number == signal.SIGKILL:
                process.wait()
            objects.until(
                lambda records: (
                    any(each.operation == "AbortMultipartUpload" for each in records)
                    or process.poll() is not None
                )
            )
        finally:
            objects.calm()  # or nobody would end
        _, errors = process.communicate(timeout=PATIENCE)
    assert b"Traceback" not in errors
    if number == signal.SIGKILL:
        assert process.returncode == -9
        # Nobody could abort it; a rule of the bucket does after some days.
        assert objects.uploads() in (["out"], [])
    else:
        assert process.returncode == {signal.SIGTERM: 143, signal.SIGINT: 130}[number]
        words(errors.decode(), number.name)
        assert objects.uploads() == []
    assert objects.get("out") in (b"old", NEW[len(LARGE)])
    if operation == "UploadPartCopy":
        assert objects.get("out") == b"old"
