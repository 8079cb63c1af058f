# What the image brings for the workspace, where it is missing.
/opt/instance-tools/bin/boot-step sync-workspace
