# Source me with a command, as a path or a name on PATH: where it is not installed, the program is skipped.
#   . /opt/supervisor-scripts/utils/exit_missing.sh cron
. "${BASH_SOURCE[0]%/*}/gate.sh"
command -v -- "$1" >/dev/null || instance_gate installed "$1"
