"""What a vault keeps for owners and requesters: shares, their versions, policies, grants."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, Row, delete, literal_column, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from sealgrid.attestation.policy import Policy
from sealgrid.attestation.statements import InputGrant
from sealgrid.crypto.shares import KeyRecord, Share
from sealgrid.units import Address, Digest, to_bytes
from sealgrid.vault.checks.deposit import StoredShare
from sealgrid.vault.federation import VaultFederation
from sealgrid.vault.keys import ShareEncryption
from sealgrid.vault.stores.database import VaultDatabase, assets, grants, iexec_values, policies, versions
from sealgrid.vault.stores.history import note_policy
from sealgrid.vault.stores.prepared_statements import PreparedStatement, given, replaced_in

_VALUE_BYTES = 32

_SHARE = PreparedStatement(select(assets).where(assets.c.asset == given("asset"), assets.c.owner == given("owner")))
_POLICY = PreparedStatement(
    select(policies).where(policies.c.asset == given("asset"), policies.c.owner == given("owner"))
)
_GRANTS = PreparedStatement(
    select(grants.c.grant).where(grants.c.owner == given("owner"), grants.c.file_sha256 == given("file"))
)
_KEEP, _SET_POLICY = PreparedStatement(replaced_in(assets)), PreparedStatement(replaced_in(policies))
_VALUE = PreparedStatement(
    select(iexec_values.c.value_hash).where(
        iexec_values.c.asset == given("asset"), iexec_values.c.owner == given("owner")
    )
)
_KEEP_VALUE = PreparedStatement(replaced_in(iexec_values))
_DELETE = PreparedStatement(delete(assets).where(assets.c.asset == given("asset"), assets.c.owner == given("owner")))
_OF_KEY = (versions.c.asset == given("asset"), versions.c.owner == given("owner"))
_VERSIONS = PreparedStatement(select(versions).where(*_OF_KEY).order_by(versions.c.version))
_BEGIN = PreparedStatement(replaced_in(versions))
_END = PreparedStatement(
    update(versions)
    .where(*_OF_KEY, versions.c.version < given("before"), versions.c.destroyed == literal_column("0"))
    .values(destroyed=given("at"))
)
_NO_VERSION = (1 << 63) - 1  #: above every version


@dataclass(frozen=True, slots=True)
class StoredPolicy:
    """A policy and its owner's signature."""

    policy: Policy
    signature: bytes


@dataclass(frozen=True, slots=True)
class StoredGrant:
    """A requester's grant and its signature."""

    grant: InputGrant
    signature: bytes


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One version of a key that is or was here."""

    record: KeyRecord
    record_digest: Digest
    signature: bytes  #: as anybody may see it
    received: int  #: Unix seconds
    destroyed: int  #: Unix seconds; 0 while its share is here


@dataclass(frozen=True, slots=True)
class StoredInput:
    """Which sealed input a share belongs to, and when it came."""

    asset: Address
    owner: Address
    file_sha256: Digest
    received: int  #: Unix seconds


class ShareStore:
    """Deposits in the database."""

    def __init__(self, store: VaultDatabase, at_rest: ShareEncryption, federation: VaultFederation) -> None:
        self._store, self._at_rest, self._federation = store, at_rest, federation

    def keep(self, held: StoredShare, *, policy: StoredPolicy | None, grant: StoredGrant | None, at: int) -> None:
        """Store a deposit as one whole, in place of the share of an earlier version."""
        with self._store.transaction() as connection:
            self._begin(connection, held, at)
            if policy is not None:
                _put_policy(connection, policy, at)
            if grant is not None:
                _put_grant(connection, grant)

    def destroy(self, asset: Address, owner: Address, *, at: int) -> None:
        """Delete a share; that it was here is remembered, so that it never comes back."""
        with self._store.transaction() as connection:
            _DELETE.on(connection, asset=asset, owner=owner)
            _END.on(connection, asset=asset, owner=owner, before=_NO_VERSION, at=at)

    def inputs_before(self, at: int) -> Sequence[StoredInput]:
        """Return the sealed inputs that came before this time, oldest first."""
        old = select(assets.c.asset, assets.c.owner, assets.c.file_sha256, assets.c.received).where(
            assets.c.kind == "input", assets.c.received < at
        )
        with self._store.reading() as connection:
            return [StoredInput(*row) for row in connection.execute(old.order_by(assets.c.received))]

    def forget_input(self, found: StoredInput) -> bool:
        """Delete a sealed input's share, grants and version; return False when it was deposited again since."""
        of_share = (assets.c.asset == found.asset, assets.c.owner == found.owner, assets.c.received == found.received)
        with self._store.transaction() as connection:
            if not connection.execute(delete(assets).where(*of_share)).rowcount:
                return False
            connection.execute(
                delete(grants).where(grants.c.owner == found.owner, grants.c.file_sha256 == found.file_sha256)
            )
            connection.execute(delete(versions).where(versions.c.asset == found.asset, versions.c.owner == found.owner))
        return True

    def outdate(self, version: StoredVersion) -> None:
        """Remember a version that is not here, unless this or a later one is known."""
        named = (version.record.asset, version.record.owner)
        if all(each.record.version < version.record.version for each in self.versions(*named)):
            with self._store.transaction() as connection:
                _BEGIN.on(connection, **_row_of(version))

    def forget_policy(self, asset: Address, owner: Address) -> None:
        """Delete a policy; until another comes nobody may use the asset."""
        with self._store.transaction() as connection:
            connection.execute(delete(policies).where(policies.c.asset == asset, policies.c.owner == owner))

    def shared(self) -> Sequence[tuple[Address, Address]]:
        """Return asset and owner of every share that is here."""
        with self._store.reading() as connection:
            return [(row.asset, row.owner) for row in connection.execute(select(assets.c.asset, assets.c.owner))]

    def policed(self) -> Sequence[tuple[Address, Address]]:
        """Return asset and owner of every policy that is here."""
        with self._store.reading() as connection:
            return [(row.asset, row.owner) for row in connection.execute(select(policies.c.asset, policies.c.owner))]

    def versions(self, asset: Address, owner: Address) -> Sequence[StoredVersion]:
        """Return every version of a key that was ever here, oldest first."""
        with self._store.reading() as connection:
            return [_read_version(row) for row in _VERSIONS.on(connection, asset=asset, owner=owner)]

    def set_policy(self, policy: StoredPolicy, *, at: int) -> None:
        """Replace an asset's policy, and remember since when it is in force."""
        with self._store.transaction() as connection:
            _put_policy(connection, policy, at)

    def share(self, asset: Address, owner: Address) -> StoredShare | None:
        """Return what is kept of an asset for one owner."""
        with self._store.reading() as connection:
            row = _SHARE.on(connection, asset=asset, owner=owner).one_or_none()
            pushed = row is not None and row.kind == "iexec"
            value = _VALUE.on(connection, asset=asset, owner=owner).scalar_one() if pushed else None
        return None if row is None else self._held(row, value)

    def usable(self, asset: Address, owner: Address) -> StoredShare | None:
        """Return a share that was split for the present federation; after a change of vaults owners share anew."""
        held = self.share(asset, owner)
        return held if held is not None and self._federation.shares(held.record) else None

    def policy(self, asset: Address, owner: Address) -> StoredPolicy | None:
        """Return the policy of an asset by one owner."""
        with self._store.reading() as connection:
            row = _POLICY.on(connection, asset=asset, owner=owner).one_or_none()
        return None if row is None else StoredPolicy(msgspec.json.decode(row.policy, type=Policy), row.signature)

    def grants(self, owner: Address, file_sha256: Digest) -> Sequence[InputGrant]:
        """Return every grant that a requester gave for one of its sealed inputs."""
        with self._store.reading() as connection:
            found = _GRANTS.on(connection, owner=owner, file=file_sha256).scalars()
            return [msgspec.json.decode(row, type=InputGrant) for row in found]

    def _begin(self, connection: Connection, held: StoredShare, at: int) -> None:
        record = held.record
        self._put(connection, held, at)
        if held.value_hash is not None:
            _KEEP_VALUE.on(connection, asset=record.asset, owner=record.owner, value_hash=held.value_hash)
        _END.on(connection, asset=record.asset, owner=record.owner, before=record.version, at=at)
        _BEGIN.on(connection, **_row_of(StoredVersion(record, held.record_digest, held.shown_signature, at, 0)))

    def _put(self, connection: Connection, held: StoredShare, at: int) -> None:
        record = held.record
        row = {
            "asset": record.asset,
            "owner": record.owner,
            "kind": held.kind,
            "file_sha256": record.file_sha256,
            "record": msgspec.json.encode(record),
            "record_digest": held.record_digest,
            "signature": held.signature,
            "share": self._at_rest.shut(held.share.value + held.share.blind, _row(held.record_digest)),
            "received": at,
        }
        _KEEP.on(connection, **row)

    def _held(self, row: Row[tuple[object, ...]], value_hash: Digest | None) -> StoredShare:
        secret = self._at_rest.open(row.share, _row(row.record_digest))
        record = msgspec.json.decode(row.record, type=KeyRecord)
        place = record.vaults.index(self._federation.us) + 1
        share = Share(index=place, value=secret[:_VALUE_BYTES], blind=secret[_VALUE_BYTES:])
        return StoredShare(row.kind, record, row.record_digest, row.signature, share, value_hash)


def _row(record_digest: Digest) -> bytes:
    return b"sealgrid/vault/asset/1" + to_bytes(record_digest, 32)


def _row_of(version: StoredVersion) -> dict[str, object]:
    record = version.record
    return {
        "asset": record.asset,
        "owner": record.owner,
        "version": record.version,
        "record": msgspec.json.encode(record),
        "record_digest": version.record_digest,
        "signature": version.signature,
        "received": version.received,
        "destroyed": version.destroyed,
    }


def _read_version(row: Row[tuple[object, ...]]) -> StoredVersion:
    record = msgspec.json.decode(row.record, type=KeyRecord)
    return StoredVersion(record, row.record_digest, row.signature, row.received, row.destroyed)


def _put_policy(connection: Connection, signed: StoredPolicy, at: int) -> None:
    row = {
        "asset": signed.policy.asset,
        "owner": signed.policy.owner,
        "policy": msgspec.json.encode(signed.policy),
        "signature": signed.signature,
    }
    _SET_POLICY.on(connection, **row)
    note_policy(connection, signed.policy, at)


def _put_grant(connection: Connection, signed: StoredGrant) -> None:
    grant = signed.grant
    row = {
        "owner": grant.owner,
        "file_sha256": grant.file_sha256,
        "app": grant.app,
        "request": grant.request,
        "grant": msgspec.json.encode(grant),
        "signature": signed.signature,
    }
    connection.execute(upsert(grants).values(row).on_conflict_do_nothing())
