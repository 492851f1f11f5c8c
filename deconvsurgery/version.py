"""The version of this package, in a module of its own: any module may import it."""

from __future__ import annotations

__version__ = "0.1.0"
