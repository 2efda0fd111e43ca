#!/bin/sh
# launch.sh APP_DIGEST CID: start one SEV-SNP guest whose evidence locks this app. Not run on hardware by its authors.
# FIRMWARE: an OVMF of OvmfPkg/AmdSev, the one that the launch digest was computed of. KERNEL, INITRD: mkosi's.
set -eu
: "${FIRMWARE:?path of an OVMF}" "${KERNEL:=sealgrid.vmlinuz}" "${INITRD:=sealgrid.initrd}" "${CPUS:=2}" "${MEMORY:=8G}"
app=${1:?app digest, 0x and 64 hex digits}; cid=${2:?vsock context id}
data=$(printf '%s' "${app#0x}" | xxd -r -p | base64 -w0)  # HOST_DATA: the digest
# policy 0x20000: no debugging, no migration, no shared cores
exec qemu-system-x86_64 -accel kvm -cpu EPYC-v4 -smp "$CPUS" -m "$MEMORY" -nodefaults -nographic -no-reboot \
  -object sev-snp-guest,id=snp0,cbitpos=51,reduced-phys-bits=1,policy=0x20000,kernel-hashes=on,host-data="$data" \
  -machine q35,confidential-guest-support=snp0,memory-backend=ram0 \
  -object memory-backend-memfd,id=ram0,size="$MEMORY",share=true,prealloc=false \
  -bios "$FIRMWARE" -kernel "$KERNEL" -initrd "$INITRD" \
  -append "@CMDLINE@" \
  -device vhost-vsock-pci,guest-cid="$cid"
