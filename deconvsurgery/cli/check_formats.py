"""The formats of ``check``: which there are, and a run's results in one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from deconvsurgery.verbs.check import CheckResult

FORMATS: Final = (
    "table",
    "json",
    "azure",
    "github",
    "gitlab",
    "junit",
    "markdown",
    "rdjson",
    "sarif",
)
SUGGESTING: Final = "rdjson"
"""The format that has changes of the net, which are worked out for it alone."""


def document_bytes(form: str, results: Sequence[CheckResult], *, passed: bool) -> bytes:
    """What was found as a format's bytes; each format's module is loaded where it is asked for."""
    if form == "json":
        from deconvsurgery.report.json_documents.check import check_document

        return _json(check_document(results, passed=passed))
    return _WRITERS[form](results)


def _azure(results: Sequence[CheckResult]) -> bytes:
    from deconvsurgery.report.ci.azure import azure_lines

    return _lines(azure_lines(results))


def _github(results: Sequence[CheckResult]) -> bytes:
    from deconvsurgery.report.ci.annotations import github_lines

    return _lines(github_lines(results))


def _gitlab(results: Sequence[CheckResult]) -> bytes:
    from deconvsurgery.report.ci.annotations import gitlab_issues

    return _json(gitlab_issues(results), ascii_alone=True)


def _junit(results: Sequence[CheckResult]) -> bytes:
    from deconvsurgery.report.ci.junit import junit_xml

    return junit_xml(results)


def _markdown(results: Sequence[CheckResult]) -> bytes:
    from deconvsurgery.report.ci.annotations import markdown

    return _lines(markdown(results))


def _rdjson(results: Sequence[CheckResult]) -> bytes:
    from deconvsurgery.report.ci.rdjson import rdjson_result

    return _json(rdjson_result(results))


def _sarif(results: Sequence[CheckResult]) -> bytes:
    from deconvsurgery.report.ci.sarif import sarif_log

    return _json(sarif_log(results))


_WRITERS: Final[dict[str, Callable[[Sequence[CheckResult]], bytes]]] = {
    "azure": _azure,
    "github": _github,
    "gitlab": _gitlab,
    "junit": _junit,
    "markdown": _markdown,
    "rdjson": _rdjson,
    "sarif": _sarif,
}


def _lines(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")


def _json(document: object, *, ascii_alone: bool = False) -> bytes:
    import json  # here, as a table needs none

    text = json.dumps(document, ensure_ascii=ascii_alone, allow_nan=False)
    return f"{text}\n".encode("utf-8", "replace")
