"""``sealgrid runtime …``: the build recipe of the runtime for confidential hardware, and its identity."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sealgrid.cli.output import stdout

if TYPE_CHECKING:
    from sealgrid.attestation.policy import Platform
    from sealgrid.bundle.verify import VerifiedBundle

app = typer.Typer(help="The runtime for confidential hardware: build recipe and identity.", no_args_is_help=True)
Kind = Literal["tdx", "sgx", "snp"]
PlatformOption = Annotated[Kind, typer.Option("--platform", metavar="tdx|sgx|snp", help="The platform of the runtime.")]

NOT_RUN = "Not run on hardware by its authors; only what measurement.json calls computed is computed."


@app.command()
def build(
    platform: PlatformOption,
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", help="A new folder for the files.")] = Path("sealgrid-runtime"),
    bundle: Annotated[
        Path | None, typer.Option("--app", metavar="DIR", help="SGX: the folder of the one app in the enclave.")
    ] = None,
    firmware: Annotated[Path | None, typer.Option(metavar="FILE", help="TDX, SEV-SNP: the guest's firmware.")] = None,
    kernel: Annotated[Path | None, typer.Option(metavar="FILE", help="SEV-SNP: the image's kernel.")] = None,
    initrd: Annotated[Path | None, typer.Option(metavar="FILE", help="SEV-SNP: the image's initrd.")] = None,
    cpus: Annotated[int, typer.Option(min=1, max=512, metavar="NUMBER", help="SEV-SNP: number of processors.")] = 2,
    cpu: Annotated[str, typer.Option(metavar="MODEL", help="SEV-SNP: processor model of QEMU.")] = "EPYC-v4",
) -> None:
    """Write the files and build scripts of the runtime, and compute the measurements that need no hardware."""
    from sealgrid.attestation.policy import Platform
    from sealgrid.enclave.job.app_layout import lay_out_app
    from sealgrid.errors import InputRefused
    from sealgrid.platform import runtime_recipe
    from sealgrid.platform.image import measure
    from sealgrid.platform.image_contents import interpreter_version
    from sealgrid.platform.image_store import lay_out

    target = Platform[platform.upper()]
    packed = _bundle(bundle) if target is Platform.SGX else None
    if out.exists() and any(out.iterdir()):
        raise InputRefused(f"{out} is not empty; name a new folder with --out.", money="")
    report = _measurements(target, firmware=firmware, kernel=kernel, initrd=initrd, cpus=cpus, cpu=cpu)
    lay_out(runtime_recipe.runtime_plan(), out / "runtime")
    files = measure(out / "runtime")
    report["python"] = interpreter_version(files)
    rendered = (
        runtime_recipe.guest_recipe(target, files) if packed is None else runtime_recipe.enclave_recipe(files, packed)
    )
    for name, text in (rendered | {"measurement.json": json.dumps(report, indent=2) + "\n"}).items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if path.suffix == ".sh":
            path.chmod(0o755)
    if packed is not None:
        (out / "app").mkdir()
        lay_out_app(packed, out / "app")
    stdout.print(f"{out}: {len(files)} files of the runtime, {', '.join(sorted(rendered))}", markup=False)
    for name, value in {**report["computed"], **report["not computed"]}.items():
        stdout.print(f"  {name}: {value}", markup=False)
    stdout.print(NOT_RUN, markup=False)


@app.command()
def identity(
    platform: PlatformOption,
    measurements: Annotated[
        list[str],
        typer.Option(
            "--measurement",
            metavar="HEX",
            help="A measurement; repeatable, in the order of docs/protocol/evidence.md.",
        ),
    ],
    bundle: Annotated[
        Path | None, typer.Option("--app", metavar="DIR", help="SGX: the folder of the one app in the enclave.")
    ] = None,
) -> None:
    """Compute the runtime identity, which brokers and owners allow, from measurements of hardware or its tools."""
    from sealgrid.attestation.binding import runtime_identity
    from sealgrid.attestation.policy import Platform
    from sealgrid.errors import InputRefused
    from sealgrid.units import to_bytes

    target = Platform[platform.upper()]
    size, count = (32, 1) if target is Platform.SGX else (48, 4 if target is Platform.TDX else 1)
    try:
        parts = [to_bytes("0x" + each.removeprefix("0x"), size) for each in measurements]
    except ValueError as error:
        raise InputRefused(f"a measurement of {platform} has {size} bytes in hex.", money="") from error
    if len(parts) != count:
        raise InputRefused(f"{platform} has {count} measurements, not {len(parts)}.", money="")
    if target is Platform.SGX:
        parts.append(to_bytes(_bundle(bundle).app_digest, 32))
    stdout.print(runtime_identity(target, parts), markup=False)


def _measurements(
    platform: "Platform", *, firmware: Path | None, kernel: Path | None, initrd: Path | None, cpus: int, cpu: str
) -> dict[str, Any]:
    from sealgrid.attestation.binding import runtime_identity
    from sealgrid.attestation.policy import Platform
    from sealgrid.platform import firmware as guest_firmware
    from sealgrid.platform.runtime_recipe import CMDLINE

    computed: dict[str, str] = {}
    missing: dict[str, str] = {}
    if platform is Platform.SGX:
        missing["MRENCLAVE"] = "gramine-sgx-sign computes it from the manifest; then: sealgrid runtime identity"
    elif platform is Platform.TDX:
        if firmware is None:
            missing["MRTD"] = "name the TDVF with --firmware"
        else:
            computed["MRTD"] = guest_firmware.mrtd(firmware).hex()
        missing["RTMR0, RTMR1, RTMR2"] = (
            "firmware and kernel extend them; read them from the first quote on hardware you trust"
        )
    elif firmware is None or kernel is None or initrd is None:
        missing["MEASUREMENT"] = "build the image, then name --firmware, --kernel and --initrd"
    else:
        boot = guest_firmware.SnpBoot(firmware, kernel, initrd, CMDLINE, cpus, cpu)
        digest = guest_firmware.launch_digest(boot)
        computed |= {"MEASUREMENT": digest.hex(), "runtime": runtime_identity(platform, [digest])}
    return {"platform": platform.name.lower(), "computed": computed, "not computed": missing, "note": NOT_RUN}


def _bundle(folder: Path | None) -> "VerifiedBundle":
    from sealgrid.bundle.interpreter import running_python
    from sealgrid.bundle.verify import verify_bundle
    from sealgrid.errors import InputRefused
    from sealgrid.sdk.operations.build import build_app

    if folder is None:
        raise InputRefused("an SGX runtime holds one app; name its folder with --app.", money="")
    made = build_app(folder, running_python()).bundle  # the runtime is laid out with this interpreter
    return verify_bundle(made.archive, made.app_digest)
