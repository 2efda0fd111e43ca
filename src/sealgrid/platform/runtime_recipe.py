"""Recipes of the runtime for real hardware: a guest image for TDX and SEV-SNP, a Gramine manifest for SGX.

Rendering is deterministic. **Not run on hardware here.**
"""

from collections.abc import Mapping, Sequence
from importlib.resources import files as resources
from pathlib import Path

from sealgrid.attestation.policy import Platform
from sealgrid.bundle.verify import VerifiedBundle
from sealgrid.platform.image import MeasuredFile
from sealgrid.platform.image_contents import LIBRARIES, PACKAGES, PYTHON, Plan, plan_image

GUEST = "guest.py"
IN_GUEST = ("__init__", "guest", "hardware_quotes", "quote_server")  #: modules of ``sealgrid.platform`` in the guest

CMDLINE = (
    "console=hvc0 quiet loglevel=0 systemd.show_status=no systemd.log_target=null rd.shell=0 rd.emergency=poweroff "
    "panic=-1 oops=panic lockdown=confidentiality module.sig_enforce=1 init_on_alloc=1 init_on_free=1 "
    "mitigations=auto,nosmt net.ifnames=0 systemd.unit=sealgrid.target"
)
ENCLAVE_BYTES = "8G"
THREADS = 32


def runtime_plan() -> Plan:
    """Return path below ``/runtime`` -> file of this machine, including the modules that quote in a guest."""
    here = Path(__file__).parent
    ours = {f"{PACKAGES}/sealgrid/platform/{name}.py": here / f"{name}.py" for name in IN_GUEST}
    return plan_image() | ours | {GUEST: here / "guest_start.py"}


def file_list(measured: Sequence[MeasuredFile]) -> str:
    """Return the runtime's files, one line each, as the simulated platform measures them."""
    return "".join(each.line() for each in sorted(measured))


def guest_recipe(platform: Platform, measured: Sequence[MeasuredFile]) -> dict[str, str]:
    """Return path -> text of an image's recipe for mkosi; ``runtime/`` beside it holds the files."""
    python = next(each.path for each in sorted(measured) if each.path.startswith(f"{PYTHON}/bin/"))
    values = {"CMDLINE": CMDLINE, "PYTHON": f"/runtime/{python}", "LIBRARIES": f"/runtime/{LIBRARIES}", "GUEST": GUEST}
    modules = "vmw_vsock_virtio_transport\n" + ("tdx_guest\n" if platform is Platform.TDX else "sev_guest\n")
    return {
        "mkosi.conf": _render("mkosi.conf", values),
        "mkosi.extra/usr/lib/systemd/system/sealgrid.service": _render("sealgrid.service", values),
        "mkosi.extra/usr/lib/systemd/system/sealgrid.target": _render("sealgrid.target", {}),
        "mkosi.extra/usr/lib/modules-load.d/sealgrid.conf": modules,
        "launch.sh": _render(f"launch-{platform.name.lower()}.sh", values),
        "runtime.files": file_list(measured),
        "README.md": _render("guest.md", {"PLATFORM": platform.name, **values}),
    }


def enclave_recipe(measured: Sequence[MeasuredFile], bundle: VerifiedBundle) -> dict[str, str]:
    """Return path -> text of a Gramine manifest for the runtime with exactly this app in it."""
    python = next(each.path for each in sorted(measured) if each.path.startswith(f"{PYTHON}/bin/"))
    trusted = [(f"runtime/{each.path}", each.sha256) for each in sorted(measured)]
    trusted += [(f"app/{file.path}", file.sha256[2:]) for file in bundle.manifest.files]
    trusted += [(f"wheels/{wheel.filename}", wheel.sha256[2:]) for wheel in bundle.manifest.wheels]
    values = {
        "APP": bundle.app_digest,
        "PYTHON": f"/runtime/{python}",
        "LIBRARIES": f"/runtime/{LIBRARIES}",
        "GUEST": GUEST,
        "SIZE": ENCLAVE_BYTES,
        "THREADS": str(THREADS),
        "TRUSTED": "\n".join(f'  {{ uri = "file:{path}", sha256 = "{digest}" }},' for path, digest in trusted),
    }
    return {
        "sealgrid.manifest.template": _render("gramine.manifest", values),
        "runtime.files": file_list(measured),
        "README.md": _render("enclave.md", values),
    }


def _render(name: str, values: Mapping[str, str]) -> str:
    text = resources(__package__).joinpath("recipes", name).read_text()
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    return text
