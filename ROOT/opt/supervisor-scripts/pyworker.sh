#!/bin/bash
utils=/opt/supervisor-scripts/utils
. "${utils}/logging.sh"
. "${utils}/cleanup_generic.sh"
. "${utils}/environment.sh"
. "${utils}/gate.sh"
instance_gate pyworker
. "${utils}/wait_provisioning.sh"

# Whole, and not an error page: curl | bash would run the first half of a download that breaks.
script=$(mktemp /tmp/start_server.XXXXXX) || exit 1
if ! curl -fsSL --retry 8 --retry-all-errors --max-time 60 -o "$script" \
  https://raw.githubusercontent.com/vast-ai/pyworker/main/start_server.sh; then
  rm -f "$script"
  exit 1
fi
{
  rm -f "$script"
  bash
} <"$script"
