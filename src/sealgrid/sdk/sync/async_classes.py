"""The asynchronous client's classes under one name, for their blocking twins."""

from sealgrid.sdk.client import AsyncClient, connect_async
from sealgrid.sdk.resources.account import AsyncAccount
from sealgrid.sdk.resources.apps import AsyncApps
from sealgrid.sdk.resources.models import AsyncModels
from sealgrid.sdk.resources.runs import AsyncReceipt, AsyncRun

__all__ = ["AsyncAccount", "AsyncApps", "AsyncClient", "AsyncModels", "AsyncReceipt", "AsyncRun", "connect_async"]
