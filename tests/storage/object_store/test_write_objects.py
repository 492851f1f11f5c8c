"""Verbs that write, on objects in S3: the bytes are those of files, and few of them are sent."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import deconvsurgery as ds
from helpers.models import NetParameter, demo_base, demo_net
from helpers.runs import run_here
from helpers.store.padded import MIB, padding, traffic

if TYPE_CHECKING:
    from helpers.words import Words

NET = demo_net()
WRITING = ("PutObject", "CreateMultipartUpload", "UploadPart", "UploadPartCopy")


def filled() -> bytes:
    """The sample's model with weights in its upsampling layers, all of which apply changes."""
    with tempfile.TemporaryDirectory() as folder:
        model, net, out = (Path(folder, name) for name in ("model", "net", "out"))
        net.write_bytes(NET)
        model.write_bytes(demo_base())
        ds.apply(net, model, out)
        message = NetParameter.FromString(out.read_bytes())
    for layer in message.layer:
        if layer.name.startswith("up"):
            layer.blobs[0].data[:] = [value / 2 for value in layer.blobs[0].data]
    made: bytes = message.SerializeToString()
    return made


BASE = filled()
LARGE = padding(b"before", 12 * MIB) + BASE + padding(b"after", 6 * MIB)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A net and a model, as files."""
    (tmp_path / "net").write_bytes(NET)
    (tmp_path / "in").write_bytes(BASE)
    return tmp_path


@pytest.fixture
def objects(place: Path, s3: Any) -> Any:
    """The same as objects."""
    s3.put("net", place / "net")
    s3.put("in", place / "in")
    return s3


@pytest.fixture
def large(place: Path, s3: Any) -> Any:
    """A model of 18 MiB, as a file and an object."""
    (place / "in").write_bytes(LARGE)
    s3.put("net", place / "net")
    s3.put("in", place / "in")
    return s3


def ranged(records: list[Any]) -> int:
    """Bytes of the ranges that were copied."""
    found = [re.fullmatch(r"bytes=(\d+)-(\d+)", each.range) for each in records]
    return sum(int(each[2]) - int(each[1]) + 1 for each in found if each)


def agree(errors: bytes, objects: Any) -> None:
    """What -v says is what the store has counted."""
    records = objects.requests()
    requests, read, sent, copied = traffic(errors)
    assert requests == len(records)
    assert read == sum(each.sent for each in objects.requests("GetObject"))
    if not objects.requests("CopyObject"):
        assert copied == ranged(objects.requests("UploadPartCopy"))
    bodies = objects.requests("PutObject") + objects.requests("UploadPart")
    received = sum(each.received for each in bodies)
    # A client frames each body with a checksum.
    assert sent <= received <= sent + 300 * len(bodies)
    assert objects.uploads() == []


# --- the place of an output


def test_an_output_is_asked_for_once(place: Path, objects: Any) -> None:
    """Whether there is one, before any work; that it is so still is a condition of the writing."""
    out = objects.url("out")
    for force in ((), ("--force",)):
        objects.reset()
        code, _, errors = run_here(place, "apply", "net", objects.url("in"), out, *force)
        assert code == 0, errors
        assert [each.key for each in objects.requests("HeadObject")].count("out") == 1


# --- the same bytes, from here and there

VERBS = {
    "apply": ("apply", "net", "in", ">out"),
    "apply with a patch": ("apply", "net", "in", ">out", "--save-patch", ">patch"),
    "convert": ("convert", "in", ">out", "--values", "raw-float16"),
    "convert to hdf5": ("convert", "in", ">out", "--to", "hdf5"),
    "patch-net": ("patch-net", "net", ">out"),
    "regroup": ("regroup", "-p", "upscore2", "net", "in", ">out-net", ">out"),
    "transplant": ("transplant", "net", "in", ">out"),
}


# Of the places only one for most verbs: who reads and writes is the same for all.
WAYS = [
    pytest.param(
        verb,
        far_in,
        far_out,
        id=f"{name}, {'s3' if far_in else 'here'} to {'s3' if far_out else 'here'}",
        marks=[]
        if (far_in and far_out) or name == "apply with a patch"
        else [pytest.mark.campaign],
    )
    for name, verb in VERBS.items()
    for far_in, far_out in ((True, True), (False, True), (True, False))
]


@pytest.mark.parametrize(("verb", "far_in", "far_out"), WAYS)
def test_a_verb_writes_the_bytes_that_it_writes_here(
    place: Path, objects: Any, verb: tuple[str, ...], far_in: bool, far_out: bool
) -> None:
    outputs = [each[1:] for each in verb if each.startswith(">")]
    code, _, errors = run_here(place, *(each.removeprefix(">") for each in verb))
    assert code == 0, errors
    expected = {name: (place / name).read_bytes() for name in outputs}
    for name in outputs:
        (place / name).unlink()
    read, written = (objects.url("") if far else "" for far in (far_in, far_out))
    words = []
    for each in verb:
        if each.startswith(">"):
            words.append(written + each[1:])
        else:
            words.append(read + each if each in ("net", "in") else each)
    code, _, errors = run_here(place, *words, "-v")
    assert code == 0, errors
    found = {
        name: objects.get(name) if written else (place / name).read_bytes() for name in outputs
    }
    assert found == expected
    assert objects.keys() == sorted(["in", "net", *(outputs if written else [])])
    agree(errors, objects)


# --- few bytes


def test_what_stays_of_a_large_model_is_copied_within_the_store(place: Path, large: Any) -> None:
    run_here(place, "apply", "net", "in", "out")
    expected = (place / "out").read_bytes()
    code, _, errors = run_here(place, "apply", "net", large.url("in"), large.url("out"), "-v")
    assert code == 0, errors
    assert large.get("out") == expected
    agree(errors, large)
    requests, read, sent, copied = traffic(errors)
    # Around the new bytes 5 MiB are sent, S3's least part; all else stays where it is.
    assert copied + sent == len(expected)
    assert 5 * MIB <= sent < 5.1 * MIB
    assert read < 5.4 * MIB
    assert requests < 25


def stays(place: Path, objects: Any) -> bytes:
    """The object is written as it is; what -v says."""
    words = ["apply", "-p", "none*", "--allow-empty", "-v", "net"]
    code, _, errors = run_here(place, *words, objects.url("in"), objects.url("out"))
    assert code == 0, errors
    assert objects.get("out") == objects.get("in")
    agree(errors, objects)
    return errors


def test_a_large_model_that_stays_as_it_is_is_copied_as_a_whole(place: Path, large: Any) -> None:
    assert traffic(stays(place, large))[2:] == (0, len(LARGE))


def test_a_small_model_that_stays_as_it_is_is_sent(place: Path, objects: Any) -> None:
    """S3 copies no ranges of objects of up to 5 MiB."""
    assert traffic(stays(place, objects))[2:] == (len(BASE), 0)


def test_a_large_model_from_here_is_sent_in_parts(place: Path, large: Any) -> None:
    run_here(place, "apply", "net", "in", "out")
    code, _, errors = run_here(place, "apply", "net", "in", large.url("out"), "-v")
    assert code == 0, errors
    expected = (place / "out").read_bytes()
    assert large.get("out") == expected
    assert traffic(errors)[1:] == (0, len(expected), 0)
    agree(errors, large)
    assert max(each.received for each in large.requests("UploadPart")) < 17 * MIB


# --- what is there already


def test_an_object_that_is_there_stays_unless_force_is_given(
    place: Path, objects: Any, words: Words
) -> None:
    objects.put("out", b"old")
    given = ("apply", "net", objects.url("in"), objects.url("out"))
    code, _, errors = run_here(place, *given)
    assert (code, objects.get("out")) == (2, b"old")
    assert errors.startswith(b"error: s3://zoo/out: ")
    assert b"--force" in errors
    words(errors.decode())
    assert [each for each in objects.requests() if each.operation in WRITING] == []
    run_here(place, "apply", "net", "in", "out")
    code, _, _ = run_here(place, *given, "--force")
    assert code == 0
    assert objects.get("out") == (place / "out").read_bytes()


@pytest.mark.parametrize("model", [BASE, LARGE], ids=["small", "large"])
def test_in_place_and_back_again(place: Path, objects: Any, model: bytes, words: Words) -> None:
    (place / "in").write_bytes(model)
    objects.put("in", place / "in")
    url = objects.url("in")
    code, _, errors = run_here(place, "apply", "net", url, url)
    assert (code, objects.get("in")) == (2, model)
    words(errors.decode())
    run_here(place, "apply", "net", "in", "out", "--save-patch", "patch")
    objects.reset()
    code, _, errors = run_here(
        place, "apply", "-i", "net", url, "--save-patch", objects.url("patch"), "-v"
    )
    assert code == 0, errors
    assert objects.get("in") == (place / "out").read_bytes()
    assert objects.get("patch") == (place / "patch").read_bytes()
    assert objects.keys() == ["in", "net", "patch"]
    agree(errors, objects)
    assert traffic(errors)[2] < 5.1 * MIB
    objects.put("patch", b"another's")
    given = ["net", "in", url, "--save-patch", objects.url("patch")]
    objects.reset()
    code, _, errors = run_here(place, "apply", "-f", *given, "-v")
    assert code == 0, errors
    assert objects.get("patch") == (place / "patch").read_bytes()
    agree(errors, objects)
    objects.reset()
    code, _, errors = run_here(place, "revert", url, objects.url("patch"), "-v")
    assert code == 0, errors
    assert objects.get("in") == model
    assert objects.keys() == ["in", "net", "patch"]
    agree(errors, objects)
    assert traffic(errors)[2] < 5.1 * MIB


def test_metadata_of_what_is_replaced_is_kept(place: Path, objects: Any) -> None:
    import boto3

    client = boto3.client("s3", region_name="us-east-1")
    for key, model in (("in", BASE), ("large", LARGE)):
        client.put_object(
            Bucket="zoo",
            Key=key,
            Body=model,
            Metadata={"made-by": "a test"},
            ContentType="application/x-caffe",
            CacheControl="no-store",
        )
        code, _, errors = run_here(place, "apply", "-i", "net", objects.url(key))
        assert code == 0, errors
        assert objects.metadata(key) == {"made-by": "a test"}
        head = client.head_object(Bucket="zoo", Key=key)
        assert (head["ContentType"], head["CacheControl"]) == ("application/x-caffe", "no-store")
    client.close()


@pytest.mark.parametrize("url", ["s3://zoo", "s3://zoo/", "s3://zoo/a/"])
def test_a_folder_is_no_place(place: Path, objects: Any, url: str, words: Words) -> None:
    code, _, errors = run_here(place, "apply", "net", "in", url)
    assert (code, objects.keys()) == (2, ["in", "net"])
    assert errors.startswith(f"error: {url}: ".encode())
    words(errors.decode())


def test_one_object_cannot_be_two_outputs(place: Path, objects: Any, words: Words) -> None:
    out = objects.url("out")
    code, _, errors = run_here(place, "regroup", "-p", "upscore2", "net", "in", out, out)
    assert code == 2
    words(errors.decode(), "outputs")
    code, _, errors = run_here(place, "apply", "net", "in", out, "--save-patch", out)
    assert code == 2
    words(errors.decode(), "patch")
    report = objects.url("in")
    code, _, errors = run_here(place, "apply", "net", report, out, "--report", report, "--force")
    assert code == 2
    words(errors.decode(), "report")
    assert objects.keys() == ["in", "net"]


# --- somebody else meanwhile


@pytest.mark.parametrize("operation", ["UploadPartCopy", "GetObject", "CompleteMultipartUpload"])
def test_an_input_that_is_replaced_meanwhile_makes_no_mixture(
    place: Path, large: Any, operation: str, words: Words
) -> None:
    large.put("out", b"old")
    key, first = ("in", 3) if operation == "GetObject" else ("out", 1)
    large.put("new", place / "in")
    (place / "other").write_bytes(LARGE.replace(b"before", b"behind"))
    rule = json.dumps({"operation": operation, "key": key, "first": first})
    large._control("replace", bucket="zoo", key="in", path=str(place / "other"), rule=rule)
    code, _, errors = run_here(place, "apply", "--force", "net", large.url("in"), large.url("out"))
    if operation == "CompleteMultipartUpload":
        # Everything had been read and copied: the object is whole, of the model that was there.
        assert code == 0, errors
    else:
        assert code == 4
        assert errors.startswith(b"error: s3://zoo/in: ")
        words(errors.decode())
        assert large.get("out") == b"old"
    assert large.uploads() == []


@pytest.mark.parametrize("size", ["small", "large"])
@pytest.mark.parametrize("old", [None, b"old"], ids=["made", "replaced"])
def test_an_output_that_another_makes_meanwhile_stays(
    place: Path, objects: Any, size: str, old: bytes | None, words: Words
) -> None:
    if size == "large":
        (place / "in").write_bytes(LARGE)
    how = "made"
    given = ["apply", "net", "in", objects.url("out")]
    if old is not None:
        # In place: what is replaced must still be what was read.
        how = "replaced"
        objects.put("out", place / "in")
        given = ["apply", "-i", "net", objects.url("out")]
    last = "PutObject" if size == "small" else "CompleteMultipartUpload"
    objects.replace_before("out", b"of another", last)
    code, _, errors = run_here(place, *given)
    assert code == 2
    assert errors.startswith(b"error: s3://zoo/out: ")
    words(errors.decode(), how)
    assert objects.get("out") == b"of another"
    assert objects.uploads() == []


def test_two_outputs_are_made_or_neither(place: Path, objects: Any) -> None:
    objects.replace_before("out", b"of another", "PutObject")
    code, _, errors = run_here(
        place, "regroup", "-p", "upscore2", "net", "in", objects.url("out-net"), objects.url("out")
    )
    assert code == 2, errors
    assert objects.keys() == ["in", "net", "out"]
    assert objects.get("out") == b"of another"


def test_a_patch_is_put_back_where_its_output_fails(place: Path, objects: Any) -> None:
    objects.put("patch", b"old patch")
    objects.fault(403, "PutObject", "in", times=None)
    code, _, errors = run_here(
        place,
        "apply",
        "-i",
        "--force",
        "net",
        objects.url("in"),
        "--save-patch",
        objects.url("patch"),
    )
    assert code == 4, errors
    assert objects.get("patch") == b"old patch"
    assert objects.get("in") == BASE
    assert objects.keys() == ["in", "net", "patch"]


def test_the_etag_is_that_of_the_bytes(place: Path, objects: Any) -> None:
    """The store's own digest of a small object, as it came."""
    run_here(place, "apply", "net", "in", objects.url("out"))
    run_here(place, "apply", "net", "in", "out")
    digest = hashlib.md5((place / "out").read_bytes()).hexdigest()
    assert objects.etag("out") == f'"{digest}"'
