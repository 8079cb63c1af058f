# Chooses the CUDA toolkit that fits the driver of this host.
command -v nvidia-smi >/dev/null || { boot_skip 'there is no NVIDIA driver'; return; }
_out=$(/opt/instance-tools/bin/boot-step configure-cuda) _status=$?
eval "$_out"
return "$_status"
