"""Says how to let bubblewrap work, from its own words and the settings of this machine's kernel."""

import re
from pathlib import Path
from typing import Final

_SYSCTL: Final = Path("/proc/sys")
_INSTALL: Final = "install it with: sudo apt-get install bubblewrap"
_APPARMOR: Final = (
    "Ubuntu's AppArmor rule refuses user namespaces to bubblewrap; allow them with: "
    "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 "
    "(to keep this, write it to /etc/sysctl.d/60-sealgrid.conf)"
)
_NO_NAMESPACES: Final = (
    "this kernel is set to refuse user namespaces; allow them with: sudo sysctl -w kernel.unprivileged_userns_clone=1"
)
_TOO_FEW: Final = (
    "the kernel's limit of user namespaces is reached; raise it with: sudo sysctl -w user.max_user_namespaces=15000"
)
_CONTAINER: Final = (
    "a container refuses what bubblewrap needs; start it with: --security-opt seccomp=unconfined "
    "--security-opt apparmor=unconfined --security-opt systempaths=unconfined"
)
_CAPABILITIES: Final = (
    "bubblewrap has file capabilities, which it refuses; remove them with: sudo setcap -r $(command -v bwrap)"
)
_SETTINGS: Final = (  #: setting of the kernel, the value that stops bubblewrap, what to do
    ("kernel/unprivileged_userns_clone", "0", _NO_NAMESPACES),
    ("user/max_user_namespaces", "0", _TOO_FEW),
    ("kernel/apparmor_restrict_unprivileged_userns", "1", _APPARMOR),
)
_WORDS: Final = (  #: bubblewrap's words, what to do
    (r"setting up uid map: (Permission denied|Operation not permitted)", _APPARMOR),
    (r"Failed RTM_NEWADDR", _APPARMOR),
    (r"No space left on device", _TOO_FEW),
    (r"Unknown option", "this bubblewrap is too old; install version 0.8 or newer"),
    (r"Unexpected capabilities", _CAPABILITIES),
    (r"[Mm]ount|pivot_root|new namespace|namespace failed", _CONTAINER),
)


def sandbox_remedy(words: str, sysctl: Path = _SYSCTL) -> str:
    """Return what to do about a failure of bubblewrap; ``words`` are its own, ``sysctl`` the kernel's settings."""
    if "not installed" in words:
        return _INSTALL
    for name, value, remedy in _SETTINGS:
        if _setting(sysctl, name) == value:
            return remedy
    return next((remedy for pattern, remedy in _WORDS if re.search(pattern, words)), "see: sealgrid doctor")


def _setting(sysctl: Path, name: str) -> str | None:
    try:
        return (sysctl / name).read_text().strip()
    except OSError:
        return None
