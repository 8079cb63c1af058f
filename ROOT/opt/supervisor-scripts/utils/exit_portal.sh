# Source me with a term: unless /etc/portal.yaml mentions it, the program is skipped.
#   . /opt/supervisor-scripts/utils/exit_portal.sh "my app"
if [[ -z "${1:-}" ]]; then
  echo "Error: No application name provided"
  exit 1
fi
. "${BASH_SOURCE[0]%/*}/gate.sh"
instance_gate portal "$1"
