"""Sell and buy the use of AI models that their buyers cannot copy; start with ``sealgrid.connect()``.

``__all__`` is the public interface: the clients, the types that they take and return, and all errors. All other modules
are private. Names load on first use, because an enclave's image contains this file but not the modules of the SDK.
Their types are in ``__init__.pyi``.
"""

import importlib

_NAMES = {
    "sealgrid.attestation.policy": (
        "Allowance",
        "Machines",
        "Platform",
        "Policy",
    ),
    "sealgrid.bundle.input_spec": (
        "ArgumentSpec",
        "FileSpec",
        "InputSpec",
        "SecretSpec",
    ),
    "sealgrid.chain.data_feed": (
        "DataRound",
        "FeedRoster",
        "StationRegistration",
    ),
    "sealgrid.crypto.signing": ("SigningKey",),
    "sealgrid.errors": (
        "AnswerTooLarge",
        "ApiKeyRefused",
        "AppFailed",
        "BundleRefused",
        "CallRefused",
        "ChainError",
        "ChainReplaced",
        "CheckFailed",
        "ClientForked",
        "ContainerRefused",
        "ContentDiffers",
        "ContractReverted",
        "DealRefused",
        "EvidenceRefused",
        "FileTooLarge",
        "FileUnopened",
        "HostFailed",
        "InputMismatch",
        "InputRefused",
        "InterpreterMismatch",
        "DatabaseUnavailable",
        "LeadershipEnded",
        "LogRefused",
        "NetworkNotRunning",
        "NodesDisagree",
        "NotFound",
        "OrderMalformed",
        "OrderRefused",
        "ProofRefused",
        "QuotaReached",
        "ReceiptRefused",
        "ReleaseRefused",
        "SealgridError",
        "SecretExists",
        "SecretNotSigned",
        "SecretRefused",
        "SecretTooLarge",
        "ServiceUnavailable",
        "SessionEnded",
        "SetupMissing",
        "SharesRefused",
        "StillRunning",
        "StoreFull",
        "TaskFailed",
        "TeeRequired",
        "TicketRefused",
        "TooManyRequests",
    ),
    "sealgrid.receipts.report": (
        "TrustPins",
        "VerificationReport",
    ),
    "sealgrid.receipts.run_record": (
        "RunRecord",
        "RunTimes",
    ),
    "sealgrid.sdk.amounts": ("Amount",),
    "sealgrid.sdk.client": (
        "AsyncClient",
        "connect_async",
    ),
    "sealgrid.sdk.network": (
        "Network",
        "load_network",
    ),
    "sealgrid.sdk.operations.access_grants": (
        "GrantResult",
        "RevokeResult",
    ),
    "sealgrid.sdk.operations.app_usage": (
        "AppUsage",
        "AppUse",
        "BuyerUses",
    ),
    "sealgrid.sdk.operations.bag_progress": ("BagProgress",),
    "sealgrid.sdk.operations.bought_runs": ("BoughtRun",),
    "sealgrid.sdk.operations.earnings": ("EarnedPayment",),
    "sealgrid.sdk.operations.key_versions": ("KeyVersionView",),
    "sealgrid.sdk.operations.latest_runs": ("LatestRuns",),
    "sealgrid.sdk.operations.open_result": ("RunResult",),
    "sealgrid.sdk.operations.own_offers": (
        "NodeRemoval",
        "RepriceResult",
        "UnlistResult",
    ),
    "sealgrid.sdk.operations.policies": ("PolicyUpdate",),
    "sealgrid.sdk.operations.prove": ("Proof",),
    "sealgrid.sdk.operations.quote": ("RunQuote",),
    "sealgrid.sdk.operations.rebuild": ("RebuildResult",),
    "sealgrid.sdk.operations.release_marks": ("ReleaseMark",),
    "sealgrid.sdk.operations.rotate": ("RotationResult",),
    "sealgrid.sdk.operations.run_sums": (
        "RunFilter",
        "RunSum",
    ),
    "sealgrid.sdk.operations.usage": (
        "ModelUse",
        "UnpaidUses",
        "UsageFinding",
        "UsageReport",
    ),
    "sealgrid.sdk.operations.wait_notices": ("WaitNotice",),
    "sealgrid.sdk.progress": ("ProgressStep",),
    "sealgrid.sdk.resources.account": (
        "AsyncAccount",
        "Balance",
        "Earnings",
    ),
    "sealgrid.sdk.resources.apps": ("AsyncApps",),
    "sealgrid.sdk.resources.bags": (
        "AsyncBag",
        "ShardOutcome",
    ),
    "sealgrid.sdk.resources.feeds": (
        "AsyncFeeds",
        "FeedState",
        "FeedStation",
    ),
    "sealgrid.sdk.resources.fleets": (
        "AsyncFleets",
        "Fleet",
        "FleetMachine",
    ),
    "sealgrid.sdk.resources.models": ("AsyncModels",),
    "sealgrid.sdk.resources.offers": (
        "Listing",
        "Offer",
        "PublishedListing",
    ),
    "sealgrid.sdk.resources.runs": (
        "AsyncReceipt",
        "AsyncRun",
        "RunStatus",
    ),
    "sealgrid.sdk.simulated_warning": ("SimulatedPlatformWarning",),
    "sealgrid.sdk.sync.account": ("Account",),
    "sealgrid.sdk.sync.apps": ("Apps",),
    "sealgrid.sdk.sync.bag": ("Bag",),
    "sealgrid.sdk.sync.client": (
        "Client",
        "connect",
    ),
    "sealgrid.sdk.sync.executor": ("Executor",),
    "sealgrid.sdk.sync.feeds": ("Feeds",),
    "sealgrid.sdk.sync.fleets": ("Fleets",),
    "sealgrid.sdk.sync.models": ("Models",),
    "sealgrid.sdk.sync.receipt": ("Receipt",),
    "sealgrid.sdk.sync.run": ("Run",),
    "sealgrid.wire.pool": ("StageAt",),
}
_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names}

__all__ = sorted(_MODULE_OF)  # noqa: PLE0605  the literal list is in __init__.pyi


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'sealgrid' has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
