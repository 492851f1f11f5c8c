"""What a request to the store is: its operation and key; and what was counted of each.

Never here: moto, or what is answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

_OF_OBJECTS = {
    "GET": "GetObject",
    "HEAD": "HeadObject",
    "PUT": "PutObject",
    "DELETE": "DeleteObject",
}
_OF_BUCKETS = {
    "GET": "ListObjects",
    "HEAD": "HeadBucket",
    "PUT": "CreateBucket",
    "DELETE": "DeleteBucket",
}
_SUBRESOURCES = {
    "acl": "Acl",
    "attributes": "Attributes",
    "legal-hold": "LegalHold",
    "location": "Location",
    "retention": "Retention",
    "tagging": "Tagging",
    "versioning": "Versioning",
    "versions": "Versions",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as S3 names it.

    Args:
        operation: As in S3's API: ``GetObject``.
        bucket, key: Empty where there is none.
        query: Its parameters; of several with one name the first.
        headers: By name in lower case.
    """

    method: str
    operation: str
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]


@dataclass(slots=True)
class Record:
    """What was counted of one request.

    Args:
        range: The header, "" where there is none; of a copy, the range of the source.
        status: 0 until it is answered, and where the connection was dropped before.
        received: Bytes of the request's body as they came, headers not counted.
        sent: Bytes of the answer's body that were written to the connection.
        open: How many requests were being answered when this one came, with it.
        faults: What was done to it on purpose.
    """

    method: str
    operation: str
    bucket: str
    key: str
    range: str
    status: int
    received: int
    sent: int
    open: int
    faults: list[str]


def asked(environ: Mapping[str, Any]) -> Asked:
    """What a WSGI request asks for; buckets are in the path."""
    method = environ["REQUEST_METHOD"]
    bucket, _, key = environ["PATH_INFO"].encode("latin-1").decode().lstrip("/").partition("/")
    query = {
        name: values[0]
        for name, values in parse_qs(environ["QUERY_STRING"], keep_blank_values=True).items()
    }
    headers = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    name = _of_object(method, query, headers) if key else _of_bucket(method, bucket, query)
    return Asked(method, name, bucket, key, query, headers)


def _of_object(method: str, query: Mapping[str, str], headers: Mapping[str, str]) -> str:
    copied = "x-amz-copy-source" in headers
    if "uploadId" in query:
        return {
            "GET": "ListParts",
            "PUT": "UploadPartCopy" if copied else "UploadPart",
            "POST": "CompleteMultipartUpload",
            "DELETE": "AbortMultipartUpload",
        }.get(method, method)
    if method == "POST" and "uploads" in query:
        return "CreateMultipartUpload"
    if method == "PUT" and copied:
        return "CopyObject"
    return _OF_OBJECTS.get(method, method) + _subresource(query)


def _of_bucket(method: str, bucket: str, query: Mapping[str, str]) -> str:
    if not bucket:
        return "ListBuckets"
    if method == "POST" and "delete" in query:
        return "DeleteObjects"
    if method == "GET":
        if query.get("list-type") == "2":
            return "ListObjectsV2"
        if "uploads" in query:
            return "ListMultipartUploads"
        if part := _subresource(query):
            return "GetBucket" + part
    return _OF_BUCKETS.get(method, method)


def _subresource(query: Mapping[str, str]) -> str:
    return next((name for part, name in _SUBRESOURCES.items() if part in query), "")
