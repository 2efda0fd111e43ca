"""Stores what owners and requesters deposit: key shares, key versions, policies, grants."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, delete, literal_column, select, update

from sealgrid.attestation.policy import Policy
from sealgrid.attestation.statements import InputGrant
from sealgrid.attestation.task_inputs import TaskInputProof, TaskInputs
from sealgrid.crypto.shares import KeyRecord, Share
from sealgrid.units import Address, Digest, to_bytes
from sealgrid.vault.checks.deposit import StoredShare
from sealgrid.vault.checks.entitlement import TaskInput
from sealgrid.vault.federation import VaultFederation
from sealgrid.vault.keys import ShareEncryption
from sealgrid.vault.stores.database import VaultDatabase
from sealgrid.vault.stores.history import note_policy
from sealgrid.vault.stores.prepared_statements import PreparedStatement, insert_or_ignore, param, upsert
from sealgrid.vault.stores.schema import assets, grants, iexec_values, policies, task_inputs, versions

_VALUE_BYTES = 32

_SHARE = PreparedStatement(select(assets).where(assets.c.asset == param("asset"), assets.c.owner == param("owner")))
_POLICY = PreparedStatement(
    select(policies).where(policies.c.asset == param("asset"), policies.c.owner == param("owner"))
)
_GRANTS = PreparedStatement(
    select(grants.c.grant).where(grants.c.owner == param("owner"), grants.c.file_sha256 == param("file"))
)
_SET_SHARE, _SET_POLICY = PreparedStatement(upsert(assets)), PreparedStatement(upsert(policies))
_VALUE = PreparedStatement(
    select(iexec_values.c.value_hash).where(
        iexec_values.c.asset == param("asset"), iexec_values.c.owner == param("owner")
    )
)
_SET_VALUE = PreparedStatement(upsert(iexec_values))
_DELETE = PreparedStatement(delete(assets).where(assets.c.asset == param("asset"), assets.c.owner == param("owner")))
_OF_KEY = (versions.c.asset == param("asset"), versions.c.owner == param("owner"))
_VERSIONS = PreparedStatement(select(versions).where(*_OF_KEY).order_by(versions.c.version))
_SET_VERSION = PreparedStatement(upsert(versions))
_END_VERSIONS = PreparedStatement(
    update(versions)
    .where(*_OF_KEY, versions.c.version < param("before"), versions.c.destroyed == literal_column("0"))
    .values(destroyed=param("at"))
)
_ADD_GRANT = PreparedStatement(insert_or_ignore(grants))
_ADD_TASK_INPUT = PreparedStatement(insert_or_ignore(task_inputs))
_TASK_INPUT = PreparedStatement(
    select(task_inputs.c.file_sha256, task_inputs.c.path).where(
        task_inputs.c.owner == param("owner"),
        task_inputs.c.root == param("root"),
        task_inputs.c.tasks == param("tasks"),
        task_inputs.c.task_index == param("task_index"),
    )
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
    proof: TaskInputProof | None = None  #: for the input of one task


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One version of a key, with its share stored or destroyed."""

    record: KeyRecord
    record_digest: Digest
    signature: bytes  #: in the form that the vault shows to anyone
    received: int  #: Unix seconds
    destroyed: int  #: Unix seconds; 0 while its share is stored


@dataclass(frozen=True, slots=True)
class StoredInput:
    """The share of one sealed input."""

    asset: Address
    owner: Address
    file_sha256: Digest
    received: int  #: Unix seconds


class ShareStore:
    """Deposits in the database, with shares encrypted at rest."""

    def __init__(self, database: VaultDatabase, at_rest: ShareEncryption, federation: VaultFederation) -> None:
        self._database, self._at_rest, self._federation = database, at_rest, federation

    def store(self, share: StoredShare, *, policy: StoredPolicy | None, grant: StoredGrant | None, at: int) -> None:
        """Store a deposit atomically; its share replaces that of an earlier version."""
        record = share.record
        key = {"asset": record.asset, "owner": record.owner}
        row = key | {
            "kind": share.kind,
            "file_sha256": record.file_sha256,
            "record": msgspec.json.encode(record),
            "record_digest": share.record_digest,
            "signature": share.signature,
            "share": self._at_rest.encrypt(share.share.value + share.share.blind, _row_id(share.record_digest)),
            "received": at,
        }
        version = StoredVersion(record, share.record_digest, share.public_signature, received=at, destroyed=0)
        with self._database.transaction() as connection:
            _SET_SHARE.run(connection, **row)
            if share.value_hash is not None:
                _SET_VALUE.run(connection, **key, value_hash=share.value_hash)
            _END_VERSIONS.run(connection, **key, before=record.version, at=at)
            _SET_VERSION.run(connection, **_version_row(version))
            if policy is not None:
                _store_policy(connection, policy, at)
            if grant is not None:
                _ADD_GRANT.run(
                    connection,
                    owner=grant.grant.owner,
                    file_sha256=grant.grant.file_sha256,
                    app=grant.grant.app,
                    request=grant.grant.request,
                    grant=msgspec.json.encode(grant.grant),
                    signature=grant.signature,
                )
            if grant is not None and grant.proof is not None:
                _ADD_TASK_INPUT.run(
                    connection,
                    owner=grant.grant.owner,
                    root=grant.proof.inputs.root,
                    tasks=grant.proof.inputs.tasks,
                    task_index=grant.proof.index,
                    file_sha256=grant.grant.file_sha256,
                    path=msgspec.json.encode(grant.proof.path),
                )

    def destroy(self, asset: Address, owner: Address, *, at: int) -> None:
        """Delete a share; its version stays recorded and is not accepted again."""
        with self._database.transaction() as connection:
            _DELETE.run(connection, asset=asset, owner=owner)
            _END_VERSIONS.run(connection, asset=asset, owner=owner, before=_NO_VERSION, at=at)

    def inputs_before(self, at: int) -> Sequence[StoredInput]:
        """Return the sealed inputs received before this time, oldest first."""
        old = select(assets.c.asset, assets.c.owner, assets.c.file_sha256, assets.c.received).where(
            assets.c.kind == "input", assets.c.received < at
        )
        with self._database.reading() as connection:
            return [StoredInput(*row) for row in connection.execute(old.order_by(assets.c.received))]

    def delete_input(self, stored: StoredInput) -> bool:
        """Delete a sealed input's share, grants and version; return False if it has been deposited again since."""
        of_share = (
            assets.c.asset == stored.asset,
            assets.c.owner == stored.owner,
            assets.c.received == stored.received,
        )
        with self._database.transaction() as connection:
            if not connection.execute(delete(assets).where(*of_share)).rowcount:
                return False
            connection.execute(
                delete(grants).where(grants.c.owner == stored.owner, grants.c.file_sha256 == stored.file_sha256)
            )
            connection.execute(
                delete(task_inputs).where(
                    task_inputs.c.owner == stored.owner, task_inputs.c.file_sha256 == stored.file_sha256
                )
            )
            connection.execute(
                delete(versions).where(versions.c.asset == stored.asset, versions.c.owner == stored.owner)
            )
        return True

    def note_version(self, version: StoredVersion) -> None:
        """Record a version whose share is not stored, unless this version or a later one is known."""
        key = (version.record.asset, version.record.owner)
        if all(each.record.version < version.record.version for each in self.versions(*key)):
            with self._database.transaction() as connection:
                _SET_VERSION.run(connection, **_version_row(version))

    def delete_policy(self, asset: Address, owner: Address) -> None:
        """Delete a policy; the vault refuses the asset until its owner sets another."""
        with self._database.transaction() as connection:
            connection.execute(delete(policies).where(policies.c.asset == asset, policies.c.owner == owner))

    def share_keys(self) -> Sequence[tuple[Address, Address]]:
        """Return asset and owner of every stored share."""
        with self._database.reading() as connection:
            return [(row.asset, row.owner) for row in connection.execute(select(assets.c.asset, assets.c.owner))]

    def policy_keys(self) -> Sequence[tuple[Address, Address]]:
        """Return asset and owner of every stored policy."""
        with self._database.reading() as connection:
            return [(row.asset, row.owner) for row in connection.execute(select(policies.c.asset, policies.c.owner))]

    def versions(self, asset: Address, owner: Address) -> Sequence[StoredVersion]:
        """Return every version of a key ever stored, oldest first."""
        with self._database.reading() as connection:
            rows = list(_VERSIONS.run(connection, asset=asset, owner=owner))
        return [
            StoredVersion(
                record=msgspec.json.decode(row.record, type=KeyRecord),
                record_digest=row.record_digest,
                signature=row.signature,
                received=row.received,
                destroyed=row.destroyed,
            )
            for row in rows
        ]

    def set_policy(self, policy: StoredPolicy, *, at: int) -> None:
        """Replace an asset's policy and record the time from which it is in force."""
        with self._database.transaction() as connection:
            _store_policy(connection, policy, at)

    def find(self, asset: Address, owner: Address) -> StoredShare | None:
        """Return the share of an asset's key by one owner, or None."""
        with self._database.reading() as connection:
            row = _SHARE.run(connection, asset=asset, owner=owner).one_or_none()
            pushed = row is not None and row.kind == "iexec"
            value = _VALUE.run(connection, asset=asset, owner=owner).scalar_one() if pushed else None
        if row is None:
            return None
        secret = self._at_rest.decrypt(row.share, _row_id(row.record_digest))
        record = msgspec.json.decode(row.record, type=KeyRecord)
        index = record.vaults.index(self._federation.own_address) + 1
        share = Share(index=index, value=secret[:_VALUE_BYTES], blind=secret[_VALUE_BYTES:])
        return StoredShare(row.kind, record, row.record_digest, row.signature, share, value)

    def find_usable(self, asset: Address, owner: Address) -> StoredShare | None:
        """Return the share if it was split for the current federation; after a change of vaults owners must reshare."""
        share = self.find(asset, owner)
        return share if share is not None and self._federation.matches(share.record) else None

    def policy(self, asset: Address, owner: Address) -> StoredPolicy | None:
        """Return the policy of an asset by one owner, or None."""
        with self._database.reading() as connection:
            row = _POLICY.run(connection, asset=asset, owner=owner).one_or_none()
        return None if row is None else StoredPolicy(msgspec.json.decode(row.policy, type=Policy), row.signature)

    def task_input(self, owner: Address, inputs: TaskInputs, index: int) -> TaskInput | None:
        """Return the sealed input of one task that a requester deposited with its proof, or None."""
        with self._database.reading() as connection:
            row = _TASK_INPUT.run(
                connection, owner=owner, root=inputs.root, tasks=inputs.tasks, task_index=index
            ).one_or_none()
        if row is None:
            return None
        return TaskInput(row.file_sha256, msgspec.json.decode(row.path, type=tuple[Digest, ...]))

    def grants(self, owner: Address, file_sha256: Digest) -> Sequence[InputGrant]:
        """Return all grants by a requester for one of its sealed inputs."""
        with self._database.reading() as connection:
            found = _GRANTS.run(connection, owner=owner, file=file_sha256).scalars()
            return [msgspec.json.decode(row, type=InputGrant) for row in found]


def _row_id(record_digest: Digest) -> bytes:
    return b"sealgrid/vault/asset/1" + to_bytes(record_digest, 32)


def _version_row(version: StoredVersion) -> dict[str, object]:
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


def _store_policy(connection: Connection, signed: StoredPolicy, at: int) -> None:
    row = {
        "asset": signed.policy.asset,
        "owner": signed.policy.owner,
        "policy": msgspec.json.encode(signed.policy),
        "signature": signed.signature,
    }
    _SET_POLICY.run(connection, **row)
    note_policy(connection, signed.policy, at)
