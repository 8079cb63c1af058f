# Source me: in a serverless instance the program is skipped. Looks at SERVERLESS.
. "${BASH_SOURCE[0]%/*}/gate.sh"
[[ -z "${SERVERLESS:-}" ]] || instance_gate serverless
