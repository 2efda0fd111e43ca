from sealgrid.attestation.policy import (
    Allowance,
    Machines,
    Platform,
    Policy,
)
from sealgrid.bundle.input_spec import (
    ArgumentSpec,
    FileSpec,
    InputSpec,
    SecretSpec,
)
from sealgrid.chain.data_feed import (
    DataRound,
    FeedRoster,
    StationRegistration,
)
from sealgrid.crypto.signing import (
    SigningKey,
)
from sealgrid.errors import (
    AnswerTooLarge,
    ApiKeyRefused,
    AppFailed,
    BundleRefused,
    CallRefused,
    ChainError,
    ChainReplaced,
    CheckFailed,
    ClientForked,
    ContainerRefused,
    ContentDiffers,
    ContractReverted,
    DatabaseUnavailable,
    DealRefused,
    EvidenceRefused,
    FileTooLarge,
    FileUnopened,
    HostFailed,
    InputMismatch,
    InputRefused,
    InterpreterMismatch,
    LeadershipEnded,
    LogRefused,
    NetworkNotRunning,
    NodesDisagree,
    NotFound,
    OrderMalformed,
    OrderRefused,
    ProofRefused,
    QuotaReached,
    ReceiptRefused,
    ReleaseRefused,
    SealgridError,
    SecretExists,
    SecretNotSigned,
    SecretRefused,
    SecretTooLarge,
    ServiceUnavailable,
    SessionEnded,
    SetupMissing,
    SharesRefused,
    StillRunning,
    StoreFull,
    TaskFailed,
    TeeRequired,
    TicketRefused,
    TooManyRequests,
)
from sealgrid.receipts.report import (
    TrustPins,
    VerificationReport,
)
from sealgrid.receipts.run_record import (
    RunRecord,
    RunTimes,
)
from sealgrid.sdk.amounts import (
    Amount,
)
from sealgrid.sdk.client import (
    AsyncClient,
    connect_async,
)
from sealgrid.sdk.network import (
    Network,
    load_network,
)
from sealgrid.sdk.operations.access_grants import (
    GrantResult,
    RevokeResult,
)
from sealgrid.sdk.operations.app_usage import (
    AppUsage,
    AppUse,
    BuyerUses,
)
from sealgrid.sdk.operations.bag_progress import (
    BagProgress,
)
from sealgrid.sdk.operations.bought_runs import (
    BoughtRun,
)
from sealgrid.sdk.operations.earnings import (
    EarnedPayment,
)
from sealgrid.sdk.operations.key_versions import (
    KeyVersionView,
)
from sealgrid.sdk.operations.latest_runs import (
    LatestRuns,
)
from sealgrid.sdk.operations.open_result import (
    RunResult,
)
from sealgrid.sdk.operations.own_offers import (
    NodeRemoval,
    RepriceResult,
    UnlistResult,
)
from sealgrid.sdk.operations.policies import (
    PolicyUpdate,
)
from sealgrid.sdk.operations.prove import (
    Proof,
)
from sealgrid.sdk.operations.quote import (
    RunQuote,
)
from sealgrid.sdk.operations.rebuild import (
    RebuildResult,
)
from sealgrid.sdk.operations.release_marks import (
    ReleaseMark,
)
from sealgrid.sdk.operations.rotate import (
    RotationResult,
)
from sealgrid.sdk.operations.run_sums import (
    RunFilter,
    RunSum,
)
from sealgrid.sdk.operations.usage import (
    ModelUse,
    UnpaidUses,
    UsageFinding,
    UsageReport,
)
from sealgrid.sdk.operations.wait_notices import (
    WaitNotice,
)
from sealgrid.sdk.progress import (
    ProgressStep,
)
from sealgrid.sdk.resources.account import (
    AsyncAccount,
    Balance,
    Earnings,
)
from sealgrid.sdk.resources.apps import (
    AsyncApps,
)
from sealgrid.sdk.resources.bags import (
    AsyncBag,
    ShardOutcome,
)
from sealgrid.sdk.resources.feeds import (
    AsyncFeeds,
    FeedState,
    FeedStation,
)
from sealgrid.sdk.resources.fleets import (
    AsyncFleets,
    Fleet,
    FleetMachine,
)
from sealgrid.sdk.resources.models import (
    AsyncModels,
)
from sealgrid.sdk.resources.offers import (
    Listing,
    Offer,
    PublishedListing,
)
from sealgrid.sdk.resources.runs import (
    AsyncReceipt,
    AsyncRun,
    RunStatus,
)
from sealgrid.sdk.simulated_warning import (
    SimulatedPlatformWarning,
)
from sealgrid.sdk.sync.account import (
    Account,
)
from sealgrid.sdk.sync.apps import (
    Apps,
)
from sealgrid.sdk.sync.bag import (
    Bag,
)
from sealgrid.sdk.sync.client import (
    Client,
    connect,
)
from sealgrid.sdk.sync.executor import (
    Executor,
)
from sealgrid.sdk.sync.feeds import (
    Feeds,
)
from sealgrid.sdk.sync.fleets import (
    Fleets,
)
from sealgrid.sdk.sync.models import (
    Models,
)
from sealgrid.sdk.sync.receipt import (
    Receipt,
)
from sealgrid.sdk.sync.run import (
    Run,
)
from sealgrid.wire.pool import (
    StageAt,
)

__all__ = [
    "Account",
    "Allowance",
    "Amount",
    "AnswerTooLarge",
    "ApiKeyRefused",
    "AppFailed",
    "AppUsage",
    "AppUse",
    "Apps",
    "ArgumentSpec",
    "AsyncAccount",
    "AsyncApps",
    "AsyncBag",
    "AsyncClient",
    "AsyncFeeds",
    "AsyncFleets",
    "AsyncModels",
    "AsyncReceipt",
    "AsyncRun",
    "Bag",
    "BagProgress",
    "Balance",
    "BoughtRun",
    "BundleRefused",
    "BuyerUses",
    "CallRefused",
    "ChainError",
    "ChainReplaced",
    "CheckFailed",
    "Client",
    "ClientForked",
    "ContainerRefused",
    "ContentDiffers",
    "ContractReverted",
    "DataRound",
    "DatabaseUnavailable",
    "DealRefused",
    "EarnedPayment",
    "Earnings",
    "EvidenceRefused",
    "Executor",
    "FeedRoster",
    "FeedState",
    "FeedStation",
    "Feeds",
    "FileSpec",
    "FileTooLarge",
    "FileUnopened",
    "Fleet",
    "FleetMachine",
    "Fleets",
    "GrantResult",
    "HostFailed",
    "InputMismatch",
    "InputRefused",
    "InputSpec",
    "InterpreterMismatch",
    "KeyVersionView",
    "LatestRuns",
    "LeadershipEnded",
    "Listing",
    "LogRefused",
    "Machines",
    "ModelUse",
    "Models",
    "Network",
    "NetworkNotRunning",
    "NodeRemoval",
    "NodesDisagree",
    "NotFound",
    "Offer",
    "OrderMalformed",
    "OrderRefused",
    "Platform",
    "Policy",
    "PolicyUpdate",
    "ProgressStep",
    "Proof",
    "ProofRefused",
    "PublishedListing",
    "QuotaReached",
    "RebuildResult",
    "Receipt",
    "ReceiptRefused",
    "ReleaseMark",
    "ReleaseRefused",
    "RepriceResult",
    "RevokeResult",
    "RotationResult",
    "Run",
    "RunFilter",
    "RunQuote",
    "RunRecord",
    "RunResult",
    "RunStatus",
    "RunSum",
    "RunTimes",
    "SealgridError",
    "SecretExists",
    "SecretNotSigned",
    "SecretRefused",
    "SecretSpec",
    "SecretTooLarge",
    "ServiceUnavailable",
    "SessionEnded",
    "SetupMissing",
    "ShardOutcome",
    "SharesRefused",
    "SigningKey",
    "SimulatedPlatformWarning",
    "StageAt",
    "StationRegistration",
    "StillRunning",
    "StoreFull",
    "TaskFailed",
    "TeeRequired",
    "TicketRefused",
    "TooManyRequests",
    "TrustPins",
    "UnlistResult",
    "UnpaidUses",
    "UsageFinding",
    "UsageReport",
    "VerificationReport",
    "WaitNotice",
    "connect",
    "connect_async",
    "load_network",
]
