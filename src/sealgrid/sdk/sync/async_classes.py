"""The asynchronous client's classes under one name, for their blocking twins."""

from sealgrid.sdk.client import Client, connect_async
from sealgrid.sdk.face.account import Account
from sealgrid.sdk.face.apps import Apps
from sealgrid.sdk.face.models import Models
from sealgrid.sdk.face.runs import Receipt, Run

__all__ = ["Account", "Apps", "Client", "Models", "Receipt", "Run", "connect_async"]
