#!/bin/bash
utils=/opt/supervisor-scripts/utils
. "$utils/logging.sh"
. "$utils/cleanup_generic.sh"
. "$utils/environment.sh"
. "$utils/exit_serverless.sh"
. "$utils/exit_portal.sh" notes

pty /opt/instance-tools/node/bin/node /opt/upstreams/notes.mjs
