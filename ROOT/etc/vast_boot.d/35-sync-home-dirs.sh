# --sync-home: homes lie in the workspace.
[[ $sync_home_to_workspace == true ]] || { boot_skip 'without --sync-home'; return; }
sync_home_to_workspace=true /opt/instance-tools/bin/boot-step sync-home-dirs
