"""The object store of the tests: that it is S3 to a client that is not ours, counts, and fails."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import fsspec
import numpy as np
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ResponseStreamingError

MIB = 1 << 20
OTHER = '"00000000000000000000000000000000"'
# 12 MiB in which no two places look alike, and what S3 says of them.
LARGE = np.arange(3 * MIB, dtype=">u4").tobytes()


@pytest.fixture
def client(store: Any) -> Iterator[Any]:
    made = boto3.client(
        "s3",
        endpoint_url=store.endpoint,
        region_name="us-east-1",
        aws_access_key_id="loopback",
        aws_secret_access_key="loopback",
        config=Config(retries={"total_max_attempts": 1}, proxies={}, read_timeout=20),
    )
    yield made
    made.close()


def refusal(call: Any, **arguments: Any) -> tuple[int, str]:
    """Status and code of what a call is refused with."""
    with pytest.raises(ClientError) as caught:
        call(Bucket="zoo", **arguments)
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


def uploading(client: Any, key: str, **arguments: Any) -> dict[str, Any]:
    """A multipart upload that has begun."""
    begun = client.create_multipart_upload(Bucket="zoo", Key=key, **arguments)
    return {"Key": key, "UploadId": begun["UploadId"]}


def listed(*etags: str) -> dict[str, Any]:
    return {
        "MultipartUpload": {
            "Parts": [{"PartNumber": n, "ETag": etag} for n, etag in enumerate(etags, start=1)]
        }
    }


# --- values


def test_what_is_put_is_there_for_a_client_and_the_other_way_round(
    store: Any, client: Any, tmp_path: Path
) -> None:
    (tmp_path / "large").write_bytes(LARGE)
    store.put("a/large", tmp_path / "large")
    store.put("späte Größe+%20", b"named")
    client.put_object(Bucket="zoo", Key="b", Body=b"of a client", Metadata={"made-by": "a test"})
    assert store.keys() == ["a/large", "b", "späte Größe+%20"]
    assert store.get("b") == b"of a client"
    assert store.metadata("b") == {"made-by": "a test"}
    assert store.etag("b") == f'"{hashlib.md5(b"of a client").hexdigest()}"'
    whole = client.get_object(Bucket="zoo", Key="a/large")
    assert whole["ETag"] == store.etag("a/large") == f'"{hashlib.md5(LARGE).hexdigest()}"'
    assert whole["Body"].read() == LARGE
    assert client.get_object(Bucket="zoo", Key="späte Größe+%20")["Body"].read() == b"named"
    found = client.list_objects_v2(Bucket="zoo", Prefix="a/")["Contents"]
    assert [(each["Key"], each["Size"]) for each in found] == [("a/large", 12 * MIB)]


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=1048575-1048576", MIB - 1, MIB + 1),
        ("bytes=5000000-9000000", 5_000_000, 9_000_001),
        ("bytes=12582911-99999999", 12 * MIB - 1, 12 * MIB),
        ("bytes=12000000-", 12_000_000, 12 * MIB),
        ("bytes=-10", 12 * MIB - 10, 12 * MIB),
    ],
)
def test_a_range_is_that_range(store: Any, client: Any, asked: str, start: int, stop: int) -> None:
    store.put("large", LARGE)
    answer = client.get_object(Bucket="zoo", Key="large", Range=asked)
    assert answer["ContentRange"] == f"bytes {start}-{stop - 1}/12582912"
    assert answer["Body"].read() == LARGE[start:stop]


def test_a_range_past_the_end_is_refused(store: Any, client: Any) -> None:
    store.put("small", b"12345")
    assert refusal(client.get_object, Key="small", Range="bytes=5-") == (416, "InvalidRange")


def test_parts_copied_and_uploaded_become_one_object(store: Any, client: Any) -> None:
    store.put("large", LARGE)
    upload = uploading(client, "made", Metadata={"digest": "abc"})
    source = {"CopySource": "zoo/large", "CopySourceIfMatch": store.etag("large")}
    first = client.upload_part_copy(
        Bucket="zoo", **upload, PartNumber=1, **source, CopySourceRange="bytes=1-6000000"
    )["CopyPartResult"]["ETag"]
    middle = client.upload_part(Bucket="zoo", **upload, PartNumber=2, Body=b"x" * 5 * MIB)["ETag"]
    last = client.upload_part_copy(
        Bucket="zoo", **upload, PartNumber=3, **source, CopySourceRange="bytes=12582902-12582911"
    )["CopyPartResult"]["ETag"]
    assert (store.uploads(), store.keys()) == (["made"], ["large"])
    parts = [LARGE[1:6_000_001], b"x" * 5 * MIB, LARGE[-10:]]
    assert first == f'"{hashlib.md5(parts[0]).hexdigest()}"'
    done = client.complete_multipart_upload(Bucket="zoo", **upload, **listed(first, middle, last))
    digest = hashlib.md5(b"".join(hashlib.md5(part).digest() for part in parts)).hexdigest()
    assert done["ETag"] == store.etag("made") == f'"{digest}-3"'
    assert client.head_object(Bucket="zoo", Key="made")["Metadata"] == {"digest": "abc"}
    assert store.get("made") == b"".join(parts)
    assert store.uploads() == []
    # A client whose answer was lost asks once more.
    again = client.complete_multipart_upload(Bucket="zoo", **upload, **listed(first, middle, last))
    assert again["ETag"] == done["ETag"]


def test_a_copy_shares_nothing_with_what_it_was_copied_from(store: Any, client: Any) -> None:
    store.put("large", LARGE)
    client.copy_object(Bucket="zoo", Key="copy", CopySource="zoo/large")
    store.put("large", b"another")
    client.delete_object(Bucket="zoo", Key="large")
    assert store.keys() == ["copy"]
    assert store.get("copy") == LARGE


def test_an_aborted_upload_leaves_nothing(store: Any, client: Any) -> None:
    upload = uploading(client, "made")
    client.upload_part(Bucket="zoo", **upload, PartNumber=1, Body=b"x")
    client.abort_multipart_upload(Bucket="zoo", **upload)
    assert (store.uploads(), store.keys()) == ([], [])
    gone = (404, "NoSuchUpload")
    assert refusal(client.abort_multipart_upload, **upload) == gone
    assert refusal(client.upload_part, **upload, PartNumber=1, Body=b"x") == gone
    copied = {"PartNumber": 1, "CopySource": "zoo/large"}
    assert refusal(client.upload_part_copy, **upload, **copied) == gone
    assert refusal(client.complete_multipart_upload, **upload, **listed(OTHER)) == gone


def test_s3fs_finds_the_store_by_its_environment(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in store.environment().items():
        monkeypatch.setenv(name, value)
    store.put("a/key", b"a value")
    found = fsspec.filesystem("s3", skip_instance_cache=True)
    assert found.cat_file(store.url("a/key"), start=2, end=5) == b"val"
    assert [each.range for each in store.requests("GetObject")] == ["bytes=2-4"]


# --- conditions


def test_reading_takes_a_condition(store: Any, client: Any) -> None:
    store.put("key", b"value")
    failed = (412, "PreconditionFailed")
    assert refusal(client.get_object, Key="key", IfMatch=OTHER) == failed
    assert refusal(client.get_object, Key="key", IfMatch=OTHER, Range="bytes=1-2") == failed
    assert refusal(client.head_object, Key="key", IfMatch=OTHER)[0] == 412
    found = client.get_object(Bucket="zoo", Key="key", IfMatch=store.etag("key"))
    assert found["Body"].read() == b"value"


def test_writing_takes_a_condition(store: Any, client: Any) -> None:
    store.put("key", b"value")
    failed, missing = (412, "PreconditionFailed"), (404, "NoSuchKey")
    assert refusal(client.put_object, Key="key", Body=b"new", IfNoneMatch="*") == failed
    assert refusal(client.put_object, Key="key", Body=b"new", IfMatch=OTHER) == failed
    assert refusal(client.put_object, Key="none", Body=b"new", IfMatch=OTHER) == missing
    assert refusal(client.delete_object, Key="key", IfMatch=OTHER) == failed
    assert (store.keys(), store.get("key")) == (["key"], b"value")
    client.put_object(Bucket="zoo", Key="key", Body=b"new", IfMatch=store.etag("key"))
    client.put_object(Bucket="zoo", Key="other", Body=b"first", IfNoneMatch="*")
    assert (store.get("key"), store.get("other")) == (b"new", b"first")


def test_completing_takes_a_condition(store: Any, client: Any) -> None:
    store.put("key", b"value")
    failed, missing = (412, "PreconditionFailed"), (404, "NoSuchKey")
    for key, condition, refused in (
        ("key", {"IfNoneMatch": "*"}, failed),
        ("key", {"IfMatch": OTHER}, failed),
        ("none", {"IfMatch": OTHER}, missing),
    ):
        upload = uploading(client, key)
        part = client.upload_part(Bucket="zoo", **upload, PartNumber=1, Body=b"new")["ETag"]
        complete = client.complete_multipart_upload
        assert refusal(complete, **upload, **listed(part), **condition) == refused
        assert store.get("key") == b"value"
    upload = uploading(client, "key")
    part = client.upload_part(Bucket="zoo", **upload, PartNumber=1, Body=b"new")["ETag"]
    condition = {"IfMatch": store.etag("key")}
    client.complete_multipart_upload(Bucket="zoo", **upload, **listed(part), **condition)
    assert store.get("key") == b"new"


def test_copying_takes_conditions_on_the_source_and_the_destination(
    store: Any, client: Any
) -> None:
    store.put("key", b"value")
    failed = (412, "PreconditionFailed")
    source = {"CopySource": "zoo/key"}
    upload = uploading(client, "part") | {"PartNumber": 1}
    for call, to in ((client.copy_object, {"Key": "copy"}), (client.upload_part_copy, upload)):
        etag = store.etag("key")
        assert refusal(call, **to, **source, CopySourceIfMatch=OTHER) == failed
        assert refusal(call, **to, **source, CopySourceIfNoneMatch=etag) == failed
        assert refusal(call, **to, CopySource="zoo/none") == (404, "NoSuchKey")
        call(Bucket="zoo", **to, **source, CopySourceIfMatch=etag)
    assert store.get("copy") == b"value"
    to = {"Key": "copy", **source}
    assert refusal(client.copy_object, **to, IfNoneMatch="*") == failed
    assert refusal(client.copy_object, **to, IfMatch=OTHER) == failed


def test_the_limits_of_parts_are_kept(store: Any, client: Any) -> None:
    store.put("small", b"x" * 5 * MIB)
    store.put("large", LARGE)
    upload = uploading(client, "made")
    copy, complete = client.upload_part_copy, client.complete_multipart_upload
    ranged = {**upload, "PartNumber": 1, "CopySource": "zoo/small"}
    assert refusal(copy, **ranged, CopySourceRange="bytes=0-99") == (400, "InvalidRequest")
    ranged["CopySource"] = "zoo/large"
    past = "bytes=0-12582912"
    assert refusal(copy, **ranged, CopySourceRange=past) == (400, "InvalidArgument")
    first, second = (
        client.upload_part(Bucket="zoo", **upload, PartNumber=n, Body=b"x" * (5 * MIB - 1))["ETag"]
        for n in (1, 2)
    )
    assert refusal(complete, **upload, **listed(first, second)) == (400, "EntityTooSmall")
    assert refusal(complete, **upload, **listed(OTHER)) == (400, "InvalidPart")
    disordered = listed(first, second)
    disordered["MultipartUpload"]["Parts"].reverse()
    assert refusal(complete, **upload, **disordered) == (400, "InvalidPartOrder")


# --- counts


def test_each_request_is_counted_with_its_bytes(store: Any, client: Any) -> None:
    store.put("large", LARGE)
    assert store.requests() == []
    client.head_object(Bucket="zoo", Key="large")
    client.get_object(Bucket="zoo", Key="large", Range="bytes=100-1099")["Body"].read()
    upload = uploading(client, "made")
    client.upload_part_copy(Bucket="zoo", **upload, PartNumber=1, CopySource="zoo/large")
    refusal(client.get_object, Key="none")
    client.list_objects_v2(Bucket="zoo")
    client.abort_multipart_upload(Bucket="zoo", **upload)
    counted = store.requests()
    assert [(each.operation, each.key, each.status, each.range) for each in counted] == [
        ("HeadObject", "large", 200, ""),
        ("GetObject", "large", 206, "bytes=100-1099"),
        ("CreateMultipartUpload", "made", 200, ""),
        ("UploadPartCopy", "made", 200, ""),
        ("GetObject", "none", 404, ""),
        ("ListObjectsV2", "", 200, ""),
        ("AbortMultipartUpload", "made", 204, ""),
    ]
    assert [each.sent for each in counted[:2]] == [0, 1000]
    assert {each.received for each in counted} == {0}
    # An answer may be here before its request counts as done.
    assert {each.open for each in counted} <= {1, 2}
    store.reset()
    client.put_object(Bucket="zoo", Key="new", Body=b"x" * 777)
    (put,) = store.requests("PutObject")
    # With the checksum that a client may frame the bytes with.
    assert 777 <= put.received < 900


def test_requests_that_are_open_together_are_counted_so(store: Any, client: Any) -> None:
    store.put("key", b"value")
    store.hold("GetObject", times=None)
    bodies: list[bytes] = []

    def get() -> None:
        bodies.append(client.get_object(Bucket="zoo", Key="key")["Body"].read())

    threads = [threading.Thread(target=get) for _ in range(3)]
    for thread in threads:
        thread.start()
    store.until(lambda records: len(records) == 3)
    assert bodies == []
    store.calm()
    for thread in threads:
        thread.join()
    assert bodies == [b"value"] * 3
    assert sorted(each.open for each in store.requests()) == [1, 2, 3]


# --- faults


def test_the_requests_that_are_named_fail_and_no_others(store: Any, client: Any) -> None:
    store.put("a/1", b"one")
    store.put("b/1", b"two")
    store.fault(503, "GetObject", "a/*", first=2, times=2)
    store.fault(500, "PutObject", times=None)
    outcomes = []
    for _ in range(4):
        try:
            outcomes.append(client.get_object(Bucket="zoo", Key="a/1")["Body"].read())
        except ClientError as error:
            outcomes.append(error.response["Error"]["Code"])
    assert outcomes == [b"one", "SlowDown", "SlowDown", b"one"]
    assert client.get_object(Bucket="zoo", Key="b/1")["Body"].read() == b"two"
    for _ in range(3):
        assert refusal(client.put_object, Key="c", Body=b"x") == (500, "InternalError")
    assert store.keys() == ["a/1", "b/1"]
    assert [each.faults for each in store.requests("PutObject")] == [["answer 500"]] * 3
    store.calm()
    client.put_object(Bucket="zoo", Key="c", Body=b"x")
    assert store.get("c") == b"x"


def test_an_answer_may_be_lost_after_the_work(store: Any, client: Any) -> None:
    store.fault("drop", "PutObject")
    with pytest.raises(ConnectionClosedError):
        client.put_object(Bucket="zoo", Key="key", Body=b"x")
    assert store.keys() == []
    store.fault("drop", "PutObject", performed=True)
    with pytest.raises(ConnectionClosedError):
        client.put_object(Bucket="zoo", Key="key", Body=b"x")
    assert store.keys() == ["key"]
    assert [each.status for each in store.requests()] == [0, 0]


def test_a_body_may_be_cut_short(store: Any, client: Any) -> None:
    store.put("large", LARGE)
    store.fault("cut", "GetObject")
    body = client.get_object(Bucket="zoo", Key="large")["Body"]
    with pytest.raises(ResponseStreamingError):
        body.read()
    assert [each.sent for each in store.requests()] == [6 * MIB]


def test_ranges_may_not_be_heeded(store: Any, client: Any) -> None:
    store.put("key", b"value")
    store.fault("whole", "GetObject")
    wanted = {"Bucket": "zoo", "Key": "key", "Range": "bytes=1-2"}
    whole, part = client.get_object(**wanted), client.get_object(**wanted)
    assert (whole["Body"].read(), part["Body"].read()) == (b"value", b"al")
    assert ("ContentRange" in whole, part["ContentRange"]) == (False, "bytes 1-2/5")


def test_a_success_may_have_an_error_for_its_body(store: Any, client: Any) -> None:
    store.put("key", b"value")
    store.fault(200, "CopyObject")
    copied = {"Key": "copy", "CopySource": "zoo/key"}
    # botocore makes a 500 of it, as S3's manual asks of every client.
    assert refusal(client.copy_object, **copied) == (500, "InternalError")
    assert store.keys() == ["key"]


def test_an_object_may_be_replaced_between_two_requests(store: Any, client: Any) -> None:
    store.put("key", b"old value")
    etag = store.etag("key")
    store.replace_before("key", b"new value", first=2)
    get = {"Key": "key", "IfMatch": etag, "Range": "bytes=0-2"}
    assert client.get_object(Bucket="zoo", **get)["Body"].read() == b"old"
    assert refusal(client.get_object, **get) == (412, "PreconditionFailed")
    assert store.get("key") == b"new value"
