"""How a network's rows are written down: by the names of the values that they read."""

from mobilenet.common.size import Size
from mobilenet.networks.rows import COLORS, IMAGE, Activation, Padding, Row


class RowBuilder:
    """Appends rows; knows the width and the size of every value by its name.

    `padding`, `activation` and `epsilon` are what rows have where they do not say otherwise.
    Where the map is `output_stride` times smaller than the picture, it shrinks no further:
    instead, what lies behind a stride is dilated by it (Chen et al. 2017, arXiv 1706.05587,
    section 3.1).
    """

    def __init__(
        self, size: Size, padding: Padding, activation: Activation, epsilon: float,
        output_stride: int | None = None,
    ) -> None:  # fmt: skip
        self.rows: list[Row] = []
        self.last = IMAGE
        self._output_stride, self._reached, self._dilation = output_stride, 1, 1
        self._padding, self._activation, self._epsilon = padding, activation, epsilon
        self._shapes = {IMAGE: (COLORS, size)}

    def channels(self, value: str) -> int:
        """How wide the value of that name is."""
        return self._shapes[value][0]

    def add(
        self, name: str, out_channels: int, *, kernel: int = 1, stride: int = 1, dilation: int = 1,
        groups: int = 1, linear: bool = False, activation: Activation | None = None,
        epsilon: float | None = None, reads: str | None = None, adds: str | None = None,
        pooled: bool = False, joins: str | None = None, biased: bool = False,
    ) -> str:  # fmt: skip
        """Append a convolution and return its name; it reads the last value by default.

        `linear` leaves the activation out; the rest is as in `Row`.
        """
        reads = self.last if reads is None else reads
        in_channels, in_size = self._shapes[reads]
        if pooled:
            in_size = Size.square(1)
        if joins is not None:
            in_channels, in_size = in_channels + self._shapes[joins][0], self._shapes[joins][1]
        row = Row(
            name, reads, in_channels, out_channels, in_size, kernel, stride, dilation, groups,
            self._padding, None if linear else activation or self._activation,
            self._epsilon if epsilon is None else epsilon, adds, pooled, joins, biased,
        )  # fmt: skip
        shape = (out_channels, row.out_size)
        if adds is not None and self._shapes[adds] != shape:
            width, size = self._shapes[adds]
            raise ValueError(
                f"{name} has {out_channels} channels of {row.out_size}, {adds} that it adds "
                f"{width} of {size}"
            )
        self.rows.append(row)
        self._shapes[name], self.last = shape, name
        return name

    def stem(self, name: str, out_channels: int) -> str:
        """Append a 3x3 convolution of stride 2."""
        self._reached = 2
        return self.add(name, out_channels, kernel=3, stride=2)

    def depthwise(
        self, name: str, *, stride: int = 1, dilation: int = 1, reads: str | None = None
    ) -> str:
        """Append a 3x3 convolution of each channel for itself."""
        width = self.channels(self.last if reads is None else reads)
        return self.add(
            name, width, kernel=3, stride=stride, dilation=dilation, groups=width, reads=reads
        )

    def block_depthwise(self, name: str, stride: int) -> str:
        """The same in a block of the backbone: its stride may become dilation."""
        dilation = self._dilation
        if self._output_stride is not None and self._reached * stride > self._output_stride:
            self._dilation *= stride
            stride = 1
        self._reached *= stride
        return self.depthwise(name, stride=stride, dilation=dilation)
