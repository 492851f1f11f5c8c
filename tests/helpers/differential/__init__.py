"""Random nets (and models) asked of a real Caffe and of deconvsurgery; what they say is compared."""
