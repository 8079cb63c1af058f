# PROVISIONING_SCRIPT, until it has succeeded once. Programs that wait for /.provisioning wait for this.
/opt/instance-tools/bin/boot-step provisioning-manifest
