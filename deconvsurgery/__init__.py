"""Network surgery on Caffe models, without Caffe."""

__version__ = "0.1.0"
