"""The asynchronous client's classes under one name, for their blocking twins."""

from sealgrid.sdk.client import Client, connect_async
from sealgrid.sdk.resources.account import Account
from sealgrid.sdk.resources.apps import Apps
from sealgrid.sdk.resources.models import Models
from sealgrid.sdk.resources.runs import Receipt, Run

__all__ = ["Account", "Apps", "Client", "Models", "Receipt", "Run", "connect_async"]
