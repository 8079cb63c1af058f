#!/bin/bash
utils=/opt/supervisor-scripts/utils
. "$utils/logging.sh"
. "$utils/cleanup_generic.sh"
. "$utils/environment.sh"
. "$utils/exit_serverless.sh"
. "$utils/exit_portal.sh" chat
. "$utils/wait_provisioning.sh"

pty /opt/instance-tools/node/bin/node /opt/upstreams/chat.mjs
