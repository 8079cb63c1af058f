# --sync-environment: Python environments lie in the workspace, one copy for all instances of an image.
[[ $sync_environment == true ]] || { boot_skip 'without --sync-environment'; return; }
sync_environment=true /opt/instance-tools/bin/boot-step sync-environment
