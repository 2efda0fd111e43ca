#!/bin/sh
# launch.sh APP_DIGEST CID: start one TDX guest whose evidence locks this app. Not run on hardware by its authors.
# FIRMWARE: a TDVF, the one that MRTD was computed of. IMAGE: what mkosi made.
set -eu
: "${FIRMWARE:?path of a TDVF}" "${IMAGE:=sealgrid.efi}" "${CPUS:=2}" "${MEMORY:=8G}"
app=${1:?app digest, 0x and 64 hex digits}; cid=${2:?vsock context id}
config=$(printf '%s%032d' "${app#0x}" 0 | xxd -r -p | base64 -w0)  # MRCONFIGID: the digest and 16 zero bytes
exec qemu-system-x86_64 -accel kvm -cpu host -smp "$CPUS" -m "$MEMORY" -nodefaults -nographic -no-reboot \
  -object "{\"qom-type\":\"tdx-guest\",\"id\":\"tdx0\",\"mrconfigid\":\"$config\",\"quote-generation-socket\":{\"type\":\"vsock\",\"cid\":\"2\",\"port\":\"4050\"}}" \
  -machine q35,kernel-irqchip=split,confidential-guest-support=tdx0,hpet=off \
  -bios "$FIRMWARE" -kernel "$IMAGE" \
  -device vhost-vsock-pci,guest-cid="$cid"
