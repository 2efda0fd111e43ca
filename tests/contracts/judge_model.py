"""Reference model of a judge: what it should accept."""

from dataclasses import dataclass, field

from sealgrid.crypto.signing import SigningKey
from sealgrid.units import Digest


@dataclass(frozen=True)
class Federation:
    """2t - 1 vaults in ascending order, of which t must sign."""

    vaults: tuple[SigningKey, ...]
    threshold: int


@dataclass
class Model:
    """All that decides; times in the chain's seconds."""

    federation: Federation
    name: Digest  #: the federation's, as the chain has it
    notice: int
    runtime_since: dict[Digest, int]
    announced: tuple[Federation, int] | None = None
    paused: bool = False
    former: list[Digest] = field(default_factory=list)

    def may_change(self, at: int) -> bool:
        return self.announced is not None and at >= self.announced[1]

    def changed(self, name: Digest) -> None:
        assert self.announced is not None
        self.former.append(self.name)
        self.federation, self.announced, self.name = self.announced[0], None, name

    def allowed(self, runtime: Digest, at: int) -> bool:
        return runtime in self.runtime_since and at >= self.runtime_since[runtime]

    def accepts(self, signers: tuple[SigningKey, ...], name: Digest, runtime: Digest, *, expiry: int, at: int) -> bool:
        """Whether these vaults' verdicts, given under that federation, are enough now."""
        distinct = len(set(signers)) == len(signers)
        enough = len(signers) >= self.federation.threshold and set(signers) <= set(self.federation.vaults)
        known = name == self.name and self.allowed(runtime, at)
        return distinct and enough and known and at < expiry and not self.paused
