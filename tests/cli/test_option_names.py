"""Parameters in sentences: below the command line none is an option; it makes options of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import deconvsurgery as ds
from deconvsurgery.cli.option_names import named_for
from deconvsurgery.program.option_names import spoken
from helpers.models import demo_base, demo_net
from helpers.runs import run_here

PACKAGE = Path(ds.__file__).parent
# The command line's own; what declares its options; arguments of repairs, which are commands;
# a file's keys by the options that they stand for; this program's own start.
OF_THE_COMMAND_LINE = ("cli", "report", "options", "rules")
OWN_WORDS = {
    "__main__.py": {"--version"},
    "__init__.py": {"-m"},  # Python has it
    "program/started_as.py": {"-m"},
    "inputs/settings_keys.py": None,  # a key by the option that it stands for
    "program/extras.py": {"--with", "--python", "-m"},  # pipx and uv have these
    "caffemodel/forms.py": {"--zstd", "-xf"},  # tar has these
    "inputs/baseline.py": {"--baseline", "--write-baseline"},  # a command that writes one
    "storage/output_place.py": {"-p"},  # mkdir has it
    "storage/os_error_text.py": {"-n", "-l", "-f"},  # ulimit, ls
}
OPTION = re.compile(r"(?<![\w-])(?:--[a-z][a-z-]+|-[a-z]{1,2}\b)(?![.\w])")


def strings(tree: ast.AST) -> Iterator[str]:
    """Every text of a module but its docstrings, those behind names among them."""
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node.value


def test_no_sentence_below_the_command_line_names_an_option() -> None:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        own = OWN_WORDS.get(name, set())
        if path.relative_to(PACKAGE).parts[0] in OF_THE_COMMAND_LINE or own is None:
            continue
        options = {
            option
            for text in strings(ast.parse(path.read_text()))
            for option in OPTION.findall(text)
        }
        if options - own:
            found[name] = options - own
    assert found == {}


def test_no_words_of_a_repair_name_an_option() -> None:
    """Arguments of commands stand alone; in a sentence a blank follows or goes before."""
    for path in sorted((PACKAGE / "rules").glob("*.py")):
        for text in strings(ast.parse(path.read_text())):
            assert " " not in text.strip() or not OPTION.search(text), (path, text)


@pytest.mark.parametrize(
    ("verb", "mark", "option"),
    [
        ("apply", "`force=True`", "--force"),
        ("apply", "`create=False`", "--no-create"),
        ("apply", '`fill="zero"`', "--fill zero"),
        ("apply", "`exclude=…`", "-x/--exclude"),
        ("apply", "`patterns='up2'`", "-p 'up2'"),
        ("apply", '`patterns="it\'s"`', '-p "it\'s"'),
        ("apply", "`output=…`", "OUT"),
        ("regroup", "`net_output=…`", "OUT_NET"),
        ("patch-net", "`group=False`", "--no-group"),
        ("patch-net", '`filler="keep"`', "--filler keep"),
        ("patch-net", "`output=…`", "OUT"),
        ("convert", "`upgrade=False`", "--keep-layers"),
        ("convert", "`net=…`", "--net"),
        ("sweep", "`net=…`", "--net"),
        ("sweep", "`results=FILE`", "--results FILE"),
        ("sweep", "`workers=…`", "--workers"),
        ("check", "`into=DIR`", "--fix-into DIR"),
        ("check", "`unsafe=True`", "--unsafe-fixes"),
        ("inspect", "`apply(zero_bias=True)`", "`apply --zero-bias`"),
        ("inspect", "`every_layer=True`", "--all"),
        ("apply", "`patch_net(no_bias=True)`", "`patch-net --no-bias`"),
        ("apply", "`fix()`", "`check --fix`"),
        ("revert", "`save_patch=…`", "--save-patch"),
        ("apply", "`ulimit -n`", "`ulimit -n`"),
        ("apply", "`convert`", "`convert`"),
        ("apply", "`nothing=True`", "`nothing=True`"),
        (None, "`force=True`", "--force"),
    ],
)
def test_a_parameter_becomes_its_option(verb: str | None, mark: str, option: str) -> None:
    assert spoken(mark) == mark
    with named_for(verb):
        assert spoken(f"a {mark} b") == f"a {option} b"
    assert spoken(mark) == mark


def marks() -> Iterator[tuple[str, str]]:
    """Every parameter that a sentence of the package names, as far as it is spelt out there."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.relative_to(PACKAGE).parts[0] in ("cli", "program"):
            continue
        for text in strings(ast.parse(path.read_text())):
            for mark in re.findall(r"`[a-z]\w*=[^`]*`|`[a-z]\w*\([^`]*\)`", text):
                yield path.name, mark


def test_every_parameter_that_is_named_has_an_option() -> None:
    found = sorted({*marks()})
    assert len(found) > 40
    with named_for(None):
        left = [(file, mark) for file, mark in found if "=" in spoken(mark).partition(" ")[0]]
    assert left == []


def test_the_same_is_said_in_both_ways(tmp_path: Path) -> None:
    (tmp_path / "net").write_bytes(demo_net())
    (tmp_path / "in").write_bytes(demo_base())
    net, model, there = (str(tmp_path / name) for name in ("net", "in", "there"))
    (tmp_path / "there").write_bytes(b"")
    with pytest.raises(ds.OutputError) as raised:
        ds.apply(net, model, there)
    assert raised.value.hint == "`force=True` replaces it"
    assert raised.value.__notes__ == ["hint: `force=True` replaces it"]
    code, _, shown = run_here(tmp_path, "apply", net, model, there)
    assert code == 2
    assert shown.decode() == f"error: {raised.value}\n  hint: --force replaces it\n"

    result = ds.apply(net, model, dry_run=True, fill="missing", create=False)
    assert {skip.reason for skip in result.plan.skips} == {
        "the model has no weights for it, and `create=False` is given"
    }
    for arguments in ((), ("--json",)):
        _, shown, _ = run_here(tmp_path, "apply", "-n", "--no-create", net, model, *arguments)
        assert b"--no-create is given" in shown
        assert b"create=False" not in shown


def test_a_function_that_is_no_command_names_the_options_of_others() -> None:
    with named_for("edit"):
        assert spoken("`force=True` replaces it") == "--force replaces it"


def test_what_stands_between_backquotes_alone_stays() -> None:
    with named_for("apply"):
        assert spoken("the layer `` has no name, `up` has") == "the layer `` has no name, `up` has"
