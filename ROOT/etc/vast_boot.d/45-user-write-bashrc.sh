# What login shells need to look like the instance; written once.
export_env=$export_env activate_python_environment=$activate_python_environment \
    /opt/instance-tools/bin/boot-step user-write-bashrc
