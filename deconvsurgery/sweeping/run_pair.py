"""One pair of a sweep, settled once: passed over, done, found wrong, or failed after some tries.

A record beside the output says what it was made of. It is there as a claim before the output is, so
a run that is killed in between leaves a place that is known to be the sweep's, and that the next
run may write anew.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from deconvsurgery.errors import (
    ConfigError,
    FileError,
    OutputError,
    SurgeryError,
)
from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.storage.address import folder_of, is_url
from deconvsurgery.storage.object_store.object_version import known
from deconvsurgery.storage.object_store.store import Traffic, counted
from deconvsurgery.storage.os_error_text import shown
from deconvsurgery.storage.write_outputs import make_directory
from deconvsurgery.version import __version__
from deconvsurgery.wording import short

from .call_verb import arguments_of, lacking, performed
from .file_identity import Mark, digest, mark
from .output_record import (
    SUFFIX,
    create_record,
    read_record,
    remove_record,
    write_record,
)
from .record_owner import is_made_for, lasting
from .result_rows import (
    PairRow,
    RowOutcome,
    failed,
    hashed,
    row_of,
)

if TYPE_CHECKING:
    from deconvsurgery.inputs.settings import Pair

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0  # seconds before a second try, and before any

Marks = Mapping[str, Mark | None]


class Task(NamedTuple):
    """A pair and what is to be done with it; ``seal`` is that of the row that is known of it."""

    pair: Pair
    verb: str
    options: tuple[tuple[str, Any], ...] = ()
    seal: str | None = None
    retries: int = 0
    force: bool = False


class Settled(NamedTuple):
    """The pair's row, ``None`` where the known one still holds; ``fresh``: it was worked on.

    ``traffic`` is what it took to find that out; ``None`` where the row has it, which is fresh.
    """

    row: PairRow | None
    fresh: bool = False
    traffic: Traffic | None = None


def settle(task: Task) -> Settled:
    """Settle a pair; an error is its row, after as many tries more as may help."""
    began = time.monotonic()
    attempts = 1
    with counted() as traffic:
        while True:
            spent = partial(_spent, began, attempts, traffic)
            try:
                with known():
                    answer = _settled(_Work(task), spent)
                return answer if answer.fresh else answer._replace(traffic=traffic)
            except SurgeryError as error:
                refused, passing = error, error.transient
            except MemoryError:
                words, hint = "out of memory", "fewer `workers=…` leave more for each"
                refused, passing = SurgeryError(words, hint=hint), False
            if not passing or attempts > task.retries:
                row = failed(task.pair, task.verb, __version__, refused, **spent())
                return Settled(row, fresh=True)
            # Not all at once when a store comes back.
            pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempts) * random.uniform(0.5, 1)
            time.sleep(max(pause, min(_LONGEST_PAUSE, refused.wait)))
            attempts += 1


def _spent(began: float, attempts: int, traffic: Traffic) -> dict[str, Any]:
    return {
        "attempts": attempts,
        "seconds": round(time.monotonic() - began, 3),
        "requests": traffic.requests,
        "bytes_read": traffic.read,
        "bytes_sent": traffic.written,
        "bytes_copied": traffic.copied,
    }


class _Work:
    """A task with what is there of its inputs and outputs as it begins."""

    def __init__(self, task: Task) -> None:
        pair = task.pair
        self.task, self.pair = task, pair
        words = lacking(task.verb, pair)
        if words is not None:
            raise ConfigError(words)
        self.arguments = arguments_of(task.verb, pair, dict(task.options))
        self.record = pair.output or pair.net_output
        self.inputs = _marks(pair.net, pair.model)
        self.beside = _marks(self.arguments.get("baseline"))  # read, too, and no file of the pair
        self.outputs = _marks(pair.output, pair.net_output)

    def seal(self, inputs: Marks, outputs: Marks) -> str:
        """What stands for all that the row depends on, as far as it is known without reading."""
        marks = {**inputs, **outputs, **self.beside}
        return self._hashed(*(f"{path}:{found and found.state}" for path, found in marks.items()))

    def key(self, digests: Mapping[str, str]) -> str:
        """What stands for all that the outputs are made of."""
        return self._hashed(*digests.values(), *_digests(self.beside).values())

    def _hashed(self, *texts: str) -> str:
        said = json.dumps(self.arguments, sort_keys=True)
        return hashed(self.task.verb, __version__, said, *texts).hex()

    def row(self, outcome: RowOutcome, **fields: Any) -> PairRow:
        """A row of this pair."""
        return row_of(self.pair, self.task.verb, __version__, outcome, **fields)


def _marks(*paths: str | None, again: bool = False) -> Marks:
    return {path: mark(path, again=again) for path in paths if path is not None}


def _digests(marks: Marks) -> dict[str, str]:
    return {path: digest(path, found) for path, found in marks.items()}


def _settled(work: _Work, spent: partial[dict[str, Any]]) -> Settled:
    task = work.task
    seal = work.seal(work.inputs, work.outputs)
    if seal == task.seal and not task.force:
        return Settled(None)
    record = read_record(work.record) if work.record is not None else None
    if record is not None and record.seal == seal and not task.force:
        return Settled(_as_named(record, task.pair))
    inputs = _digests(work.inputs)
    key = work.key(inputs)
    if record is not None and not task.force:
        _refuse_others(record, work, key, inputs)
    strange = None if task.force else _strange(record, work.outputs)
    if strange is not None:
        raise _not_ours(strange, work, record)
    whole = all(work.outputs.values()) and not task.force
    if whole and record is not None and record.key == key and record.seal:
        # The same files, moved or touched: only what identifies them without reading is new.
        row = _as_named(record, task.pair)._replace(seal=seal)
        assert work.record is not None
        write_record(work.record, _as_named(row, lasting(task.pair)))
        return Settled(row)
    with _claimed(work, record, key, inputs):
        outcome, result, warnings = performed(
            task.verb, task.pair, work.arguments, force=task.force or any(work.outputs.values())
        )
        if _marks(*work.inputs) != work.inputs:
            raise FileError(
                "changed while the pair was worked on",
                path=" or ".join(map(shown, work.inputs)),
                hint="run again when nothing else writes to it",
                transient=True,
            )
        outputs = _marks(*work.outputs)
        row = work.row(
            outcome,
            key=key,
            seal=work.seal(work.inputs, outputs),
            inputs=inputs,
            outputs=_digests(outputs),
            result=result,
            warnings=warnings,
            **spent(),
        )
        if work.record is not None:
            write_record(work.record, _as_named(row, lasting(task.pair)))
    return Settled(row._replace(**spent()), fresh=True)


def _as_named(record: PairRow, pair: Pair) -> PairRow:
    """A record's row under the names that this sweep has for its files."""
    inputs = [path for path in (pair.net, pair.model) if path is not None]
    outputs = [path for path in (pair.output, pair.net_output) if path is not None]
    return record._replace(
        net=pair.net,
        model=pair.model,
        output=pair.output,
        net_output=pair.net_output,
        inputs=dict(zip(inputs, record.inputs.values(), strict=False)),
        outputs=dict(zip(outputs, record.outputs.values(), strict=False)),
    )


def _strange(record: PairRow | None, outputs: Marks) -> str | None:
    """An output that is there and that no sweep has written, as far as its record says."""
    if record is not None and record.outcome is RowOutcome.BEGUN:
        return None
    known = [*record.outputs.values()] if record is not None else []
    for (path, found), wrote in zip_longest(outputs.items(), known[: len(outputs)]):
        if found is not None and digest(path, found) != wrote:
            return path
    return None


def _not_ours(strange: str, work: _Work, record: PairRow | None) -> OutputError:
    words = "exists already, and no sweep wrote it"
    if record is not None:
        words = f"is not what its record says that a sweep wrote: {shown(f'{work.record}{SUFFIX}')}"
    return OutputError(words, path=shown(strange), hint="move it away, or `force=True` replaces it")


def _refuse_others(record: PairRow, work: _Work, key: str, inputs: Mapping[str, str]) -> None:
    """Raise ``OutputError`` for a record that was made for another pair.

    What was made of the same bytes in the same way is as good as the pair's own.
    """
    if record.key == key or is_made_for(record, work.task.verb, work.pair, inputs):
        return
    named = " and ".join(short(shown(each)) for each in (record.net, record.model) if each)
    raise OutputError(
        f"is another pair's output ({short(shown(record.verb))}: {named or 'unnamed'}),"
        f" says {shown(f'{work.record}{SUFFIX}')}",
        path=shown(work.record or ""),
        hint="name another output, or `force=True` takes it from that pair",
    )


@contextmanager
def _claimed(
    work: _Work, record: PairRow | None, key: str, inputs: Mapping[str, str]
) -> Iterator[None]:
    """Have a claim beside the output while the body writes it, and no longer if it does not."""
    place = work.record
    if place is None:
        yield
        return
    for output in work.outputs:
        if folder := folder_of(output):
            make_directory(folder)
    claim = _as_named(work.row(RowOutcome.BEGUN, key=key), lasting(work.pair))
    if record is not None or work.task.force:
        write_record(place, claim)
    elif not create_record(place, claim):
        first = read_record(place)
        if first is not None:
            _refuse_others(first, work, key, inputs)
        if first is None or first.outcome is not RowOutcome.BEGUN:
            raise OutputError("was made by another meanwhile", path=shown(place), transient=True)
    try:
        yield
    except (SurgeryError, MemoryError, SystemExit) as error:
        # A store may still carry out what it did not answer, or was not let answer by a signal.
        unanswered = isinstance(error, FileError) and error.transient
        if unanswered or (isinstance(error, SystemExit) and any(map(is_url, work.outputs))):
            raise  # the claim stays
        with suppress(SurgeryError):  # the first error says more; the claim only stays
            # What is there may be another's by now, whose record must stay, if it has one.
            others = isinstance(error, OutputError) and read_record(place) == claim
            if others or _marks(*work.outputs, again=True) == work.outputs:
                if record is not None:
                    write_record(place, record)
                else:
                    remove_record(place)
        raise
