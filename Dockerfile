# bosun's base image: the instance layer on Debian or Ubuntu, plain or with CUDA or ROCm.
#
#   docker build -t bosun .
#   docker build -t bosun:cuda --build-arg BASE_IMAGE=nvidia/cuda:12.8.1-runtime-ubuntu24.04 .
#
#   BASE_IMAGE         any Debian ≥ 12 or Ubuntu ≥ 22.04; what else is in it stays as it is
#   NODE_IMAGE         Node ≥ 22 and npm ≥ 10 for the build; nothing of it is in the image
#   EXTRA_PACKAGES     more packages of BASE_IMAGE's archive, e.g. "syncthing jupyter-notebook bind9-dnsutils git-lfs"
#   CADDY_URL          a caddy binary in place of the archive's package, with CADDY_SHA256
#   CLOUDFLARED_URL    a cloudflared binary, with CLOUDFLARED_SHA256; without it the image has no tunnels
#   VERSION, REVISION  what the labels say
#
# Plain dialect: no heredocs, no syntax line, no mounts. Built by podman 4.3 and by Docker 20.10.
ARG BASE_IMAGE=debian:bookworm-slim
ARG NODE_IMAGE=node:24-bookworm-slim

# ---------------------------------------------------------------------------------------------------------------- build
FROM ${NODE_IMAGE} AS build
# binutils: strip takes 33 of 150 MB off node. libatomic1: node 26 is linked with it.
RUN apt-get update \
 && apt-get install -y --no-install-recommends binutils libatomic1 \
 && rm -rf /var/lib/apt/lists/*

WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci

# The node that the commands run on: the version of the lockfile, at a path of its own, on nobody's PATH.
RUN mkdir -p /opt/instance-tools/node/bin \
 && strip --strip-unneeded -o /opt/instance-tools/node/bin/node node_modules/node/bin/node \
 && cp node_modules/node/node_modules/node-linux-*/LICENSE /opt/instance-tools/node/ \
 && /opt/instance-tools/node/bin/node --version

COPY tsconfig.json ./
COPY supervisor supervisor
COPY programs programs
COPY scripts scripts
RUN /opt/instance-tools/node/bin/node scripts/dev/build.ts \
      --node /opt/instance-tools/node/bin/node --out /opt/instance-tools/lib

# Whatever umask the checkout was made with.
COPY ROOT /ROOT
RUN chmod -R u=rwX,go=rX /ROOT

# ---------------------------------------------------------------------------------------------------------------- image
FROM ${BASE_IMAGE}
SHELL ["/bin/bash", "-o", "pipefail", "-c"]

# What the wrappers, the boot steps and the commands call:
#   libatomic1 libstdc++6  node is linked with them
#   ca-certificates curl   downloads: BOOT_SCRIPT, HOTFIX_SCRIPT, provisioning
#   openssl                the instance's key and certificate (step 55)
#   cron                   the program of that name
#   sudo                   `user` without a password
#   expect                 unbuffer, which gives a program a terminal (pty.sh)
#   git                    safe.directory (step 47), repositories of provisioning; half of this layer
#   iproute2 procps        ss and ps: exposure check, tree-kill
# and what provisioning scripts and derived wrappers have always found on an instance (1 MB each or less, lsof 8, rsync 7):
#   acl dos2unix iputils-ping jq less lsof netcat-openbsd psmisc rsync unzip wget xz-utils zip zstd
ARG EXTRA_PACKAGES=""
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      ca-certificates cron curl expect git iproute2 libatomic1 libstdc++6 openssl procps sudo \
      acl dos2unix iputils-ping jq less lsof netcat-openbsd psmisc rsync unzip wget xz-utils zip zstd \
      ${EXTRA_PACKAGES} \
 && rm -rf /var/lib/apt/lists/* /var/cache/ldconfig/aux-cache /var/log/apt /var/log/dpkg.log /var/log/alternatives.log

ARG CADDY_URL=""
ARG CADDY_SHA256=""
RUN if [ -n "${CADDY_URL}" ]; then \
      curl -fsSL --retry 3 -o /usr/bin/caddy "${CADDY_URL}" \
      && echo "${CADDY_SHA256:?CADDY_URL needs CADDY_SHA256}  /usr/bin/caddy" | sha256sum -c - \
      && chmod 755 /usr/bin/caddy; \
    else \
      apt-get update \
      && { DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends caddy \
           || { echo "no package caddy in this archive: give CADDY_URL and CADDY_SHA256" >&2; exit 1; }; } \
      && rm -rf /var/lib/apt/lists/* /var/cache/ldconfig/aux-cache /var/log/apt /var/log/dpkg.log; \
    fi \
 && caddy version

ARG CLOUDFLARED_URL=""
ARG CLOUDFLARED_SHA256=""
RUN if [ -n "${CLOUDFLARED_URL}" ]; then \
      curl -fsSL --retry 3 -o /usr/bin/cloudflared "${CLOUDFLARED_URL}" \
      && echo "${CLOUDFLARED_SHA256:?CLOUDFLARED_URL needs CLOUDFLARED_SHA256}  /usr/bin/cloudflared" | sha256sum -c - \
      && chmod 755 /usr/bin/cloudflared \
      && cloudflared --version; \
    else \
      echo "no CLOUDFLARED_URL: this image has no tunnels"; \
    fi

# The account that programs without need of root run as: 1001, group root, so that with umask 002 both share the workspace.
RUN useradd --uid 1001 --gid 0 --create-home --shell /bin/bash user \
 && echo 'user ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/user && chmod 0440 /etc/sudoers.d/user && visudo -c -q \
 && for file in /root/.bashrc /home/user/.bashrc; do \
      rest=$(cat "$file" 2>/dev/null || true); printf 'umask 002\n%s\n' "$rest" >"$file"; \
    done \
 && chown user:root /home/user/.bashrc
# Boot makes what is missing of these, if it can: not where the root is read-only.
RUN mkdir -p /opt/workspace-internal /workspace /var/log/supervisor /var/log/portal /opt/syncthing \
 && chmod 775 /workspace && chmod 1777 /var/log/portal && chown user:root /opt/syncthing

ENV PATH=/opt/instance-tools/bin:${PATH} \
    IMAGE_TYPE=vast \
    WORKSPACE=/workspace \
    DATA_DIRECTORY=/workspace \
    LANG=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive \
    PIP_BREAK_SYSTEM_PACKAGES=1 \
    PYTHONUNBUFFERED=1 \
    TCLLIBPATH=/usr/lib/tcltk/default \
    NVIDIA_DRIVER_CAPABILITIES=all \
    UV_CACHE_DIR=/.uv/cache \
    UV_NO_CACHE=1 \
    UV_LINK_MODE=copy \
    UV_PYTHON_BIN_DIR=/.uv/python_bin \
    UV_PYTHON_INSTALL_DIR=/.uv/python_install

# First on PATH, and at the places where everybody looks: a `pip install supervisor` in a derived image changes nothing.
COPY --from=build /opt/instance-tools/node /opt/instance-tools/node
COPY --from=build /opt/instance-tools/lib /opt/instance-tools/lib
RUN mkdir -p /opt/instance-tools/bin \
 && for command in supervisord supervisorctl; do \
      ln -sf ../lib/$command /opt/instance-tools/bin/$command && ln -sf /opt/instance-tools/lib/$command /usr/bin/$command; \
    done
COPY --from=build /ROOT /
RUN env-hash >/.env_hash

ARG BASE_IMAGE
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="bosun" \
      org.opencontainers.image.description="supervisord rebuilt in TypeScript, and the instance layer of GPU-cloud images on top of it" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${BASE_IMAGE}"

# supervisord answers on its socket, and soon; what its programs do is the business of `supervisorctl status`.
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s --retries=3 CMD ["timeout", "4", "/usr/bin/supervisorctl", "pid"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/opt/instance-tools/bin/entrypoint.sh"]
CMD []
