"""What is made of S3's answers that no test store gives: by a client that says what a test has.

No request leaves this process.
"""

from __future__ import annotations

from typing import Any

import pytest
from fsspec.asyn import get_loop, sync

import deconvsurgery as ds
from deconvsurgery.storage.object_store import s3_multipart
from deconvsurgery.storage.object_store.object_place import ObjectPlace
from deconvsurgery.storage.object_store.object_source import RemoteSource
from deconvsurgery.storage.object_store.object_version import described, known, recalled
from deconvsurgery.storage.object_store.part_layout import Sent
from deconvsurgery.storage.object_store.s3_multipart import Multipart
from deconvsurgery.storage.object_store.s3_ranges import S3Ranges
from deconvsurgery.storage.object_store.staged_object import StagedUpload
from deconvsurgery.storage.object_store.store import Location
from helpers.store.padded import MIB

URL = "s3://zoo/out"
UPLOAD = {"UploadId": "the upload"}
GONE = FileNotFoundError("nothing has that key")


class Client:
    """s3fs, as far as it is asked here: an answer or an error for each operation."""

    retries = 1

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.loop = get_loop()

    @staticmethod
    def split_path(key: str) -> tuple[str, str, str | None]:
        bucket, _, name = key.partition("/")
        return bucket, name, None

    async def _call_s3(self, method: str, **words: Any) -> Any:
        self.asked.append((method, words))
        answer = self.answers[method]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def call_s3(self, method: str, **words: Any) -> Any:
        return sync(self.loop, self._call_s3, method, **words)

    def methods(self) -> list[str]:
        return [method for method, _ in self.asked]

    @property
    def place(self) -> Location:
        return Location(URL, URL, self, "zoo/out")


class Body:
    """The body of an answer, and how much of it was read."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.read_of_it = 0
        self.closed = False

    async def read(self, size: int) -> bytes:
        data, self.data = self.data[:size], self.data[size:]
        self.read_of_it += len(data)
        return data

    def close(self) -> None:
        self.closed = True


def refusal(status: int) -> OSError:
    """As s3fs passes on what S3 answers."""
    error = OSError("refused")
    error.response = {"ResponseMetadata": {"HTTPStatusCode": status}}  # type: ignore[attr-defined]
    return error


def part(data: bytes) -> Sent:
    return Sent((data,))


def reply(data: bytes, status: int = 200, **more: Any) -> dict[str, Any]:
    return {
        "Body": Body(data),
        "ContentLength": len(data),
        "ResponseMetadata": {"HTTPStatusCode": status},
        **more,
    }


# --- written


def uploaded(client: Client, *parts: bytes) -> Multipart:
    upload = Multipart(client.place, None)
    for each in parts:
        upload.add(part(each))
    upload.finish()
    return upload


def test_a_store_that_gives_no_mark_has_the_object_all_the_same() -> None:
    client = Client(put_object={})
    assert uploaded(client, b"all").complete({}) == {}
    assert client.asked == [
        ("put_object", {"Bucket": "zoo", "Key": "out", "Body": b"all", "IfNoneMatch": "*"})
    ]


def test_of_a_new_object_without_a_mark_nothing_is_known() -> None:
    """A description that was made up would be taken for the store's."""
    marked = Client(put_object={"ETag": "1"})
    for client, expected in ((Client(put_object={}), None), (marked, {"ETag": '"1"', "size": 3})):
        new = StagedUpload(ObjectPlace(URL, URL, client.place, None), force=False)
        with known():
            new.fill(lambda sink: sink.write(b"all"), None)
            new.take()
            new.settle()
            assert recalled(client.place) == expected
        assert client.methods() == ["put_object"]


def test_an_object_that_another_removed_is_not_made_anew() -> None:
    client = Client(put_object=GONE, head_object=GONE)
    with pytest.raises(ds.OutputError) as caught:
        uploaded(client, b"all").complete({"ETag": '"1"'})
    assert (caught.value.path, caught.value.transient) == (URL, True)
    assert client.asked[0][1]["IfMatch"] == '"1"'


@pytest.mark.parametrize("mark", ["no digest", '"90"'])
def test_a_lost_answer_is_an_error_where_nobody_can_say_what_is_there(mark: str) -> None:
    """By a mark that is no digest, or as the store describes nothing."""
    client = Client(
        create_multipart_upload=UPLOAD,
        upload_part={"ETag": mark},
        complete_multipart_upload=refusal(409),
        head_object=refusal(403),
    )
    upload = uploaded(client, b"one", b"two")
    with pytest.raises(ds.FileError) as caught:
        upload.complete({})
    assert (caught.value.path, caught.value.transient) == (URL, True)
    assert ("head_object" in client.methods()) is (mark != "no digest")


def test_an_upload_of_too_many_parts_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_multipart, "S3", s3_multipart.S3._replace(most_parts=2))
    client = Client(
        create_multipart_upload=UPLOAD, upload_part={"ETag": '"90"'}, abort_multipart_upload={}
    )
    upload = uploaded(client, b"one", b"two")
    with pytest.raises(ds.FileError) as caught:
        upload.add(part(b"three"))
    assert caught.value.path == URL
    upload.abort()
    numbers = [words["PartNumber"] for method, words in client.asked if method == "upload_part"]
    assert numbers == [1, 2]
    assert client.asked[-1] == (
        "abort_multipart_upload",
        {"Bucket": "zoo", "Key": "out", "UploadId": "the upload"},
    )


def test_an_upload_that_is_not_completed_is_aborted() -> None:
    client = Client(
        create_multipart_upload=UPLOAD,
        upload_part={"ETag": '"90"'},
        complete_multipart_upload=refusal(403),
        head_object=GONE,
        abort_multipart_upload={},
    )
    new = StagedUpload(ObjectPlace(URL, URL, client.place, None), force=False)
    new.fill(lambda sink: sink.write(bytes(17 * MIB)), None)
    with pytest.raises(ds.FileError):
        new.take()
    assert "abort_multipart_upload" not in client.methods()
    new.settle()
    new.settle()
    assert client.methods().count("abort_multipart_upload") == 1
    new.undo()  # nothing was put there, so nothing is taken away
    assert client.methods()[-1] == "abort_multipart_upload"


def test_few_parts_are_on_their_way_at_once() -> None:
    """They are held in memory."""
    client = Client(create_multipart_upload=UPLOAD, upload_part={"ETag": '"90"'})
    upload = Multipart(client.place, None)
    for each in range(9):
        upload.add(part(b"%d" % each))
        assert len(upload._waiting) <= s3_multipart._AT_ONCE
    upload.finish()
    sent = {words["PartNumber"]: words["Body"] for _, words in client.asked[1:]}
    assert [sent[number] for number in sorted(sent)] == [b"%d" % each for each in range(9)]


@pytest.mark.parametrize("size", [5 << 30, (5 << 30) + 1])
def test_an_old_object_is_kept_however_large_it_is(size: int) -> None:
    """In one request as far as S3 does it so; s3fs copies others in parts."""
    client = Client(copy_object={}, put_object={"ETag": '"2"'})
    kept: list[tuple[str, str]] = []
    client.cp_file = lambda key, to: kept.append((key, to))  # type: ignore[attr-defined]
    old = {"ETag": '"1"', "size": size}
    new = StagedUpload(ObjectPlace(URL, URL, client.place, old), force=False)
    new.fill(lambda sink: sink.write(b"all"), None)
    new.take(undoable=True)
    if size > 5 << 30:
        ((key, to),) = kept
    else:
        words = client.asked[0][1]
        key, to = "/".join(words["CopySource"].values()), f"{words['Bucket']}/{words['Key']}"
    assert key == "zoo/out"
    assert to.startswith("zoo/")
    assert to != key
    assert client.methods() == [*(["copy_object"] if not kept else []), "put_object"]


# --- read


def test_an_object_whose_size_nobody_says_is_refused() -> None:
    with pytest.raises(ds.FileError) as caught:
        described(Client(head_object={"ETag": '"1"'}).place)
    assert (caught.value.path, caught.value.transient) == (URL, False)


def test_a_range_of_nobody_knows_how_many_bytes_is_refused() -> None:
    client = Client(get_object=reply(b"123", 206, ContentRange="bytes 0-2/*"))
    with pytest.raises(ds.FileError) as caught:
        S3Ranges(client.place, 3)
    assert (caught.value.path, caught.value.transient) == (URL, False)


def test_a_small_object_that_became_smaller_makes_no_mixture() -> None:
    client = Client(get_object=reply(b"123456789"))
    ranges = S3Ranges(client.place, 100)
    assert (ranges.first, ranges.info["size"]) == (b"123456789", 9)
    client.answers["get_object"] = reply(b"1234567")
    with pytest.raises(ds.FileError) as caught:
        ranges.read(0, 9)
    assert (caught.value.path, caught.value.transient) == (URL, True)


def test_of_an_answer_that_is_too_long_one_byte_more_is_read() -> None:
    """So that it is known to be too long, however much would come."""
    ranges = S3Ranges(Client(get_object=reply(b"123456789")).place, 100)
    client = Client(get_object=reply(bytes(MIB), 206, ContentRange="bytes 2-8/9"))
    ranges.location = client.place
    source = RemoteSource(client.place, ranges.info, ranges.read)
    with pytest.raises(ds.FileError) as caught:
        source.read(2, 3)
    assert caught.value.path == URL
    body = client.answers["get_object"]["Body"]
    assert (body.read_of_it, body.closed) == (8, True)


def test_a_range_of_an_object_is_no_file_of_this_machine(tmp_path: Any) -> None:
    """All of it may hold values, and no file here is the object."""
    source = RemoteSource(Client().place, {"size": 9}, lambda _start, size: bytes(size))
    assert [*source.filled(2, 7)] == [(2, 7)]
    assert [*source.filled(7, 7)] == []
    assert not source.is_same_file(tmp_path.stat())


def test_bytes_that_are_missing_are_asked_for_in_another_run() -> None:
    source = RemoteSource(Client().place, {"size": 9}, lambda _start, size: bytes(size - 1))
    with pytest.raises(ds.FileError) as caught:
        source.read(0, 9)
    assert (caught.value.path, caught.value.transient) == (URL, True)
