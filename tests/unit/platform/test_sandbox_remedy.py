"""What stops bubblewrap is named with the way to mend it, by its own words and by the kernel's settings."""

import pytest

from sealgrid.platform.sandbox_remedy import sandbox_remedy

UID_MAP = "bwrap: setting up uid map: Permission denied"


@pytest.fixture
def sysctl(tmp_path):
    def of(**settings: str):
        for name, value in settings.items():
            path = tmp_path / name.replace("__", "/")
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"{value}\n")
        return tmp_path

    return of


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (UID_MAP, "kernel.apparmor_restrict_unprivileged_userns=0"),
        ("bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted", "apparmor_restrict_unprivileged_userns=0"),
        ("bubblewrap is not installed; install it", "sudo apt-get install bubblewrap"),
        ("bwrap: Creating new namespace failed: No space left on device", "user.max_user_namespaces=15000"),
        ("bwrap: Unknown option --json-status-fd", "version 0.8 or newer"),
        ("bwrap: Unexpected capabilities but not setuid, old file caps config?", "setcap -r"),
        ("bwrap: Can't mount proc on /newroot/proc: Operation not permitted", "a container refuses"),
        ("bwrap: No permissions to create new namespace", "a container refuses"),
        ("something else", "sealgrid doctor"),
    ],
)
def test_bubblewraps_words_give_the_remedy(sysctl, words, remedy):
    assert remedy in sandbox_remedy(words, sysctl())


@pytest.mark.parametrize(
    ("setting", "value", "remedy"),
    [
        ("kernel__unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
        ("user__max_user_namespaces", "0", "user.max_user_namespaces=15000"),
        ("kernel__apparmor_restrict_unprivileged_userns", "1", "apparmor_restrict_unprivileged_userns=0"),
    ],
)
def test_a_setting_of_the_kernel_that_forbids_namespaces_comes_first(sysctl, setting, value, remedy):
    for words in (UID_MAP, "bwrap: No permissions to create new namespace", "something else"):
        assert remedy in sandbox_remedy(words, sysctl(**{setting: value}))


def test_settings_that_allow_namespaces_change_nothing(sysctl):
    allowed = sysctl(
        kernel__unprivileged_userns_clone="1",
        user__max_user_namespaces="15000",
        kernel__apparmor_restrict_unprivileged_userns="0",
    )
    assert "sealgrid doctor" in sandbox_remedy("something else", allowed)
