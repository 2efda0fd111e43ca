"""The plate reader outside an enclave: the same code, as the reference that anyone can compare a result with."""

from sealgrid.shipped_apps.plate_reader.reader.model_file import NoModel
from sealgrid.shipped_apps.plate_reader.reader.reading import NoPicture, read_plates

__all__ = ["NoModel", "NoPicture", "read_plates"]
