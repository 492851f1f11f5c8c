"""Shapes of tops and weights, type by type; the numbers are from Caffe's documentation of facts,
worked out by hand, not by the code under test."""

from __future__ import annotations

import re

import pytest

import deconvsurgery as ds
from deconvsurgery.caffe_fields import LAYER_TYPES
from deconvsurgery.shapes.analysis import Analysis
from deconvsurgery.shapes.geometry import Shape, Window, convolution_window
from deconvsurgery.shapes.infer import BVLC_TYPES, RULES, LayerShapes
from helpers.real_caffe import at_hand, real_caffe
from helpers.words import Words, numbers
from helpers.words import shapes as shapes_in

Shapes = list[Shape]
IMAGE = (1, 6, 5, 7)
OPEN = (None,) * 4


def inferred(
    text: str, source: dict[str, tuple[tuple[int, ...], ...]] | None = None
) -> dict[str, LayerShapes]:
    net = ds.parse_net(text.encode()).filtered(ds.NetState())
    shapes = Analysis(net, source).shapes_with_channels
    return {layer.name: shapes[layer.index] for layer in net.layers}


def alone(inputs: Shapes, body: str, tops: int = 1) -> LayerShapes:
    """One layer over inputs of these shapes; an unknown one comes from a Python layer."""
    return inferred(text_of(inputs, body, tops))["it"]


def text_of(inputs: Shapes, body: str, tops: int = 1) -> str:
    """The net of that layer."""
    text = ""
    for i, shape in enumerate(inputs):
        kind = "Python" if shape is None else "Input"
        dims = " ".join(f"dim: {dim}" for dim in shape or ())
        text += f'layer {{ name: "in{i}" type: "{kind}" top: "in{i}" '
        text += f"input_param {{ shape {{ {dims} }} }} }}\n"
    bottoms = " ".join(f'bottom: "in{i}"' for i in range(len(inputs)))
    names = " ".join(f'top: "top{i}"' for i in range(tops))
    return f'{text}layer {{ name: "it" {bottoms} {names} {body} }}'


def conv(body: str) -> str:
    return f'type: "Convolution" convolution_param {{ {body} }}'


def deconv(body: str) -> str:
    return f'type: "Deconvolution" convolution_param {{ {body} }}'


# inputs, layer, tops, weight blobs
CASES: list[tuple[Shapes, str, Shapes, Shapes | None]] = [
    # ── C = 6: group and num_output, as run in Caffe
    ([IMAGE], deconv("num_output: 4 kernel_size: 4"), [(1, 4, 8, 10)], [(6, 4, 4, 4), (4,)]),
    (
        [IMAGE],
        deconv("num_output: 4 group: 2 kernel_size: 4"),
        [(1, 4, 8, 10)],
        [(6, 2, 4, 4), (4,)],
    ),
    (
        [IMAGE],
        deconv("num_output: 6 group: 6 kernel_size: 4"),
        [(1, 6, 8, 10)],
        [(6, 1, 4, 4), (6,)],
    ),
    (
        [IMAGE],
        deconv("num_output: 12 group: 6 kernel_size: 4"),
        [(1, 12, 8, 10)],
        [(6, 2, 4, 4), (12,)],
    ),
    (
        [IMAGE],
        deconv("num_output: 6 group: 3 kernel_size: 4"),
        [(1, 6, 8, 10)],
        [(6, 2, 4, 4), (6,)],
    ),
    (
        [IMAGE],
        conv("num_output: 12 group: 6 kernel_size: 3"),
        [(1, 12, 3, 5)],
        [(12, 1, 3, 3), (12,)],
    ),
    # ── the channel axis elsewhere
    (
        [IMAGE],
        deconv("num_output: 2 axis: 2 kernel_size: 3 bias_term: false"),
        [(1, 6, 2, 9)],
        [(5, 2, 3)],
    ),
    (
        [IMAGE],
        deconv("num_output: 2 axis: -2 kernel_size: 3 bias_term: false"),
        [(1, 6, 2, 9)],
        [(5, 2, 3)],
    ),
    ([IMAGE], deconv("num_output: 4 axis: 3 kernel_size: 1"), [(1, 6, 5, 4)], [(7, 4), (4,)]),
    ([IMAGE], conv("num_output: 4 axis: 3"), [(1, 6, 5, 4)], [(4, 7), (4,)]),
    (
        [IMAGE],
        deconv("num_output: 2 axis: 0 kernel_size: 3"),
        [(2, 8, 7, 9)],
        [(1, 2, 3, 3, 3), (2,)],
    ),
    (
        [(1, 2, 4, 5, 6)],
        deconv("num_output: 3 kernel_size: 1 kernel_size: 2 kernel_size: 3"),
        [(1, 3, 4, 6, 8)],
        [(2, 3, 1, 2, 3), (3,)],
    ),
    # ── windows
    (
        [(1, 3, 5, 6)],
        deconv("num_output: 3 kernel_h: 4 kernel_w: 6 stride_h: 2 stride_w: 3 pad_h: 1 pad_w: 1"),
        [(1, 3, 10, 19)],
        [(3, 3, 4, 6), (3,)],
    ),
    (
        [(1, 3, 5, 6)],
        deconv("num_output: 3 kernel_size: 4 stride: 2 pad: 1 dilation: 2"),
        [(1, 3, 13, 15)],
        [(3, 3, 4, 4), (3,)],
    ),
    # A dilation of 0 is not checked: all taps lie on one place.
    (
        [(1, 3, 5, 6)],
        deconv("num_output: 3 kernel_size: 4 stride: 2 dilation: 0"),
        [(1, 3, 9, 11)],
        [(3, 3, 4, 4), (3,)],
    ),
    (
        [(1, 2, 5, 6)],
        'type: "Im2col" convolution_param { kernel_size: 2 dilation: 1 dilation: 0 }',
        [(1, 8, 4, 6)],
        [],
    ),
    (
        [(1, 1, 7, 8)],
        conv("num_output: 1 kernel_size: 3 dilation: 2"),
        [(1, 1, 3, 4)],
        [(1, 1, 3, 3), (1,)],
    ),
    # C++ truncates: (3 - 4) / 2 = 0, where Python's // gives -1
    (
        [(1, 1, 3, 3)],
        conv("num_output: 1 kernel_size: 4 stride: 2"),
        [(1, 1, 1, 1)],
        [(1, 1, 4, 4), (1,)],
    ),
    (
        [(1, 1, 3, 3)],
        conv("num_output: 1 kernel_size: 6 stride: 2 bias_term: false"),
        [(1, 1, 0, 0)],
        [(1, 1, 6, 6)],
    ),
    (
        [(1, 1, 1, 1)],
        deconv("num_output: 1 kernel_size: 2 pad: 1 bias_term: false"),
        [(1, 1, 0, 0)],
        [(1, 1, 2, 2)],
    ),
    (
        [(1, 2, 5, 5), (1, 2, 5, 5)],
        deconv("num_output: 3 kernel_size: 2 stride: 2"),
        [(1, 3, 10, 10)] * 2,
        [(2, 3, 2, 2), (3,)],
    ),
    (
        [(1, 2, 7, 7)],
        'type: "Im2col" convolution_param { kernel_size: 3 stride: 2 }',
        [(1, 18, 3, 3)],
        [],
    ),
    # ── nothing known of the input
    # … not even how many axes it has, which no field says either
    ([None], deconv("num_output: 21 kernel_size: 4"), [None], [None, (21,)]),
    ([None], conv("num_output: 8 kernel_size: 3 bias_term: false"), [None], [None]),
    ([None], conv("num_output: 8"), [None], [None, (8,)]),
    ([None], deconv("num_output: 4 axis: 2 kernel_size: 3"), [None], [None, (4,)]),
    ([None], 'type: "Im2col" convolution_param { kernel_size: 3 }', [None], []),
    # … or a field does
    (
        [None],
        deconv("num_output: 21 kernel_h: 4 kernel_w: 4"),
        [(None, 21, None, None)],
        [(None, 21, 4, 4), (21,)],
    ),
    (
        [None],
        conv("num_output: 8 kernel_size: 3 kernel_size: 3"),
        [(None, 8, None, None)],
        [(8, None, 3, 3), (8,)],
    ),
    (
        [None],
        deconv("num_output: 4 kernel_size: 2 kernel_size: 3 kernel_size: 4"),
        [(None, 4, None, None, None)],
        [(None, 4, 2, 3, 4), (4,)],
    ),
    (
        [None],
        deconv("num_output: 4 axis: 2 kernel_size: 3 stride: 1 stride: 1"),
        [(None, None, 4, None, None)],
        [(None, 4, 3, 3), (4,)],
    ),
    ([None], conv("num_output: 4 axis: -2 kernel_size: 3"), [None], [(4, None, 3), (4,)]),
    # ── pooling rounds up, and clips once a pad is given
    (
        [(1, 3, 5, 7)],
        'type: "Pooling" pooling_param { kernel_size: 2 stride: 2 }',
        [(1, 3, 3, 4)],
        [],
    ),
    (
        [(1, 3, 5, 7)],
        'type: "Pooling" pooling_param { kernel_size: 2 stride: 2 round_mode: FLOOR }',
        [(1, 3, 2, 3)],
        [],
    ),
    (
        [(1, 3, 5, 7)],
        'type: "Pooling" pooling_param { kernel_size: 2 stride: 2 ceil_mode: false }',
        [(1, 3, 2, 3)],
        [],
    ),
    (
        [(1, 3, 5, 7)],
        'type: "Pooling" pooling_param { kernel_size: 2 stride: 2 ceil_mode: true }',
        [(1, 3, 3, 4)] * 2,
        [],
    ),
    (
        [(1, 3, 3, 3)],
        'type: "Pooling" pooling_param { kernel_size: 2 stride: 2 pad: 1 }',
        [(1, 3, 2, 2)],
        [],
    ),
    (  # w has no pad of its own and is clipped all the same
        [(1, 3, 3, 2)],
        'type: "Pooling" pooling_param { kernel_h: 2 kernel_w: 1 stride: 2 pad_h: 1 pad_w: 0 }',
        [(1, 3, 2, 1)],
        [],
    ),
    (
        [(1, 3, 3, 2)],
        'type: "Pooling" pooling_param { kernel_h: 2 kernel_w: 1 stride: 2 }',
        [(1, 3, 2, 2)],
        [],
    ),
    (
        [IMAGE],
        conv("num_output: 4 kernel_size: 3 pad_l: 1"),
        [(1, 4, None, None)],
        [(4, 6, 3, 3), (4,)],
    ),
    ([(1, 3, 5, 7)], 'type: "Pooling" pooling_param { global_pooling: true }', [(1, 3, 1, 1)], []),
    ([None], 'type: "Pooling" pooling_param { kernel_size: 2 }', [(None,) * 4], []),
    (
        [(1, 3, 5, 7)],
        'type: "Pooling" pooling_param { kernel_size: 3 stride: 2 pad_l: 1 pad_r: 1 }',
        [(1, 3, None, None)],
        [],
    ),
    # ── BVLC's opencl branch: a value for each axis, any number of axes, dilation
    (
        [(1, 3, 16, 16)],
        'type: "Pooling" pooling_param { kernel_size: 2 kernel_size: 2 stride: 2 stride: 2 }',
        [(1, 3, 8, 8)],
        [],
    ),
    (
        [(1, 3, 16, 9)],
        'type: "Pooling" pooling_param { kernel_size: [3, 2] stride: [2, 3] pad: [1, 0] }',
        [(1, 3, 9, None)],
        [],
    ),
    (
        [(1, 3, 16, 10)],
        'type: "Pooling" pooling_param { kernel_size: [3, 2] stride: [2, 3] pad: [1, 0] }',
        [(1, 3, 9, 4)],
        [],
    ),
    (
        [(1, 3, 9, 9, 9)],
        'type: "Pooling" pooling_param { kernel_size: [1, 2, 3] stride: 2 }',
        [(1, 3, 5, 5, 4)] * 2,
        [],
    ),
    (
        [(2, 3, 4, 9, 9)],
        'type: "Pooling" pooling_param { kernel_size: 2 stride: 1 dilation: 2 axis: 1 }',
        [(2, 3, 2, 7, 7)],
        [],
    ),
    (
        [(1, 3, 9, 9)],
        'type: "Pooling" pooling_param { kernel_size: 2 axis: 2 }',
        [(1, 3, 9, 8)],
        [],
    ),
    (
        [(1, 3, 4, 9, 9)],
        'type: "Pooling" pooling_param { global_pooling: true dilation: 1 }',
        [(1, 3, 1, 1, 1)],
        [],
    ),
    (
        [None],
        'type: "Pooling" pooling_param { kernel_size: 2 stride: 1 stride: 2 stride: 2 }',
        [(None,) * 5],
        [],
    ),
    (  # Intel's, whose sizes are left open
        [(1, 3, 9, 9, 9)],
        'type: "Pooling" pooling_param { kernel_size_3d: [2, 2, 2] }',
        [(1, 3, None, None, None)],
        [],
    ),
    ([(1, 3, 8, 8)], 'type: "SPP" spp_param { pyramid_height: 3 }', [(1, 63)], []),
    ([(1, 3, 8, 8)], 'type: "SPP" spp_param { pyramid_height: 1 }', [(1, 3, 1, 1)], []),
    # ── several bottoms or tops
    ([(1, 4, 8, 8), (1, 2, 6, 5)], 'type: "Crop"', [(1, 4, 6, 5)], []),
    ([(1, 4, 8, 8), (1, 2, 6, 5)], 'type: "AutoCrop"', [(1, 4, 6, 5)], []),
    # The other bottom tells how many axes there are.
    ([None, (1, 2, 6, 5)], 'type: "Crop" crop_param { axis: -1 }', [(None, None, None, 5)], []),
    ([None, None], 'type: "Crop" crop_param { axis: -1 }', [None], []),
    # Axes that the first lacks are of no account, nor is anything ahead of the axis.
    ([(1, 4, 8, 8), (3, 2, 6, 5, 9)], 'type: "Crop"', [(1, 4, 6, 5)], []),
    ([(5,), (4, 1)], 'type: "Crop" crop_param { axis: -1 }', [(4,)], []),
    (
        [(1, 4, 8, 8), (1, 2, 6, 5)],
        'type: "Crop" crop_param { axis: 1 offset: 1 }',
        [(1, 2, 6, 5)],
        [],
    ),
    (
        [(1, 4, 8, 8), (1, 2, 6, 5)],
        'type: "Crop" crop_param { axis: -1 offset: 3 }',
        [(1, 4, 8, 5)],
        [],
    ),
    (
        [(1, 4, 8, 8), (1, 2, 6, 5)],
        'type: "Crop" crop_param { axis: 2 offset: 2 offset: 3 }',
        [(1, 4, 6, 5)],
        [],
    ),
    ([(1, 4, 8, 8), None], 'type: "Crop"', [(1, 4, None, None)], []),
    ([None, (1, 4, 8, 8)], 'type: "Crop"', [(None, None, 8, 8)], []),
    ([None, (1, 4, 8, 8)], 'type: "Crop" crop_param { axis: 1 }', [(None, 4, 8, 8)], []),
    ([(1, 4, 8, 8), (1, 4, 8, 8)], 'type: "Eltwise"', [(1, 4, 8, 8)], []),
    ([None, (1, 4, 8, 8)], 'type: "Eltwise"', [(1, 4, 8, 8)], []),
    ([(1, 4, 8, 8), (1, 2, 8, 8)], 'type: "Concat"', [(1, 6, 8, 8)], []),
    ([(1, 4, 8, 8), (1, 4, 3, 8)], 'type: "Concat" concat_param { axis: -2 }', [(1, 4, 11, 8)], []),
    (
        [(1, 4, 8, 8), (2, 4, 8, 8)],
        'type: "Concat" concat_param { concat_dim: 0 }',
        [(3, 4, 8, 8)],
        [],
    ),
    ([(1, 4, 8, 8), None], 'type: "Concat"', [(1, None, 8, 8)], []),
    ([(1, 6, 8, 8)], 'type: "Slice"', [(1, 2, 8, 8)] * 3, []),
    (
        [(1, 6, 8, 8)],
        'type: "Slice" slice_param { slice_point: 1 slice_point: 3 }',
        [(1, 1, 8, 8), (1, 2, 8, 8), (1, 3, 8, 8)],
        [],
    ),
    ([(6, 5, 8, 8)], 'type: "Slice" slice_param { slice_dim: 0 }', [(3, 5, 8, 8)] * 2, []),
    ([(1, 6, 8, 8)], 'type: "Split"', [(1, 6, 8, 8)] * 3, []),
    ([(5, 6, 8, 8), (3,)], 'type: "BatchReindex"', [(3, 6, 8, 8)], []),
    ([(5, 6, 8, 8), (5, 2), (5,)], 'type: "Filter"', [(5, 6, 8, 8), (5, 2)], []),
    # ── the shape itself
    (
        [(2, 3, 4, 5)],
        'type: "InnerProduct" inner_product_param { num_output: 7 }',
        [(2, 7)],
        [(7, 60), (7,)],
    ),
    (
        [(2, 3, 4, 5)],
        'type: "InnerProduct" inner_product_param { num_output: 7 axis: 2 bias_term: false }',
        [(2, 3, 7)],
        [(7, 20)],
    ),
    (
        [None],
        'type: "InnerProduct" inner_product_param { num_output: 7 axis: -1 }',
        [None],
        [(7, None), (7,)],
    ),
    (
        [(2, 3, 4, 5)],
        'type: "InnerProduct" inner_product_param { num_output: 7 transpose: true axis: -1 }',
        [(2, 3, 4, 7)],
        [(5, 7), (7,)],
    ),
    (
        [None],
        'type: "InnerProduct" inner_product_param { num_output: 7 }',
        [(None, 7)],
        [(7, None), (7,)],
    ),
    (
        [(2, 9)],
        'type: "Embed" embed_param { num_output: 4 input_dim: 100 }',
        [(2, 9, 4)],
        [(100, 4), (4,)],
    ),
    (
        [(2, 8)],
        'type: "Reshape" reshape_param { shape { dim: 0 dim: -1 dim: 2 dim: 2 } }',
        [(2, 2, 2, 2)],
        [],
    ),
    (
        [(2, 3, 4)],
        'type: "Reshape" reshape_param { axis: 1 num_axes: 1 shape { dim: 3 dim: 1 } }',
        [(2, 3, 1, 4)],
        [],
    ),
    (
        [(2, 3, 4)],
        'type: "Reshape" reshape_param { axis: -1 num_axes: 0 shape { dim: 1 } }',
        [(2, 3, 4, 1)],
        [],
    ),
    ([(2, 3, 4)], 'type: "Reshape" reshape_param { shape { dim: -1 } }', [(24,)], []),
    ([(1, 2, 3)], 'type: "Reshape" reshape_param { shape {} axis: 0 num_axes: 1 }', [(2, 3)], []),
    (
        [None],
        'type: "Reshape" reshape_param { shape { dim: 0 dim: -1 dim: 2 dim: 2 } }',
        [(None, None, 2, 2)],
        [],
    ),
    ([None], 'type: "Reshape" reshape_param { axis: 1 shape { dim: 2 } }', [None], []),
    # A dim copied from behind the replaced part is there twice: 6 * 3 * 2 = 2 * 3 * (3 * 2).
    (
        [(6, 3, 2)],
        'type: "Reshape" reshape_param { num_axes: 1 shape { dim: -1 dim: 0 } }',
        [(2, 3, 3, 2)],
        [],
    ),
    # A fork's older message: num, channels, height, width.
    ([(2, 3, 4)], 'type: "Reshape" reshape_param { num: 0 channels: -1 }', [None], []),
    ([(2, 3, 4, 5)], 'type: "Flatten"', [(2, 60)], []),
    ([(2, 3, 4, 5)], 'type: "Flatten" flatten_param { axis: 1 end_axis: 2 }', [(2, 12, 5)], []),
    # An end right before the axis merges none: 1.
    ([(2, 3, 4)], 'type: "Flatten" flatten_param { axis: 2 end_axis: 1 }', [(2, 3, 1, 4)], []),
    ([(2, 3, 4)], 'type: "Flatten" flatten_param { axis: 1 end_axis: -3 }', [(2, 1, 3, 4)], []),
    # MVN makes images of what has less than four axes.
    ([(2, 3)], 'type: "MVN"', [(2, 3, 1, 1)], []),
    ([(2, 3, 4)], 'type: "MVN" mvn_param { across_channels: true }', [(2, 3, 4, 1)], []),
    ([None], 'type: "MVN"', [(None,) * 4], []),
    ([None], 'type: "LRN"', [(None,) * 4], []),
    ([None], 'type: "Flatten"', [(None, None)], []),
    ([None], 'type: "Tile" tile_param { tiles: 5 }', [None], []),
    ([(2, 3, 4)], 'type: "Tile" tile_param { tiles: 5 }', [(2, 15, 4)], []),
    ([(2, 3, 4)], 'type: "Tile" tile_param { tiles: 5 axis: -1 }', [(2, 3, 20)], []),
    ([(3,)], 'type: "Tile" tile_param { tiles: 5 axis: 0 }', [(15,)], []),
    ([(2, 3, 4)], 'type: "Reduction"', [()], []),
    ([(2, 3, 4)], 'type: "Reduction" reduction_param { axis: 2 }', [(2, 3)], []),
    ([(2, 3, 4, 5)], 'type: "ArgMax" argmax_param { axis: 1 top_k: 2 }', [(2, 2, 4, 5)], []),
    ([(2, 3, 4, 5)], 'type: "ArgMax" argmax_param { top_k: 3 }', [(2, 1, 3, 1)], []),
    ([(2, 9)], 'type: "ArgMax" argmax_param { out_max_val: true }', [(2, 2, 1)], []),
    # ── weights along the channels
    ([(2, 3, 4, 5)], 'type: "BatchNorm"', [(2, 3, 4, 5)], [(3,), (3,), (1,)]),
    (
        [(2, 3, 4, 5)],
        'type: "BatchNorm" batch_norm_param { scale_bias: true }',
        [(2, 3, 4, 5)],
        [(3,), (3,), (1,), (3,), (3,)],
    ),
    ([(2, 3, 4, 5)], 'type: "PReLU"', [(2, 3, 4, 5)], [(3,)]),
    ([(2, 3, 4, 5)], 'type: "PReLU" prelu_param { channel_shared: true }', [(2, 3, 4, 5)], [()]),
    ([(2, 3, 4, 5)], 'type: "Scale"', [(2, 3, 4, 5)], [(3,)]),
    ([(2, 3, 4, 5)], 'type: "Scale" scale_param { bias_term: true }', [(2, 3, 4, 5)], [(3,), (3,)]),
    ([(2, 3, 4, 5)], 'type: "Scale" scale_param { num_axes: -1 }', [(2, 3, 4, 5)], [(3, 4, 5)]),
    ([(2, 3, 4, 5)], 'type: "Scale" scale_param { num_axes: 0 }', [(2, 3, 4, 5)], [()]),
    ([(2, 3, 4, 5), (3,)], 'type: "Scale"', [(2, 3, 4, 5)], []),
    (
        [(2, 3, 4, 5), (3, 4)],
        'type: "Scale" scale_param { bias_term: true }',
        [(2, 3, 4, 5)],
        [(3, 4)],
    ),
    ([None], 'type: "Scale"', [None], [(None,)]),
    ([(2, 3, 4, 5)], 'type: "Bias" bias_param { axis: 2 num_axes: 2 }', [(2, 3, 4, 5)], [(4, 5)]),
    ([(2, 3, 4, 5), (3,)], 'type: "Bias"', [(2, 3, 4, 5)], []),
    # ── recurrent: T = 5, N = 2, D = 12, h = 7
    (
        [(5, 2, 3, 4), (5, 2)],
        'type: "LSTM" recurrent_param { num_output: 7 }',
        [(5, 2, 7)],
        [(28, 12), (28,), (28, 7)],
    ),
    (
        [(5, 2, 3, 4), (5, 2), (2, 6)],
        'type: "LSTM" recurrent_param { num_output: 7 }',
        [(5, 2, 7)],
        [(28, 12), (28,), (28, 6), (28, 7)],
    ),
    (
        [(5, 2, 12), (5, 2), (1, 2, 7), (1, 2, 7)],
        'type: "LSTM" recurrent_param { num_output: 7 expose_hidden: true }',
        [(5, 2, 7), (1, 2, 7), (1, 2, 7)],
        [(28, 12), (28,), (28, 7)],
    ),
    (
        [(5, 2, 12), (5, 2), (2, 6)],
        'type: "RNN" recurrent_param { num_output: 7 }',
        [(5, 2, 7)],
        [(7, 12), (7,), (7, 6), (7, 7), (7, 7), (7,)],
    ),
    ([(1, 2, 7), (1, 2, 28), (1, 2)], 'type: "LSTMUnit"', [(1, 2, 7)] * 2, []),
    # ── losses
    ([(2, 3, 4, 5), (2, 4, 5)], 'type: "SoftmaxWithLoss"', [(), (2, 3, 4, 5)], []),
    ([(2, 3), (2,), (3, 3)], 'type: "InfogainLoss"', [(), (2, 3)], []),
    ([(2, 3), (2, 3)], 'type: "EuclideanLoss"', [()], []),
    ([(2, 3, 4, 5), (2, 4, 5)], 'type: "Accuracy"', [(), (3,)], []),
    ([(2, 3, 4, 5)], 'type: "Silence"', [], []),
    # ── forks
    ([(1, 3, 33, 65)], 'type: "Interp" interp_param { zoom_factor: 8 }', [(1, 3, 257, 513)], []),
    ([(1, 3, 33, 65)], 'type: "Interp" interp_param { shrink_factor: 2 }', [(1, 3, 17, 33)], []),
    (
        [(1, 3, 33, 65)],
        'type: "Interp" interp_param { shrink_factor: 2 zoom_factor: 2 }',
        [(1, 3, 33, 65)],
        [],
    ),
    ([(1, 3, 33, 65)], 'type: "Interp" interp_param { height: 4 width: 5 }', [(1, 3, 4, 5)], []),
    (  # exactly one of shrink and zoom goes before height and width
        [(1, 3, 33, 65)],
        'type: "Interp" interp_param { height: 4 width: 5 zoom_factor: 2 }',
        [(1, 3, 65, 129)],
        [],
    ),
    (
        [(1, 3, 33, 65)],
        'type: "Interp" interp_param { pad_beg: 0 pad_end: -1 zoom_factor: 1 }',
        [(1, 3, 32, 64)],
        [],
    ),
    ([None], 'type: "Interp" interp_param { zoom_factor: 8 }', [(None,) * 4], []),
    ([(1, 3, 5, 6)], 'type: "Upsample" upsample_param { scale: 3 }', [(1, 3, 15, 18)], []),
    # … of other than images a fork knows; how many axes there are is not lost
    ([(1, 3, 4, 5, 6)], 'type: "Upsample" upsample_param { scale: 3 }', [(1, 3, *OPEN[:3])], []),
    ([(1, 3, 4, 5, 6)], 'type: "Interp" interp_param { zoom_factor: 2 }', [(1, 3, *OPEN[:3])], []),
    (
        [(1, 3, 5, 6), (1, 3, 5, 6)],
        'type: "Upsample" upsample_param { pad_out_h: true }',
        [(1, 3, 9, 12)],
        [],
    ),
    (
        [(1, 3, 5, 6), (1, 3, 5, 6)],
        'type: "Upsample" upsample_param { upsample_h: 9 upsample_w: 11 }',
        [(1, 3, 9, 11)],
        [],
    ),
    (
        [(1, 3, 5, 6)],
        'type: "UnPooling" unpooling_param { out_kernel_size: 3 out_stride: 2 out_pad: 1 }',
        [(1, 3, 9, 11)],
        [],
    ),
    (
        [(1, 3, 5, 6), (1, 1, 20, 30)],
        'type: "UnPooling" unpooling_param { out_kernel_size: 3 }',
        [(1, 3, 20, 30)],
        [],
    ),
    (
        [(1, 3, 7, 7), (1, 3, 7, 7)],
        'type: "UnPooling" unpooling_param { kernel_size: 2 stride: 2 unpool_size: 14 }',
        [(1, 3, 14, 14)],
        [],
    ),
    (
        [(1, 3, 5, 6)],
        'type: "BN" bn_param { bn_mode: INFERENCE }',
        [(1, 3, 5, 6)],
        [(1, 3, 1, 1)] * 2,
    ),
    ([(1, 3, 5, 6)], 'type: "BN" bn_param { frozen: true }', [(1, 3, 5, 6)], [(1, 3, 1, 1)] * 4),
    ([(1, 3, 5, 6)], 'type: "BN" param {} param {}', [(1, 3, 5, 6)], [(1, 3, 1, 1)] * 2),
    ([(1, 3, 5, 6)], 'type: "BN"', [(1, 3, 5, 6)], None),
    (  # ParseNet's, however many params it has
        [(1, 3, 5, 6)],
        'type: "BN" param {} param {} bn_param { moving_average: false }',
        [(1, 3, 5, 6)],
        None,
    ),
    ([(1, 3, 5, 6)], 'type: "Normalize"', [(1, 3, 5, 6)], [()]),
    (
        [(1, 3, 5, 6)],
        'type: "Normalize" norm_param { channel_shared: false }',
        [(1, 3, 5, 6)],
        [(3,)],
    ),
    (
        [(1, 2, 3, 4)],
        'type: "Permute" permute_param { order: 0 order: 2 order: 3 order: 1 }',
        [(1, 3, 4, 2)],
        [],
    ),
    ([(1, 2, 3, 4)], 'type: "Permute" permute_param { order: 3 }', [(4, 1, 2, 3)], []),
    (
        [(1, 3, 5, 6)],
        'type: "Resample" resample_param { height: 10 width: 20 }',
        [(1, 3, 10, 20)],
        [],
    ),
    ([(1, 3, 5, 6), (1, 2, 50, 60)], 'type: "Resample"', [(1, 3, 50, 60)], []),
    (
        [(1, 3, 50, 60)],
        'type: "Downsample" downsample_param { top_height: 5 top_width: 6 }',
        [(1, 3, 5, 6)],
        [],
    ),
    (
        [(1, 256, 48, 64)] * 2,
        'type: "Correlation" correlation_param { pad: 20 kernel_size: 1 max_displacement: 20 '
        "stride_1: 1 stride_2: 2 }",
        [(1, 441, 48, 64)],
        [],
    ),
    (
        [(1, 8, 48, 47)] * 2,
        'type: "Correlation" correlation_param { pad: 4 kernel_size: 3 max_displacement: 4 '
        "stride_1: 2 stride_2: 2 }",
        [(1, 25, 23, 23)],
        [],
    ),
    (
        [(1, 512, 30, 40), (300, 5)],
        'type: "ROIPooling" roi_pooling_param { pooled_h: 7 pooled_w: 6 }',
        [(300, 512, 7, 6)],
        [],
    ),
    (
        [(1, 1029, 30, 40), (300, 5)],
        'type: "PSROIPooling" psroi_pooling_param { output_dim: 21 group_size: 7 }',
        [(300, 21, 7, 7)],
        [],
    ),
    ([(1, 64, 26, 26)], 'type: "Reorg" reorg_param { stride: 2 }', [(1, 256, 13, 13)], []),
    # ── over volumes: video-caffe, C3D 1.0
    (
        [(1, 3, 16, 16, 16)],
        'type: "NdConvolution" convolution_param { num_output: 4 kernel_shape { dim: 3 dim: 5 '
        "dim: 5 } stride_shape { dim: 1 dim: 2 dim: 2 } pad_shape { dim: 1 dim: 2 dim: 2 } }",
        [(1, 4, 16, 8, 8)],
        [(4, 3, 3, 5, 5), (4,)],
    ),
    (
        [None],
        'type: "NdConvolution" convolution_param { num_output: 4 bias_term: false '
        "kernel_shape { dim: [3, 3, 3] } }",
        [(None, 4, None, None, None)],
        [(4, None, 3, 3, 3)],
    ),
    (
        [(1, 3, 9, 9, 9)],
        'type: "NdConvolution" convolution_param { num_output: 4 }',
        [(None,) * 5],
        None,
    ),
    (
        [(1, 4, 16, 8, 8)],
        'type: "NdPooling" pooling_param { kernel_shape { dim: 1 dim: 2 dim: 2 } }',
        [(1, 4, None, None, None)],
        [],
    ),
    ([None], 'type: "NdPooling"', [None], []),
    (
        [(1, 3, 16, 112, 112)],
        'type: "CONVOLUTION3D" convolution_param { num_output: 64 kernel_size: 3 kernel_depth: 5 '
        "stride: 2 temporal_stride: 3 pad: 1 temporal_pad: 2 }",
        [(1, 64, 6, 56, 56)],
        [(64, 3, 5, 3, 3), (64,)],
    ),
    (
        [None],
        'type: "CONVOLUTION3D" convolution_param { num_output: 4 kernel_size: 3 kernel_depth: 1 }',
        [(None, 4, None, None, None)],
        [(4, None, 1, 3, 3), (4,)],
    ),
    (  # what its groups make of the weights is not known
        [(1, 3, 16, 16, 16)],
        'type: "CONVOLUTION3D" convolution_param { num_output: 4 kernel_size: 3 kernel_depth: 3 '
        "filter_group: 2 }",
        [(1, 4, None, None, None)],
        None,
    ),
    (
        [(1, 512, 2, 7, 7)],
        'type: "POOLING3D" pooling_param { pool: MAX kernel_size: 2 kernel_depth: 2 stride: 2 '
        "temporal_stride: 2 }",
        [(1, 512, 1, 4, 4)],
        [],
    ),
    (
        [(1, 8, 2, 7, 7)],
        'type: "POOLING3D" pooling_param { kernel_size: 2 kernel_depth: 1 pad: 1 }',
        [(1, 8, None, None, None)],
        [],
    ),
    (
        [(1, 8, 2, 7)],
        'type: "POOLING3D" pooling_param { kernel_size: 2 kernel_depth: 1 }',
        [(None,) * 5],
        [],
    ),
    (
        [(1, 8, 2, 7, 7)],
        'type: "DECONVOLUTION3D" convolution_param { num_output: 4 kernel_size: 4 }',
        [(1, 4, None, None, None)],
        None,
    ),
    # ── no bottom
    ([], 'type: "Input" input_param { shape { dim: 1 dim: 2 } }', [(1, 2)] * 2, []),
    (
        [],
        'type: "Input" input_param { shape { dim: 1 } shape { dim: 2 dim: 3 } }',
        [(1,), (2, 3)],
        [],
    ),
    ([], 'type: "Input"', [()], []),
    ([], 'type: "DummyData" dummy_data_param { shape { dim: 1 dim: 2 } }', [(1, 2)], []),
    (
        [],
        'type: "DummyData" dummy_data_param { num: 2 channels: 3 channels: 1 height: 4 width: 5 }',
        [(2, 3, 4, 5), (2, 1, 4, 5)],
        [],
    ),
    (
        [],
        'type: "MemoryData" memory_data_param { batch_size: 2 channels: 3 height: 4 width: 5 }',
        [(2, 3, 4, 5), (2,)],
        [],
    ),
    (  # BVLC's opencl branch
        [],
        'type: "MemoryData" memory_data_param { dim: 2 dim: 3 dim: 4 dim: 5 dim: 6 }',
        [(2, 3, 4, 5, 6), (2,)],
        [],
    ),
    ([], 'type: "MemoryData" memory_data_param { dim: [2, 3] }', [(2, 3), (2,)], []),
    ([], 'type: "Data"', [(None,) * 4, (None,)], []),
    (
        [],
        'type: "Data" data_param { batch_size: 4 } transform_param { crop_size: 227 '
        "force_color: true }",
        [(4, 3, 227, 227), (4,)],
        [],
    ),
    ([], 'type: "ImageData" image_data_param { batch_size: 4 }', [(4, 3, None, None), (4,)], []),
    (
        [],
        'type: "ImageData" image_data_param { new_height: 5 new_width: 6 is_color: false }',
        [(1, 1, 5, 6)],
        [],
    ),
    (
        [],
        'type: "WindowData" window_data_param { batch_size: 4 } transform_param { crop_size: 9 }',
        [(4, 3, 9, 9)],
        [],
    ),
    ([], 'type: "HDF5Data"', [None, None], []),
    ([], 'type: "Python"', [None], None),
    ([], 'type: "Parameter" parameter_param { shape { dim: 3 dim: 4 } }', [(3, 4)], [(3, 4)]),
    ([], 'type: "DenseImageData"', [(None,) * 4, None], []),
    # ── a type nobody knows
    ([(1, 2, 3, 4)], 'type: "MultiStageMeanfield"', [OPEN], None),
    ([(1, 2, 3, 4, 5)], 'type: "MultiStageMeanfield"', [(None,) * 5] * 2, None),
    ([None], 'type: "MultiStageMeanfield"', [None], None),
]


def test_what_is_unknown_stays_so_behind_a_reshape() -> None:
    """Sizes are not known, their product is not; channels are."""
    shapes = inferred(
        'layer { name: "in" type: "Python" top: "in" }\n'
        f'layer {{ name: "c" bottom: "in" top: "c" {conv("num_output: 3 kernel_size: 1")} }}\n'
        'layer { name: "it" bottom: "c" top: "it" type: "Reshape" '
        "reshape_param { shape { dim: 0 dim: 3 dim: -1 } } }"
    )
    assert shapes["it"].tops == ((None, 3, None),)


def test_what_is_unknown_has_no_number_of_bins_or_values() -> None:
    assert alone([None], 'type: "SPP" spp_param { pyramid_height: 2 }').tops == ((None, None),)
    shapes = inferred(
        'layer { name: "in" type: "Python" top: "in" }\n'
        f'layer {{ name: "c" bottom: "in" top: "c" {conv("num_output: 3 kernel_size: 1")} }}\n'
        'layer { name: "it" bottom: "c" top: "it" type: "Reshape" '
        "reshape_param { shape { dim: 2 dim: -1 } } }"
    )
    assert shapes["it"].tops == ((2, None),)


@pytest.mark.parametrize(
    ("inputs", "body", "tops", "blobs"), CASES, ids=[f"{case[1]} {case[0]}" for case in CASES]
)
def test_layer(inputs: Shapes, body: str, tops: Shapes, blobs: Shapes | None) -> None:
    shapes = alone(inputs, body, len(tops))
    assert shapes.problem is None
    assert shapes.guess is None
    assert shapes.tops == tuple(tops)
    assert shapes.blobs == (None if blobs is None else tuple(blobs))


# Types and fields of forks, which a real Caffe would not read; layers that need a file or weights
# of a loss; and three that it does not check before it divides or counts by them.
_FORKED = re.compile(
    r"BN|Interp|Upsample|UnPooling|Normalize|Permute|Resample|Downsample|Correlation|ROIPooling|Reorg"
    r"|AutoCrop|MultiStage|DenseImage|ceil_mode|pad_[lrtb]|scale_bias|num: 0|Data\"|Python"
    r"|Nd|3D|Pooling.*(axis|dilation|\[|kernel_size: \d+ kernel_size)|memory_data_param { dim"
    r"|Loss|Filter|height: 1000000000|group: 0|num_axes: 1 shape { dim: -1 dim: 0"
)


def caffes_own(body: str) -> bool:
    """BVLC's Caffe reads it, and needs no data for it."""
    return not _FORKED.search(re.sub("BatchNorm|DummyData|MemoryData", "", body))


@at_hand
@pytest.mark.parametrize(
    ("inputs", "body", "tops", "blobs"),
    [case for case in CASES if None not in case[0] and None not in case[2] and caffes_own(case[1])],
)
def test_a_real_caffe_says_so(
    inputs: Shapes, body: str, tops: Shapes, blobs: Shapes | None
) -> None:
    answer = real_caffe(text_of(inputs, body, len(tops)))
    if answer.message == "Check failed: data_":  # an empty blob will do until it is touched
        assert any(0 in (top or ()) for top in tops)
        return
    assert not answer.stops, answer.message
    assert [answer.tops[f"top{i}"] for i in range(len(tops))] == tops
    assert list(answer.shapes_of("it")) == blobs


@pytest.mark.parametrize(
    "kind",
    [
        *("AbsVal", "BNLL", "Clip", "Dropout", "ELU", "Exp", "Log", "Power", "ReLU", "Sigmoid"),
        *("Swish", "TanH", "Threshold", "Softmax", "ReLU6", "SpatialDropout"),
    ],
)
def test_layers_that_change_nothing(kind: str) -> None:
    for shape in ((1, 2, 3, 4), (5, 6), None):
        shapes = alone([shape], f'type: "{kind}"')
        assert (shapes.tops, shapes.blobs, shapes.problem) == ((shape,), (), None)


# ── what Caffe's own checks refuse ───────────────────────────────────────────────────────

# inputs, layer, numbers of the problem
REFUSED: list[tuple[Shapes, str, list[int]]] = [
    ([IMAGE], deconv("kernel_size: 4"), [0, 1, 2147483647]),
    ([IMAGE], deconv("num_output: 0 kernel_size: 4"), [0, 1, 2147483647]),
    ([IMAGE], deconv("num_output: 4294967295 kernel_size: 4"), [4294967295, 1, 2147483647]),
    ([IMAGE], deconv("num_output: 4 group: 0 kernel_size: 4"), [0, 0, 1]),
    ([IMAGE], deconv("num_output: 6 group: 4 kernel_size: 4"), [4, 6]),
    ([IMAGE], deconv("num_output: 4 group: 3 kernel_size: 4"), [3, 4]),
    ([None], deconv("num_output: 4 group: 3 kernel_size: 4"), [3, 4]),
    ([IMAGE], deconv("num_output: 4"), []),
    ([IMAGE], deconv("num_output: 4 kernel_size: 0"), [0, 1]),
    ([IMAGE], deconv("num_output: 4 kernel_size: 2 axis: 4"), [4, 4]),
    ([None], deconv("num_output: 4 kernel_size: 2 axis: 2147483647"), [2147483647, 32]),
    ([None], deconv("num_output: 4 kernel_size: 2 axis: -2147483648"), [2147483647, 32]),
    ([(1, 1, 1, 1)], deconv("num_output: 1 kernel_size: 4 pad: 9"), [-14, 1, 0]),
    ([(1, 1, 3, 3)], conv("num_output: 1 kernel_size: 8 stride: 2"), [-1, 3, 0]),
    ([IMAGE], deconv("num_output: 6 kernel_size: 1000000"), [2147483647]),
    ([None], deconv("num_output: 2147483647 kernel_size: 2 kernel_size: 2"), [2147483647]),
    # … what Caffe checks of every axis it checks of any number of them
    ([None], deconv("num_output: 4 kernel_size: 0"), [0, 1]),
    ([None], conv("num_output: 4 kernel_size: 3 stride: 0"), [0, 1]),
    ([(1, 2, 3, 3), (1, 2, 3, 4)], deconv("num_output: 1 kernel_size: 1"), [2, 1]),
    ([], deconv("num_output: 1 kernel_size: 1"), [0, 1]),
    ([(1, 5)], 'type: "Im2col" convolution_param { kernel_size: 2 }', []),
    ([(1, 2, 3)], 'type: "Pooling" pooling_param { kernel_size: 2 }', [3, 4]),
    ([(1, 2, 3, 4, 5)], 'type: "Pooling" pooling_param { kernel_size: 2 }', [5, 4]),
    ([IMAGE], 'type: "Pooling" pooling_param { kernel_size: [2, 2, 2] }', [3, 2]),
    (
        [(1, 2, 3, 4, 5)],
        'type: "Pooling" pooling_param { kernel_h: 2 kernel_w: 2 dilation: 1 }',
        [2, 3],
    ),
    ([IMAGE], 'type: "Pooling" pooling_param { kernel_size: 2 axis: 4 }', [4, 4]),
    ([IMAGE], 'type: "Pooling" pooling_param { kernel_size: 2 dilation: 0 }', [0]),
    ([], 'type: "MemoryData" memory_data_param { dim: 2 dim: 0 }', [0]),
    ([(3,)], 'type: "Pooling" pooling_param { kernel_size: 2 }', [1, 1]),
    ([(1, 2, 3)], 'type: "LRN"', [3, 4]),
    ([(1, 2, 3, 4, 5)], 'type: "MVN"', [5, 4]),
    ([(3,)], 'type: "Softmax"', [1, 1]),
    ([(7,)], 'type: "BatchNorm"', [1, 1]),
    ([IMAGE], 'type: "Eltwise"', [1, 2]),
    ([IMAGE], 'type: "Pooling"', []),
    ([IMAGE], 'type: "Pooling" pooling_param { kernel_h: 2 }', []),
    ([IMAGE], 'type: "Pooling" pooling_param { kernel_size: 2 kernel_h: 2 kernel_w: 2 }', []),
    ([IMAGE], 'type: "Pooling" pooling_param { kernel_size: 2 pad: 2 }', []),
    ([IMAGE], 'type: "Pooling" pooling_param { kernel_size: 2 stride: 0 }', [0]),
    ([IMAGE], 'type: "Pooling" pooling_param { kernel_size: 9 }', [-3, 0]),
    (
        [IMAGE],
        'type: "Pooling" pooling_param { kernel_size: 2 global_pooling: true }',
        [],
    ),
    (
        [IMAGE],
        'type: "Pooling" pooling_param { pad: 1 global_pooling: true }',
        [0, 1],
    ),
    ([IMAGE], 'type: "SPP" spp_param { pyramid_height: 1000000000 }', [1000000000]),
    ([IMAGE], 'type: "Crop"', [1, 2]),
    ([IMAGE, IMAGE], 'type: "Crop" crop_param { axis: 2 offset: 9 }', [2, 5, 5, 9, 3, 7, 7, 9]),
    ([IMAGE, (1, 6, 5, 8)], 'type: "Crop"', [3, 7, 8, 0]),
    ([IMAGE, IMAGE], 'type: "Crop" crop_param { axis: 1 offset: 0 offset: 0 }', [2, 3]),
    ([IMAGE, (1, 2)], 'type: "Crop"', [4, 2]),
    ([IMAGE, (1, 6, 5, 8)], 'type: "Eltwise"', [*IMAGE, 1, 6, 5, 8]),
    ([IMAGE, (1, 6, 5)], 'type: "Eltwise"', [*IMAGE, 1, 6, 5]),
    ([IMAGE, (1, 6, 5, 8)], 'type: "Concat"', [1, *IMAGE, 1, 6, 5, 8]),
    ([IMAGE], 'type: "Concat" concat_param { axis: 1 concat_dim: 1 }', []),
    ([IMAGE], 'type: "InnerProduct"', [0, 0]),
    ([IMAGE], 'type: "Embed" embed_param { num_output: 3 }', [0]),
    ([IMAGE], 'type: "Reshape" reshape_param { shape { dim: -1 dim: -1 } }', [-1]),
    ([IMAGE], 'type: "Reshape" reshape_param { shape { dim: 4 dim: -1 } }', [210, 4]),
    ([IMAGE], 'type: "Reshape" reshape_param { shape { dim: 209 } }', [210, 209]),
    ([(4,)], 'type: "Reshape" reshape_param { shape { dim: 2 dim: 0 } }', [0]),
    ([(4,)], 'type: "Reshape" reshape_param { axis: 3 shape { dim: 2 } }', [1]),
    ([IMAGE], 'type: "Flatten" flatten_param { axis: 3 end_axis: 1 }', [1, 3]),
    ([IMAGE], 'type: "Tile"', [0, 0]),
    ([IMAGE], 'type: "Scale" scale_param { num_axes: 4 }', [4, 1, 4]),
    ([IMAGE], 'type: "LSTM"', [0, 0]),
    ([IMAGE], 'type: "Permute" permute_param { order: 1 order: 1 }', []),
    ([IMAGE], 'type: "Permute" permute_param { order: 4 }', [4]),
    (
        [(6, 0, 2)],
        'type: "Reshape" reshape_param { num_axes: 1 shape { dim: -1 dim: 0 } }',
        [-1, 0],
    ),
    ([IMAGE], 'type: "Interp" interp_param { shrink_factor: 0 }', [1]),
    ([IMAGE], 'type: "Interp" interp_param { pad_end: -5 zoom_factor: 2 }', []),
    ([], 'type: "Input" input_param { shape { dim: -1 } }', [-1, 0]),
    ([], 'type: "Input" input_param { shape { dim: 1 } shape { dim: 1 } }', [2, 1]),
    ([], 'type: "Input" input_param { shape { dim: 65536 dim: 65536 } }', [2147483647]),
    ([], f'type: "Input" input_param {{ shape {{ {"dim: 1 " * 33} }} }}', [33, 32]),
    ([], 'type: "MemoryData" memory_data_param { batch_size: 1 }', [0]),
    ([], 'type: "DummyData"', [0, 1]),
]


@pytest.mark.parametrize(
    ("inputs", "body", "told"), REFUSED, ids=[f"{case[1]} {case[0]}"[:120] for case in REFUSED]
)
def test_refused_layer(inputs: Shapes, body: str, told: list[int], words: Words) -> None:
    shapes = alone(inputs, body)
    assert shapes.problem is not None
    assert numbers(shapes.problem) == told
    assert shapes.blobs is None
    words(shapes.problem, f"{body} {inputs}"[:100])


@at_hand
@pytest.mark.parametrize(
    ("inputs", "body"),
    [case[:2] for case in REFUSED if None not in case[0] and caffes_own(case[1])],
)
def test_a_real_caffe_refuses_it(inputs: Shapes, body: str) -> None:
    assert real_caffe(text_of(inputs, body)).stops


@pytest.mark.parametrize(
    ("points", "told"),
    [
        ("slice_point: 1 slice_point: 2", [2, 2, 1]),
        ("slice_point: 0", []),
        ("slice_point: 7", [-1, 0]),
        ("axis: 0 slice_point: 1", [2, 1, 0]),
        ("axis: 2", [2, 5, 2]),
    ],
)
def test_slices_that_do_not_fit(points: str, told: list[int], words: Words) -> None:
    problem = alone([IMAGE], f'type: "Slice" slice_param {{ {points} }}', 2).problem
    assert problem is not None
    assert numbers(problem) == told
    words(problem, points)


def test_bottoms_of_a_deconvolution_must_be_alike(words: Words) -> None:
    body = deconv("num_output: 1 kernel_size: 1")
    problem = alone([(1, 2, 3, 3), (1, 2, 3, 4)], body, 2).problem
    assert problem is not None
    words(problem)


@pytest.mark.parametrize(
    ("inputs", "body", "top"),
    [
        ([IMAGE], deconv("num_output: 4 group: 4 kernel_size: 4"), (1, 4, None, None)),
        ([IMAGE], deconv("num_output: 4"), (1, 4, None, None)),
        ([IMAGE], deconv("num_output: 4 kernel_size: 4 pad: 9"), (1, 4, None, None)),
        ([IMAGE], deconv("num_output: 4 kernel_size: 0 axis: -2"), (1, 6, 4, None)),
        ([IMAGE], conv("num_output: 4 group: 5 kernel_size: 3"), (1, 4, None, None)),
        (
            [None],
            deconv("num_output: 4 group: 3 kernel_size: 4 stride: [2, 2]"),
            (None, 4, *OPEN[:2]),
        ),
        ([None], deconv("num_output: 4 group: 3 kernel_size: 4"), None),
        # … or not even these are known, but still how many axes there are
        ([IMAGE], deconv("num_output: 0 kernel_size: 4"), OPEN),
        ([IMAGE], deconv("num_output: 4294967295 kernel_size: 4"), OPEN),
        ([IMAGE], deconv("num_output: 4 kernel_size: 4 axis: 7"), OPEN),
        ([None], deconv("num_output: 4 kernel_size: 4 axis: -2 group: 3"), None),
        ([IMAGE, (1, 6)], deconv("num_output: 4 kernel_size: 4"), None),
    ],
)
def test_a_window_that_caffe_refuses_has_its_outputs_all_the_same(
    inputs: Shapes, body: str, top: tuple[int | None, ...] | None
) -> None:
    """So that the layers below one that is wrong are not of unknown channels."""
    shapes = alone(inputs, body)
    assert (shapes.problem is not None, shapes.blobs, shapes.tops) == (True, None, (top,))


def test_a_problem_leaves_what_is_undisputed() -> None:
    """A fork's pooling may round in another way: the channels are beyond doubt all the same."""
    assert alone([(1, 6, 5, 7), (1, 6, 5, 8)], 'type: "Eltwise"').tops == ((1, 6, 5, None),)
    assert alone([(1, 6, 5, 7), (1, 6, 5, 8)], 'type: "Concat"').tops == ((1, 12, 5, None),)
    assert alone([(1, 6), (1, 6, 5, 8)], 'type: "Concat"').tops == (None,)


# ── the window of a convolution ──────────────────────────────────────────────────────────

WINDOWS: list[tuple[ds.ConvolutionParam, int, Window]] = [
    (ds.ConvolutionParam(kernel_size=(4,)), 2, Window((4, 4), (1, 1), (0, 0), (1, 1))),
    (ds.ConvolutionParam(kernel_size=(4, 6)), 2, Window((4, 6), (1, 1), (0, 0), (1, 1))),
    (ds.ConvolutionParam(kernel_h=4, kernel_w=6), 2, Window((4, 6), (1, 1), (0, 0), (1, 1))),
    (
        ds.ConvolutionParam(
            kernel_size=(4,), stride_h=2, stride_w=3, pad_h=1, pad_w=0, dilation=(2, 1)
        ),
        2,
        Window((4, 4), (2, 3), (1, 0), (2, 1)),
    ),
    # pad_h alone leaves pad_w at its default of 0, which is a pad
    (ds.ConvolutionParam(kernel_size=(4,), pad_h=1), 2, Window((4, 4), (1, 1), (1, 0), (1, 1))),
    (
        ds.ConvolutionParam(kernel_size=(1, 2, 3), stride=(2,)),
        3,
        Window((1, 2, 3), (2, 2, 2), (0, 0, 0), (1, 1, 1)),
    ),
    (
        ds.ConvolutionParam(kernel_size=(3,), stride=(1, 2, 2)),
        3,
        Window((3, 3, 3), (1, 2, 2), (0, 0, 0), (1, 1, 1)),
    ),
    (
        ds.ConvolutionParam(kernel_size=(4,), dilation=(0, 2)),
        2,
        Window((4, 4), (1, 1), (0, 0), (0, 2)),
    ),
    (ds.ConvolutionParam(), 0, Window((), (), (), ())),
    (ds.ConvolutionParam(kernel_size=(5,), stride=(1,)), 0, Window((), (), (), ())),
    (ds.ConvolutionParam(kernel_size=(5,)), 1, Window((5,), (1,), (0,), (1,))),
]


@pytest.mark.parametrize(("param", "axes", "window"), WINDOWS)
def test_window(param: ds.ConvolutionParam, axes: int, window: Window) -> None:
    assert convolution_window(param, axes) == window


def test_a_dilated_kernel_spans_more() -> None:
    window = convolution_window(ds.ConvolutionParam(kernel_size=(3, 4), dilation=(2, 3)), 2)
    assert window.extent == (5, 10)


# field, axes, numbers of the message
BAD_WINDOWS: list[tuple[ds.ConvolutionParam, int, list[int]]] = [
    (ds.ConvolutionParam(), 2, []),
    (ds.ConvolutionParam(kernel_size=(0,)), 2, [0]),
    (ds.ConvolutionParam(kernel_size=(3, 0)), 2, [0]),
    (ds.ConvolutionParam(kernel_h=4), 2, [0]),
    (ds.ConvolutionParam(kernel_w=4), 2, [0]),
    (ds.ConvolutionParam(kernel_h=0, kernel_w=4), 2, [0]),
    (ds.ConvolutionParam(kernel_h=4, kernel_w=4), 3, [2, 3]),
    (ds.ConvolutionParam(kernel_size=(4,), kernel_h=4, kernel_w=4), 2, []),
    (ds.ConvolutionParam(kernel_size=(4,), kernel_h=0), 2, []),
    (ds.ConvolutionParam(kernel_size=(4, 4, 4)), 2, [3, 2]),
    (ds.ConvolutionParam(kernel_size=(4, 4)), 1, [2, 1]),
    (ds.ConvolutionParam(kernel_size=(4, 4)), 0, [2, 0]),
    (ds.ConvolutionParam(kernel_size=(4,), stride=(0,)), 2, [0]),
    (ds.ConvolutionParam(kernel_size=(4,), stride=(2, 2, 2)), 2, [3, 2]),
    (ds.ConvolutionParam(kernel_size=(4,), stride=(2,), stride_h=2), 2, []),
    (ds.ConvolutionParam(kernel_size=(4,), stride_h=2), 2, [0]),
    (ds.ConvolutionParam(kernel_size=(4,), stride_h=2, stride_w=2), 1, [2, 1]),
    # presence counts, not value
    (ds.ConvolutionParam(kernel_size=(4,), pad=(1,), pad_h=0), 2, []),
    (ds.ConvolutionParam(kernel_size=(4,), pad=(1, 1, 1)), 2, [3, 2]),
    (ds.ConvolutionParam(kernel_size=(4,), pad_h=1), 1, [2, 1]),
    (ds.ConvolutionParam(kernel_size=(4,), dilation=(1, 1, 1)), 2, [3, 2]),
    (ds.ConvolutionParam(kernel_size=(2**31,)), 2, [2147483647]),
]


@pytest.mark.parametrize(("param", "axes", "told"), BAD_WINDOWS)
def test_refused_window(
    param: ds.ConvolutionParam, axes: int, told: list[int], words: Words
) -> None:
    with pytest.raises(ds.ShapeError) as caught:
        convolution_window(param, axes)
    assert numbers(caught.value.message) == told
    assert caught.value.hint
    given = {name: value for name, value in param._asdict().items() if value not in (None, ())}
    words(caught.value, f"{given} {axes}")


# ── channels that the net does not tell ──────────────────────────────────────────────────

DATA = 'layer { name: "data" type: "Data" top: "data" }\n'
UP = (
    'layer { name: "up" type: "Deconvolution" bottom: "data" top: "up" convolution_param '
    "{ num_output: 8 group: 4 kernel_size: 4 stride: 2 pad: 1 bias_term: false } }\n"
)
RECOMMENDED = UP.replace("group: 4", "group: 8")
READER = (
    'layer { name: "reader" type: "Convolution" bottom: "data" top: "r" convolution_param '
    "{ num_output: 5 group: 5 kernel_size: 1 } }\n"
)


def test_unknown_channels_stay_unknown() -> None:
    up = inferred(DATA + UP)["up"]
    window = Window((4, 4), (2, 2), (1, 1), (1, 1))
    assert up == LayerShapes((OPEN,), ((None, 8, *OPEN[:2]),), ((None, 2, 4, 4),), window=window)


def test_group_equal_to_num_output_is_a_guess(words: Words) -> None:
    up = inferred(DATA + RECOMMENDED)["up"]
    assert up.blobs == ((8, 1, 4, 4),)
    assert up.guess is not None
    assert shapes_in(up.guess) == [(8,)]
    words(up.guess)


def test_a_guess_is_not_passed_on() -> None:
    second = UP.replace('"up"', '"second"').replace("group: 4", "group: 1")
    assert inferred(DATA + RECOMMENDED + second)["second"].blobs == ((None, 8, 4, 4),)


def test_group_1_says_nothing() -> None:
    one = UP.replace("num_output: 8 group: 4", "num_output: 1")
    up = inferred(DATA + one)["up"]
    assert (up.blobs, up.guess) == (((None, 1, 4, 4),), None)


@pytest.mark.parametrize(
    ("more", "source", "channels"),
    [
        ("", {"up": ((12, 2, 4, 4),)}, 12),
        ("", {"up": ((12, 1, 4, 4),)}, 12),
        (READER, {"reader": ((5, 4, 1, 1), (5,))}, 20),
        (UP.replace('"up"', '"other"'), {"other": ((16, 2, 4, 4),)}, 16),
        (
            'layer { name: "n" type: "BatchNorm" bottom: "data" top: "n" }',
            {"n": ((1, 1, 1, 12),)},
            12,
        ),
        ('layer { name: "n" type: "Scale" bottom: "data" top: "data" }', {"n": ((12,), (12,))}, 12),
        ('layer { name: "n" type: "PReLU" bottom: "data" top: "n" }', {"n": ((12,),)}, 12),
        ('layer { name: "n" type: "BN" bottom: "data" top: "n" }', {"n": ((1, 12, 1, 1),) * 4}, 12),
        # the Deconvolution's own weights go first
        (READER, {"reader": ((5, 4, 1, 1), (5,)), "up": ((12, 2, 4, 4),)}, 12),
        # what cannot be: not a multiple of group, another layer of that name, a shared value
        ("", {"up": ((7, 2, 4, 4),)}, None),
        # … or a convolution over another axis
        (READER.replace("num_output", "axis: 2 num_output"), {"reader": ((5, 4, 1), (5,))}, None),
        (READER, {"reader": ((6, 4, 1, 1), (6,))}, None),
        (READER, {"reader": ()}, None),
        ("", {"up": ((12,),)}, None),
        ("", {"up": ((0, 2, 4, 4),)}, None),
        (
            'layer { name: "n" type: "PReLU" bottom: "data" top: "n" prelu_param '
            "{ channel_shared: true } }",
            {"n": ((12,),)},
            None,
        ),
        (
            'layer { name: "n" type: "Scale" bottom: "data" top: "n" scale_param { axis: 2 } }',
            {"n": ((12,),)},
            None,
        ),
    ],
)
@pytest.mark.parametrize("before", [True, False])
def test_weights_speak_for_channels(more, source, channels, before) -> None:
    text = DATA + (more + UP if before else UP + more)
    up = inferred(text, source)["up"]
    assert up.blobs == ((channels, 2, 4, 4),)
    assert up.guess is None


def test_channels_are_followed_through_layers_that_keep_them() -> None:
    chain = DATA + (
        'layer { name: "n" type: "BatchNorm" bottom: "data" top: "n" }\n'
        'layer { name: "relu" type: "ReLU" bottom: "n" top: "n" }\n'
        'layer { name: "pool" type: "Pooling" bottom: "n" top: "pool" }\n'
        'layer { name: "crop" type: "Crop" bottom: "pool" bottom: "ref" top: "crop" }\n'
    )
    up = UP.replace('"data"', '"crop"')
    assert inferred(chain + up, {"n": ((12,),)})["up"].blobs == ((12, 2, 4, 4),)
    other = chain.replace('"Pooling"', '"Python"') + up
    assert inferred(other, {"n": ((12,),)})["up"].blobs == ((None, 2, 4, 4),)
    by_axis_1 = chain.replace('top: "crop"', 'top: "crop" crop_param { axis: 1 }') + up
    assert inferred(by_axis_1, {"n": ((12,),)})["up"].blobs == ((None, 2, 4, 4),)


def test_channels_found_in_weights_are_passed_on() -> None:
    shapes = inferred(DATA + UP + READER, {"up": ((20, 2, 4, 4),)})
    assert shapes["up"].bottoms == ((None, 20, None, None),)
    assert shapes["reader"].blobs == ((5, 4, 1, 1), (5,))


def test_the_net_goes_before_the_weights() -> None:
    text = 'input: "data" input_dim: 1 input_dim: 4 input_dim: 5 input_dim: 5\n' + UP
    assert inferred(text, {"up": ((12, 2, 4, 4),)})["up"].blobs == ((4, 2, 4, 4),)


# ── the walk ─────────────────────────────────────────────────────────────────────────────


def test_in_place_layers_work_on_the_blob_itself() -> None:
    shapes = inferred(
        'layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 1 dim: 6 } } }\n'
        'layer { name: "relu" type: "ReLU" bottom: "x" top: "x" }\n'
        'layer { name: "ip" type: "InnerProduct" bottom: "x" top: "x" inner_product_param '
        "{ num_output: 3 } }\n"
        'layer { name: "last" type: "ReLU" bottom: "x" top: "x" }\n'
    )
    assert shapes["relu"].tops == ((1, 6),)
    assert shapes["last"].tops == ((1, 3),)


def test_nets_with_holes_are_read() -> None:
    shapes = inferred('layer { name: "relu" type: "ReLU" bottom: "nowhere" top: "y" }')
    assert shapes["relu"] == LayerShapes((None,), (None,), ())
    for kind in ("ReLU", "Concat", "Eltwise", "Slice", "Reshape", "Scale", "LSTMUnit", "Filter"):
        net = ds.Net(layers=(ds.Layer(0, "a", kind, (), ("t",)),))
        assert Analysis(net).shapes[0].tops == (None,)
    net = ds.Net(layers=(ds.Layer(0, "a", "Slice", ("b",), ()),))
    assert Analysis(net).shapes[0].tops == ()


def test_each_type_of_caffes_has_a_rule() -> None:
    assert BVLC_TYPES == LAYER_TYPES


def test_layers_of_one_name_are_told_apart() -> None:
    net = ds.parse_net((DATA + UP + UP).encode())
    assert list(Analysis(net).shapes_with_channels) == [0, 1, 2]


def test_phases_are_the_callers_choice() -> None:
    text = DATA + RECOMMENDED.replace('top: "up"', 'top: "up" include { phase: TRAIN }')
    net = ds.parse_net(text.encode())
    assert set(Analysis(net.filtered(ds.NetState())).shapes) == {0}


def test_long_nets_take_no_longer_than_they_are() -> None:
    """10 000 layers over one blob: a quadratic walk would not come back."""
    param = ds.ConvolutionParam(num_output=3, kernel_size=(3,), pad=(1,))
    body = ds.NetMessage((("prelu_param", ds.NetMessage((("channel_shared", False),))),))
    kinds = ("Convolution", "PReLU", "Eltwise", "Deconvolution")
    layers = tuple(
        ds.Layer(i, f"l{i}", kinds[i % 4], ("x",), ("x",), convolution_param=param, message=body)
        for i in range(10_000)
    )
    model = {f"l{i}": ((3, 3, 3, 3),) for i in range(10_000)}
    shapes = Analysis(ds.Net(layers=layers), model).shapes_with_channels
    assert shapes[9_999].blobs == ((3, 3, 3, 3), (3,))


@pytest.mark.parametrize(
    "tops", [1, *(pytest.param(tops, marks=pytest.mark.campaign) for tops in (0, 3))]
)
def test_every_type_survives_odd_input(tops: int) -> None:
    """No shape, too few axes, no bottom or top: a rule may refuse, it must not break."""
    for kind in RULES:
        for inputs in ([], [None], [()], [(3,)], [(0, 0, 0, 0)], [(2, 3), ()], [None] * 3):
            assert len(alone(list(inputs), f'type: "{kind}"', tops).tops) == tops


def test_what_minus_one_stands_for_is_unknown_beside_an_unknown_dim() -> None:
    data = (
        'layer { name: "data" type: "Data" top: "data" data_param { batch_size: 2 backend: LMDB } '
        "transform_param { crop_size: 5 } }\n"
    )
    reshape = (
        'layer { name: "it" type: "Reshape" bottom: "data" top: "it" '
        "reshape_param { shape { dim: 0 dim: -1 dim: 5 } } }"
    )
    assert inferred(data)["data"].tops == ((2, None, 5, 5),)
    assert inferred(data + reshape)["it"].tops == ((2, None, 5),)
