"""What scripts lean on: the same bytes at every run, and ``apply --check`` that only looks."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from helpers.documents import parsed_json
from helpers.models import demo_base, demo_net, saved
from helpers.runs import environment, run_here

OLD = """
input: "image" input_dim: 1 input_dim: 1 input_dim: 2 input_dim: 2
layers { name: "conv" type: CONVOLUTION bottom: "image" top: "conv" blobs_lr: 1
  convolution_param { num_output: 2 kernel_size: 1 }
  blobs { num: 2 channels: 1 height: 1 width: 1 data: [0.1, 2] }
  blobs { num: 1 channels: 1 height: 1 width: 2 double_data: [0.1, 2] } }
"""
# Another net with many disagreements: what is told of them must have one order.
OTHER = demo_net().replace(b'name: "conv', b'name: "other_conv').replace(b"5 ", b"7 ")


def furnish(place: Path) -> Path:
    place.mkdir(exist_ok=True)
    (place / "net").write_bytes(demo_net())
    (place / "other").write_bytes(OTHER)
    (place / "in").write_bytes(demo_base())
    (place / "old").write_bytes(saved(OLD))
    return place


def content(place: Path) -> dict[str, bytes]:
    found = sorted(place.rglob("*"))
    return {str(each.relative_to(place)): each.read_bytes() for each in found if each.is_file()}


# --- the same bytes

# Every verb, each form of model, tables and documents, and refusals of several layers.
LINES = """
apply --json net in out
apply net in out-again
apply --json -n -p * net in
apply --json -n --skip-unfit -p * other in
apply -n --skip-unfit -p * other in
convert --json in in.h5
convert --json old new
convert --json old new.h5
convert --json old half --values raw-float16
convert new.h5 back --values float64
apply --json net in.h5 out.h5
convert --json out.h5 out.back --net net
inspect --json --all other out
inspect --json out.h5 net
inspect --all other out
regroup --json net out net2 out2
regroup net out.h5 net3 out3.h5
regroup --json --expand net2 out2 net4 out4
transplant --json net out moved
transplant --json net out.h5 moved-too --apply
transplant --json other out nothing
transplant -n --flat other out
patch-net --json -p * --skip-unfit --freeze net net5
patch-net --diff -n net
patch-net --json -n -p * net
kernel --json 5 --formula caffe-1.0
kernel 16
demo folder
apply --nonsense --json
apply --json -n -p upscroe net in
"""
SCRIPT = """
import shlex, sys
from deconvsurgery.cli import run
for line in sys.stdin.read().strip().splitlines():
    print(line, run(shlex.split(line)), flush=True)
"""


def test_two_runs_are_the_same_to_the_byte(tmp_path: Path) -> None:
    """In two folders, with hashes of two seeds, in two seconds (HDF5 can keep times), two zones."""
    said, left = [], []
    for seed, zone in (("0", "UTC"), ("4711", "Asia/Tokyo")):
        place = furnish(tmp_path / seed)
        second = int(time.time())
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            cwd=place,
            input=LINES.encode(),
            env=environment(PYTHONHASHSEED=seed, TZ=zone, COLUMNS="100"),
            capture_output=True,
            timeout=120,
            check=True,
        )
        said.append((done.stdout.splitlines(), done.stderr.splitlines()))
        left.append(content(place))
        # The rest of the second that the run began in: mostly none is left.
        time.sleep(max(0.0, second + 1 - time.time()))
    assert said[0] == said[1]
    assert left[0] == left[1]
    made = {"out", "out-again", "in.h5", "new", "new.h5", "half", "back", "out.h5", "out.back"}
    made |= {"net2", "out2", "net3", "out3.h5", "net4", "out4", "moved", "moved-too", "net5"}
    assert made <= left[0].keys()


@pytest.mark.parametrize("line", ["apply -n {0}/net {0}/in", "inspect {0}/in {0}/net"])
def test_the_folder_that_it_runs_in_does_not_matter(line: str, tmp_path: Path) -> None:
    files = furnish(tmp_path / "files")
    arguments = [*line.format(files).split(), "--json"]
    there, elsewhere = (run_here(place, *arguments) for place in (files, tmp_path))
    assert there[0] == 0
    assert there == elsewhere


@pytest.mark.parametrize("verb", ["apply", "patch-net"])
def test_keys_stand_in_one_order(verb: str, tmp_path: Path) -> None:
    """Whatever became of a layer, and whether or not anything was written."""
    furnish(tmp_path)
    given = ["net", "in"] if verb == "apply" else ["net"]
    runs = (["-n", *given], [*given, "out"], ["-n", "-p", "*", "--skip-unfit", *given])
    documents = [parsed_json(run_here(tmp_path, verb, "--json", *run)[1]) for run in runs]
    assert len({tuple(each) for each in documents}) == 1
    assert len({tuple(layer) for each in documents for layer in each["layers"]}) == 1


# --- --check


@pytest.fixture
def place(tmp_path: Path) -> Path:
    furnish(tmp_path)
    assert run_here(tmp_path, "apply", "net", "in", "full")[0] == 0
    assert run_here(tmp_path, "patch-net", "net", "patched")[0] == 0
    (tmp_path / "there").write_bytes(b"precious")
    return tmp_path


CHECKS = (
    ("would create", "apply --check net in", 1),
    ("would change nothing", "apply --check net full", 0),
    ("would rewrite", "apply --check -p refine --any-gain net in", 1),
    ("another formula, the same kernel", "apply --check --formula caffe-1.0 net full", 0),
    ("leaves all as they are", "apply --check --fill missing net full", 0),
    ("creates none", "apply --check --no-create net in", 0),
    ("skips what does not fit", "apply --check -p refine --skip-unfit net in", 0),
    ("nothing matched, and may", "apply --check -p nothing --allow-empty net in", 0),
    ("nothing matched", "apply --check -p nothing net in", 3),
    ("does not fit", "apply --check -p refine net in", 3),
    ("no such file", "apply --check net nowhere", 4),
    ("an OUT that is there", "apply --check net in there", 1),
    ("an OUT that cannot be", "apply --check net in no/such/folder", 1),
    ("in place", "apply --check -i net in", 1),
    ("in place, nothing to do", "apply --check -i net full", 0),
    ("and -n", "apply --check -n net in", 1),
    ("and --force", "apply --check -f net in there", 1),
    ("an OUT that is IN", "apply --check -f net in in", 2),
    ("the net would change", "patch-net --check net", 1),
    ("the net is right", "patch-net --check patched", 0),
    ("in place, the net", "patch-net --check -i net", 1),
)


@pytest.mark.parametrize(
    ("line", "code"), [each[1:] for each in CHECKS], ids=[each[0] for each in CHECKS]
)
def test_check_tells_by_its_exit_code_and_writes_nothing(line: str, code: int, place: Path) -> None:
    def looked_at() -> dict[str, tuple[bytes, int, int]]:
        stats = {path: path.stat() for path in place.iterdir()}
        return {
            path.name: (path.read_bytes(), each.st_ino, each.st_mtime_ns)
            for path, each in stats.items()
        }

    before = looked_at()
    arguments = line.split()
    table, quiet, document, both = (
        run_here(place, *arguments, *more) for more in ([], ["-q"], ["--json"], ["-q", "--json"])
    )
    assert [each[0] for each in (table, quiet, document, both)] == [code] * 4
    assert looked_at() == before
    assert document == both
    assert document[2] == b""
    found = parsed_json(document[1])
    if code > 1:
        assert "error" in found
        assert table[1] == quiet[1] == b""
        assert table[2] == quiet[2] != b""
        return
    assert quiet[1:] == (b"", b"")
    assert table[1] != b""
    assert found["changed"] is (code == 1)
    assert (found["written"], found["output"]) == (False, None)
    # What a dry run says, to the byte.
    dry = run_here(place, *[each if each != "--check" else "-n" for each in arguments], "--json")
    assert dry == (0, *document[1:])
