"""A weights file in HDF5: found, read and written, with h5py where bytes alone do not do.

Never here: h5py outside this package.
"""
