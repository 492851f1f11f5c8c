"""Bytes in and out of object stores, by fsspec and, for S3, by its own requests.

Never here: what the bytes mean.
"""
