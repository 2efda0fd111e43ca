"""The plate reader outside an enclave: the same code, as the reference that anyone can compare a result with."""

from apps.plate_reader.reader.model_file import NoModel
from apps.plate_reader.reader.reading import NoPicture, read_plates

__all__ = ["NoModel", "NoPicture", "read_plates"]
