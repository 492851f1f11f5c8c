"""Net and model together: a matched layer as Caffe sets it up, shared blobs, whether they fit.

Never here: files, or text for people beyond a reason.
"""
