#!/bin/sh
# Kept for those who call it. Lists of packages are no longer made.
echo "venv-backup.sh: nothing is backed up; to list the packages of an environment: /venv/main/bin/pip freeze" >&2
