"""The model of a network of sensors: the graph network, its calibration, and the sensors' names."""

from dataclasses import dataclass

from .calibration import Calibration
from .errors import ReadingsRefused
from .network import GraphNetwork


@dataclass(frozen=True)
class AdosModel:
    """What an owner trains and sells; sensors are numbered in the order of their names."""

    sensors: tuple[str, ...]
    interval: int  #: seconds between two readings of a sensor
    network: GraphNetwork
    calibration: Calibration

    def __post_init__(self) -> None:
        """Raise ReadingsRefused for parts of different numbers of sensors."""
        if not len(self.sensors) == self.network.sensors == len(self.calibration.centre):
            raise ReadingsRefused("the model's parts have different numbers of sensors.")
