"""Random nets that Caffe sets up, rich in layers with weights: what models are made for."""

from __future__ import annotations

from random import Random

from helpers.nets import TEST, TRAIN, data_layer, layer

_NAMES = ("conv1", "score", "upscore", "fc7", "a/b", "UP", "conv1_1", "Ä", "up score")


class _Net:
    """A net as it grows: its text, and the last blob with its shape."""

    def __init__(self, random: Random) -> None:
        self.random = random
        axes = random.choice((2, 2, 2, 2, 2, 1, 3))
        self.shape = [random.choice((1, 2)), random.choice((1, 2, 3, 4, 6))]
        self.shape += [random.choice((5, 6, 8)) for _ in range(axes)]
        self.text = data_layer(*self.shape)
        self.last = "data"
        self.names: list[str] = []
        self.shared: dict[tuple[int, ...], str] = {}

    def name(self) -> str:
        """A new name, or now and then one that is there already."""
        if self.names and self.random.random() < 0.05:
            return self.random.choice(self.names)
        free = [name for name in _NAMES if name not in self.names]
        self.names.append(free[self.random.randrange(len(free))] if free else f"l{len(self.names)}")
        return self.names[-1]

    def add(self, kind: str, param: str, more: str = "", *, in_place: bool = False) -> None:
        """A layer on the last blob."""
        top = self.last if in_place else f"t{self.text.count('layer {')}"
        self.text += layer(self.name(), kind, param, bottom=self.last, top=top, more=more)
        self.last = top


def weighted_net(random: Random) -> str:
    """A net of one to six layers."""
    net = _Net(random)
    for _ in range(random.randint(1, 6)):
        _LAYERS[random.choice([*_LAYERS])](net)
    return net.text


def _params(net: _Net, shape: tuple[int, ...], bias: bool) -> str:
    """Now and then weights that layers share by a param name, whose shapes are the same."""
    random = net.random
    if random.random() < 0.25:
        name = net.shared.setdefault(shape, f"w{len(net.shared)}")
        other = f' param {{ name: "{name}b" }}' if bias and random.random() < 0.4 else ""
        return f'param {{ name: "{name}" }}{other}'
    return ""


def _convolution(net: _Net, kind: str = "Convolution") -> None:
    random, channels, axes = net.random, net.shape[1], len(net.shape) - 2
    if axes < 1:
        _inner_product(net)
        return
    group = random.choice([each for each in (1, 2, 3, 6) if channels % each == 0])
    outputs = group * random.choice((1, 2, 3))
    if kind == "Deconvolution" and random.random() < 0.5:
        outputs, group = channels, random.choice((1, channels))
    kernel = [random.choice((1, 2, 3)) for _ in range(axes)]
    bias = random.random() < 0.6
    param = f"num_output: {outputs} " + ("" if bias else "bias_term: false ")
    param += f"group: {group} " if group > 1 else ""
    if axes == 2 and random.random() < 0.5:
        param += f"kernel_h: {kernel[0]} kernel_w: {kernel[1]}"
    else:
        param += " ".join(f"kernel_size: {size}" for size in kernel)
    one, two = (
        (outputs, channels // group) if kind == "Convolution" else (channels, outputs // group)
    )
    more = _params(net, (one, two, *kernel), bias)
    net.add(kind, f"convolution_param {{ {param} }}", more)
    sign = -1 if kind == "Convolution" else 1
    sizes = [size + sign * (step - 1) for size, step in zip(net.shape[2:], kernel, strict=True)]
    net.shape = [net.shape[0], outputs, *sizes]


def _deconvolution(net: _Net) -> None:
    _convolution(net, "Deconvolution")


def _inner_product(net: _Net) -> None:
    random = net.random
    outputs, bias = random.choice((1, 2, 4)), random.random() < 0.6
    transpose = random.random() < 0.3
    size = 1
    for length in net.shape[1:]:
        size *= length
    param = f"num_output: {outputs}" + ("" if bias else " bias_term: false")
    param += " transpose: true" if transpose else ""
    shape = (size, outputs) if transpose else (outputs, size)
    net.add("InnerProduct", f"inner_product_param {{ {param} }}", _params(net, shape, bias))
    net.shape = [net.shape[0], outputs]


def _batch_norm(net: _Net) -> None:
    net.add("BatchNorm", "", net.random.choice(("", "param { lr_mult: 0 } " * 3)), in_place=False)


def _scale(net: _Net) -> None:
    random = net.random
    kind = random.choice(("Scale", "Bias"))
    bias = " bias_term: true" if kind == "Scale" and random.random() < 0.5 else ""
    axis = random.choice((0, 1, 1, 1, -1))
    axes = random.choice((0, 1, 1, 1, -1))
    net.add(kind, f"{kind.lower()}_param {{ axis: {axis} num_axes: {axes}{bias} }}")


def _prelu(net: _Net) -> None:
    shared = net.random.choice(("true", "false"))
    net.add("PReLU", f"prelu_param {{ channel_shared: {shared} }}")


def _relu(net: _Net) -> None:
    net.add("ReLU", "", net.random.choice((TEST, TRAIN, "")), in_place=True)


def _dropout(net: _Net) -> None:
    net.add("Dropout", "", in_place=True)


def _embed(net: _Net) -> None:
    bias = "" if net.random.random() < 0.5 else "bias_term: false"
    net.add("Embed", f"embed_param {{ input_dim: 7 num_output: 3 {bias} }}")
    net.shape = [*net.shape, 3]


def _parameter(net: _Net) -> None:
    top = f"t{net.text.count('layer {')}"
    param = "parameter_param { shape { dim: 2 dim: 3 } }"
    net.text += layer(net.name(), "Parameter", param, bottom="", top=top)


_LAYERS = {
    "Convolution": _convolution,
    "Deconvolution": _deconvolution,
    "Deconvolution again": _deconvolution,
    "InnerProduct": _inner_product,
    "BatchNorm": _batch_norm,
    "Scale": _scale,
    "PReLU": _prelu,
    "ReLU": _relu,
    "Dropout": _dropout,
    "Embed": _embed,
    "Parameter": _parameter,
}
