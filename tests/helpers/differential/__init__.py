"""Random nets (and models): what a real Caffe does with them, and what is said of them."""
