"""What the real S3 refuses and moto 5.2 lets pass, found by trying; each with S3's own answer.

=========================== ======================================== ==========================
operation                   condition                                answer
=========================== ======================================== ==========================
UploadPartCopy, CopyObject  x-amz-copy-source-if-match               412 PreconditionFailed
UploadPartCopy              x-amz-copy-source-if-none-match          412 PreconditionFailed
UploadPartCopy              x-amz-copy-source-range past the source  400 InvalidArgument
UploadPartCopy              a range of a source of at most 5 MiB     400 InvalidRequest
UploadPartCopy              no such source (moto: 404 with no body)  404 NoSuchKey
CopyObject                  if-match, if-none-match (destination)    412; 404 NoSuchKey
CompleteMultipartUpload     if-match (destination)                   412; 404 NoSuchKey
all of an upload            no such upload (moto: 500, a KeyError)   404 NoSuchUpload
=========================== ======================================== ==========================

moto itself honours If-Match on GetObject, HeadObject, PutObject and DeleteObject, and If-None-Match
on PutObject and CompleteMultipartUpload. Conditions on dates are left as moto has them.

Never here: counting or faults.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import FakeKey, s3_backends

if TYPE_CHECKING:
    from helpers.store.requests import Asked

LEAST_OF_RANGES = 5 << 20
_OF_UPLOADS = ("UploadPart", "UploadPartCopy", "ListParts")

Refusal = tuple[int, str, str]  # status, code, message

_FAILED: Refusal = (
    412,
    "PreconditionFailed",
    "At least one of the pre-conditions you specified did not hold",
)
_NO_KEY: Refusal = (404, "NoSuchKey", "The specified key does not exist.")
_NO_UPLOAD: Refusal = (404, "NoSuchUpload", "The specified upload does not exist.")


def backend() -> Any:
    """moto's buckets and objects."""
    return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]


def refused(request: Asked) -> Refusal | None:
    """How the real S3 refuses a request that moto would serve; None if it would not."""
    bucket = backend().buckets.get(request.bucket)
    if bucket is None:
        return None  # moto says so itself
    operation, headers = request.operation, request.headers
    there = _object(request.bucket, request.key)
    if (upload := request.query.get("uploadId")) and upload not in bucket.multiparts:
        # Completing once more what is complete is right, and moto knows it by the object.
        done = getattr(getattr(there, "multipart", None), "id", None) == upload
        if operation in _OF_UPLOADS or (operation == "CompleteMultipartUpload" and not done):
            return _NO_UPLOAD
        if done:
            return None
    if operation in ("UploadPartCopy", "CopyObject") and (bad := _source(request)):
        return bad
    if operation in ("CompleteMultipartUpload", "CopyObject"):
        if etag := headers.get("if-match"):
            if there is None:
                return _NO_KEY
            if not _is(there, etag):
                return _FAILED
        if headers.get("if-none-match") == "*" and there is not None:
            return _FAILED
    return None


def _source(request: Asked) -> Refusal | None:
    headers = request.headers
    path, _, version = headers["x-amz-copy-source"].partition("?versionId=")
    place, _, key = unquote(path).lstrip("/").partition("/")
    source = _object(place, key, version or None)
    if source is None:
        return _NO_KEY
    if (etag := headers.get("x-amz-copy-source-if-match")) and not _is(source, etag):
        return _FAILED
    if (etag := headers.get("x-amz-copy-source-if-none-match")) and _is(source, etag):
        return _FAILED
    return _range(headers, source.size) if request.operation == "UploadPartCopy" else None


def _range(headers: Mapping[str, str], size: int) -> Refusal | None:
    """Of a copy's range: unlike GetObject's it is not cut to what there is."""
    text = headers.get("x-amz-copy-source-range")
    if text is None:
        return None
    found = re.fullmatch(r"bytes=(\d+)-(\d+)", text)
    if found is None or int(found[1]) > int(found[2]):
        return (
            400,
            "InvalidArgument",
            "The x-amz-copy-source-range value must be of the form bytes=first-last",
        )
    if int(found[2]) >= size:
        return (
            400,
            "InvalidArgument",
            f"Range specified is not valid for source object of size: {size}",
        )
    if size <= LEAST_OF_RANGES:
        return (
            400,
            "InvalidRequest",
            "The specified copy source is not supported as a byte-range copy source",
        )
    return None


def _object(bucket: str, key: str, version: str | None = None) -> FakeKey | None:
    if bucket not in backend().buckets:
        return None
    found: FakeKey | None = backend().get_object(bucket, key, version_id=version)
    return found


def _is(there: FakeKey, etag: str) -> bool:
    """Whether an object has an ETag, quoted or not; ``*`` is any."""
    return etag == "*" or there.etag.strip('"') == etag.strip('"')
