"""Which pairs ``check`` looks at: those of the command line, or of the configuration file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING

import click

from deconvsurgery.errors import ArgumentError, ConfigError, SelectionError, SurgeryError
from deconvsurgery.inputs.list_files import is_folder, nets_below
from deconvsurgery.inputs.pairs_by_content import paired
from deconvsurgery.inputs.settings import Checking, Pair, Settings
from deconvsurgery.inputs.settings_file import read_settings
from deconvsurgery.rules.finding import RULES
from deconvsurgery.storage.os_error_text import shown
from deconvsurgery.storage.run_files import RunFiles, file_keys
from deconvsurgery.strict_values.rule_ids import rules_asked

if TYPE_CHECKING:
    from deconvsurgery.inputs.baseline import KnownFinding
    from deconvsurgery.verbs.check import CheckResult


def pairs_to_check(
    files: Sequence[str],
    asked: Checking,
    config: str | None,
    run_files: RunFiles,
    *,
    isolated: bool,
    with_models: bool = False,
) -> tuple[list[Pair], bool]:
    """The pairs named, or those of the configuration file, and whether there is such a file.

    The command line has the last word.

    What is read for that is noted in ``run_files``. ``with_models``: a net that is named alone
    comes with the models that the configuration file pairs it with, as what changes the net
    changes what they have to be. Raises ``UsageError`` where no rule is left for one.
    """
    _confirm_some_rule([asked])
    settings = _settings(files, config, run_files, isolated=isolated)
    pairs = _pairs_to_check(files, asked, settings, run_files, with_models=with_models)
    _confirm_some_rule(pair.checking for pair in pairs)
    return pairs, bool(settings.path)


def _confirm_some_rule(checkings: Iterable[Checking]) -> None:
    for select, ignore in {(each.select or (), each.ignore or ()) for each in checkings}:
        try:
            rules_asked(RULES, select, ignore)
        except ArgumentError as error:
            raise click.UsageError(f"{error.message}; {error.hint}") from None


def _pairs_to_check(
    files: Sequence[str],
    asked: Checking,
    settings: Settings,
    run_files: RunFiles,
    *,
    with_models: bool,
) -> list[Pair]:
    if files:
        if any(map(is_folder, files)):
            for pair in settings.pairs:
                run_files.reads("the list of pairs", pair.listed)
        named = [*_named(files, asked, settings, readable=with_models)]
        for pair in named:
            if pair.found:
                run_files.reads("the net", pair.net)
                run_files.reads("the model", pair.model)
        return _with_models(named, asked, settings, run_files) if with_models else named
    if not settings.pairs:
        lacking = "there is no deconvsurgery.toml that lists pairs"
        if settings.path:
            lacking = f"{settings.path} lists no pairs"
        from .wrong_usage import WrongUsage

        hint = "name a net, or a net and its model, or a folder of nets"
        raise WrongUsage(f"no net is named, and {lacking}", None, hint)
    for pair in settings.pairs:
        run_files.reads("the list of pairs", pair.listed)
    pairs = []
    from deconvsurgery.inputs.expand_pairs import every_pair

    for pair in every_pair(settings):
        run_files.reads("the net", pair.net)
        run_files.reads("the model", pair.model)
        pairs.append(Pair(pair.net, pair.model, asked.over(pair.checking)))
    return pairs


def _settings(
    files: Sequence[str], config: str | None, run_files: RunFiles, *, isolated: bool
) -> Settings:
    if isolated:
        return Settings("")
    try:
        return read_settings(config, run_files, rules=RULES) or Settings("")
    except ConfigError as error:
        if config is not None or not files:  # without them there is nothing to check
            raise
        ways = (error.hint, "--isolated reads no such file")
        raise error.replaced(hint="; ".join(filter(None, ways))) from error.__cause__


def with_known(pairs: list[Pair]) -> list[Pair]:
    """The pairs with what their baselines know of them, each of which is read once.

    Raises ``SurgeryError`` for a baseline that cannot be read.
    """
    if not any(pair.checking.baseline for pair in pairs):
        return pairs
    from deconvsurgery.inputs.baseline import read_baseline

    read = lru_cache(maxsize=None)(read_baseline)
    known = []
    for pair in pairs:
        file = pair.checking.baseline
        known.append(pair._replace(known=read(file).known(pair.net, pair.model)) if file else pair)
    return known


def to_be_known(pairs: Iterable[Pair], run_files: RunFiles, noted: str | None = None) -> list[Pair]:
    """The pairs as if nothing of them was known, their baselines noted: they will be written.

    One is ``noted`` already. Raises ``UsageError`` where a pair has none.
    """
    anew = [pair._replace(known=()) for pair in pairs]
    files = dict.fromkeys(pair.checking.baseline for pair in anew)
    if None in files:
        from .wrong_usage import WrongUsage

        words = "--write-baseline needs --baseline FILE, or one in the settings"
        raise WrongUsage(words, None, "for example: --baseline known.json --write-baseline")
    for file in files:
        if file != noted:
            run_files.writes("the baseline", file)
    return anew


def write_baselines(pairs: Iterable[Pair], results: Iterable[CheckResult]) -> None:
    """What was found in each pair, into its baseline.

    Of a pair that could not be checked it keeps what it knew.
    """
    from deconvsurgery.inputs.baseline import KnownFinding, baseline_bytes, read_baseline
    from deconvsurgery.storage.write_outputs import write_file

    found: dict[str, list[KnownFinding]] = defaultdict(list)
    for pair, result in zip(pairs, results, strict=True):
        file = pair.checking.baseline
        assert file is not None
        keys = [each.key for each in result.findings]
        if result.error is not None:
            with suppress(SurgeryError):  # there is none yet, or what is there is none
                keys += read_baseline(file).known(pair.net, pair.model)
        found[file] += [KnownFinding(pair.net, pair.model, *key) for key in keys]
    for file, findings in found.items():
        write_file(file, baseline_bytes(file, findings), force=True)


def _named(
    files: Sequence[str], asked: Checking, settings: Settings, *, readable: bool
) -> Iterator[Pair]:
    """Each net of the command line with its model, checked as the settings have it.

    Of a folder they are all nets in it, each with the models that the settings pair it with.
    """
    known: dict[str, list[Pair]] = defaultdict(list)
    listed: Iterable[Pair] = settings.pairs
    if any(map(is_folder, files)):
        from deconvsurgery.inputs.expand_pairs import every_pair

        listed = every_pair(settings)
    for pair in listed:
        for key in file_keys(pair.net) if pair.net else ():
            known[key].append(pair)
    for folder, group in groupby(files, is_folder):
        if not folder:
            for net, model in paired([*group], readable=readable):
                keys = file_keys(net) if net else ()
                own = next((known[key][0].checking for key in keys if key in known), None)
                yield Pair(net, model, asked.over(own or settings.checking))
            continue
        for net in _nets_in(group, allow_empty=bool(asked.over(settings.checking).allow_empty)):
            keys = file_keys(net)
            alone = [Pair(net, checking=settings.checking)]
            for pair in next((known[key] for key in keys if key in known), alone):
                checking = asked.over(pair.checking).over(Checking(allow_empty=True))
                yield Pair(net, pair.model, checking, found=True)


def _nets_in(folders: Iterable[str], *, allow_empty: bool) -> Iterator[str]:
    """All nets of the folders. Raises ``SelectionError`` for one that has none."""
    for folder in folders:
        nets = nets_below(folder)
        if not nets and not allow_empty:
            raise SelectionError(
                "there is no .prototxt in this folder, nor below it",
                path=shown(folder),
                hint="is another folder meant? With --allow-empty that is no error",
            )
        yield from nets


def _with_models(
    pairs: list[Pair], asked: Checking, settings: Settings, run_files: RunFiles
) -> list[Pair]:
    """The pairs, those of a net alone as the configuration file has them, if it has."""
    if all(pair.model for pair in pairs) or not settings.pairs:
        return pairs
    from deconvsurgery.inputs.expand_pairs import every_pair

    listed = [(pair, {*file_keys(pair.net)}) for pair in every_pair(settings) if pair.net]
    found: list[Pair] = []
    for pair in pairs:
        keys = {*file_keys(pair.net)} if pair.net and not pair.model else set()
        own = [other for other, others in listed if other.model and keys & others]
        for other in own:
            run_files.reads("the model", other.model)
            found.append(Pair(pair.net, other.model, asked.over(other.checking)))
        if not own:
            found.append(pair)
    return found
