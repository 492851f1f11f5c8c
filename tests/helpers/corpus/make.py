"""Write the corpus of hostile files anew, always the same bytes: ``python -m helpers.corpus.make``.

What each file is stands in the tables of the modules beside this one; what each verb says of it in
``expected.tsv``, which ``tests/corpus/test_corpus.py`` holds it to. Nothing here needs more than
Python.
"""

from __future__ import annotations

from helpers.corpus.hostile_case import MODEL, NET, Case
from helpers.corpus.hostile_hdf5 import HDF5
from helpers.corpus.hostile_models import MODELS
from helpers.corpus.hostile_nets import NETS, SETTINGS
from helpers.corpus.hostile_wire import WIRE
from helpers.places import TESTS

FILES = TESTS / "corpus" / "files"
BINARY: tuple[Case, ...] = (*WIRE, *MODELS)
ALL: tuple[Case, ...] = (*BINARY, *HDF5, *NETS, *SETTINGS)


def main() -> None:
    """Write what is in the tables, and take away what is not."""
    FILES.mkdir(exist_ok=True)
    for old in FILES.iterdir():
        old.unlink()
    for case in ALL:
        (FILES / case.name).write_bytes(case.data)
    (FILES / "net.prototxt").write_bytes(NET)
    (FILES / "model.caffemodel").write_bytes(MODEL)


if __name__ == "__main__":
    main()
