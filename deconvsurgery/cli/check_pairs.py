"""Which pairs ``check`` looks at: those of the command line, or of the configuration file."""

from __future__ import annotations

from collections.abc import Sequence

import click

from deconvsurgery.errors import ConfigError
from deconvsurgery.inputs.expand_pairs import every_pair
from deconvsurgery.inputs.pairs_by_content import paired
from deconvsurgery.inputs.settings import Checking, Pair, Settings
from deconvsurgery.inputs.settings_file import read_settings
from deconvsurgery.rules.finding import RULES
from deconvsurgery.storage.run_files import RunFiles, file_keys


def pairs_to_check(
    files: Sequence[str],
    asked: Checking,
    config: str | None,
    run_files: RunFiles,
    *,
    isolated: bool,
    with_models: bool = False,
) -> list[Pair]:
    """The pairs named, or those of the configuration file; the command line has the last word.

    What is read for that is noted in ``run_files``. ``with_models``: a net that is named alone
    comes with the models that the configuration file pairs it with, as what changes the net
    changes what they have to be.
    """
    settings = _settings(files, config, run_files, isolated=isolated)
    if files:
        named = _named(files, asked, settings, readable=with_models)
        return _with_models(named, asked, settings, run_files) if with_models else named
    if not settings.pairs:
        lacking = "there is no deconvsurgery.toml that lists pairs"
        if settings.path:
            lacking = f"{settings.path} lists no pairs"
        raise click.UsageError(f"no net is named, and {lacking}")
    for pair in settings.pairs:
        run_files.reads("the list of pairs", pair.listed)
    pairs = []
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


def _named(
    files: Sequence[str], asked: Checking, settings: Settings, *, readable: bool
) -> list[Pair]:
    """Each net of the command line with its model, checked as the settings have it."""
    checking = {
        key: pair.checking
        for pair in reversed(settings.pairs)
        for key in (file_keys(pair.net) if pair.net else ())
    }
    pairs = []
    for net, model in paired(files, readable=readable):
        keys = file_keys(net) if net else ()
        own = next((checking[key] for key in keys if key in checking), settings.checking)
        pairs.append(Pair(net, model, asked.over(own)))
    return pairs


def _with_models(
    pairs: list[Pair], asked: Checking, settings: Settings, run_files: RunFiles
) -> list[Pair]:
    """The pairs, those of a net alone as the configuration file has them, if it has."""
    if all(pair.model for pair in pairs) or not settings.pairs:
        return pairs
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
