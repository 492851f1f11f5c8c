"""A field or a value in a layer's text at which Caffe's parser stops."""

from __future__ import annotations

from deconvsurgery.named_tuple import NamedTuple
from deconvsurgery.wording import quoted


class UnknownField(NamedTuple):
    """A field that Caffe does not know, and the known name it is nearest to.

    ``within`` is the message that has it, by the name of its field; empty for the layer itself.
    ``value`` is given where the field is known, but not this value of its enum; ``nearest`` and
    the place are then the value's.
    """

    name: str
    line: int
    column: int
    nearest: str | None = None
    within: str = "convolution_param"
    value: str | None = None

    @property
    def words(self) -> str:
        """What the layer has."""
        where = f" in {self.within}" if self.within else ""
        if self.value is not None:
            return f"a value {quoted(self.value)} of {self.name}{where} that Caffe does not know"
        return f"a field {quoted(self.name)}{where} that neither Caffe nor a known fork has"

    @property
    def suggestion(self) -> str:
        """The name that was probably meant, to be put behind; empty where there is none."""
        return f"; did you mean {quoted(self.nearest)}?" if self.nearest else ""
