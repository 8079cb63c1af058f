# Source me: waits for the end of provisioning, whether it succeeded or not.
. "${BASH_SOURCE[0]%/*}/gate.sh"
[[ ! -e /.provisioning ]] || instance_gate provisioning
