"""The two networks in PyTorch: one finds plates and their corners, one reads a flattened plate."""

import torch
from torch import Tensor, nn

STRIDE = 8  #: pixels of the picture for each cell of the finder's output
CORNER_UNIT = 32.0  #: pixels for 1 in the finder's corners


def _block(inputs: int, outputs: int, stride: int | tuple[int, int] = 1, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, dilation, dilation, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


class FinderNetwork(nn.Module):
    """Gives each cell the chance that a plate's middle lies in it, and the plate's corners from the cell's middle."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(_block(3, 12, 2), _block(12, 24, 2), _block(24, 48, 2), _block(48, 48))
        self.wide = nn.Sequential(_block(48, 64, 2), _block(64, 64), _block(64, 64, dilation=2), _block(64, 48))
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.join = nn.Sequential(_block(96, 48), _block(48, 48))
        self.score = nn.Conv2d(48, 1, 1)
        self.corners = nn.Conv2d(48, 8, 1)
        nn.init.constant_(self.score.bias, -4.0)  # plates are rare

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Take pictures [B, 3, H, W] of 0 to 1, sides multiples of 16; return logits [B, 1, h, w], corners."""
        near = self.stem(pictures - 0.5)
        joined = self.join(torch.cat([near, self.up(self.wide(near))], dim=1))
        return self.score(joined), self.corners(joined)


class TextNetwork(nn.Module):
    """Gives each of 40 columns of a flattened plate the logits of the characters, of which the first is none."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            _block(1, 24, 2),
            _block(24, 48, 2),
            _block(48, 64),
            nn.MaxPool2d((2, 1)),
            _block(64, 96),
            nn.MaxPool2d((2, 1)),
            nn.Conv2d(96, 128, (2, 3), padding=(0, 1), bias=False),
            nn.BatchNorm2d(128),
            nn.ReLU(),
        )
        self.context = nn.Sequential(
            nn.Conv2d(128, 128, (1, 5), padding=(0, 2), bias=False),
            nn.BatchNorm2d(128),
            nn.ReLU(),
            nn.Dropout(0.1),
            nn.Conv2d(128, classes, (1, 3), padding=(0, 1)),
        )

    def forward(self, plates: Tensor) -> Tensor:
        """Take normalised grey plates [B, 1, 32, 160]; return logits [B, 40, classes]."""
        features = self.features(plates)
        return self.context(features)[:, :, 0].transpose(1, 2)
