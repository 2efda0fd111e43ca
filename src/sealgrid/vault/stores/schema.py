"""Tables of a vault's database."""

from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, Table, Text

metadata = MetaData()


def _key(name: str) -> Column[str]:
    """Return a text column of a table's primary key."""
    return Column(name, Text, primary_key=True)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _integer(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False)


def _blob(name: str) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


def _asset_key() -> tuple[Column[str], Column[str]]:
    """Return the primary key of a table with one row for each asset and owner."""
    return _key("asset"), _key("owner")


def _signed_record() -> tuple[Column[bytes], Column[str], Column[bytes]]:
    """Return the columns of a KeyRecord, its digest and its owner's signature."""
    return _blob("record"), _text("record_digest"), _blob("signature")


def _key_note() -> tuple[Column[str], Column[str], Column[int]]:
    """Return the columns of a note about a key: its record, the task whose receipt proved it, the chain's time."""
    return _key("record_digest"), _text("task"), _integer("noted")


about = Table("about", metadata, _key("name"), _text("value"))

assets = Table(
    "assets",
    metadata,
    *_asset_key(),
    _text("kind"),
    _text("file_sha256"),
    *_signed_record(),
    _blob("share"),  # encrypted, keys.ShareEncryption
    _integer("received"),
)

iexec_values = Table(
    "iexec_values",  # value hash of a key pushed through iExec's API, as its owner signed it; the share is in assets
    metadata,
    *_asset_key(),
    _text("value_hash"),
)

versions = Table(
    "versions",  # every version of a key ever stored; a version is never accepted twice
    metadata,
    *_asset_key(),
    Column("version", Integer, primary_key=True),
    *_signed_record(),
    _integer("received"),
    _integer("destroyed"),  # 0 while the share is stored
)

policies = Table(
    "policies",
    metadata,
    *_asset_key(),
    _blob("policy"),
    _blob("signature"),
)

grants = Table(
    "grants",
    metadata,
    _key("owner"),
    _key("file_sha256"),
    _key("app"),
    _key("request"),
    _blob("grant"),
    _blob("signature"),
)

task_inputs = Table(
    "task_inputs",  # which sealed input belongs to which task, as its owner's proof showed
    metadata,
    _key("owner"),
    _key("root"),
    Column("tasks", Integer, primary_key=True),
    Column("task_index", Integer, primary_key=True),
    _text("file_sha256"),
    _blob("path"),
    Index("task_inputs_by_file", "owner", "file_sha256"),
)

nonces = Table(
    "nonces",
    metadata,
    Column("nonce", LargeBinary, primary_key=True),
    _text("task"),
    _integer("attempt"),
    _text("worker"),
    _text("enclave"),
    Column("expires", Integer, nullable=False, index=True),
)

attempts = Table(
    "attempts",
    metadata,
    _key("task"),
    Column("attempt", Integer, primary_key=True),
    _text("worker"),
    _text("enclave"),
)

releases = Table(
    "releases",
    metadata,
    _key("task"),
    _key("enclave"),
    _text("worker"),
    _blob("facts"),
    _text("runtime"),
    _integer("platform"),
    _text("session"),
    _text("requester"),
    _text("dataset"),  # empty for a deal without a dataset
    _text("owner"),  # of the dataset at the release
    _integer("deadline"),
    _integer("released"),
)

uses = Table(
    "uses",  # one row per task that got a dataset's key from this vault, or from another vault according to its log
    metadata,
    _key("task"),
    _key("owner"),  # of the dataset at the release
    _text("dataset"),
    _text("requester"),
    _integer("used"),  # time of the last release, or of this vault's Verdict after it
    _integer("deadline"),  # the task's contribution deadline
    _integer("settled"),  # 1 once the task has this vault's Verdict
    # when the chain can first show that the task is unpaid; NULL for a use that is never refunded
    Column("check_at", Integer),
    Index("uses_by_requester", "dataset", "requester", "deadline"),
    Index("uses_to_check", "dataset", "owner", "check_at"),
)

use_counts = Table(
    "use_counts",  # number of rows in uses, so counting takes constant time
    metadata,
    _key("dataset"),
    _key("owner"),
    _integer("tasks"),
)

peer_positions = Table(
    "peer_positions",  # how far each peer's log has been read
    metadata,
    _key("vault"),
    _integer("next"),
)

settles = Table(
    "settles",
    metadata,
    _key("task"),
    _key("enclave"),
    _blob("settle"),
    _blob("signature"),
    _blob("verdict"),
    Column("record", LargeBinary),
    Column("record_signature", LargeBinary),
    Column("share", LargeBinary),  # encrypted, keys.ShareEncryption
    _integer("settled"),
)

policy_versions = Table(
    "policy_versions",  # every policy ever in force at this vault
    metadata,
    *_asset_key(),
    Column("version", Integer, primary_key=True),
    _blob("policy"),
    _integer("received"),
)

deal_times = Table(
    "deal_times",  # of the tasks in uses
    metadata,
    _key("task"),
    _integer("matched"),  # chain time of the match
)

log_entries = Table(
    "log",
    metadata,
    Column("position", Integer, primary_key=True),
    _blob("entry"),
    _blob("nodes"),  # hashes, from level 0 upwards
    _text("asset"),
    Index("log_by_asset", "asset", "position"),
)

witnessed_heads = Table(
    "witnessed_heads",
    metadata,
    _key("vault"),
    _blob("head"),
)

log_alarms = Table(
    "log_alarms",
    metadata,
    _key("vault"),
    _key("kind"),  # the first alarm of each kind suffices as proof
    _blob("alarm"),
    _integer("raised"),
)

unopened_keys = Table("unopened_keys", metadata, *_key_note())
opened_keys = Table("opened_keys", metadata, *_key_note())
