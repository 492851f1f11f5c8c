"""h5py, which is an extra, and files as it wants them: over bytes and descriptors of our own."""

from __future__ import annotations

import io
import os
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from deconvsurgery.errors import FormatError, ModelError, SurgeryError
from deconvsurgery.program.extras import install_command

if TYPE_CHECKING:
    from deconvsurgery.caffemodel.wire import ByteSource


def loaded_h5py() -> Any:
    """The library, which is an extra; ``FormatError`` says how to get it."""
    try:
        import h5py as library
    except ImportError:
        raise FormatError(
            "HDF5 weights need h5py, which is not installed",
            hint=install_command("h5py"),
        ) from None
    return library


@contextmanager
def hdf5_errors(what: str) -> Iterator[None]:
    """The HDF5 library's complaints about the file's content, as an error about the model."""
    try:
        yield
    except SurgeryError:
        raise
    except (RuntimeError, KeyError, ValueError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the operating system's, not the library's
        words = str(error).strip("'\"")
        raise ModelError(
            f"{what}: the HDF5 library says: {words[:300]}",
            hint="the file is damaged, or needs a filter that is not installed; fetch it again",
        ) from error


class _Positioned(io.RawIOBase):
    """A file that can be read at any place, of which the next one is known."""

    position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self.position, os.SEEK_END: self._size()}
        self.position = start[whence] + offset
        return self.position

    @abstractmethod
    def _size(self) -> int:
        """How many bytes the file has."""


class Reading(_Positioned):
    """A source of bytes as a file to read."""

    def __init__(self, source: ByteSource) -> None:
        self.source = source

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer; what lies beyond the end reads as zeros, as in h5py's own drivers."""
        view = memoryview(buffer).cast("B")
        count = max(0, min(len(view), self.source.size - self.position))
        if count:
            view[:count] = self.source.read(self.position, count)
        view[count:] = bytes(len(view) - count)
        self.position += len(view)
        return len(view)

    def _size(self) -> int:
        return self.source.size


class Writing(_Positioned):
    """A descriptor, open to read and to write, as a file; ``reached`` hears how far it is written.

    The first failure is kept for ``finish``, and what comes after it is dropped: the HDF5 library
    goes on calling after one, and Python code that runs with an exception pending fails oddly.
    """

    def __init__(self, fd: int, reached: Callable[[int], None] = lambda _position: None) -> None:
        self.fd = fd
        self.reached = reached
        self.failure: BaseException | None = None

    def finish(self) -> None:
        """Raise what failed, and touch the descriptor no more.

        The library cannot close some damaged files, and goes on to write to them when it ends.
        """
        self.fd = -1
        self.close()  # else it closes itself when it goes, where a signal is lost
        if self.failure is not None:
            raise self.failure

    def writable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        done = 0
        with self._kept():
            while done < len(view) and self.position + done < self._size():
                data = os.pread(self.fd, len(view) - done, self.position + done)
                view[done : done + len(data)] = data
                done += len(data)
        view[done:] = bytes(len(view) - done)
        self.position += len(view)
        return len(view)

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        done = 0
        with self._kept():
            while done < len(view) and self.failure is None:
                done += os.pwrite(self.fd, view[done:], self.position + done)
                self.reached(self.position + done)
        self.position += len(view)
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        size = self.position if size is None else size
        with self._kept():
            os.ftruncate(self.fd, size)
        return size

    def flush(self) -> None:
        pass  # nothing waits

    def _size(self) -> int:
        with self._kept():
            return os.fstat(self.fd).st_size
        return 0

    @contextmanager
    def _kept(self) -> Iterator[None]:
        try:
            yield
        except OverflowError:  # a place beyond what a file can have
            self.failure = self.failure or ModelError("cannot be written: it is damaged")
        except GeneratorExit:  # what failed did so outside
            raise
        except BaseException as error:
            self.failure = self.failure or error
