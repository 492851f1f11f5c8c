"""The page of ``check``: a part for each pair."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from deconvsurgery.report.cells import Remark, Tone
from deconvsurgery.report.finding_words import (
    closing_words,
    error_words,
    model_words,
    net_words,
)
from deconvsurgery.rules.finding import Severity
from deconvsurgery.verbs.check import CheckResult
from deconvsurgery.wording import plural

from .elements import (
    Markup,
    element,
    joined,
    name,
    sentence,
)
from .findings import findings_list, repairs_section, rules_section
from .graph import way_section
from .layers import layers_section
from .page_frame import (
    MOST_ROWS,
    facts_list,
    file_fact,
    file_name,
    page,
    remarks,
)


def check_page(results: Sequence[CheckResult]) -> bytes:
    """What was found in which files."""
    shown = results[:MOST_ROWS]
    more = len(results) - len(shown)
    return page(
        "check",
        file_name(results[0].net or results[0].model)
        if len(results) == 1
        else plural(len(results), "pair"),
        closing_words(results),
        _files(results[0]) if len(results) == 1 else [],
        *(_pair(each, alone=len(results) == 1) for each in shown),
        element("p", f"{more:,} more pairs: --json has them all.") if more else None,
        rules_section(finding for result in results for finding in result.findings),
    )


def _pair(result: CheckResult, *, alone: bool) -> Markup:
    """A net and its model: findings, then what there is to see."""
    level = 2 if alone else 3
    pictures = result.pictures
    notes = [Remark("note", Tone.QUIET, None, words) for words in result.notes]
    parts = (
        _findings(result, level),
        repairs_section(result.findings, result.net, result.model, level),
        remarks(notes, level),
        way_section(pictures.ways, level) if pictures else None,
        layers_section(pictures, level=level),
    )
    if alone:
        return joined(parts)
    heading = element("h2", *_named(result))
    return element("section", heading, facts_list(_files(result)), *parts, class_="pair-of-files")


def _findings(result: CheckResult, level: int) -> Markup:
    if result.error is not None:
        error = result.error
        place = [error.line, error.column]
        where = ":".join(str(each) for each in place if each)
        told = element(
            "p",
            element("b", "error", class_="badge bad"),
            " ",
            element("span", f"line {where} ", class_="quiet") if where else None,
            sentence(error_words(error)),
        )
        return element("section", element(f"h{level}", "Could not be checked"), told)
    count = Counter(finding.level for finding in result.findings)
    told_counts = ", ".join(plural(count[each], str(each)) for each in Severity if count[each])
    looked = plural(len(result.matched), "matched layer")
    return element(
        "section",
        element(f"h{level}", "Findings"),
        element("p", f"{told_counts or 'None'}, in {looked}.", class_="quiet")
        if level > 2
        else None,
        findings_list(result.findings, result.net, result.model) if result.findings else None,
    )


def _named(result: CheckResult) -> list[Markup | str]:
    names = [name(each) for each in (result.net, result.model) if each is not None]
    return [names[0], *(part for each in names[1:] for part in (" with ", each))]


def _files(result: CheckResult) -> list[tuple[str, Markup]]:
    files = []
    if result.net is not None:
        files.append(("net", file_fact(result.net, net_words(result))))
    if result.model is not None:
        files.append(("model", file_fact(result.model, model_words(result))))
    return files
