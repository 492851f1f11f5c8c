"""Of the demo's pair nothing is worked out twice along one command, whoever asks for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import deconvsurgery as ds
from deconvsurgery.matching import compatibility, other_states, shared_blobs
from deconvsurgery.shapes import alignment, analysis, infer
from deconvsurgery.shapes.layers import windows
from deconvsurgery.storage import destination


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    place = tmp_path_factory.mktemp("demo") / "d"
    ds.demo(place)
    return place / "net.prototxt", place / "base.caffemodel"


def counted(
    monkeypatch: pytest.MonkeyPatch, *functions: tuple[Any, str]
) -> Counter[tuple[object, ...]]:
    """How often each function is called: by its name, and by the layer where it gets one."""
    found: Counter[tuple[object, ...]] = Counter()

    def counting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **options: Any) -> Any:
            first = args[0]
            found[name, first.name if isinstance(first, ds.Layer) else None] += 1
            return function(*args, **options)

        return called

    for module, name in functions:
        monkeypatch.setattr(module, name, counting(name, getattr(module, name)))
    return found


VERBS: dict[str, Callable[[Path, Path, Path], object]] = {
    "apply": lambda net, model, place: ds.apply(net, model, place / "out.caffemodel"),
    "check": lambda net, model, place: ds.check(net, model),
    "inspect": lambda net, model, place: ds.inspect(net, model, every_layer=True, pictures=True),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_state_is_analysed_once(
    verb: str, pair: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both phases have the same layers here, so that they are one state."""
    found = counted(
        monkeypatch,
        (infer, "_walk"),
        (infer, "_set_up"),
        (windows, "convolution_window"),
        (analysis, "placements"),
        (alignment, "layer_map"),
        (analysis, "unjoined"),
        (analysis, "uncertain_layers"),
        (compatibility, "_disagreements"),
        (other_states, "_unlike"),
        (shared_blobs, "_owners"),
    )
    VERBS[verb](*pair, tmp_path)
    net = ds.read_net(pair[0])
    slides = sum(layer.type in ("Convolution", "Deconvolution") for layer in net.layers)
    assert found["_walk", None] == 1
    assert found.pop(("convolution_window", None)) == slides
    assert set(found.values()) == {1}
    assert sum(name == "_set_up" for name, _ in found) == len(net.layers)


@pytest.mark.parametrize("patch", [None, "patch"])
def test_a_place_is_looked_up_and_checked_once(
    patch: str | None, pair: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file that `apply` writes; who writes it is given what was found."""
    found = counted(monkeypatch, (destination, "found_place"), (destination, "check_place"))
    save = patch and tmp_path / patch
    result = ds.apply(*pair, tmp_path / "out.caffemodel", save_patch=save)
    assert result.written
    assert set(found.values()) == {len(list(tmp_path.iterdir()))}
